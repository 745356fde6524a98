"""The causes of all dead letters, remembered for a moment: with 100,000 letters it takes seconds to read them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sync_tasks.monitoring.causes import Cause, group_letters
from sync_tasks.state.dead_letters import count_letters, read_letter_counts, scan_letters
from sync_tasks.state.store import Store

# A letter that failed again, with another error, changes no count.
REMEMBERED = 15.0


@dataclass(slots=True, repr=False)
class CauseBoard:
    """Reads all letters anew once one was opened or closed, at the latest after ``REMEMBERED`` seconds."""

    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counts: object = None
    _until: float = 0.0
    _causes: list[Cause] = field(default_factory=list)

    def read(self, store: Store) -> list[Cause]:
        """Return the causes, the one with most letters first."""
        with self._lock:
            counts = (count_letters(store), read_letter_counts(store))
            if counts != self._counts or self.clock() >= self._until:
                self._causes = group_letters(scan_letters(store))
                self._counts, self._until = counts, self.clock() + REMEMBERED
            return self._causes

    def find(self, store: Store, name: str) -> Cause | None:
        """Return the cause of a name in links, or nothing."""
        return next((cause for cause in self.read(store) if cause.name == name), None)
