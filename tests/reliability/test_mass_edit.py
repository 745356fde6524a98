"""A mass edit at Brevo keeps no sign-up waiting: looks that webhooks ask for go behind the portal's events."""

import time

import pytest

from sync_tasks.state.store import Sighting
from tests.reliability.conftest import MakeRig
from tests.support.measuring import Note
from tests.support.processes import wait_until
from tests.support.rig import BACKGROUND, read_users, users

THREADS, PER_SECOND, EDITED = 16, 10, 250
# The requests that Brevo grants in two seconds.
MOST_BEFORE = 2 * PER_SECOND
MANY, MOST_SECONDS = 1_000, 2.0


@pytest.mark.slow
def test_a_sign_up_overtakes_the_looks_of_a_mass_edit(make_rig: MakeRig, note: Note) -> None:
    rig = make_rig(rate=float(PER_SECOND), limited=True, lease_seconds=25, grace_seconds=30, quiet_seconds=30)
    people = users(EDITED)
    rig.start_threads(THREADS).wait_for(" ready.")
    rig.subscribe(*people)
    rig.wait_until_clean(120)
    wait_until(lambda: not (rig.queued() or rig.unacknowledged()), "no message is left", 60)
    # Of an opt-out each look is a request of its own: that is the slowest case.
    moment = rig.store.now()
    rig.store.mark_changed("default", [Sighting(user_id=one, kind="unsubscribed", moment=moment) for one in people])
    began = rig.brevo.journal.total
    rig.nudge(*people, queue=BACKGROUND)
    wait_until(lambda: rig.brevo.journal.total > began + THREADS, "looks are under way")

    before = rig.brevo.journal.total
    rig.subscribe("newcomer")
    wait_until(lambda: "newcomer" in read_users(rig.brevo), "the newcomer is on the list", 60)
    after = [request for request in rig.brevo.journal.requests() if request.number > before]
    place = next(place for place, request in enumerate(after) if request.method == "POST")

    note("a sign-up amid the looks of a mass edit: requests before its own", place)
    assert place <= MOST_BEFORE
    assert rig.count("dirty") > EDITED / 3, "the looks were not over"


@pytest.mark.slow
def test_a_thousand_edits_at_brevo_delay_a_sign_up_by_less_than_two_seconds(make_rig: MakeRig, note: Note) -> None:
    rig = make_rig(rate=float(PER_SECOND), limited=True, lease_seconds=25, grace_seconds=30, quiet_seconds=30)
    people = users(MANY)
    rig.start_threads(THREADS).wait_for(" ready.")
    rig.subscribe(*people)
    rig.wait_until_clean(120)
    wait_until(lambda: not (rig.queued() or rig.unacknowledged()), "no message is left", 120)
    before = rig.brevo.journal.total
    rig.store.mark_changed("default", [Sighting(user_id=one) for one in people])
    rig.nudge(*people, queue=BACKGROUND)
    wait_until(lambda: rig.brevo.journal.total > before, "looks are under way")

    began, left = time.monotonic(), rig.count("dirty")
    rig.subscribe("newcomer")
    wait_until(lambda: "newcomer" in read_users(rig.brevo), "the newcomer is on the list", 60)
    seconds = time.monotonic() - began

    rig.wait_until_clean(120)
    note(f"a sign-up amid {MANY:,} edits at Brevo: seconds", seconds)
    note(f"{MANY:,} edits at Brevo: requests", rig.brevo.journal.total - before)
    assert left > 0, "the looks were not over"
    assert seconds < MOST_SECONDS
