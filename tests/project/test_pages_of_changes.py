"""The pages that say where a change begins name files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PAGES = [ROOT / "docs" / name for name in ("adding-a-provider.md", "adding-an-event.md")]
TABLE = ARCHITECTURE.split("## Where a change begins")[1]
# Without the head of the table.
CHANGES = re.findall(r"^\| (.+?) \| (.+?) \| (.*?) ?\| ([\w ]+) \|$", TABLE, re.MULTILINE)[1:]
MOST_FILES = 4
# Two doors that a portal may leave out want a line each, for type checkers.
MORE_FILES = {"a new event": 5}


def paths(text: str) -> list[str]:
    return re.findall(r"`((?:sync_tasks|tests|docs)/[\w/.-]+)`", text)


@pytest.mark.parametrize("text", [*(page.read_text() for page in PAGES), *(" ".join(row) for row in CHANGES)])
def test_each_file_that_a_change_begins_in_exists(text: str) -> None:
    assert [path for path in paths(text) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: str(row[0]))
def test_what_a_change_begins_with_is_in_its_file(row: tuple[str, ...]) -> None:
    named = re.findall(r"`([\w/.-]+)` \(((?:`\w+`(?:, )?)+)\)", " ".join(row))
    words = [(path, word) for path, reported in named for word in re.findall(r"\w+", reported)]
    assert [one for one in words if not re.search(rf"\b{one[1]}\b", (ROOT / one[0]).read_text())] == []


def test_twelve_changes_touch_few_files() -> None:
    assert len(CHANGES) == 12
    assert [name for name, *_, files in CHANGES if least_and_most(files)[0] > MOST_FILES] == []
    more = {name: most for name, *_, files in CHANGES if (most := least_and_most(files)[1]) > MOST_FILES}
    assert more == MORE_FILES


def least_and_most(files: str) -> tuple[int, int]:
    least, *most = map(int, files.split(" to "))
    return least, most[0] if most else least


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: str(row[0]))
def test_a_change_touches_no_more_files_than_its_row_names(row: tuple[str, ...]) -> None:
    _, begin, further, files = row
    named = [path for path in paths(f"{begin} {further}") if path.startswith("sync_tasks/")]
    assert least_and_most(files)[1] == len(named)
    assert least_and_most(files)[0] <= len(named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_the_pages_list_files_in_numbered_steps(page: Path) -> None:
    steps = re.findall(r"^(\d+)\. .*`", page.read_text(), re.MULTILINE)
    assert [int(step) for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) >= 6
