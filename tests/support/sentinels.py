"""A primary, two replicas and three sentinels as plain processes, and the trouble that a primary may have."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import redis

from sync_tasks.local.leash import leash
from sync_tasks.local.redis_server import EmbeddedRedis, find_server, free_port
from tests.support.processes import require_redis_server, wait_until

HERE = "127.0.0.1"
NAME = "sync"
# So long may the primary be silent before the sentinels count it as down; a failover takes a second or two more.
DOWN_AFTER = 1.0
FOUND_WITHIN = 20.0


@dataclass
class Watched:
    """Servers of which one is the primary, and the sentinels that watch it."""

    primary: "Primary"
    replicas: list[EmbeddedRedis]
    sentinels: list[int]

    @property
    def url(self) -> str:
        """What portals and workers are configured with."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"sentinel://{hosts}/{NAME}/0"

    def wait_for_failover(self, within: float = FOUND_WITHIN) -> EmbeddedRedis:
        """Return the new primary once every sentinel names it."""
        ports = {server.port: server for server in self.replicas}

        def promoted() -> EmbeddedRedis | None:
            named = set(map(read_primary, self.sentinels))
            return ports.get(named.pop()) if len(named) == 1 else None

        found = wait_until(promoted, "a replica is the primary", within)
        assert found is not None
        wait_until(lambda: _is_primary(found.port), "and knows it", within)
        return found


def read_primary(sentinel: int) -> int:
    """Return the port of the primary by one sentinel, 0 if it does not say."""
    with redis.Redis(port=sentinel, decode_responses=True, socket_timeout=1) as client, suppress(redis.RedisError):
        reported = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(reported[1]) if reported else 0
    return 0


def _is_primary(port: int) -> bool:
    with redis.Redis(port=port, socket_timeout=1) as client, suppress(redis.RedisError):
        return bool(client.info("replication")["role"] == "master")
    return False


class Primary(Protocol):
    """A server that is the primary at the beginning."""

    @property
    def port(self) -> int: ...

    @property
    def pid(self) -> int | None: ...

    def kill(self) -> None: ...


@contextmanager
def watching(
    folder: Path, primary: Primary | None = None, *, far: str = HERE, near: str = HERE, down_after: float = DOWN_AFTER
) -> Iterator[Watched]:
    """Yield a primary with two replicas, all in step, and three sentinels that know each other.

    The primary has the address ``far``, all others ``near``; they must reach each other.
    """
    require_redis_server()
    with ExitStack() as stack:
        if primary is None:
            primary = stack.enter_context(EmbeddedRedis(appendfsync="always"))
        bind = " ".join(dict.fromkeys((HERE, near)))
        follow = {"replicaof": f"{far} {primary.port}", "bind": bind, "protected-mode": "no"}
        replicas = [stack.enter_context(EmbeddedRedis(settings=follow)) for _ in range(2)]
        wait_until(lambda: _in_step(far, primary.port), "both replicas follow", FOUND_WITHIN)
        monitor = f"{NAME} {far} {primary.port} 2"
        ports = [stack.enter_context(_sentinel(folder, monitor, bind, down_after)) for _ in range(3)]
        wait_until(lambda: all(_knows_all(port) for port in ports), "the sentinels know each other", FOUND_WITHIN)
        yield Watched(primary, replicas, ports)


def _in_step(host: str, port: int) -> bool:
    with redis.Redis(host, port, decode_responses=True) as client:
        reported = client.info("replication")
        return all(reported.get(f"slave{number}", {}).get("state") == "online" for number in range(2))


def _knows_all(sentinel: int) -> bool:
    with redis.Redis(port=sentinel, decode_responses=True, socket_timeout=1) as client, suppress(redis.RedisError):
        reported = client.sentinel_master(NAME)
        return bool(reported["num-other-sentinels"] == 2 and reported["num-slaves"] == 2)
    return False


@contextmanager
def _sentinel(folder: Path, monitor: str, bind: str, down_after: float) -> Iterator[int]:
    port = free_port()
    path = folder / f"sentinel-{port}.conf"
    milliseconds = int(down_after * 1000)
    lines = [
        f"port {port}",
        f"bind {bind}",
        "protected-mode no",
        f"dir {folder}",
        f"logfile {folder / f'sentinel-{port}.log'}",
        f"sentinel monitor {monitor}",
        f"sentinel down-after-milliseconds {NAME} {milliseconds}",
        f"sentinel failover-timeout {NAME} {10 * milliseconds}",
    ]
    path.write_text("\n".join([*lines, ""]))
    command = leash([find_server(), path, "--sentinel"])
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield port
    finally:
        process.kill()
        process.wait()
