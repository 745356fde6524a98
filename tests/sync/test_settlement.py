"""What a push leaves behind: when to try again, what stays unknown, when an erasure is complete."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.config.settings import Pipeline
from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.diff import ERASED
from sync_tasks.domain.outcomes import Outcome, Outcomes
from sync_tasks.domain.retry import RetryPolicy
from sync_tasks.errors import (
    AccountPausedError,
    AddressBusyError,
    PoisonedContactError,
    RateLimitedError,
    RejectedContactError,
    SyncError,
    TooEarlyError,
)
from sync_tasks.state.records import Settlement
from sync_tasks.sync.settlement import Pushed, settle
from tests.support.saying import ADA, BEA, anonymize, blocked, contact_of, key_of, merged, stamp, subscribe, update

HOUR = 60
NOW = 100 * HOUR
PIPELINE = Pipeline(quiet_seconds=120)
POLICY = RetryPolicy(jitter=0)
JOIN, LEFT_ADDRESS, ERASURE = subscribe(1), update(2, email=BEA), anonymize(3)
HELD = RemoteState(7, ADA, frozenset({3}))
ERASED_AT_BREVO = RemoteState(7, "", digest=ERASED)
BUSY, REFUSED = TooEarlyError("425"), RejectedContactError("400")


def pushed(*errors: SyncError, contact: Contact | None = None, **reported: Any) -> Pushed:
    """Return a push of Ada that met one trouble on each of so many accounts."""
    said: dict[str, Any] = {"now": stamp(NOW), "seen": {}, "outcome_unknown": False, **reported}
    where = {f"account-{number}": error for number, error in enumerate(errors)}
    return Pushed(contact=contact or contact_of(JOIN), errors=where, **said)


def failing(tries: int, *, hours: float = 20) -> Contact:
    """Return what is known of Ada after so many tries in vain within so many hours."""
    return contact_of(JOIN, tries=tries, failing=stamp(NOW - hours * HOUR))


def delay_of(push: Pushed, policy: RetryPolicy = POLICY) -> float | None:
    """Return in how many seconds a contact is tried again after a push."""
    errors = list(push.errors.values())
    return policy.delay(errors, tries=push.tries, lasted=push.lasted)


@pytest.mark.parametrize(("before", "seconds"), [(0, 1), (4, 16), (5, 60), (11, 3600)])
def test_tries_in_a_row_are_counted(before: int, seconds: float) -> None:
    assert delay_of(pushed(BUSY, contact=failing(before))) == seconds


def test_the_first_trouble_is_tried_again_in_a_second() -> None:
    assert delay_of(pushed(BUSY)) == 1


def test_many_messages_within_a_moment_do_not_make_a_contact_wait_for_long() -> None:
    assert delay_of(pushed(BUSY, contact=failing(9, hours=3 / 3600))) == pytest.approx(3)


def test_trouble_of_the_account_does_not_count_as_the_contacts() -> None:
    paused = AccountPausedError("paused", 30)
    assert delay_of(pushed(BUSY, paused, contact=failing(30, hours=99))) == 30
    assert not POLICY.is_expired(pushed(paused).lasted)


def settled(push: Pushed, outcomes: Outcomes | None = None) -> Settlement:
    return settle(push, replace(outcomes or Outcomes(), retry_in=delay_of(push)), PIPELINE, "task-1")


def test_a_contact_that_agrees_is_clean_and_nobody_need_look_again() -> None:
    left = settled(pushed(seen={"default": HELD}), Outcomes(done={key_of(JOIN): Outcome.SYNCED}))
    assert (left.clean, left.due, left.tombstone, left.letters) == (True, None, "", {})
    assert left.fields[f"p:{key_of(JOIN)}"] == ""
    assert (left.fields["s:default:id"], left.fields["s:default:lists"]) == ("7", "3")
    assert left.history == [f"{key_of(JOIN)} synced"]


def test_a_contact_in_trouble_stays_dirty_and_remembers_since_when() -> None:
    left = settled(pushed(BUSY))
    assert (left.clean, left.due) == (False, 1)
    assert (left.fields["tries"], left.fields["failing"]) == ("1", stamp(NOW))
    again = settled(pushed(BUSY, contact=failing(3)))
    assert (again.fields["tries"], again.fields["failing"]) == ("4", stamp(NOW - 20 * HOUR))


def test_trouble_that_began_later_than_now_begins_now() -> None:
    ahead = pushed(BUSY, contact=failing(3, hours=-1))
    assert (ahead.failing, settled(ahead).fields["failing"]) == (stamp(NOW), stamp(NOW))


@pytest.mark.parametrize("error", [None, RateLimitedError("429", 1), AccountPausedError("paused", 30), REFUSED])
def test_only_trouble_of_its_own_counts_against_a_contact(error: SyncError | None) -> None:
    left = settled(pushed(*([error] if error else []), contact=failing(3)))
    assert (left.fields["tries"], left.fields["failing"]) == ("", "")


@pytest.mark.parametrize(("error", "crashes"), [(None, ""), (BUSY, ""), (PoisonedContactError("3 times"), "3")])
def test_crashes_are_forgotten_once_the_contact_was_pushed(error: SyncError | None, crashes: str) -> None:
    left = settled(pushed(*([error] if error else []), contact=contact_of(JOIN, crashes=3)))
    assert left.fields["crashes"] == crashes


def test_an_erasure_without_an_event_that_ended_workers_is_tried_again_in_an_hour() -> None:
    contact = contact_of(ERASURE, pending={}, crashes=3, unknown_since=stamp(NOW - HOUR))
    left = settled(pushed(PoisonedContactError("3 times"), contact=contact))
    assert (left.due, left.fields["crashes"], left.tombstone) == (3600, "", "")
    assert left.fields["unsure"] == stamp(NOW - HOUR)


def test_a_refused_event_becomes_a_letter_that_says_nothing_of_what_it_said() -> None:
    key = key_of(JOIN)
    left = settled(pushed(REFUSED), Outcomes(dead={key: REFUSED}))
    (letter_id, text) = left.letters[key]
    assert letter_id in text
    assert '"error": "RejectedContactError"' in text
    assert ADA not in text
    assert (left.clean, left.due) == (True, None)
    assert left.history == [f"{key} dead letter RejectedContactError"]


def test_letters_are_closed_by_what_made_up_for_them() -> None:
    later, replayed = key_of(JOIN), key_of(LEFT_ADDRESS)
    contact = contact_of(JOIN, LEFT_ADDRESS, dead={later: "a", replayed: "b"})
    left = settled(pushed(contact=contact), Outcomes(done={replayed: Outcome.SYNCED}, resolved=frozenset({later})))
    assert left.closed == {later: "reflected by a later push", replayed: "reflected"}


@pytest.mark.parametrize(
    ("unknown_since", "reported", "since", "due"),
    [
        pytest.param("", {}, "", None, id="never unknown"),
        pytest.param("", {"outcome_unknown": True}, stamp(NOW), 120, id="a request went unanswered"),
        pytest.param(stamp(NOW - 1), {}, stamp(NOW - 1), 60, id="it may still come"),
        pytest.param(stamp(NOW - 3), {}, "", None, id="verified after the quiet period"),
        pytest.param(stamp(NOW - 3), {"outcome_unknown": True}, stamp(NOW), 120, id="unanswered again"),
    ],
)
def test_after_an_unanswered_request_somebody_looks_once_more(
    unknown_since: str, reported: dict[str, Any], since: str, due: float | None
) -> None:
    left = settled(pushed(contact=contact_of(JOIN, unknown_since=unknown_since), **reported))
    assert (left.fields["unsure"], left.due) == (since, due)


@pytest.mark.parametrize(("minutes", "due"), [(1, 60), (3, None)])
def test_what_brevo_refuses_stays_unknown_and_after_the_quiet_period_waits_for_news(
    minutes: float, due: float | None
) -> None:
    left = settled(pushed(REFUSED, contact=contact_of(JOIN, unknown_since=stamp(NOW - minutes))))
    assert (left.fields["unsure"], left.due) == (stamp(NOW - minutes), due)


def test_what_was_noticed_is_looked_at_only_where_brevo_could_be_asked() -> None:
    contact = contact_of(JOIN, looks={"account-0": "3", "sports": "4"})
    assert settled(pushed(BUSY, contact=contact)).read_at == {"l:sports": "4"}


def test_what_events_reported_of_an_opt_out_is_forgotten_once_a_look_decided_or_its_block_ended() -> None:
    reported = {"default:hard_bounce": stamp(1), "default:list.3": stamp(2), "sports:list.5": stamp(3)}
    contact = contact_of(
        JOIN, looks={"default": "3"}, reported=reported, seen={"default": replace(HELD, block=blocked(1))}
    )
    still = pushed(contact=contact, seen={"default": replace(HELD, block=blocked(1))})
    assert settled(still).read_at == {"l:default": "3", "b:default:list.3": stamp(2)}
    over = pushed(contact=contact, seen={"default": HELD})
    assert settled(over).read_at == settled(still).read_at | {"b:default:hard_bounce": stamp(1)}


def test_addresses_left_behind_are_forgotten_once_they_were_looked_for() -> None:
    contact = contact_of(JOIN, LEFT_ADDRESS)
    assert settled(pushed(contact=contact)).fields[f"h:{ADA}"] == ""
    assert f"h:{ADA}" not in settled(pushed(BUSY, contact=contact)).fields
    assert f"h:{ADA}" not in settled(pushed(contact=contact, outcome_unknown=True)).fields


def test_an_erasure_is_complete_only_after_a_second_look() -> None:
    first = settled(pushed(contact=contact_of(JOIN, ERASURE), seen={"default": ERASED_AT_BREVO}))
    assert (first.tombstone, first.fields["unsure"], first.due) == ("", stamp(NOW), 120)
    contact = contact_of(JOIN, ERASURE, unknown_since=stamp(NOW - 3), seen={"default": ERASED_AT_BREVO})
    last = settled(pushed(contact=contact, seen={"default": ERASED_AT_BREVO}))
    assert (last.tombstone, last.erased_ids, last.due) == (stamp(3), {"default": [7]}, None)


def test_the_erasure_of_somebody_brevo_never_held_is_complete_at_once() -> None:
    left = settled(pushed(contact=contact_of(JOIN, ERASURE), seen={"default": RemoteState()}))
    assert (left.tombstone, left.erased_ids) == (stamp(3), {})


def test_what_is_left_of_an_erased_user_need_not_be_found_again() -> None:
    contact = contact_of(JOIN, LEFT_ADDRESS, ERASURE)
    left = settled(pushed(contact=contact, seen={"default": ERASED_AT_BREVO}))
    assert (left.fields["address"], left.fields[f"h:{ADA}"]) == ("", "")
    never_found = settled(pushed(contact=contact, seen={"default": RemoteState()}))
    assert "address" not in never_found.fields


@pytest.mark.parametrize(("error", "complete"), [(BUSY, False), (AddressBusyError("busy"), False), (REFUSED, True)])
def test_an_erasure_that_nobody_waits_for_ends_unless_its_trouble_may(error: SyncError, *, complete: bool) -> None:
    contact = Contact("u1", merged(ERASURE))
    assert bool(settled(pushed(error, contact=contact)).tombstone) is complete
    assert not settled(pushed(error, contact=replace(contact, pending={key_of(ERASURE): "1:0"}))).tombstone
    assert not settled(pushed(error, contact=replace(contact, dead={key_of(ERASURE): "x"}))).tombstone


def test_an_erasure_closes_every_letter_of_the_user() -> None:
    contact = contact_of(ERASURE, dead={key_of(JOIN): "a"})
    assert settled(pushed(contact=contact)).closed == {key_of(JOIN): "the user was erased"}


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (HELD, replace(HELD, id=9), "contact 7 gave way to 9"),
        (HELD, RemoteState(), "contact 7 is gone"),
        (HELD, replace(HELD, block=blocked(1, "complaint")), "blocklisted complaint"),
        (replace(HELD, block=blocked(1)), replace(HELD, block=blocked(1)), None),
        (RemoteState(), HELD, None),
        (None, HELD, None),
    ],
)
def test_what_happened_behind_our_back_is_in_the_history(
    before: RemoteState | None, after: RemoteState, line: str | None
) -> None:
    contact = contact_of(JOIN, seen={"default": before} if before else {})
    left = settled(pushed(contact=contact, seen={"default": after}))
    assert left.history == ([f"brevo:default:{stamp(NOW)} {line}"] if line else [])
