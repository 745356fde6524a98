"""SIGTERM loses no time and no work: what is under way ends, what waits is given back."""

import signal

import pytest

from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure
from tests.support.processes import Program, wait_until
from tests.support.rig import Rig, users

# The promise.
ENDS_WITHIN = 10.0
THREADS = 8


def start_rolling(rig: Rig, worker: Program, name: str) -> Program:
    """End a worker as a deployment does, and start its successor."""
    successor = rig.worker(name)
    assert worker.stop(signal.SIGTERM, ENDS_WITHIN) == 0
    return successor


@pytest.fixture
def slow(rig: Rig) -> Rig:
    """A rig whose Brevo takes its time."""
    rig.brevo.add_fault("slow", seconds=0.3)
    return rig


def test_pushes_under_way_end_and_what_waits_is_given_back(slow: Rig, measure: Measure) -> None:
    worker = slow.start_threads(8)
    reported = users(70)
    slow.change(*reported)
    slow.nudge(*reported)
    wait_until(lambda: slow.brevo.journal.total >= 8, "the worker is busy", 30)
    with measure("SIGTERM under load (8 threads, Brevo takes 0.3 s): the worker has ended"):
        assert worker.stop(signal.SIGTERM, ENDS_WITHIN) == 0
    assert slow.unacknowledged() == 0
    assert slow.queued() >= slow.count("dirty") > 0
    slow.brevo.faults.clear()
    slow.worker()
    slow.wait_until_clean()
    assert slow.letters() == []


@pytest.mark.slow
def test_a_batch_whose_worker_ends_is_taken_over(slow: Rig, measure: Measure) -> None:
    worker = slow.start_threads(THREADS)
    reported = users(200)
    slow.subscribe(*reported)
    wait_until(lambda: slow.brevo.journal.total >= 1, "the worker is busy", 30)
    with measure("SIGTERM while one request serves many contacts: the worker has ended"):
        assert worker.stop(signal.SIGTERM, ENDS_WITHIN) == 0
    assert slow.unacknowledged() == 0
    slow.brevo.faults.clear()
    slow.worker()
    slow.wait_in_a_hurry(lambda: not slow.count("dirty"), "nothing is dirty")
    slow.wait_until_held(*reported)
    assert slow.letters() == []


def test_tasks_that_wait_for_their_turn_or_their_next_try_are_given_back(make_rig: MakeRig, measure: Measure) -> None:
    rig = make_rig(rate=0.1)
    reported = users(60)
    for user_id in reported:
        rig.accept(user_id)
        rig.accept(user_id, task="unsubscribe")
    rig.nudge(*reported)
    worker = rig.start_threads(THREADS)
    # With no more than one message in stock for each thread, the rest can only wait for their next try.
    wait_until(lambda: rig.unacknowledged() > 2 * THREADS, "tasks wait for their next try", 30)
    with measure("SIGTERM while more tasks wait for their next try than there are threads: the worker has ended"):
        assert worker.stop(signal.SIGTERM, ENDS_WITHIN) == 0
    assert rig.unacknowledged() == 0
    assert rig.queued() >= rig.count("dirty") > 0
    assert rig.letters() == []


@pytest.mark.slow
def test_a_rolling_restart_under_load_loses_nothing(rig: Rig, measure: Measure) -> None:
    rig.brevo.add_fault("slow", probability=0.2, seconds=0.3)
    rig.beat()
    names = ("one", "two", "three")
    workers = dict(zip(names, rig.workers(*names), strict=True))
    reported: list[str] = []

    def say_more() -> None:
        more = users(60, f"wave-{len(reported)}")
        rig.subscribe(*more)
        reported.extend(more)

    with measure("rolling restart of 3 workers, twice, under load"):
        for turn in range(2):
            for name, worker in list(workers.items()):
                say_more()
                workers[name] = start_rolling(rig, worker, f"{name}-{turn}")
        rig.wait_until_held(*reported)
    rig.wait_until_clean()
    assert rig.letters() == []
    assert all("dead letter" not in worker.output for worker in workers.values())
