"""Hand a package index the README with links that work there; all else is in pyproject.toml.

``PROJECT_URL`` in the environment names the repository, as in ``make release PROJECT_URL=https://github.com/owner/name``.
Without it no link of the README has a target beyond the archive: such a link becomes plain text.
"""

import os
import re
from pathlib import Path

from setuptools import setup

# A link or a picture whose target is a file of the repository: neither an address, nor a heading of the page.
RELATIVE = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z]+:|#|/)([^)\s]+)\)")
UNLINKED = "\n*The pages named above are in the source archive of this release, in `docs/`.*\n"


def text_for_index(readme: str, repository: str) -> str:
    """Return the README with absolute links into a repository, or with none if there is no repository."""
    if not repository:
        return RELATIVE.sub(r"\2", readme) + UNLINKED
    # GitHub, GitLab and Gitea know both paths, and show the newest commit by this name.
    views = {"": "blob", "!": "raw"}
    return RELATIVE.sub(lambda link: f"{link[1]}[{link[2]}]({repository}/{views[link[1]]}/HEAD/{link[3]})", readme)


def urls_of(repository: str) -> dict[str, str]:
    """Return what the index lists beside the README."""
    if not repository:
        return {}
    pages = {"Documentation": "docs/index.md", "Changelog": "CHANGELOG.md"}
    return {"Source": repository, **{name: f"{repository}/blob/HEAD/{page}" for name, page in pages.items()}}


def main() -> None:
    """Build the package."""
    repository = os.environ.get("PROJECT_URL", "").strip().rstrip("/")
    readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    setup(
        long_description=text_for_index(readme, repository),
        long_description_content_type="text/markdown",
        project_urls=urls_of(repository),
    )


if __name__ == "__main__":
    main()
