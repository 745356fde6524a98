"""What a full disk, a rewrite on it, and a torn end of the append-only file do: accepted, lost, recovered.

A small tmpfs is the disk; mounting it needs root. A power failure is not tried here.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.errors import ConfigurationError
from sync_tasks.local.redis_server import AppendFsync, EmbeddedRedis
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from sync_tasks.tasks import servers
from tests.support.measuring import Note
from tests.support.processes import require_redis_server, wait_until

SMALL, LARGE = "3m", "64m"
MOST = 50_000
ENDED_WITHIN = 20.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    require_redis_server()
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small tmpfs needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder], check=False).returncode:  # noqa: S607
        pytest.skip("this machine mounts no tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", disk], check=True)  # noqa: S607


def fill(store: Store, *, rewriting: bool = False) -> tuple[list[str], str]:
    """Let events be accepted until one raises; return who was accepted, and the error.

    If ``rewriting``, the file is rewritten again and again, which takes as much room again.
    """
    accepted = list[str]()
    for number in range(MOST):
        user = f"user-{number}"
        said = {"user_id": user, "newsletter": "daily", "email": f"{user}@portal.org", "first_name": "x" * 200}
        try:
            if rewriting and number % 100 == 99:
                _rewrite(store.redis)
            store.accept(parse_event(EVENTS["subscribe_contact"], said))
        except redis.RedisError as error:
            return accepted, f"{type(error).__name__} {error}"
        accepted.append(user)
    pytest.fail(f"the disk holds {MOST} events")


def _rewrite(client: redis.Redis) -> None:
    try:
        client.bgrewriteaof()
    except redis.ResponseError as error:
        if "in progress" not in str(error):
            raise


def answers(client: redis.Redis) -> bool:
    with suppress(redis.RedisError):
        return bool(client.ping())
    return False


def recovered(server: EmbeddedRedis, accepted: list[str]) -> int:
    """Return how many of them a state that was read back holds."""
    with connect(server.url) as client:
        wait_until(lambda: answers(client), "all is read back", 60)
        store = Store(client, "sync_tasks")
        return sum(bool(contact and contact.pending) for contact in map(store.peek, accepted))


def has_ended(server: EmbeddedRedis) -> bool:
    process = server._process
    return process is None or process.poll() is not None


@pytest.mark.parametrize(
    "rewriting", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["full", "full while rewriting"]
)
def test_a_full_disk_ends_redis_under_always_and_loses_nothing_accepted(
    disk: Path, note: Note, *, rewriting: bool
) -> None:
    name = "disk full while rewriting" if rewriting else "disk full"
    with EmbeddedRedis(disk, appendfsync="always") as server:
        with connect(server.url) as client:
            accepted, error = fill(Store(client, "sync_tasks"), rewriting=rewriting)
        assert "ConnectionError" in error
        wait_until(lambda: has_ended(server), "Redis ends", ENDED_WITHIN)
        server.kill()
        enlarge(disk)
        server.start()
        note(f"{name}: accepted", str(len(accepted)))
        note(f"{name}: recovered", str(recovered(server, accepted)))
        assert recovered(server, accepted) == len(accepted)


@pytest.mark.slow
def test_a_full_disk_refuses_writes_under_everysec_and_a_part_that_starts_says_so(disk: Path, note: Note) -> None:
    with EmbeddedRedis(disk, appendfsync="everysec") as server:
        with connect(server.url) as client:
            accepted, error = fill(Store(client, "sync_tasks"))
        assert "MISCONF" in error
        with pytest.raises(ConfigurationError, match="cannot write to its disk; make room there"):
            servers.check_server("SYNC_REDIS_URL", server.url, "state")
        enlarge(disk)

        def accepts() -> bool:
            with connect(server.url) as client, suppress(redis.RedisError):
                return bool(client.set("sync_tasks:try", "1", ex=1))
            return False

        wait_until(accepts, "Redis takes writes again by itself", ENDED_WITHIN)
        servers.check_server("SYNC_REDIS_URL", server.url, "state")
        server.kill()
        server.start()
        note("disk full, everysec: accepted", str(len(accepted)))
        note("disk full, everysec: recovered", str(recovered(server, accepted)))
        assert recovered(server, accepted) == len(accepted)


def last_file(folder: Path) -> Path:
    """Return the file to whose end Redis appends."""
    found = [*folder.glob("appendonlydir/*.incr.aof"), *folder.glob("appendonly.aof")]
    return max(found, key=lambda path: path.stat().st_mtime)


@pytest.mark.parametrize("torn", [1, 40, 400])
def test_a_torn_end_loses_what_was_torn_and_no_more(tmp_path: Path, note: Note, torn: int) -> None:
    require_redis_server()
    fsync: AppendFsync = "always"
    with EmbeddedRedis(tmp_path, appendfsync=fsync) as server:
        users = [f"user-{number}" for number in range(50)]
        with connect(server.url) as client:
            store = Store(client, "sync_tasks")
            for user in users:
                said = {"user_id": user, "newsletter": "daily", "email": f"{user}@portal.org"}
                store.accept(parse_event(EVENTS["subscribe_contact"], said))
        server.kill()
        path = last_file(tmp_path)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - torn)
        server.start()
        there = recovered(server, users)
        note(f"the last {torn} bytes torn off: accepted", str(len(users)))
        note(f"the last {torn} bytes torn off: recovered", str(there))
        assert len(users) - 2 <= there < len(users)


def test_without_load_truncated_a_torn_file_is_for_a_person(tmp_path: Path) -> None:
    require_redis_server()
    strict = {"aof-load-truncated": "no"}
    with EmbeddedRedis(tmp_path, appendfsync="always", settings=strict) as server:
        with connect(server.url) as client:
            client.set("sync_tasks:try", "1", ex=60)
        server.kill()
        path = last_file(tmp_path)
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 1)
        with pytest.raises(ConfigurationError, match="does not start"):
            server.start()
