"""How long things took, reported at the end of the run; no test fails because of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Measure = Callable[[str], AbstractContextManager[None]]
Note = Callable[[str, object], None]


def measuring(note: Note) -> Measure:
    """Return what notes how long its block took, under a name."""

    @contextmanager
    def measure(what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        note(what, f"{time.monotonic() - began:.1f} s")

    return measure
