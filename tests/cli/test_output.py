"""What is shown to people can be used as it stands."""

import sys
from pathlib import Path

import pytest

from sync_tasks.cli.output import command_here, complain, say


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ``sync-tasks`` in a virtual environment of a checkout that is the current folder."""
    path = tmp_path / ".venv" / "bin" / "sync-tasks"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), "demo"])
    return path


def test_a_command_is_reported_by_its_name_alone_if_the_shell_finds_that_one(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    assert command_here("up") == "sync-tasks up"


@pytest.mark.parametrize("path", ["/nowhere", "/usr/bin:/bin"])
def test_a_command_is_reported_with_its_folder_if_the_shell_does_not_find_it(
    program: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("PATH", path)
    assert command_here("up") == ".venv/bin/sync-tasks up"
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert command_here("up") == f"{program} up"


def test_what_is_for_people_is_on_standard_output_and_what_is_wrong_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    say("[bold]all is well[/]")
    complain("nothing is well")
    assert tuple(capsys.readouterr()) == ("all is well\n", "nothing is well\n")
