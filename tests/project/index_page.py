"""Look at built archives as a package index does: exit 1 if the page cannot be shown, or a link of it leads nowhere.

``python -m tests.project.index_page dist/*``
"""

import sys
import tarfile
import zipfile
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from readme_renderer import markdown


class _Targets(HTMLParser):
    """The targets of all links and pictures of a page, and the names of its places."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        wanted = {"a": "href", "img": "src"}.get(tag, "")
        # The index names the places of a page with this prefix, in headings and in the links to them.
        self.targets |= {given[wanted].replace("#user-content-", "#")} if wanted in given else set()
        self.places |= {f"#{given['id'].removeprefix('user-content-')}"} if "id" in given else set()


def find_faults(text: str) -> list[str]:
    """Return what an index cannot show of a README."""
    page = markdown.render(text)
    if not page:
        return ["an index cannot show the README"]
    read = _Targets()
    read.feed(page)
    return sorted(f"leads nowhere on an index: {each}" for each in read.targets - read.places if not _is_absolute(each))


def _is_absolute(target: str) -> bool:
    parts = urlsplit(target)
    return parts.scheme == "https" and bool(parts.netloc)


def read_description(archive: Path) -> str:
    """Return what an archive hands to an index."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            metadata = wheel.read(name)
    else:
        with tarfile.open(archive) as source:
            name = min((name for name in source.getnames() if name.endswith("/PKG-INFO")), key=len)
            metadata = source.extractfile(name).read()  # type: ignore[union-attr]
    return str(BytesParser().parsebytes(metadata).get_payload(decode=True).decode())  # type: ignore[union-attr]


def main() -> None:
    """Print the faults of each archive."""
    faults = [f"{name}: {fault}" for name in sys.argv[1:] for fault in find_faults(read_description(Path(name)))]
    sys.exit("\n".join(faults) if faults else 0)


if __name__ == "__main__":
    main()
