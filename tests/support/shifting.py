"""A real redis-server whose clock can be put forwards and back while it runs, by libfaketime."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from unittest import SkipTest

from sync_tasks.local.redis_server import EmbeddedRedis, candidates
from tests.support.processes import require_redis_server

# Some builds of Redis hang under the library, before they say their version (seen with Debian's and their jemalloc).
HANGS_AFTER = 2
LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib64/faketime/libfaketime.so.1")


class ShiftedRedis:
    """A server that is ``url`` away; its clock is this machine's until it is put elsewhere."""

    def __init__(self, server: EmbeddedRedis, shift: Path) -> None:
        self.server = server
        self._shift = shift

    @property
    def url(self) -> str:
        return self.server.url

    def put_clock(self, hours: float) -> None:
        """Let the server's clock be so many hours ahead of this machine's, or behind it."""
        _write(self._shift, hours)


@contextmanager
def shifted_redis(folder: Path) -> Iterator[ShiftedRedis]:
    """Yield such a server; raise ``SkipTest`` on a machine without libfaketime."""
    require_redis_server()
    shift = folder / "shift"
    _write(shift, 0)
    reported = {
        "PATH": str(_find_folder()),
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_NO_CACHE": "1",
        **_preload(),
    }
    before = {name: os.environ.get(name) for name in reported}
    server = EmbeddedRedis(folder, appendfsync="no")
    os.environ.update(reported)
    try:
        server.start()
    finally:
        _restore(before)
    try:
        yield ShiftedRedis(server, shift)
    finally:
        server.stop()


def _write(shift: Path, hours: float) -> None:
    new = shift.with_suffix(".new")
    new.write_text(f"{hours * 3600:+.0f}\n")
    new.replace(shift)


@cache
def _find_folder() -> Path:
    """Return the folder of the first server that runs under the library."""
    for server in candidates():
        with suppress(subprocess.TimeoutExpired):
            subprocess.run([server, "--version"], env=_preload(), capture_output=True, check=True, timeout=HANGS_AFTER)
            return server.parent
    raise SkipTest("no redis-server of this machine runs under libfaketime")


def _preload() -> dict[str, str]:
    return {"LD_PRELOAD": str(_find_library()), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _find_library() -> Path:
    for pattern in LIBRARIES:
        if found := sorted(Path("/").glob(pattern.lstrip("/"))):
            return found[0]
    raise SkipTest("libfaketime is not installed (Debian: apt-get install faketime)")


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
