"""A mass edit at Brevo keeps no sign-up waiting: looks that webhooks ask for go behind the portal's events."""

import time

import pytest

from sync_tasks.state.store import Sighting
from tests.reliability.conftest import MakeRig
from tests.support.measuring import Note
from tests.support.processes import wait_until
from tests.support.rig import BACKGROUND, Rig, read_users, users

THREADS, PER_SECOND, EDITED = 16, 10, 250
# The requests that Brevo grants in two seconds.
MOST_BEFORE = 2 * PER_SECOND
MANY = 1_000


def start(make_rig: MakeRig, people: list[str]) -> Rig:
    """Return a rig whose people are all on their list, and that has nothing left to do."""
    rig = make_rig(rate=float(PER_SECOND), limited=True, lease_seconds=25, grace_seconds=30, quiet_seconds=30)
    rig.start_threads(THREADS)
    rig.subscribe(*people)
    rig.wait_until_clean(120)
    wait_until(lambda: not (rig.queued() or rig.unacknowledged()), "no message is left", 120)
    return rig


def edit(rig: Rig, sightings: list[Sighting], under_way: int) -> None:
    """Let webhooks report edits, and return once more requests than ``under_way`` have looked at them."""
    began = rig.brevo.journal.total
    rig.store.mark_changed("default", sightings)
    rig.nudge(*(str(sighting.user_id) for sighting in sightings), queue=BACKGROUND)
    wait_until(lambda: rig.brevo.journal.total > began + under_way, "looks are under way")


def sign_up(rig: Rig) -> int:
    """Return how many requests came before that of a sign-up."""
    before = rig.brevo.journal.total
    rig.subscribe("newcomer")
    wait_until(lambda: "newcomer" in read_users(rig.brevo), "the newcomer is on the list", 60)
    after = [request for request in rig.brevo.journal.requests() if request.number > before]
    return next(place for place, request in enumerate(after) if request.method == "POST")


@pytest.mark.slow
def test_a_sign_up_overtakes_the_looks_of_a_mass_edit(make_rig: MakeRig, note: Note) -> None:
    people = users(EDITED)
    rig = start(make_rig, people)
    # Of an opt-out each look is a request of its own: that is the slowest case.
    moment = rig.store.now()
    edit(rig, [Sighting(user_id=one, kind="unsubscribed", moment=moment) for one in people], THREADS)

    place = sign_up(rig)

    note("a sign-up amid the looks of a mass edit: requests before its own", place)
    assert place <= MOST_BEFORE
    assert rig.count("dirty") > EDITED / 3, "the looks were not over"


@pytest.mark.slow
def test_a_sign_up_overtakes_a_thousand_edits_that_are_read_by_their_ids(make_rig: MakeRig, note: Note) -> None:
    people = users(MANY)
    rig = start(make_rig, people)
    # A look that gets no permit has no message any more: a sweep brings it back.
    rig.beat()
    before = rig.brevo.journal.total
    edit(rig, [Sighting(user_id=one) for one in people], 0)

    left, began = rig.count("dirty"), time.monotonic()
    place = sign_up(rig)
    note(f"a sign-up amid {MANY:,} edits at Brevo: seconds", time.monotonic() - began)
    assert left > 0, "the looks were not over"
    assert place <= MOST_BEFORE

    rig.wait_until_clean(120)
    requests = rig.brevo.journal.total - before
    note(f"{MANY:,} edits at Brevo: requests", requests)
    assert requests < MANY / 10, "many were read by one request"
