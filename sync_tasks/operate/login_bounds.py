"""How much work tries to log in may make, whoever makes them: strangers share one lane, known browsers another.

A browser in which an operator logged in before shows a cookie that says so. So strangers from many addresses, who know
a name, keep neither that operator out nor more than one processor busy.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sync_tasks.http.rate_bound import RateBound, name_line

# In a minute: tries to log in as one operator from one address, or in one known browser.
TRIES = 10
# Of one address, and of all strangers together: a password is hashed for each.
TRIES_OF_ADDRESS, TRIES_OF_STRANGERS = TRIES * 3, TRIES * 12
LONGEST_NAME = 100


class TooManyTriesError(Exception):
    """There were too many tries to log in, in this minute or at this moment."""


@dataclass(frozen=True, repr=False)
class Lane:
    """Where one hash is made at a time, for it takes 32 MB, and one more waits: it holds a thread of the server."""

    one_by_one: threading.Lock = field(default_factory=threading.Lock)
    waiting: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(2))

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Wait for the hash of another one, and make one.

        Raises:
            TooManyTriesError: somebody waits already.
        """
        if not self.waiting.acquire(blocking=False):
            raise TooManyTriesError
        try:
            with self.one_by_one:
                yield
        finally:
            self.waiting.release()


@dataclass(frozen=True, repr=False)
class LoginBounds:
    """Counts tries in memory, for this process."""

    by_browser: RateBound = field(default_factory=lambda: RateBound(TRIES))
    # Not by the name alone: strangers who know it would keep the operator out.
    by_name: RateBound = field(default_factory=lambda: RateBound(TRIES))
    by_address: RateBound = field(default_factory=lambda: RateBound(TRIES_OF_ADDRESS))
    of_strangers: RateBound = field(default_factory=lambda: RateBound(TRIES_OF_STRANGERS))
    known: Lane = field(default_factory=Lane)
    strangers: Lane = field(default_factory=Lane)

    def find_lane(self, name: str, address: str, browser: str) -> Lane:
        """Count a try, and return the lane for its hash; ``browser`` is empty if nobody knows it.

        Raises:
            TooManyTriesError: it is one too many in this minute.
        """
        if browser and self.by_browser.admits(browser):
            return self.known
        line = name_line(address)
        counts = ((self.by_address, line), (self.by_name, (name[:LONGEST_NAME], line)), (self.of_strangers, ""))
        if browser or not all(bound.admits(key) for bound, key in counts):
            raise TooManyTriesError
        return self.strangers
