"""Who of one process is next: the most urgent first, then whoever came first."""

import math
import threading
import time

import pytest

from sync_tasks.domain.priority import Priority
from sync_tasks.rate_limits.wait_queue import Gatherers, WaitQueue
from tests.support.processes import wait_until


def soon() -> float:
    return time.monotonic() + 0.01


def test_the_most_urgent_is_first_whenever_it_came() -> None:
    queue = WaitQueue()
    with queue.waiting(Priority.ORDINARY) as ordinary, queue.waiting(Priority.BACKGROUND) as background:
        assert queue.wait_to_be_first(ordinary, soon())
        assert not queue.wait_to_be_first(background, soon())
        with queue.waiting(Priority.URGENT) as urgent:
            assert queue.wait_to_be_first(urgent, soon())
            assert not queue.wait_to_be_first(ordinary, soon())
        assert queue.wait_to_be_first(ordinary, soon())


def test_of_the_same_urgency_whoever_came_first_goes_first() -> None:
    queue = WaitQueue()
    with queue.waiting(Priority.ORDINARY) as first, queue.waiting(Priority.ORDINARY) as second:
        assert queue.wait_to_be_first(first, soon())
        assert not queue.wait_to_be_first(second, soon())


def test_whoever_is_next_is_nudged_when_the_first_leaves() -> None:
    queue, came = WaitQueue(), threading.Event()

    def stand() -> None:
        with queue.waiting(Priority.ORDINARY) as place:
            queue.wait_to_be_first(place, time.monotonic() + 10)
            came.set()

    thread = threading.Thread(target=stand)
    with queue.waiting(Priority.URGENT):
        thread.start()
        wait_until(lambda: len(queue._places) == 2, "the other to stand in line")
        assert not came.is_set()
    assert came.wait(10)
    thread.join()


def test_a_first_that_waits_makes_way_for_somebody_more_urgent() -> None:
    queue = WaitQueue()
    with queue.waiting(Priority.ORDINARY) as place, queue.waiting(Priority.URGENT):
        # Python refuses to wait that long, should it not make way at once.
        assert queue.wait_as_first(place, math.inf)


@pytest.mark.parametrize(("closes", "waits"), [(60.0, True), (0.0, False)])
def test_a_line_that_closes_lets_nobody_wait_longer(closes: float, *, waits: bool) -> None:
    queue = WaitQueue()
    queue.close(closes)
    with queue.waiting(Priority.URGENT) as first, queue.waiting(Priority.ORDINARY) as second:
        assert queue.wait_as_first(first, 0.01) is waits
        assert not queue.wait_to_be_first(second, soon() if waits else time.monotonic() + 60)


def test_of_those_who_need_the_same_the_first_gathers_until_it_has_its_permit() -> None:
    gatherers = Gatherers()
    with gatherers.waiting("read") as first:
        with gatherers.waiting("read") as second, gatherers.waiting("leave") as other:
            assert (first, second, other) == (True, False, True)
        with gatherers.waiting("read") as third:
            assert not third, "the second takes no place of the first along when it goes"
    with gatherers.waiting("read") as following:
        assert following
