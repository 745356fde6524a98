"""The account's limits and pauses, shared by all processes of a portal through Redis.

Keys under ``<namespace>:``: ``paused:<account>`` why and since when, gone when the pause is over ·
``held:<account>:<bucket>`` after a 429, gone when Brevo's window is · ``granted:<account>:<bucket>:<window>`` the
moments of the last requests, as long as the window.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from sync_tasks.errors import AccountPausedError, RateLimitedError, SyncError
from sync_tasks.settings import Account
from sync_tasks.store import SECOND, Store

log = logging.getLogger("sync_tasks.throttle")

PAUSE = 60.0
PATIENCE = 8.0
LONGEST_HOLD = 3600.0
# Grants are this much further apart than Brevo demands: requests overtake each other on their way.
_MARGIN = 1.02
# What all endpoints but /contacts/** share, per hour: https://developers.brevo.com/docs/api-limits
_OTHER_PER_HOUR = 100


@dataclass(frozen=True, slots=True)
class Pause:
    """Why an account gets no requests, since when (a stamp), and for how many more seconds."""

    error: str
    message: str
    since: str
    seconds: float = 0.0


class Throttle:
    """What all processes agree on about the portal's accounts."""

    def __init__(self, store: Store, accounts: Mapping[str, Account]) -> None:
        self._store = store
        self._windows = {
            (name, bucket): [text for count, seconds in told for text in (str(count), str(int(seconds * SECOND)))]
            for name, account in accounts.items()
            for bucket, told in _windows(account).items()
        }

    def acquire(self, account: str, bucket: str = "contacts") -> None:
        """Return once a request may go out.

        Raises:
            AccountPausedError: the account is paused.
            RateLimitedError: it would take too long to wait here; ``retry_after`` says how long.
        """
        deadline = time.monotonic() + PATIENCE
        while (wait := self._ask(account, bucket)) > 0:
            if time.monotonic() + wait > deadline:
                raise RateLimitedError(f"account {account}: its limit is used up for now", wait)
            time.sleep(wait)

    def _ask(self, account: str, bucket: str) -> float:
        answer, microseconds, *why = self._store.grant(account, bucket, self._windows[account, bucket])
        seconds = int(microseconds) / SECOND
        if answer == "paused":
            pause = Pause(**cast("dict[str, Any]", json.loads(why[0])))
            raise AccountPausedError(f"account {account} is paused ({pause.error})", seconds)
        return seconds if answer == "wait" else 0.0

    def hold(self, account: str, seconds: float, bucket: str = "contacts") -> None:
        """Let nobody ask before Brevo's own window is over."""
        length = int(min(max(seconds, 0.1), LONGEST_HOLD) * 1000)
        self._store.redis.set(self._store.key(f"held:{account}:{bucket}"), "1", px=length)

    def pause(self, account: str, error: SyncError, seconds: float = PAUSE) -> None:
        """Stop all requests of an account for a while, and raise the alarm if that is news."""
        known = self.paused(account)
        pause = Pause(type(error).__name__, str(error), known.since if known else self._store.now())
        self._store.redis.set(self._key(account), json.dumps(asdict(pause)), px=int(seconds * 1000))
        if known is None:
            log.error("account %s is paused, its events wait: %s: %s", account, type(error).__name__, error)

    def paused(self, account: str) -> Pause | None:
        """Return why the account is paused, or nothing."""
        text, left = self._store.redis.get(self._key(account)), self._store.redis.pttl(self._key(account))
        if text is None:
            return None
        return Pause(**{**cast("dict[str, Any]", json.loads(cast("str", text))), "seconds": max(left, 0) / 1000})

    def resume(self, account: str) -> None:
        """Let the account's requests go again."""
        self._store.redis.delete(self._key(account))

    def _key(self, account: str) -> str:
        return self._store.key(f"paused:{account}")


def _windows(account: Account) -> Mapping[str, list[tuple[int, float]]]:
    count, seconds = _per_second(account.requests_per_second)
    return {
        "contacts": [(count, seconds * _MARGIN), (account.requests_per_hour, 3600.0)],
        "other": [(_OTHER_PER_HOUR, 3600.0)],
    }


def _per_second(rate: float) -> tuple[int, float]:
    """Return how many requests in how many seconds; a rate below one is one request in a longer window."""
    return (int(rate), 1.0) if rate >= 1 else (1, 1 / rate)
