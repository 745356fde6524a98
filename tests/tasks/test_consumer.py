"""A worker outlives what happens to its Redis, and ends when it is asked to."""

import base64
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import Celery
from redis.client import PubSub

from sync_tasks.local.redis_server import EmbeddedRedis
from tests.support.processes import Program, StartProgram, wait_until

CELERY = [sys.executable, "-m", "celery", "-A", "tests.support.waiting"]
WORKER = [*CELERY, "worker", "--loglevel=INFO", "--concurrency=2"]
ROOT = Path(__file__).parents[2]


class Reported:
    """What a worker reported of its tasks while one listened."""

    def __init__(self, listener: PubSub) -> None:
        self._listener = listener
        self._kinds: list[str] = []
        self.messages = 0

    @property
    def kinds(self) -> list[str]:
        """The kinds of the events so far."""
        while message := self._listener.get_message(ignore_subscribe_messages=True):
            events = json.loads(base64.b64decode(json.loads(message["data"])["body"]))
            self._kinds += [event["type"] for event in events]
            self.messages += 1
        return self._kinds


@pytest.fixture
def worker(private_redis: EmbeddedRedis, start_program: StartProgram) -> Program:
    env = {"SYNC_REDIS_URL": private_redis.url, "SYNC_BROKER_URL": "", "SYNC_NAMESPACE": "sync_tasks"}
    return start_program(WORKER, ready="ready.", env=env, cwd=ROOT)


def send_wait_for(server: EmbeddedRedis, path: Path, queue: str = "sync_tasks") -> None:
    with Celery(broker=server.url) as producer:
        producer.send_task("waiting.wait_for", [str(path)], queue=queue)


def count_unacknowledged(server: EmbeddedRedis) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.hlen("sync_tasks:unacked"))


def test_a_busy_worker_outlives_a_crash_of_redis(worker: Program, private_redis: EmbeddedRedis, tmp_path: Path) -> None:
    send_wait_for(private_redis, tmp_path / "first")
    worker.wait_for("waits for first")
    private_redis.kill()
    worker.wait_for("Connection to broker lost")
    private_redis.start()
    (tmp_path / "first").touch()
    (tmp_path / "second").touch()
    send_wait_for(private_redis, tmp_path / "second")
    worker.wait_for("has seen second")
    assert worker.stop() == 0


