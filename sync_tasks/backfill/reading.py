"""Reading back what was imported, the newest first, a thousand contacts a request."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sync_tasks.backfill.own import Own, hand_over, read_users
from sync_tasks.contacts import RemoteContact
from sync_tasks.errors import AccountError, GatewayUnavailableError, RateLimitedError, SyncError, TransientError
from sync_tasks.gateway import Gateway
from sync_tasks.lines import Priority
from sync_tasks.store import Store
from sync_tasks.throttle import AccountGate
from sync_tasks.work import Resources

PAGE = 1000
# How long the first look waits, in seconds, and how much longer each that shows nothing new.
FIRST_PAUSE, LONGER, LONGEST_PAUSE = 1.0, 1.5, 15.0
# So many looks in a row may show nothing: before Brevo showed any of them, and after.
PATIENCE, LATE_PATIENCE = 8, 2
# So many times in a row Brevo may be out of reach.
TRIES = 8

T = TypeVar("T")


@dataclass(slots=True, repr=False)
class Wave:
    """Contacts that Brevo imports: which user has which address, until it shows them.

    ``tell`` hears what became of how many. ``known``: so many pages in a row may hold nobody who is missing.
    """

    account: str
    since: datetime
    using: Resources
    tell: Callable[[str, int], None]
    missing: dict[str, str] = field(default_factory=dict)
    known: int = 0

    @property
    def gateway(self) -> Gateway:
        """Where they are imported."""
        return self.using.gateways[self.account]

    def asking(self, request: Callable[[], T]) -> T:
        """Return what a request brings; while Brevo is out of reach it is tried again."""
        for number in range(TRIES):
            try:
                return request()
            except TransientError:
                if number == TRIES - 1:
                    raise
            self.using.throttle.rest(min(2.0**number, LONGEST_PAUSE))
        raise AssertionError
