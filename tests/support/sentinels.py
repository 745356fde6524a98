"""A primary, two replicas and three sentinels as plain processes, and the trouble that a primary may have."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from sync_tasks.local.leash import leash
from sync_tasks.local.redis_server import EmbeddedRedis, find_server, free_port
from tests.support.processes import require_redis_server, wait_until

NAME = "sync"
# So long may the primary be silent before the sentinels count it as down; a failover takes a second or two more.
DOWN_AFTER = 1.0
FOUND_WITHIN = 20.0


@dataclass
class Watched:
    """Servers of which one is the primary, and the sentinels that watch it."""

    servers: list[EmbeddedRedis]
    sentinels: list[int]
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """What portals and workers are told."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"sentinel://{hosts}/{NAME}/0"

    @property
    def primary(self) -> EmbeddedRedis:
        """The server that was the primary at the beginning."""
        return self.servers[0]

    @property
    def replicas(self) -> list[EmbeddedRedis]:
        return self.servers[1:]

    def port_of_primary(self) -> int:
        """Return the port that the sentinels name; 0 while they name none."""
        return next(iter({port for port in map(read_primary, self.sentinels) if port}), 0)

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
        told = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(told[1]) if told else 0
    return 0


def _is_primary(port: int) -> bool:
    with redis.Redis(port=port, socket_timeout=1) as client, suppress(redis.RedisError):
        return bool(client.info("replication")["role"] == "master")
    return False


@contextmanager
def watching(
    folder: Path, *, host: str = "127.0.0.1", down_after: float = DOWN_AFTER, settings: Mapping[str, str] | None = None
) -> Iterator[Watched]:
    """Yield a primary with two replicas, all in step, and three sentinels that know each other."""
    require_redis_server()
    with ExitStack() as stack:
        primary = stack.enter_context(EmbeddedRedis(appendfsync="always", settings=settings))
        follow = {**(settings or {}), "replicaof": f"{host} {primary.port}"}
        replicas = [stack.enter_context(EmbeddedRedis(settings=follow)) for _ in range(2)]
        wait_until(lambda: _in_step(primary.port), "both replicas follow", FOUND_WITHIN)
        ports = [stack.enter_context(_sentinel(folder, primary.port, down_after)) for _ in range(3)]
        watched = Watched([primary, *replicas], ports, host)
        wait_until(lambda: all(_knows_all(port) for port in ports), "the sentinels know each other", FOUND_WITHIN)
        yield watched


def _in_step(port: int) -> bool:
    with redis.Redis(port=port, decode_responses=True) as client:
        told = client.info("replication")
        return all(told.get(f"slave{number}", {}).get("state") == "online" for number in range(2))


def _knows_all(sentinel: int) -> bool:
    with redis.Redis(port=sentinel, decode_responses=True, socket_timeout=1) as client, suppress(redis.RedisError):
        told = client.sentinel_master(NAME)
        return bool(told["num-other-sentinels"] == 2 and told["num-slaves"] == 2)
    return False


@contextmanager
def _sentinel(folder: Path, primary: int, down_after: float) -> Iterator[int]:
    port = free_port()
    path = folder / f"sentinel-{port}.conf"
    milliseconds = int(down_after * 1000)
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"logfile {folder / f'sentinel-{port}.log'}",
        f"sentinel monitor {NAME} 127.0.0.1 {primary} 2",
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
