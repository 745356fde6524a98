"""What is to happen later: late effects, imports that end."""

import heapq
from collections.abc import Callable
from itertools import count


class Schedule:
    """Actions with the time they are due; whoever owns the clock calls ``run_due``."""

    def __init__(self) -> None:
        self._numbers = count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, due: float, action: Callable[[], None]) -> None:
        """Have an action done once its time has come."""
        heapq.heappush(self._waiting, (due, next(self._numbers), action))

    def run_due(self, now: float) -> None:
        """Do everything that is due, in order."""
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
