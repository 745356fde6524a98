"""What the state holds of people is read and written in its own room alone."""

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sync_tasks"
# The keys that tell of people: their contacts, who is dirty or due, what happened to them, who was erased.
OF_PEOPLE = r"contacts:|dirty|due|history:|tombstones|addresses|pending:|secret|swept"
RAW = re.compile(rf"""key\(f?["'](?:{OF_PEOPLE})|\brun_all\(["']|\b_run\(["']""")
ROOMS = sorted(path for path in PACKAGE.iterdir() if path.is_dir() and path.name not in {"state", "__pycache__"})


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.name))
def test_no_other_room_sends_commands_about_a_contact(room: Path) -> None:
    files = (path for path in room.rglob("*.py"))
    assert [f"{path.relative_to(PACKAGE)}: {raw[0]}" for path in files for raw in RAW.finditer(path.read_text())] == []
