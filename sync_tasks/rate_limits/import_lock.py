"""One import of an account at a time, and one who reads all its pages.

Brevo's help says of imports that stick: "often because multiple imports are running at the same time". It advises to
"wait for your current import to finish" (article 32331116133522, November 2026).

Keys under ``<namespace>:``: ``importing:<account>`` who imports, ``paging:<account>`` who reads pages; they end half
a minute after their holder.
"""

from contextlib import suppress

from redis.exceptions import LockError
from redis.lock import Lock

from sync_tasks.errors import ImportUnderWayError
from sync_tasks.state.store import Store

LOCK_SECONDS = 30.0
# Other sign-ups ask again after so many seconds while an import is under way.
IMPORTING_AGAIN = 10.0


def import_under_way(account: str) -> ImportUnderWayError:
    """Return why one sign-up of many waits."""
    return ImportUnderWayError(f"account {account}: waits for the end of an import, one at a time", IMPORTING_AGAIN)


class ImportLock:
    """The right to import contacts into an account, or to read its pages, for half a minute at a time."""

    def __init__(self, store: Store, key: str) -> None:
        self._lock = Lock(store.redis, key, timeout=LOCK_SECONDS, thread_local=False)

    def is_held(self) -> bool:
        """Return whether anybody has it now."""
        return bool(self._lock.locked())

    def acquire(self) -> bool:
        """Take it if nobody has it; return whether we have it."""
        return bool(self._lock.acquire(blocking=False))

    def renew(self) -> None:
        """Keep it for half a minute more; one that was lost is not taken back."""
        with suppress(LockError):
            self._lock.reacquire()

    def release(self) -> None:
        """Let the next one begin."""
        with suppress(LockError):
            self._lock.release()
