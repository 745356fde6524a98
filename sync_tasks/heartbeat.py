"""Each worker and beat leaves a sign of life in a file of its own, for whoever watches its container.

A file needs neither Redis nor the broker: while those are away, a worker is well and waits for them.
"""

import atexit
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sync_tasks.config import environment
from sync_tasks.log import log

# A sign is left every so many seconds; one that is older than so many is a sign of trouble.
EVERY = 10.0
STALE = 60.0


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of life of a process that still exists."""

    pid: int
    age: float

    @property
    def well(self) -> bool:
        """Whether it is young enough."""
        return self.age < STALE


def folder() -> Path:
    """Return where the signs of this user's processes are."""
    return Path(tempfile.gettempdir()) / f"sync-tasks-{os.getuid()}"


def _path(part: str, pid: int) -> Path:
    return folder() / f"{environment.namespace()}.{part}.{pid}"


def leave_sign(part: str) -> None:
    """Say that this process lives.

    Raises:
        OSError: the folder cannot be written to, or is another user's.
    """
    folder().mkdir(mode=0o700, exist_ok=True)
    if folder().stat().st_uid != os.getuid():
        raise PermissionError("another user's folder")
    _path(part, os.getpid()).touch()


def find_signs(part: str) -> Iterator[Sign]:
    """Yield the signs of the processes of one part that exist on this machine, and remove those of the dead."""
    for path in folder().glob(f"{environment.namespace()}.{part}.*"):
        pid = int(path.suffix[1:]) if path.suffix[1:].isdecimal() else 0
        with suppress(FileNotFoundError):
            if _exists(pid):
                yield Sign(pid, max(time.time() - path.stat().st_mtime, 0.0))
            else:
                path.unlink()


def forget_dead() -> None:
    """Remove the signs of processes that were killed, and the folder if nobody else has a sign in it."""
    for part in ("worker", "beat"):
        list(find_signs(part))
    with suppress(OSError):
        folder().rmdir()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0) if pid else None
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return bool(pid)


def keep_beating(part: str, is_well: Callable[[], bool]) -> None:
    """Leave a sign now and then, in a thread, as long as the process is well."""

    def run() -> None:
        while True:
            if is_well():
                _try_sign(part)
            time.sleep(EVERY)

    atexit.register(forget, part)
    threading.Thread(target=run, name="heartbeat", daemon=True).start()


def _try_sign(part: str) -> None:
    try:
        leave_sign(part)
    except OSError as error:
        log.debug("no sign of life in %s: %s", folder(), error.strerror)


def forget(part: str) -> None:
    """Take the sign of this process away as it ends, and the folder with the last one."""
    _path(part, os.getpid()).unlink(missing_ok=True)
    with suppress(OSError):
        folder().rmdir()


def watch_worker(sender: Any = None, **_: object) -> None:  # noqa: ANN401 - Celery's consumer
    """Let a worker leave signs while its loop turns; while the broker is away it cannot."""
    keep_beating("worker", lambda: is_turning(sender))


def is_turning(consumer: Any) -> bool:  # noqa: ANN401 - as above
    """Return whether a consumer's loop turned lately, as far as it may."""
    turned = getattr(consumer, "turned", None)
    return turned is None or consumer.connection is None or time.monotonic() - turned < STALE


def note_beat(**_: object) -> None:
    """Leave a sign each time beat sent something."""
    _try_sign("beat")
    _forget_beat()


@cache
def _forget_beat() -> None:
    atexit.register(forget, "beat")
