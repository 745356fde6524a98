"""So many times in so many seconds, for each of very many: what one may do must not be what all may do."""

import time
from collections import Counter
from collections.abc import Callable, Hashable

MOST_KEYS = 100_000


class RateBound:
    """Counts in windows; whoever comes too often in one is turned away until the next begins.

    ``MOST_KEYS`` different ones in one window are counted; further ones are turned away.
    """

    def __init__(self, most: int, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._counts = Counter[Hashable]()
        self._until = 0.0

    def admits(self, key: Hashable) -> bool:
        """Count one more, and return whether it is not one too many."""
        now = self._clock()
        if now >= self._until:
            self._counts.clear()
            self._until = now + self._seconds
        if key not in self._counts and len(self._counts) >= MOST_KEYS:
            return False
        self._counts[key] += 1
        return self._counts[key] <= self._most
