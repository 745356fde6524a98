"""Work that no event waits for: its requests wait for their turn, and are tried again while Brevo is out of reach."""

from collections.abc import Callable
from typing import TypeVar

from sync_tasks.domain.priority import Priority
from sync_tasks.errors import RateLimitedError, TransientError
from sync_tasks.providers import Permit
from sync_tasks.rate_limits.limiter import AccountGate, Limiter

# So many tries, a little more than a minute in all.
TRIES = 8
LONGEST_PAUSE = 15.0

T = TypeVar("T")


def ask_patiently(
    request: Callable[[], T], limiter: Limiter, look_at: Callable[[TransientError], None] = lambda _error: None
) -> T:
    """Return what a request brings; ``look_at`` gets each error that is not the last one, and may raise it.

    Raises:
        SyncError: it failed too many times, permanently, or the process must end.
    """
    for number in range(TRIES - 1):
        try:
            return request()
        except TransientError as error:
            if limiter.stopping:
                raise
            look_at(error)
            limiter.rest(min(2.0**number, LONGEST_PAUSE))
    return request()


class PatientGate(AccountGate):
    """Lets requests of the lowest priority pass; a limit that is used up is waited for, a pause is not."""

    def __init__(self, limiter: Limiter, account: str) -> None:
        super().__init__(limiter, account, Priority.BACKGROUND)

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Return a permit once a request may go out.

        Raises:
            AccountPausedError: the account is paused, or that part of it.
            RateLimitedError: the process must end before that.
        """
        while True:
            try:
                return super().acquire(bucket, part)
            except RateLimitedError as error:
                if self._limiter.stopping:
                    raise
                self._limiter.rest(error.retry_after or 1.0)
