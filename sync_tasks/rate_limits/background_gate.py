"""The gate of a load: it waits for its turn as long as it takes, after everything that the portal just told."""

from sync_tasks.domain.priority import Priority
from sync_tasks.errors import RateLimitedError, SyncError
from sync_tasks.rate_limits.limiter import AccountGate, Throttle


class PatientGate:
    """Lets requests of the lowest priority pass; a limit that is used up is waited for, a pause is not."""

    def __init__(self, gate: AccountGate, throttle: Throttle) -> None:
        self._gate = gate
        self._throttle = throttle

    def acquire(self, bucket: str, part: str = "") -> None:
        """Return once a request may go out.

        Raises:
            AccountPausedError: the account is paused, or that part of it.
            RateLimitedError: the process must end before that.
        """
        while wait := self._try(bucket, part):
            self._throttle.rest(wait)

    def _try(self, bucket: str, part: str) -> float:
        """Return how long to wait before the next try."""
        try:
            with self._gate.hurrying(Priority.BACKGROUND):
                self._gate.acquire(bucket, part)
        except RateLimitedError as error:
            if self._throttle.stopping:
                raise
            return error.retry_after or 1.0
        return 0.0

    def report(self, error: SyncError | None) -> None:
        """Take note of how a request went."""
        self._gate.report(error)

    def observe(self, limit: int, remaining: int) -> None:
        """Take note of what is left of a limit by Brevo's own count."""
        self._gate.observe(limit, remaining)
