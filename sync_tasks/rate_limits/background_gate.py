"""The gate of a load: it waits for its turn as long as it takes, after all events of the portal."""

from sync_tasks.domain.priority import Priority
from sync_tasks.errors import RateLimitedError
from sync_tasks.providers import Permit
from sync_tasks.rate_limits.limiter import AccountGate, Limiter


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
