"""A request that is tried again while Brevo is out of reach: for work that no event waits for."""

from collections.abc import Callable
from typing import TypeVar

from sync_tasks.errors import TransientError
from sync_tasks.rate_limits.limiter import Limiter

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
