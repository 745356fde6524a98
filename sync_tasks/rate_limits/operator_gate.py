"""Asking Brevo on an operator's behalf: within the account's limits, without pausing or resuming it for others."""

from contextlib import suppress
from typing import TYPE_CHECKING

from sync_tasks.errors import AccountPausedError, RateLimitedError, SyncError
from sync_tasks.providers import Permit

if TYPE_CHECKING:
    from sync_tasks.rate_limits.limiter import Limiter


class VisitorGate:
    """Waits its turn like everybody; a pause does not keep an operator out, and their trouble pauses nobody."""

    def __init__(self, limiter: "Limiter", account: str) -> None:
        self._limiter = limiter
        self._account = account

    def acquire(self, bucket: str, part: str = "") -> Permit:
        """Return a permit once a request may go out."""
        with suppress(AccountPausedError):
            self._limiter.acquire(self._account, bucket)
        return Permit(bucket, part)

    def report(self, permit: Permit, error: SyncError | None) -> None:
        """Report to all processes when a limit is used up; what else went wrong may be this machine's trouble alone."""
        if isinstance(error, RateLimitedError):
            self._limiter.hold(self._account, error.retry_after or 1.0, permit.bucket)

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        """Report what is left by Brevo's own count."""
        self._limiter.record_usage(self._account, permit.bucket, limit, remaining)
