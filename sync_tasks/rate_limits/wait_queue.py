"""Who is next of one process: its threads wait in line, the most urgent first, then who has begun."""

import math
import threading
import time
from bisect import insort
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from sync_tasks.domain.priority import Priority

Place = tuple[int, bool, int]


class Gatherers:
    """Who gathers others while it waits for its permit: of one process the first of each name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = set[object]()

    @contextmanager
    def waiting(self, name: object) -> Iterator[bool]:
        """Yield whether this one is the first of its name; it is so for as long as the block lasts."""
        with self._lock:
            first = name not in self._names
            self._names.add(name)
        try:
            yield first
        finally:
            if first:
                self._names.discard(name)


class WaitQueue:
    """A line of waiting threads; only its first asks the others' machines, so that waiting costs next to nothing."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._places: list[Place] = []
        self._numbers = count()
        self._closes = math.inf

    @contextmanager
    def waiting(self, priority: Priority, *, begun: bool = False) -> Iterator[Place]:
        """Stand in line for as long as the block lasts; of equals who has ``begun`` goes first."""
        place = (int(priority), not begun, next(self._numbers))
        with self._changed:
            insort(self._places, place)
            self._changed.notify_all()
        try:
            yield place
        finally:
            with self._changed:
                self._places.remove(place)
                self._changed.notify_all()

    @property
    def has_waiting(self) -> bool:
        """Whether anybody stands in line."""
        return bool(self._places)

    def wait_to_be_first(self, place: Place, until: float) -> bool:
        """Return whether this place came to be the first, before that moment of the monotonic clock."""
        with self._changed:
            while self._places[0] != place:
                left = min(until, self._closes) - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def wait_as_first(self, place: Place, seconds: float) -> bool:
        """Return after so many seconds, or when somebody more urgent came; not if that would be too late."""
        ready = time.monotonic() + seconds
        with self._changed:
            while self._places[0] == place and (left := min(ready, self._closes) - time.monotonic()) > 0:
                self._changed.wait(left)
            return time.monotonic() < self._closes

    def close(self, within: float) -> None:
        """Let nobody wait any longer than so many seconds from now."""
        with self._changed:
            self._closes = time.monotonic() + within
            self._changed.notify_all()
