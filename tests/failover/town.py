"""A namespace of the network in which a primary lives, so that it can be cut off without a word."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from sync_tasks.local.redis_server import find_server, free_port
from tests.support.processes import wait_until

FAR, NEAR = "10.231.77.2", "10.231.77.1"
NETWORK = f"sync-{os.getpid()}"
INSIDE = ("ip", "netns", "exec", NETWORK)


@dataclass
class FarRedis:
    """A primary behind a wire of its own."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def cut_off(self) -> None:
        """Let nothing pass, in either direction; nobody hears of it."""
        _ip("link", "set", "sync-near", "down")

    def join(self) -> None:
        """Let everything pass again."""
        _ip("link", "set", "sync-near", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)  # noqa: S607 - iproute2 on the PATH


@contextmanager
def far_primary(folder: Path) -> Iterator[FarRedis]:
    """Yield a server in a namespace of its own; needs root, and is best done in a network of one's own."""
    _ip("netns", "add", NETWORK)
    try:
        _ip("link", "add", "sync-near", "type", "veth", "peer", "name", "sync-far", "netns", NETWORK)
        _ip("addr", "add", f"{NEAR}/30", "dev", "sync-near")
        _ip("link", "set", "sync-near", "up")
        for words in (
            ("addr", "add", f"{FAR}/30", "dev", "sync-far"),
            ("link", "set", "sync-far", "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", NETWORK, *words)
        port = free_port()
        options = {"bind": FAR, "port": str(port), "dir": str(folder), "save": "", "appendonly": "yes"}
        options |= {"appendfsync": "always", "protected-mode": "no", "logfile": str(folder / "far.log")}
        flags = [word for name, value in options.items() for word in (f"--{name}", value)]
        command = [*INSIDE, str(find_server()), *flags]
        far = FarRedis(subprocess.Popen(command, stdin=subprocess.DEVNULL), port)
        try:
            with redis.Redis(FAR, port, socket_connect_timeout=1) as client:
                wait_until(lambda: _answers(client), "the primary answers")
            yield far
        finally:
            far.kill()
    finally:
        _ip("netns", "del", NETWORK)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
