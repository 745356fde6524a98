"""Signs of life: each worker and beat leaves them in a file, and whoever watches a container reads them."""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks import heartbeat
from sync_tasks.heartbeat import EVERY, STALE, Sign, find_signs, is_turning, leave_sign
from tests.support.desk import run
from tests.support.processes import wait_until
from tests.support.station import READY, SETTLED_WITHIN, Station


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(heartbeat, "folder", lambda: tmp_path / "signs")
    return tmp_path / "signs"


def test_a_process_that_lives_has_a_young_sign() -> None:
    leave_sign("worker")
    (sign,) = find_signs("worker")
    assert (sign.pid, sign.well) == (os.getpid(), True)
    assert list(find_signs("beat")) == []
    done = run("health", "worker")
    assert (done.exit_code, f"worker {os.getpid()}: last sign of life 0 s ago" in done.output) == (0, True)


def test_an_old_sign_reports_trouble(folder: Path) -> None:
    leave_sign("worker")
    (path,) = folder.iterdir()
    os.utime(path, (time.time() - STALE - 5, time.time() - STALE - 5))
    done = run("health", "worker", "--json")
    reported = json.loads(done.stdout)
    assert (done.exit_code, reported["well"], reported["signs"][0]["pid"]) == (1, False, os.getpid())
    assert EVERY < STALE / 3
    assert not Sign(1, STALE).well


def test_the_sign_of_a_dead_process_is_removed(folder: Path) -> None:
    leave_sign("worker")
    (path,) = folder.iterdir()
    path.rename(path.with_suffix(".99999999"))
    done = run("health", "worker")
    assert (done.exit_code, "no worker of this user lives on this machine" in done.output) == (1, True)
    assert list(folder.iterdir()) == []


def test_a_folder_of_another_user_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    with pytest.raises(PermissionError):
        leave_sign("worker")


@pytest.mark.parametrize(
    ("turned", "connected", "well"),
    [(None, True, True), (0.0, True, True), (STALE + 1, True, False), (STALE + 1, False, True)],
)
def test_a_worker_is_well_while_its_loop_turns_or_the_broker_is_away(
    turned: float | None, *, connected: bool, well: bool
) -> None:
    at = None if turned is None else time.monotonic() - turned
    assert is_turning(SimpleNamespace(turned=at, connection=object() if connected else None)) is well


def test_a_worker_and_beat_are_well_also_while_redis_is_away(lonely_station: Station, tmp_path: Path) -> None:
    lonely_station.more_env = {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "sync_tasks", "health"]
    assert lonely_station.run(*command, "worker").process.returncode == 1
    worker, beat = lonely_station.start_worker(), lonely_station.beat()
    worker.wait_for(READY)
    for part in ("worker", "beat"):
        wait_until(lambda one=part: lonely_station.run(*command, one).process.returncode == 0, part, SETTLED_WITHIN)  # type: ignore[misc]
    lonely_station.redis.stop()
    assert lonely_station.run(*command, "worker").process.returncode == 0
    worker.kill()
    gone = lonely_station.run(*command, "worker")
    assert "no worker of this user lives on this machine: start `celery -A sync_tasks worker`" in gone.output
    assert beat.running


def test_only_this_user_reads_the_folder_of_the_signs(folder: Path) -> None:
    leave_sign("worker")
    leave_sign("worker")
    assert folder.stat().st_mode & 0o777 == 0o700


@dataclass
class Later:
    """A thread that somebody else starts."""

    target: Callable[[], None]
    name: str
    daemon: bool

    def start(self) -> None:
        """Leave it to the test."""


class OverError(Exception):
    """The test has seen enough."""


def test_a_process_leaves_signs_while_it_is_well_and_takes_them_away_at_its_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, begun, seen = list[tuple[Any, ...]](), list[Later](), list[tuple[float, bool]]()

    def sleep(seconds: float) -> None:
        seen.append((seconds, folder.exists()))
        heartbeat.forget("worker")
        if len(seen) == 3:
            raise OverError

    def start_later(**about: Any) -> Later:
        begun.append(Later(**about))
        return begun[-1]

    monkeypatch.setattr("atexit.register", lambda *what: ends.append(what))
    monkeypatch.setattr("threading.Thread", start_later)
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(sleep=sleep))
    states = iter([True, False, True])
    heartbeat.keep_beating("worker", lambda: next(states))
    (thread,) = begun
    with pytest.raises(OverError):
        thread.target()
    assert seen == [(EVERY, True), (EVERY, False), (EVERY, True)]
    assert (ends, thread.daemon) == ([(heartbeat.forget, "worker")], True)


def test_a_worker_leaves_signs_while_its_loop_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    beating = list[tuple[str, Callable[[], bool]]]()
    monkeypatch.setattr(heartbeat, "keep_beating", lambda *what: beating.append(what))
    consumer = SimpleNamespace(turned=time.monotonic(), connection=object())
    heartbeat.watch_worker(consumer)
    ((part, is_well),) = beating
    assert (part, is_well()) == ("worker", True)
    consumer.turned -= STALE
    assert not is_well()


def test_beat_leaves_its_sign_and_takes_it_away_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = list[tuple[Any, ...]]()
    monkeypatch.setattr("atexit.register", lambda *what: ends.append(what))
    heartbeat._forget_beat.cache_clear()
    for _ in range(2):
        heartbeat.note_beat(sender="beat")
    assert [path.name for path in folder.iterdir()] == [f"sync_tasks.beat.{os.getpid()}"]
    assert ends == [(heartbeat.forget, "beat")]
    heartbeat.forget("beat")
    heartbeat.forget("beat")
    assert not folder.exists()


def test_a_sign_that_cannot_be_left_is_no_more_than_a_line(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.touch()
    with caplog.at_level("DEBUG", "sync_tasks"):
        heartbeat.note_beat()
    assert [line.getMessage() for line in caplog.records] == [f"no sign of life in {folder}: File exists"]


def test_signs_of_the_killed_are_forgotten_with_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    heartbeat.folder().mkdir()
    (heartbeat.folder() / "sync_tasks.worker.99999999").touch()
    heartbeat.forget_dead()
    assert list(tmp_path.iterdir()) == []


def test_programs_get_the_age_of_each_sign_to_a_tenth_of_a_second(folder: Path) -> None:
    leave_sign("beat")
    (path,) = folder.iterdir()
    moment = time.time() - 3.14
    os.utime(path, (moment, moment))
    (sign,) = json.loads(run("health", "beat", "--json").stdout)["signs"]
    assert (sign["pid"], round(sign["seconds"], 1)) == (os.getpid(), sign["seconds"])
    assert 3.1 <= sign["seconds"] < 60
