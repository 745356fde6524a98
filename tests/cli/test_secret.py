"""``sync-tasks secret``: the secret of hashes is kept from others, and who was erased stays known by the newest."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.desk import Desk, run

FIRST, SECOND = "f" * 64, "s" * 64


def test_a_new_secret_is_for_its_owner_alone_and_stands_before_those_that_were_there(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    assert "before those" not in run("secret", "new", str(file)).output
    (first,) = file.read_text().split()
    file.chmod(0o644)
    done = run("secret", "new", str(file))
    second, older = file.read_text().split()
    assert (done.exit_code, older) == (0, first)
    assert "before those that were there" in done.output
    assert len({first, second}) == 2
    assert min(map(len, (first, second))) >= 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert not {first, second} & set(done.output.split())


def test_a_file_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    done = run("secret", "new", str(tmp_path / "none" / "secret"))
    assert (done.exit_code, "cannot be written" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, "Is a directory"),
        (os.mkfifo, "it is no plain file"),
        (lambda path: path.write_bytes(b"\xff"), "not UTF-8"),
    ],
    ids=["folder", "pipe", "bytes"],
)
def test_what_holds_no_secrets_is_left_as_it_is(tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    make(tmp_path / "secret")
    before = (tmp_path / "secret").stat()
    done = run("secret", "new", str(tmp_path / "secret"))
    assert (done.exit_code, done.output) == (2, f"{tmp_path / 'secret'}: cannot be written: {why}\n")
    assert (tmp_path / "secret").stat().st_mode == before.st_mode
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_full_disk_leaves_the_old_secret_and_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "secret").write_text("old\n")
    monkeypatch.setattr(os, "fsync", full)
    done = run("secret", "new", str(tmp_path / "secret"))
    assert (done.exit_code, "No space left on device" in done.output) == (2, True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("secret", "old\n")]


def test_without_a_secret_none_is_put_in_force(desk: Desk) -> None:
    assert "SYNC_STATE_SECRET: not set" in desk.run("secret", "use", exits=2)


def test_who_was_erased_stays_known_when_the_newest_secret_is_put_in_force(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("anna", "bert"):
        desk.pipeline.subscribe(user)
        desk.pipeline.anonymize(user)
    desk.pipeline.work()
    for secrets, renewed in (
        (FIRST, "2 tombstones"),
        (f"{SECOND} {FIRST}", "2 tombstones"),
        (f"{SECOND} {FIRST}", "0 tombstones"),
    ):
        monkeypatch.setenv("SYNC_STATE_SECRET", secrets)
        assert f"{renewed} hashed by it" in desk.run("secret", "use")
        assert "erased: deleted by the portal" in desk.run("contact", "anna")


def test_a_part_that_lacks_the_secret_in_force_does_nothing_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_STATE_SECRET", FIRST)
    desk.run("secret", "use")
    for lacking in ("", SECOND):
        monkeypatch.setenv("SYNC_STATE_SECRET", lacking)
        assert "SYNC_STATE_SECRET" in desk.run("failed", "list", exits=2)
