"""How a command ends if its streams are closed or full, and if a signal ends it."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sync_tasks import cli
from sync_tasks.cli.commands import reconcile, support
from sync_tasks.local import setup
from tests.support.desk import MARK, Desk
from tests.support.signals import handled

FULL = Path("/dev/full")


def end(redis_url: str, shell: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a line of a shell in which ``$SYNC`` is our command."""
    env = os.environ | {"SYNC_REDIS_URL": redis_url, "SYNC_NAMESPACE": "ending", "SYNC_API_KEY": "key"}
    env |= {"SYNC_CONFIG": str(setup.example("sync_tasks.toml")), "SYNC": f"{sys.executable} -m sync_tasks"}
    return subprocess.run(["/bin/sh", "-c", shell], env=env, capture_output=True, text=True, check=False, cwd=folder)


@pytest.mark.parametrize(
    ("shell", "code"),
    [
        ("$SYNC status >&-", 1),
        ("$SYNC status --json >&-", 1),
        ("$SYNC status --json 2>&-", 1),
        ("$SYNC send - <&-", 0),
        ("$SYNC contact --address - <&-", 2),
        ("$SYNC contact --address - <&- >&- 2>&-", 2),
        ("$SYNC failed discard --all <&- >&-", 0),
    ],
)
def test_a_closed_stream_is_an_empty_one(redis_url: str, tmp_path: Path, shell: str, code: int) -> None:
    done = end(redis_url, shell, tmp_path)
    assert (done.returncode, "unexpected" in done.stderr) == (code, False), done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", ["status", "status --metrics", "audit --json", "schema"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_standard_output_is_one_line(
    redis_url: str, tmp_path: Path, words: str, unbuffered: str
) -> None:
    done = end(redis_url, f"PYTHONUNBUFFERED={unbuffered} $SYNC {words} >{FULL}", tmp_path)
    assert (done.returncode, done.stderr) == (1, "standard output cannot be written: No space left on device\n")


def test_another_error_of_the_system_stays_an_unexpected_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device", f"{MARK}.csv")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    reported = capsys.readouterr().err
    assert reported.startswith("unexpected error\n")
    assert MARK not in reported


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["int", "term", "hup"]
)
def test_a_signal_lets_a_command_clear_away_and_gives_a_program_its_document(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    redis, locks = desk.pipeline.store.redis, list[Any]()

    def be_ended(*_: object) -> NoReturn:
        locks.append(redis.exists("sync_tasks:reconciling"))
        os.kill(os.getpid(), number)
        signal.sigtimedwait([], 5)
        raise AssertionError

    monkeypatch.setattr(reconcile, "_note_forced", be_ended)
    monkeypatch.setattr(sys, "argv", ["sync-tasks", "reconcile", "--json"])
    with handled(number), pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, locks, redis.exists("sync_tasks:reconciling")) == (code, [1], 0)
    assert json.loads(capsys.readouterr().out) == {"troubles": ["interrupted"]}


def test_what_support_asks_for_is_done_although_nobody_reads_what_is_printed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for newsletter in ("daily", "weekly"):
        desk.pipeline.subscribe("anna", newsletter)
    desk.pipeline.work()

    def say(_line: str) -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(support, "say", say)
    desk.run("unsubscribe", "anna", "--all", "--yes", exits=1)
    desk.pipeline.work()
    assert desk.pipeline.lists("anna") == set()
