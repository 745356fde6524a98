"""The sweeper: what has no nudge gets one, a queue that is only slow gets no flood, and its absence is not silent."""

from itertools import pairwise

import pytest

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.store import Lease
from sync_tasks.tasks.sweeper import ALONE, LONG_QUEUE
from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure, Note
from tests.support.processes import wait_until
from tests.support.rig import Rig, lines_with, users

SEVERAL = 4


class Sweeps:
    """The moments of the sweeps there were since the first look."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.moments: list[int] = []

    def look(self) -> int:
        """Return how many sweeps there were so far."""
        swept = self._rig.store.redis.get(self._rig.store.key("swept"))
        if swept and int(str(swept)) not in self.moments:
            self.moments.append(int(str(swept)))
        return len(self.moments)


def test_an_event_whose_nudge_was_lost_reaches_brevo(rig: Rig, measure: Measure) -> None:
    rig.beat()
    rig.worker()
    rig.accept("anna")
    with measure("a nudge was lost (grace 1 s): the event at Brevo"):
        rig.wait_until_held("anna")


@pytest.mark.slow
def test_an_opt_out_whose_nudge_was_lost_does_not_wait_behind_others(rig: Rig, measure: Measure) -> None:
    rig.worker()
    rig.subscribe("anna")
    rig.wait_until_held("anna")
    rig.brevo.add_fault("slow", seconds=0.5)
    rig.accept("anna", task="unsubscribe")
    others = users(400)
    rig.change(*others)
    rig.nudge(*others)
    rig.beat()
    with measure("an opt-out whose nudge was lost, behind 400 slow searches: at Brevo"):
        wait_until(lambda: rig.held("anna")["listIds"] == [], "the opt-out is at Brevo", 30)
    assert rig.count("dirty") > 200


@pytest.mark.slow
def test_a_queue_that_is_only_slow_is_not_flooded(rig: Rig, note: Note) -> None:
    rig.change(*users(3000))
    rig.brevo.add_fault("slow", seconds=1)
    rig.start_threads(2)
    rig.beat()
    sweeps, lengths = Sweeps(rig), []

    def look() -> bool:
        lengths.append(rig.queued())
        return sweeps.look() > SEVERAL

    wait_until(look, "several sweeps", 90)
    note("3,000 dirty contacts and a slow Brevo: messages in the queue at most", max(lengths))
    # Whom a page did not show is nudged once more by whoever read it.
    assert LONG_QUEUE / 2 < max(lengths) <= LONG_QUEUE + 3000


@pytest.mark.slow
def test_any_number_of_beats_sweep_no_more_than_one(rig: Rig) -> None:
    rig.worker()
    for _ in range(4):
        rig.beat()
    sweeps = Sweeps(rig)
    wait_until(lambda: sweeps.look() > SEVERAL, "several sweeps", 90)
    assert all(later - earlier > (ALONE - 0.1) * MICROSECONDS_PER_SECOND for earlier, later in pairwise(sweeps.moments))


@pytest.mark.slow
def test_the_worker_says_loudly_that_nobody_sweeps_until_somebody_does(make_rig: MakeRig, measure: Measure) -> None:
    rig = make_rig(grace_seconds=1)
    worker = rig.worker()
    worker.wait_for("nobody has swept for", 40)
    assert lines_with(worker, ("error", "beat` running?"))
    status = rig.status()
    assert "no beat has swept" in status.output
    assert status.process.returncode == 1
    rig.beat()
    with measure("there is a beat again: the worker says so"):
        worker.wait_for("sweeps go on again", 40)


@pytest.mark.slow
def test_a_contact_in_hand_gets_no_nudge_before_its_lease_runs_out(make_rig: MakeRig) -> None:
    rig = make_rig(grace_seconds=0.001)
    rig.worker()
    rig.accept("anna")
    held = rig.store.lease("anna", 30)
    assert isinstance(held, Lease)
    rig.sweep()
    lease = str(rig.store.redis.hget(rig.store.key("contacts:anna"), "lease"))
    before_its_end = int(lease[:16]) - MICROSECONDS_PER_SECOND // 1000
    wait_until(lambda: rig.store.redis.zscore(rig.store.key("due"), "anna") == before_its_end, "a sweep")