def test_a_message_is_acknowledged_after_its_work_not_before(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    send_wait_for(private_redis, tmp_path / "file")
    worker.wait_for("waits for file")
    assert count_unacknowledged(private_redis) == 1
    (tmp_path / "file").touch()
    wait_until(lambda: count_unacknowledged(private_redis) == 0, "the message is acknowledged")


def test_a_worker_on_threads_takes_urgent_messages_first(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    for name in ("busy-1", "busy-2", "ordinary"):
        send_wait_for(private_redis, tmp_path / name)
    worker.wait_for("waits for busy-1")
    worker.wait_for("waits for busy-2")
    send_wait_for(private_redis, tmp_path / "urgent", queue="sync_tasks.urgent")
    (tmp_path / "busy-1").touch()
    worker.wait_for("waits for urgent")
    assert "waits for ordinary" not in worker.output


@pytest.mark.parametrize("garbage", [b"no message of Celery", b"\xff\xfe"])
def test_what_is_no_message_is_dropped_without_being_shown(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path, garbage: bytes
) -> None:
    with redis.Redis.from_url(private_redis.url) as client:
        client.lpush("sync_tasks", garbage)
    (tmp_path / "file").touch()
    send_wait_for(private_redis, tmp_path / "file")
    worker.wait_for("has seen file")
    assert "no message; it was dropped" in worker.output
    assert garbage.decode(errors="replace") not in worker.output


def test_a_worker_asks_no_other_as_it_starts(worker: Program) -> None:
    assert "mingle" not in worker.output


def test_what_flower_hears_comes_together_and_not_much_later(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with redis.Redis.from_url(private_redis.url) as client, client.pubsub() as listener:
        listener.psubscribe("*.events/task.*")
        for _ in range(40):
            send_wait_for(private_redis, tmp_path / "file")
        reported = Reported(listener)
        wait_until(lambda: reported.kinds.count("task-succeeded") == 40, "all is reported")
        assert (worker.process.poll(), reported.messages < 40) == (None, True)


def test_a_worker_reports_its_last_task_before_it_ends(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    with redis.Redis.from_url(private_redis.url) as client, client.pubsub() as listener:
        listener.psubscribe("*.events/task.*")
        (tmp_path / "file").touch()
        send_wait_for(private_redis, tmp_path / "file")
        worker.wait_for("has seen file")
        assert worker.stop() == 0
        reported = Reported(listener)
        wait_until(lambda: "task-succeeded" in reported.kinds, "its end is reported")


def test_sigterm_lets_running_tasks_end(worker: Program, private_redis: EmbeddedRedis, tmp_path: Path) -> None:
    send_wait_for(private_redis, tmp_path / "file")
    worker.wait_for("waits for file")
    worker.process.send_signal(signal.SIGTERM)
    worker.wait_for("Warm shutdown")
    (tmp_path / "file").touch()
    assert worker.process.wait(20) == 0
    assert count_unacknowledged(private_redis) == 0


def test_a_cold_shutdown_waits_for_threads_instead_of_failing_to_cancel_them(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    send_wait_for(private_redis, tmp_path / "file")
    worker.wait_for("waits for file")
    longer_than_the_soft_shutdown = threading.Timer(2, (tmp_path / "file").touch)
    longer_than_the_soft_shutdown.start()
    assert worker.stop(signal.SIGQUIT) == 0
    assert "Unrecoverable" not in worker.output
    assert "has seen file" in worker.output
    longer_than_the_soft_shutdown.join()


@contextmanager
def refusing(server: EmbeddedRedis, *rights: str) -> Iterator[None]:
    """Let Redis take rights from everybody, then give them back."""
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "default", *(f"-{right}" for right in rights))
        yield
        client.execute_command("ACL", "SETUSER", "default", "+@all")


def test_a_worker_that_redis_refuses_says_what_to_do_rests_and_comes_back(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    with refusing(private_redis, "brpop"):
        worker.wait_for("Redis refuses (NoPermissionError): grant its user the right to BRPOP, see docker/users.conf")
        wait_until(lambda: worker.output.count("Redis refuses") > 6, "a worker that asks again", timeout=30)
        assert "Frequent restarts" not in worker.output
    send_wait_for(private_redis, tmp_path / "first")
    worker.wait_for("waits for first")
    (tmp_path / "first").touch()


def test_a_worker_that_redis_refuses_ends_when_it_is_asked_to(worker: Program, private_redis: EmbeddedRedis) -> None:
    with refusing(private_redis, "brpop"):
        wait_until(lambda: worker.output.count("Redis refuses") > 1, "a worker that rests", timeout=30)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(30) == 0


def test_beat_says_in_one_line_what_it_could_not_send_and_why(
    private_redis: EmbeddedRedis, start_program: StartProgram
) -> None:
    env = {"SYNC_REDIS_URL": private_redis.url, "SYNC_BROKER_URL": "", "SYNC_NAMESPACE": "sync_tasks"}
    beat = start_program([*CELERY, "beat"], env=env, cwd=ROOT)
    with redis.Redis.from_url(private_redis.url) as client:
        wait_until(lambda: client.llen("sync_tasks.sweeps"), "beat sends a sweep", timeout=30)
        with refusing(private_redis, "lpush"):
            beat.wait_for("sweep was not sent: Redis refuses (NoPermissionError): grant its user the right to LPUSH")
        client.delete("sync_tasks.sweeps")
        wait_until(lambda: client.llen("sync_tasks.sweeps"), "beat sends a sweep again", timeout=30)
    beat.stop()
    assert "SchedulingError" not in beat.output
    assert "Traceback" not in beat.output


def test_beat_sweeps_and_leaves_no_file_behind(
    private_redis: EmbeddedRedis, start_program: StartProgram, tmp_path: Path
) -> None:
    folder = tmp_path / "working-directory"
    folder.mkdir()
    env = {"SYNC_REDIS_URL": private_redis.url, "SYNC_BROKER_URL": "", "SYNC_NAMESPACE": "sync_tasks"}
    beat = start_program([*CELERY, "beat"], env=env | {"PYTHONPATH": str(ROOT)}, cwd=folder)
    with redis.Redis.from_url(private_redis.url) as client:
        wait_until(lambda: client.llen("sync_tasks.sweeps"), "beat sends a sweep", timeout=30)
    beat.stop()
    assert list(folder.iterdir()) == []


def test_a_killed_workers_messages_are_still_in_redis(
    worker: Program, private_redis: EmbeddedRedis, tmp_path: Path
) -> None:
    send_wait_for(private_redis, tmp_path / "never")
    worker.wait_for("waits for never")
    worker.kill()
    assert count_unacknowledged(private_redis) == 1
