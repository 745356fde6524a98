"""An hour at full load by a simulated clock: Brevo refuses nothing, and hardly one allowed request is left over."""

import heapq
from itertools import count
from random import Random
from typing import cast

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox import LimitSettings
from sync_tasks.sandbox.limits import RequestWindows
from sync_tasks.state.store import Store
from tests.simulation.client import Client
from tests.simulation.clock import Clock
from tests.simulation.memory import Memory

HOUR = 3600
START = 1_790_000_000
# A request takes this long to Brevo, some a little longer than others; what overtakes is not more than the margin.
TRANSIT = (0.050, 0.056)


def ask(store: Store, limiter: Limiter) -> float:
    """Ask for a grant as the limiter does; return the seconds to wait, 0 where it is granted."""
    answer, microseconds = store.grant(limiter.question("default", "contacts"))
    return 0.0 if answer == "granted" else int(microseconds) / MICROSECONDS_PER_SECOND


def work_for(seconds: int, processes: int, rate: int) -> tuple[int, int]:
    """Let processes ask without end; return how many requests Brevo answered, and how many it refused."""
    chance, clock = Random(1), Clock(START * MICROSECONDS_PER_SECOND)
    store = Store(cast("object", Client(Memory(clock))), "sync_tasks")  # type: ignore[arg-type]
    limiter = Limiter(store, {"default": Account(requests_per_second=rate, api_key="key")})  # type: ignore[arg-type]
    brevo = RequestWindows(LimitSettings(contacts_per_second=rate))
    order, answered = count(), 0
    happens = [(float(START), next(order), "ask") for _ in range(processes)]
    while happens and happens[0][0] < START + seconds:
        moment, _, what = heapq.heappop(happens)
        if what == "arrive":
            answered += brevo.take("/v3/contacts", moment)[0]
            continue
        clock.microseconds = int(moment * MICROSECONDS_PER_SECOND)
        wait = ask(store, limiter)
        if not wait:
            heapq.heappush(happens, (moment + chance.uniform(*TRANSIT), next(order), "arrive"))
        heapq.heappush(happens, (moment + (wait or 0.0001), next(order), "ask"))
    return answered, brevo.refused


@pytest.mark.parametrize(("processes", "seconds"), [(1, HOUR), (3, HOUR // 10)])
def test_all_processes_together_use_the_limit_to_the_last_request_and_not_one_more(
    processes: int, seconds: int
) -> None:
    answered, refused = work_for(seconds, processes, rate=10)

    assert refused == 0
    assert answered >= 0.99 * 10 * seconds
