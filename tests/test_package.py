"""The package itself: four tasks, its version, and nothing else; and the command without what a portal leaves out."""

import sys
from importlib.metadata import version
from types import ModuleType

import pytest

import sync_tasks
from sync_tasks import __main__ as command
from sync_tasks import tasks


def test_the_package_offers_its_four_tasks_and_its_version() -> None:
    names = ["anonymize_contact", "subscribe_contact", "unsubscribe_contact", "update_contact"]
    assert sync_tasks.__all__ == names
    assert [getattr(sync_tasks, name) for name in names] == [getattr(tasks, name) for name in names]
    assert sync_tasks.__version__ == version("sync-tasks")
    with pytest.raises(AttributeError, match=r"^module 'sync_tasks' has no attribute 'delete_contact'$"):
        _ = sync_tasks.delete_contact


def test_the_command_runs_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = list[bool]()
    monkeypatch.setattr("sync_tasks.cli.main", lambda: ran.append(True))
    command.main()
    assert ran == [True]


def test_the_command_says_what_to_install_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "sync_tasks.cli", raising=False)
    monkeypatch.delattr("sync_tasks.cli", raising=False)
    monkeypatch.setattr("sys.meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == 2
    assert "sync-tasks[worker]" in capsys.readouterr().err


class Missing:
    """A machine on which the command line's own packages are not installed."""

    def find_spec(self, name: str, *_: object) -> ModuleType | None:
        if name == "sync_tasks.cli":
            raise ModuleNotFoundError(name, name="typer")
        return None
