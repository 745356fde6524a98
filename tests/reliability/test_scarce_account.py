"""An account that lets few requests through: everybody is served all the same, and `status` shows it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.reliability.conftest import MakeRig
from tests.support.measuring import Note
from tests.support.processes import wait_until
from tests.support.rig import Rig, read_users, users

THREADS = 16
# Each looks for two addresses before it creates the contact.
NEEDED = 3
Squeeze = Callable[[Rig], None]


def plan_of(per_second: int) -> Squeeze:
    """The account's plan grants less than is configured."""

    def squeeze(rig: Rig) -> None:
        limits = rig.brevo.limits
        limits.settings.contacts_per_second = per_second
        limits.apply(limits.settings)

    return squeeze


def share_with_others(rig: Rig) -> None:
    """Somebody else uses nine of ten requests, at the beginning of each second."""
    rig.stack.enter_context(greedy(rig))


@contextmanager
def greedy(rig: Rig) -> Iterator[None]:
    ends = threading.Event()

    def eat() -> None:
        while not ends.wait(0.01):
            with rig.brevo.lock:
                now = rig.brevo.clock()
                while rig.brevo.limits._contacts[0].left(now) > 1:
                    rig.brevo.limits.take("/v3/contacts", now)

    eater = threading.Thread(target=eat)
    eater.start()
    yield
    ends.set()
    eater.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("squeeze", "many", "reported"),
    [
        (plan_of(2), 12, "grants 2 requests a second, and 10 are configured"),
        (plan_of(1), 8, "grants 1 request a second, and 10 are configured"),
        (share_with_others, 8, "others use most of it"),
    ],
    ids=["a plan of 2 a second", "a plan of 1 a second", "others use nine of ten"],
)
def test_everybody_is_created_however_few_requests_are_granted(
    make_rig: MakeRig, note: Note, squeeze: Squeeze, many: int, reported: str
) -> None:
    rig = make_rig(rate=10.0, limited=True, lease_seconds=25, grace_seconds=30, quiet_seconds=30)
    rig.start_threads(THREADS)
    squeeze(rig)
    for user_id in users(many):
        rig.accept(user_id, task="update", email=f"{user_id}@portal.org", previous_email=f"{user_id}@before.org")
        rig.accept(user_id)

    rig.nudge(*users(many))
    wait_until(lambda: reported in " ".join(rig.status().output.split()), "status says so", 90)
    wait_until(lambda: len(read_users(rig.brevo)) == many, "all are on the list", 90)

    note(f"{many} sign-ups, {reported}: requests", rig.brevo.journal.total)
    assert rig.brevo.journal.total <= 2 * NEEDED * many
