"""The password file: hashes alone, for its owner alone, replaced as a whole."""

import os
import stat
from pathlib import Path

import pytest

from sync_tasks.errors import ConfigurationError
from sync_tasks.operate import passwords
from sync_tasks.operate.passwords import (
    NOBODY,
    PasswordEntry,
    is_password_of,
    make_entry,
    read_entries,
    remove_entry,
    write_entry,
)
from tests.support.operating import make_cheap

PASSWORD = "correct horse battery staple"
DEAR = passwords._COST


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)


def test_a_hash_is_as_dear_as_owasp_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_COST", DEAR)
    entry = make_entry("anna", "act", PASSWORD)
    assert entry.hashed.startswith("scrypt:32768:8:3:")
    assert is_password_of(entry, PASSWORD)


def test_a_line_that_an_earlier_release_wrote_still_opens_and_its_logins_go_on() -> None:
    digest = "A5sbRxgM9eJUgDYRwORuJDM8oe7Q52bIGs/4VmmOie8="
    entry = PasswordEntry("anna", "act", f"scrypt:16:8:3:AAECAwQFBgcICQoLDA0ODw==:{digest}")
    assert is_password_of(entry, PASSWORD)
    assert entry.fingerprint == "34e11cbf6fa61174"


def test_a_password_is_known_by_its_hash_alone(tmp_path: Path) -> None:
    path = tmp_path / "operators"
    write_entry(path, make_entry("anna", "act", PASSWORD))
    (entry,) = read_entries(path).values()
    assert (is_password_of(entry, PASSWORD), is_password_of(entry, PASSWORD + "!")) == (True, False)
    assert PASSWORD not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_in_no_folder_is_reported_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file or directory; make its folder first"):
        write_entry(tmp_path / "nowhere" / "operators", make_entry("anna", "act", PASSWORD))


def test_two_hashes_of_one_password_differ() -> None:
    assert make_entry("anna", "act", PASSWORD).hashed != make_entry("anna", "act", PASSWORD).hashed


def test_nobody_has_no_password() -> None:
    assert not is_password_of(NOBODY, "")
    assert not is_password_of(NOBODY, PASSWORD)


def test_a_new_line_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "operators"
    for name, role in (("anna", "act"), ("ben", "look"), ("anna", "look")):
        write_entry(path, make_entry(name, role, PASSWORD))  # type: ignore[arg-type]
    assert {name: entry.role for name, entry in read_entries(path).items()} == {"anna": "look", "ben": "look"}
    assert (remove_entry(path, "anna"), remove_entry(path, "anna")) == (True, False)
    assert [*read_entries(path)] == ["ben"]
    assert [one.name for one in tmp_path.iterdir()] == ["operators"]


@pytest.mark.parametrize(
    ("name", "password", "fault"),
    [("a:b", PASSWORD, "a name is"), ("", PASSWORD, "a name is"), ("anna", "short", "12 to 1000")],
)
def test_odd_names_and_short_passwords_are_refused(name: str, password: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        make_entry(name, "act", password)


def test_a_device_is_no_password_file() -> None:
    with pytest.raises(ConfigurationError, match=r"/dev/null: cannot be read: it is no plain file$"):
        read_entries(Path("/dev/null"))


@pytest.mark.parametrize("line", ["anna", "anna:root:scrypt:1:1:1:AA:AA", "anna:act:plain"])
def test_an_odd_line_is_named_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "operators"
    path.write_text(f"# operators\n\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 3") as raised:
        read_entries(path)
    assert line not in str(raised.value)


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "operators", tmp_path / "link"
    write_entry(path, make_entry("anna", "act", PASSWORD))
    path.chmod(0o640)
    link.symlink_to(path)
    write_entry(link, make_entry("ben", "look", PASSWORD))
    assert (link.is_symlink(), [*read_entries(path)]) == (True, ["anna", "ben"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "operators"
    write_entry(path, make_entry("anna", "act", PASSWORD))
    os.chown(path, 1234, 1235)
    write_entry(path, make_entry("ben", "look", PASSWORD))
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


def test_a_file_that_would_change_its_owner_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "operators"
    write_entry(path, make_entry("anna", "act", PASSWORD))
    before = path.read_text()
    real = Path.stat

    def owned_by_another(self: Path, **how: bool) -> os.stat_result:
        facts = real(self, **how)
        return os.stat_result([*facts[:4], facts.st_uid + (self == path), *facts[5:]]) if self == path else facts

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "stat", owned_by_another)
    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(ConfigurationError, match="cannot be written: Operation not permitted"):
        write_entry(path, make_entry("ben", "look", PASSWORD))
    monkeypatch.undo()
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == ["operators"]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_entry(tmp_path / "nowhere" / "operators", make_entry("anna", "act", PASSWORD))
