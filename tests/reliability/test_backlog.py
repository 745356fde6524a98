"""An outage with 100,000 dirty contacts: they wait in Redis, not in workers, and are caught up in good order.

``OUTAGE_SECONDS=3600 make reliability ARGS='-k long_outage'`` makes it last an hour.
"""

import os
import time
from dataclasses import dataclass, field

import pytest

from sync_tasks.tasks.sweeper import LONG_QUEUE
from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure, Note
from tests.support.processes import Program, wait_until
from tests.support.rig import Rig, resident, users

DIRTY = 100_000
NUDGED = 3_000
CAUGHT_UP = 10_000
RATE = 50
THREADS = 4
LASTS = float(os.environ.get("OUTAGE_SECONDS", "0"))
# What Python may take for buffers and caches; a hundred thousand hoarded messages would be hundreds of MiB.
FLAT = 40


@dataclass
class Gauges:
    """The most that was seen of what must stay small."""

    rig: Rig
    workers: list[Program]
    queued: int = 0
    in_hand: int = 0
    memory: list[float] = field(default_factory=list)

    def look(self) -> bool:
        """Read all gauges; true, so that it can stand in a condition."""
        self.queued = max(self.queued, self.rig.queued())
        self.in_hand = max(self.in_hand, self.rig.unacknowledged())
        self.memory.append(max(resident(worker) for worker in self.workers))
        return True


@pytest.mark.slow
def test_a_long_outage_fills_no_worker_and_ends_without_a_stampede(
    make_rig: MakeRig, note: Note, measure: Measure
) -> None:
    rig = make_rig(rate=RATE, limited=True)
    rig.store.redis.config_set("appendfsync", "no")
    rig.brevo.add_fault("status", status=503)
    workers = rig.workers("one", "two")
    accept_many(rig)
    wait_until(lambda: rig.paused() and not rig.queued() and not rig.unacknowledged(), "the nudges are handled", 120)
    rig.beat()

    outage = Gauges(rig, workers)
    probed, ends = rig.brevo.journal.total, time.monotonic() + LASTS
    wait_until(
        lambda: outage.look() and time.monotonic() > ends and rig.brevo.journal.total >= probed + 5,
        "five more probes",
        LASTS + 120,
    )
    note("outage, 100,000 dirty: seconds it lasted / probes", f"{LASTS:.0f} / {rig.brevo.journal.total - probed}")
    note("outage, 100,000 dirty: a worker's memory first / most", show(outage))
    note("outage, 100,000 dirty: messages in the queue / in workers at most", f"{outage.queued} / {outage.in_hand}")
    assert outage.in_hand <= len(workers) * 2 * THREADS
    assert max(outage.memory) < outage.memory[0] + FLAT
    assert rig.count("dirty") == DIRTY

    rig.brevo.faults.clear()
    after = Gauges(rig, workers)
    with measure(f"after an outage: the first {CAUGHT_UP} of 100,000 contacts at Brevo, {RATE} requests a second"):
        wait_until(lambda: after.look() and rig.count("dirty") <= DIRTY - CAUGHT_UP, "they catch up", 400)
    total, refused = rig.brevo.journal.total, rig.brevo.journal.statuses[429]
    note("after an outage: a worker's memory first / most", show(after))
    note("after an outage: messages in the queue / in workers at most", f"{after.queued} / {after.in_hand}")
    assert after.queued <= 2 * LONG_QUEUE
    assert max(after.memory) < outage.memory[0] + 2 * FLAT
    note("after an outage: requests / of them 429", f"{total} / {refused}")
    assert refused <= total / 20
    assert rig.letters() == []


def accept_many(rig: Rig) -> None:
    """Let all these users subscribe; most of the nudges get lost."""
    reported = users(DIRTY)
    for user_id in reported:
        rig.accept(user_id)
    rig.nudge(*reported[:NUDGED])


def show(gauges: Gauges) -> str:
    return f"{gauges.memory[0]:.0f} / {max(gauges.memory):.0f} MiB"
