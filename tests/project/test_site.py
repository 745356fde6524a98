"""The documentation site builds without a warning: no broken link between pages, no page that is nowhere listed."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--quiet", str(DOCS), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    pages = [page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")]
    assert [page for page in pages if not (tmp_path / page).is_file()] == []
    assert "subscribe" in (tmp_path / "searchindex.js").read_text()


def test_the_site_is_read_from_the_first_day_to_the_decisions() -> None:
    captions = re.findall(r":caption: (.+)", (DOCS / "index.md").read_text())
    assert captions == ["Begin", "How to", "Reference", "How it works"]
