"""How many requests a probe may make: the account's limits come first, its own bound is another one."""

import time
from collections.abc import Callable, Mapping

from sync_tasks.errors import ProbeBudgetError, RateLimitedError, SyncError
from sync_tasks.providers import Gate, Permit
from sync_tasks.providers.brevo.questions import ENOUGH, LESS, NOT_REPORTED

# Of all requests of a run, so many are for removing what it made.
MOST, RESERVED = 80, 22
# So long a limit that is used up is waited for, in seconds.
_PATIENCE = 90.0


class BudgetGate:
    """Counts the requests of a probe, waits if the account's limit is used up, and notes what Brevo's headers say.

    ``renew`` is called before each request. ``limits``: the limit that Brevo named for each bucket. ``refusals``: how
    long to wait, as each 429 said it.
    """

    def __init__(self, inner: Gate, renew: Callable[[], None], rest: Callable[[float], None]) -> None:
        self._inner = inner
        self._renew = renew
        self._rest = rest
        self.used: dict[str, int] = {}
        self.reserved = RESERVED
        self.limits: dict[str, int] = {}
        self.refusals: list[float | None] = []

    @property
    def total(self) -> int:
        """How many requests were made."""
        return sum(self.used.values())

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Return a permit once a request may go out.

        Raises:
            ProbeBudgetError: the probe has used up its requests.
            RateLimitedError: the account's limit is used up for long.
        """
        if self.total >= MOST - self.reserved:
            raise ProbeBudgetError(f"the probe has made {self.total} requests, and may make no more")
        self._renew()
        permit = self._wait(bucket, part)
        self.used[bucket] = self.used.get(bucket, 0) + 1
        return permit

    def _wait(self, bucket: str, part: str) -> Permit:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._inner.acquire(bucket, part)
            except RateLimitedError as error:
                wait = error.retry_after or 1.0
                if time.monotonic() + wait > until:
                    raise
                self._rest(wait)

    def report(self, permit: Permit, error: SyncError | None) -> None:
        """Note a 429, and hand on how the request went."""
        if isinstance(error, RateLimitedError):
            self.refusals.append(error.retry_after)
        self._inner.report(permit, error)

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        """Note the limit that Brevo named, and hand it on."""
        self.limits[permit.bucket] = limit
        self._inner.record_usage(permit, limit, remaining)


def compare_limit(reported: int | None, configured: Mapping[str, float]) -> tuple[str, str]:
    """Return whether Brevo grants what is configured, and both numbers; the number shows which window is meant."""
    if reported is None:
        return NOT_REPORTED, ""
    name, most = min(configured.items(), key=lambda one: abs(one[1] - reported))
    return (ENOUGH if reported >= most else LESS), f"{reported} {name}, {most:g} configured"
