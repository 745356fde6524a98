"""The retry policy: when trouble is tried again and when it is given up, for every contact. Pure."""

import random
from collections.abc import Collection
from dataclasses import dataclass

from sync_tasks.domain.outcomes import is_own
from sync_tasks.errors import (
    AccountError,
    AccountPausedError,
    PartPausedError,
    PermanentError,
    RateLimitedError,
    StateHeldError,
    SyncError,
    UnconfiguredAccountError,
)

_LONGEST_TRY = 60.0
_LONGEST_DEFERRAL = 3600.0
# The seconds after which a contact that waits for the end of a hold is tried again.
_HELD_AGAIN = 10.0
# Celery keeps a countdown in a worker's memory (its docs, "ETA and Countdown"). Beyond so many seconds the state
# remembers when to try again.
_LONGEST_COUNTDOWN = 90.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The waits before the next try, in seconds, by the trouble that a push met.

    | trouble | tried again after | given up |
    |---|---|---|
    | of the contact, the first tries | 1, 2, 4, 8, 16 | never |
    | of the contact, after that | 60, 120, 240 … 3600 | after 24 hours: a dead letter |
    | a limit is used up | what Brevo said, else as above | never |
    | the account is paused | the time to the next probe | never |
    | a part of an account is paused | its end; 3600 if nobody woke it | never |
    | the state is on hold | 10 | never |
    | an account left the configuration | 3600 | never |
    | permanent | never | at once: a dead letter |

    Up to ``jitter`` of it is added by chance: contacts that failed together come back apart. Of several troubles the
    longest known wait counts. No wait is longer than the trouble has lasted: many messages of one user are many tries
    within a moment.

    ``retries``: the number of first tries. ``defer_seconds``: the first wait after them. ``give_up_hours``: how long
    trouble of a contact may last.
    """

    retries: int = 5
    defer_seconds: float = 60
    give_up_hours: float = 24
    jitter: float = 0.3

    def delay(self, errors: Collection[SyncError], *, tries: int, lasted: float) -> float | None:
        """Return the seconds until the next try; ``None`` if there is nothing to try.

        ``tries``: how many tries in a row met trouble of the contact's own. ``lasted``: for how many seconds.
        """
        passing = [error for error in errors if not isinstance(error, PermanentError)]
        if self.is_expired(lasted):
            passing = [error for error in passing if not is_own(error)]
        whole = [error for error in passing if not isinstance(error, PartPausedError)]
        if not whole:
            return self._spread(_LONGEST_DEFERRAL) if passing else None
        known = [delay for delay in map(_known_delay, whole) if delay is not None]
        wait = min(max(known, default=min(self._own_delay(tries), max(lasted, 1.0))), _LONGEST_DEFERRAL)
        return self._spread(wait)

    def _spread(self, wait: float) -> float:
        return wait * random.uniform(1.0, 1.0 + self.jitter)  # noqa: S311 - jitter, not a secret

    def _own_delay(self, tries: int) -> float:
        late = tries - self.retries
        if late > 0:
            return self.defer_seconds * 2.0 ** min(late - 1, 30)
        return min(2.0 ** max(tries - 1, 0), _LONGEST_TRY)

    def is_expired(self, lasted: float) -> bool:
        """Return whether trouble of a contact's own is given up after so many seconds."""
        return lasted > self.give_up_hours * 3600


def is_left_to_the_state(delay: float, trouble: SyncError) -> bool:
    """Return whether the state alone remembers when to try again; if not, the same message comes again."""
    return delay > _LONGEST_COUNTDOWN or isinstance(trouble, AccountError | StateHeldError)


def _known_delay(error: SyncError) -> float | None:
    match error:
        case AccountPausedError():
            return error.seconds
        case RateLimitedError():
            return error.retry_after
        case StateHeldError():
            return _HELD_AGAIN
        case UnconfiguredAccountError():
            return _LONGEST_DEFERRAL
        case _:
            return None
