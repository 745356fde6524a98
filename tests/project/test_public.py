"""What is public is what `__all__` names: the four tasks, and nothing that came along."""

import pytest

import sync_tasks
from sync_tasks import tasks
from sync_tasks.domain.events import EVENTS


def test_the_four_tasks_are_public_and_nothing_else() -> None:
    assert sorted(sync_tasks.__all__) == sorted(EVENTS)
    assert all(getattr(sync_tasks, name) is getattr(tasks, name) for name in sync_tasks.__all__)


@pytest.mark.parametrize("name", ["sync_contact", "sweep", "Store", "nonsense"])
def test_what_is_not_public_is_not_there(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'sync_tasks' has no attribute '{name}'"):
        sync_tasks.__getattr__(name)
