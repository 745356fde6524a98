"""One comparison at a time, whoever asks for it.

Keys under ``<namespace>:``: ``reconciling`` while one runs, renewed until it ends; a minute after its process died.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from redis import RedisError

from sync_tasks.state.store import Store

if TYPE_CHECKING:
    from redis.lock import Lock

LEASE = 60.0


@contextmanager
def standing_alone(store: Store) -> Iterator[bool]:
    """Yield whether nobody else compares; until the block ends, nobody else does."""
    lock = store.redis.lock(store.key("reconciling"), timeout=LEASE, blocking=False, thread_local=False)
    if not lock.acquire():
        yield False
        return
    over = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, over), name="renew-reconciling", daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        over.set()
        renewal.join()
        with suppress(RedisError):
            lock.release()


def _renew(lock: "Lock", over: threading.Event) -> None:
    while not over.wait(LEASE / 3):
        # While Redis is away there is nobody to keep out either.
        with suppress(RedisError):
            lock.reacquire()
