"""What a probe makes at Brevo, written down before it makes it: whoever comes next can remove what is left.

Keys under ``<namespace>:``: ``probe_made:<account>:<owner>`` the names of all it makes, addresses among them; kept
until all is removed · ``probing:<account>`` one probe at a time; half a minute, renewed.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import cast

from redis.exceptions import LockError
from redis.lock import Lock

from sync_tasks.errors import ConfigurationError
from sync_tasks.state.store import Store

LOCK_SECONDS = 30.0
# Kind of value to Brevo's type; ``run`` is on every contact that a probe makes, and says of which run it is.
KINDS = {"run": "text", "text": "text", "number": "float", "date": "date", "boolean": "boolean"}


@dataclass(slots=True, repr=False)
class Made:
    """All that one run makes: its names follow from the token, ids are added once they are known.

    ``addresses``: of the two contacts first, then all that the first one may have got. ``expected`` is how many
    contacts there may be. ``imported``: since when an import is under way, 0.0 if none is. ``removed``: what Brevo
    confirmed as deleted.
    """

    token: str
    addresses: list[str]
    expected: int = 0
    ids: list[int] = field(default_factory=list)
    list_id: int | None = None
    imported: float = 0.0
    process: int | None = None
    removed: list[str] = field(default_factory=list)

    @property
    def list_name(self) -> str:
        """The name of its list."""
        return f"sync-tasks probe {self.token}"

    def attribute(self, kind: str) -> str:
        """Return the name of its attribute of a kind."""
        return f"PROBE_{self.token}_{kind}".upper()

    def ext_id(self, number: int) -> str:
        """Return the ``ext_id`` of its first or second contact."""
        return f"sync-probe-{self.token}-{number}"


class MadeJournal:
    """What the probes of one account have made and not yet removed."""

    def __init__(self, store: Store, account: str, owner: str) -> None:
        self._redis = store.redis
        self._key = store.key(f"probe_made:{account}:{owner}")

    def begin(self, addresses: list[str]) -> Made:
        """Write down what will be made, before anything is."""
        made = Made(secrets.token_hex(4), addresses)
        self.note(made)
        return made

    def note(self, made: Made) -> None:
        """Write down what is known by now."""
        self._redis.set(self._key, json.dumps(asdict(made)))

    def left(self) -> Made | None:
        """Return what an earlier run has made and not removed."""
        text = cast("str | None", self._redis.get(self._key))
        return Made(**json.loads(text)) if text else None

    def end(self) -> None:
        """All is removed: forget it."""
        self._redis.delete(self._key)


@contextmanager
def probing_alone(store: Store, account: str) -> Iterator[Callable[[], None]]:
    """Let one probe of an account run at a time; yield what keeps the right to for another while.

    Raises:
        ConfigurationError: another probe runs.
    """
    lock = Lock(store.redis, store.key(f"probing:{account}"), timeout=LOCK_SECONDS, thread_local=False)
    # One that was killed leaves its lock behind.
    if not lock.acquire(blocking_timeout=LOCK_SECONDS + 1):
        raise ConfigurationError(f"account {account}: another probe is under way: wait for its end")

    def renew() -> None:
        with suppress(LockError):
            lock.reacquire()

    try:
        yield renew
    finally:
        with suppress(LockError):
            lock.release()
