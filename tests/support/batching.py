"""A limiter at which each request finds enough people for a batch: it grants at once, with time to gather them."""

from collections.abc import Callable

from sync_tasks.domain.priority import Priority
from sync_tasks.providers import Permit
from sync_tasks.rate_limits.limiter import Limiter

SHORT = 0.03


class BatchingLimiter(Limiter):
    """Asks no limits; ``granted`` holds the priority of each request."""

    granted: list[Priority]

    def acquire(
        self,
        account: str,
        bucket: str,
        priority: Priority = Priority.ORDINARY,
        meanwhile: Callable[[], None] = lambda: None,
        part: str = "",
        *,
        begun: bool = False,
    ) -> Permit:
        permit = super().acquire(account, bucket, priority, part=part, begun=begun)
        meanwhile()
        self.__dict__.setdefault("granted", []).append(priority)
        return permit

    def ask_ahead(self) -> None:
        return None

    def rest(self, seconds: float) -> None:
        super().rest(min(seconds, SHORT))
