"""What counting for Prometheus costs a worker: ``python -m benchmarks.meters``.

One process pushes one contact after the other to the sandbox, by turns with meters that count and with silent ones.
Measured is the CPU time of its thread: what else the machine does changes that little. ``.delay()`` is not measured: a
portal does not import the meters.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from prometheus_client import Counter, Histogram

from benchmarks.events import sign_up
from benchmarks.parts import running

PAIRS, WARM_UP = 1000, 50


@contextmanager
def silent() -> Iterator[None]:
    """Let no meter count as long as the block lasts."""
    loud = [(kind, name, getattr(kind, name)) for kind, name in _METHODS]
    for kind, name in _METHODS:
        setattr(kind, name, _say_nothing)
    try:
        yield
    finally:
        for kind, name, method in loud:
            setattr(kind, name, method)


_METHODS: list[tuple[Any, str]] = [(Counter, "labels"), (Counter, "inc"), (Histogram, "labels"), (Histogram, "observe")]


def _say_nothing(meter: object, *_: object, **__: object) -> object:
    return meter


def _take(act: Callable[[int], object], turn: int) -> float:
    start = time.thread_time()
    act(turn)
    return time.thread_time() - start


def main() -> None:
    """Measure, and print the ratio of the medians, and that of each pair with its quartiles."""
    with running():
        from sync_tasks import subscribe_contact
        from sync_tasks.sync.contact import sync_contact
        from sync_tasks.tasks.bootstrap import worker_resources

        counting, quiet = list[float](), list[float]()
        for pair in range(PAIRS + WARM_UP):
            for turn in (2 * pair, 2 * pair + 1):
                # One at a time: many would go in one request.
                subscribe_contact.delay(**sign_up(turn))
                if (turn + pair) % 2:
                    counting.append(_take(lambda turn: sync_contact(f"user-{turn}", worker_resources()), turn))
                    continue
                with silent():
                    quiet.append(_take(lambda turn: sync_contact(f"user-{turn}", worker_resources()), turn))
    counting, quiet = counting[WARM_UP:], quiet[WARM_UP:]
    lower, middle, upper = quantiles([one / other for one, other in zip(counting, quiet, strict=True)], n=4)
    print(f"one contact: {1000 * median(counting):.3f} ms of CPU, silent {1000 * median(quiet):.3f} ms")
    print(f"ratio {median(counting) / median(quiet):.3f}; of pairs {middle:.3f} ({lower:.3f} to {upper:.3f})")


if __name__ == "__main__":
    main()
