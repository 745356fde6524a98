"""A contact whose handling kills its worker is given up after three times; everybody else's events reach Brevo."""

import sys

import pytest

from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease
from sync_tasks.sync.batch_choice import WORTH_A_BATCH
from tests.reliability.conftest import MakeRig
from tests.support.processes import Program, wait_until
from tests.support.rig import Rig, read_users, users
from tests.support.station import ROOT

COMMAND = [sys.executable, "-m", "celery", "-A", "sync_tasks", "worker", "--concurrency=8"]
DEADLY = ["--include", "tests.support.deadly"]


class Supervisor:
    """Keeps one worker running, as an init system does."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.deaths = 0
        self.worker = self._start()

    def _start(self) -> Program:
        return self._rig.start([*COMMAND, *DEADLY], env=self._rig.env, cwd=ROOT)

    def look(self) -> None:
        """Start the worker again if it has died."""
        if not self.worker.running:
            self.deaths += 1
            self.worker = self._start()


@pytest.mark.slow
@pytest.mark.parametrize("count", [20, WORTH_A_BATCH + 10])
def test_a_contact_that_kills_its_worker_is_a_dead_letter_after_three_times(make_rig: MakeRig, count: int) -> None:
    rig = make_rig(lease_seconds=1)
    others = users(count)
    for user_id in [*others[:4], "poison", *others[4:]]:
        rig.accept(user_id)
    rig.nudge(*others[:4], "poison", *others[4:])
    supervisor = Supervisor(rig)

    def is_over() -> bool:
        supervisor.look()
        return bool(rig.letters()) and not rig.count("dirty")

    rig.wait_in_a_hurry(is_over, "the contact is given up and all others are synced", 100)
    (letter,) = rig.letters()
    assert (letter.user_id, letter.error) == ("poison", "PoisonedContactError")
    assert supervisor.deaths == 3
    assert read_users(rig.brevo) == set(others)
    assert supervisor.worker.running


def test_after_two_deaths_suspects_come_one_by_one(rig: Rig) -> None:
    both = ("poison", "victim")
    for user_id in both:
        rig.accept(user_id)
    for _ in range(2):
        assert "busy" not in [rig.store.lease(user_id, 0.3) for user_id in both]
        wait_until(lambda: all(has_run_out(rig, user_id) for user_id in both), "the leases have run out")
    assert [rig.store.lease(user_id, 0.3) == "busy" for user_id in both] == [False, True]
    wait_until(lambda: not rig.store.redis.exists(rig.store.key("suspect")), "the third has died as well")
    alone = rig.store.lease("victim", 10)
    assert isinstance(alone, Lease)
    assert rig.store.lease("poison", 10) == "busy"
    rig.store.settle(alone, Settlement(clean=True))
    assert isinstance(rig.store.lease("poison", 10), Lease)


def has_run_out(rig: Rig, user_id: str) -> bool:
    lease = str(rig.store.redis.hget(rig.store.key(f"contacts:{user_id}"), "lease"))
    return lease[:16] < rig.store.now()


@pytest.mark.slow
def test_what_was_given_up_is_not_asked_for_again_and_again(rig: Rig) -> None:
    rig.brevo.add_fault("drop", method="POST", count=1)
    rig.brevo.add_fault("status", method="POST", status=400)
    rig.worker()
    rig.subscribe("refused")
    rig.wait_in_a_hurry(rig.letters, "a dead letter")
    assert [letter.error for letter in rig.letters()] == ["RejectedContactError"]
    rig.wait_in_a_hurry(lambda: not rig.count("due"), "nobody looks at the contact any more")
