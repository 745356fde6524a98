"""What is public is what `__all__` names: the four tasks, and nothing that came along."""

import re
from pathlib import Path

import pytest

import sync_tasks
from sync_tasks import tasks
from sync_tasks.domain.events import EVENTS

PORTAL = Path(tasks.__file__).parents[1] / "portal"


def test_the_four_tasks_are_public_and_nothing_else() -> None:
    assert sorted(sync_tasks.__all__) == sorted(EVENTS)
    assert all(getattr(sync_tasks, name) is getattr(tasks, name) for name in sync_tasks.__all__)


@pytest.mark.parametrize("outbox", ["outbox.py", "django/outbox.py"])
def test_each_outbox_has_a_door_for_each_event(outbox: str) -> None:
    """They are read, not imported: what they need may not be installed."""
    doors = re.findall(r"^(\w+) = _door\(tasks\.(\w+)\)$", (PORTAL / outbox).read_text(), re.MULTILINE)
    assert doors == [(name, name) for name in EVENTS]


@pytest.mark.parametrize("name", ["sync_contact", "sweep", "Store", "nonsense"])
def test_what_is_not_public_is_not_there(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'sync_tasks' has no attribute '{name}'"):
        sync_tasks.__getattr__(name)
