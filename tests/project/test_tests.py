"""A test is found where its subject is: the folders of tests mirror the rooms, and the files their modules."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Of a provider and of the probe the tests go by what Brevo is asked, of the sandbox by what it plays.
BY_SUBJECT = {"probe", "providers", "sandbox"}
ROOMS = sorted(
    folder.name
    for folder in (ROOT / "tests").iterdir()
    if (ROOT / "sync_tasks" / folder.name).is_dir() and folder.name not in BY_SUBJECT
)
# Files about no module in particular, and why they stand there all the same.
OTHERS = {
    "cli/test_main": "the room itself: how the command line ends",
    "cli/test_main_endings": "the same, with streams and signals",
    "config/test_extras": "what is installed along, as pyproject.toml has it",
    "monitoring/test_alerts": "the rules and the dashboard in monitoring/",
    "monitoring/test_flower": "Flower is Celery's, and what it shows is ours",
    "monitoring/test_flower_rights": "the user of Redis in docker/flower-users.conf",
    "state/test_script_headers": "all scripts",
    "state/test_scripts_and_python": "all scripts",
    "tasks/test_worker": "the room as a whole, in real processes",
}


@pytest.mark.parametrize("room", ROOMS)
def test_the_files_of_tests_are_named_after_modules(room: str) -> None:
    folder = ROOT / "sync_tasks" / room
    modules = {path.stem for ending in ("py", "lua") for path in folder.rglob(f"*.{ending}")} | {room}
    reported = (path.stem.removeprefix("test_") for path in (ROOT / "tests" / room).glob("test_*.py"))
    strays = [
        name
        for name in reported
        if f"{room}/test_{name}" not in OTHERS
        and not any(name == module or name.startswith(f"{module}_") for module in modules)
    ]
    assert strays == []


def test_each_exception_is_still_one() -> None:
    assert [name for name in OTHERS if not (ROOT / "tests" / f"{name}.py").exists()] == []
