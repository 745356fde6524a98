"""What ``.delay()`` costs a portal beside a bare Celery task's, with the same arguments on the same Redis."""

import time
from collections.abc import Callable
from typing import Any

from celery import Celery

from benchmarks.events import sign_up
from benchmarks.measuring import Comparison, compare

TIMES = 2000


def measure_delay(redis_url: str, times: int = TIMES) -> Comparison:
    """Return what both take; the pipeline's own settings must point at the same Redis."""
    from sync_tasks import subscribe_contact

    with Celery("bare", broker=redis_url, set_as_current=False) as app:

        @app.task(name="bare.subscribe")
        def bare(**_: str) -> None:
            """Do nothing; nobody runs it."""

        return compare(
            "`.delay()`",
            "a bare task's `.delay()`",
            target=1.5,
            ours=_timed(subscribe_contact.delay),
            naive=_timed(bare.delay),
            times=times,
            warm_up=200,
        )


def _timed(delay: Callable[..., Any]) -> Callable[[int], float]:
    def measure(turn: int) -> float:
        arguments = sign_up(turn)
        start = time.perf_counter()
        delay(**arguments)
        return time.perf_counter() - start

    return measure
