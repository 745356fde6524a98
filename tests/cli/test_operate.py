"""``sync-tasks operate``: who may log in to the page is a line of a file."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sync_tasks.operate.passwords import is_password_of, read_entries
from tests.support.desk import run
from tests.support.operating import PASSWORD, make_cheap


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)


def test_a_password_is_asked_for_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "operators"
    done = run("operate", "password", "anna", "--act", "--file", str(path), typed=f"{PASSWORD}\n")
    assert (done.exit_code, PASSWORD in done.output) == (0, False)
    (entry,) = read_entries(path).values()
    assert (entry.name, entry.role, is_password_of(entry, PASSWORD)) == ("anna", "act", True)


def test_the_configuration_names_the_file(environment: Path, tmp_path: Path) -> None:
    path = tmp_path / "operators"
    assert "operate.passwords" in run("operate", "password", "ben", typed=f"{PASSWORD}\n").output
    environment.write_text(environment.read_text() + f'[operate]\npasswords = "{path}"\n')
    assert run("operate", "password", "ben", typed=f"{PASSWORD}\n").exit_code == 0
    assert read_entries(path)["ben"].role == "look"
    assert [run("operate", "remove", "ben").exit_code for _ in range(2)] == [0, 1]


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    done = run("operate", "password", "anna", "--file", str(tmp_path / "operators"), typed="short\n")
    assert (done.exit_code, "12 to 1000 characters" in done.output) == (2, True)
    assert not (tmp_path / "operators").exists()


def test_at_a_terminal_the_password_is_typed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("sync_tasks.cli.commands.operate.sys", terminal)
    path = tmp_path / "operators"
    typed = f"{PASSWORD}\nanother, mistyped one\n{PASSWORD}\n{PASSWORD}\n"
    done = run("operate", "password", "anna", "--file", str(path), typed=typed)
    assert (done.exit_code, "do not match" in done.output) == (0, True), done.output
    assert PASSWORD not in done.output + path.read_text()
