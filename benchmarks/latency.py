"""How long one event takes without load, from ``.delay()`` until Brevo has it: the sandbox, which notes when."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.events import sign_up
from benchmarks.measuring import Comparison, compare
from benchmarks.parts import Parts, wait_until

TIMES = 150
# After each event, so that both workers are idle again.
BREATH = 0.03


def measure_latency(parts: Parts, times: int = TIMES) -> Comparison:
    """Return what both take, each with one worker process of 16 threads."""
    from benchmarks.naive import subscribe
    from sync_tasks import subscribe_contact

    parts.start_worker("sync_tasks")
    parts.start_worker("benchmarks.naive")
    return compare(
        "one event, until Brevo has it",
        "a plain task, same SDK call",
        target=1.3,
        ours=_travelling(parts, subscribe_contact.delay),
        naive=_travelling(parts, subscribe.delay),
        times=times,
        warm_up=10,
    )


def _travelling(parts: Parts, delay: Callable[..., Any]) -> Callable[[int], float]:
    def measure(turn: int) -> float:
        before = parts.desk("/requests")["total"]
        start = time.time()
        delay(**sign_up(turn))
        wait_until(lambda: _arrivals(parts, before), "the event arrives")
        arrived = _arrivals(parts, before)[0]
        time.sleep(BREATH)
        return arrived - start

    return measure


def _arrivals(parts: Parts, before: int) -> list[float]:
    requests = parts.desk(f"/requests?after={before}")["requests"]
    return [request["time"] for request in requests if request["method"] == "POST" and request["status"]]
