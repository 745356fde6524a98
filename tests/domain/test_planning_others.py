"""The next request for contacts that are not ours, for lists of before, and for people of whom little is known."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.diff import ERASED, FOREIGN, TAKEN, Change, desired_of
from sync_tasks.domain.events import Event
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.domain.planning import (
    Read,
    Search,
    SyncView,
    Write,
    after_write,
    concerns,
    next_step,
    view_of_nobody,
    without_lists,
)
from sync_tasks.errors import ErasedAtBrevoError, ForeignContactError
from tests.support.saying import (
    ACCOUNT,
    ADA,
    MAPPING,
    anonymize,
    blocked,
    contact_of,
    key_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)

NOBODY = RemoteState()
READER = contact_of(subscribe(1))
LEFT = contact_of(subscribe(1), unsubscribe(3))
FLAGS = {"DAILY_UNSUBSCRIBED": True}
ON = RemoteState(7, ADA, frozenset({3}), absent_lists=frozenset({5}), read_at=stamp(2))
OFF = replace(ON, lists=frozenset(), absent_lists=frozenset({3, 5}))


def agreed(seen: RemoteState, contact: Contact, mapping: AccountMapping = MAPPING) -> RemoteState:
    return replace(seen, digest=desired_of(contact, mapping, seen).digest)


@pytest.mark.parametrize(
    ("digest", "lists", "unknown", "step"),
    [
        (TAKEN, {3, 9}, False, Write(7, Change(leave=frozenset({3, 9}), attributes=FLAGS))),
        (TAKEN, set(), False, None),
        (TAKEN, {3}, True, Read(7)),
        (FOREIGN, {3}, True, Read(7)),
        (FOREIGN, {3}, False, None),
    ],
)
def test_an_erasure_only_takes_another_systems_contact_off_our_lists(
    digest: str, lists: set[int], step: object, *, unknown: bool
) -> None:
    view = SyncView(RemoteState(7, ADA, frozenset(lists), digest), outcome_unknown=unknown)
    assert next_step(contact_of(anonymize(1)), MAPPING, view) == step


@pytest.mark.parametrize("digest", [TAKEN, FOREIGN])
def test_an_opt_out_only_takes_another_systems_contact_off_its_list(digest: str) -> None:
    seen = replace(ON, digest=digest)
    leave = Write(7, Change(leave=frozenset({3}), attributes=FLAGS))
    assert next_step(LEFT, MAPPING, SyncView(seen)) == leave
    assert next_step(LEFT, MAPPING, SyncView(seen, guarded=blocked(9))) == leave
    assert next_step(LEFT, MAPPING, SyncView(replace(OFF, digest=digest))) is None
    with pytest.raises(ForeignContactError, match="Brevo's contact 7 "):
        next_step(READER, MAPPING, SyncView(seen))
    assert next_step(READER, MAPPING, SyncView(seen, outcome_unknown=True)) == Read(7)


def test_a_contact_that_we_anonymized_is_never_written_to_for_a_living_user() -> None:
    with pytest.raises(ErasedAtBrevoError) as caught:
        next_step(READER, MAPPING, SyncView(replace(ON, digest=ERASED)))
    assert str(caught.value) == (
        "Brevo's contact 7 was anonymized by us, and the state knows of no erasure; nothing was changed: send an "
        "`anonymize_contact` if the user was deleted"
    )
    assert next_step(READER, MAPPING, SyncView(replace(ON, digest=ERASED), outcome_unknown=True)) == Read(7)


@pytest.mark.parametrize(
    ("contact", "created"),
    [
        pytest.param(READER, True, id="a reader"),
        pytest.param(contact_of(update(1, email=ADA)), False, id="who reads nothing"),
        pytest.param(replace(READER, address_taken=True), False, id="whose address another user has"),
        pytest.param(contact_of(subscribe(1), unsubscribe(2, "weekly")), False, id="who opts out of another list"),
        pytest.param(contact_of(subscribe(1), anonymize(2)), False, id="who is erased"),
    ],
)
def test_whoever_is_gone_is_created_if_nothing_ends_and_else_searched_for(contact: Contact, *, created: bool) -> None:
    view = SyncView(NOBODY, fresh=True) if created else SyncView(None, outcome_unknown=True)
    assert view_of_nobody(contact, MAPPING, NOBODY) == view


def test_what_ended_at_brevo_creates_nobody() -> None:
    ended = RemoteState(ended_up_to=stamp(1))
    assert view_of_nobody(READER, MAPPING, ended) == SyncView(None, outcome_unknown=True)


DEPARTED = replace(MAPPING, earlier={"moved": frozenset({8}), "daily": frozenset({9})})


@pytest.mark.parametrize(
    ("event", "known", "concerned"),
    [
        (unsubscribe(1, "moved"), {}, True),
        (subscribe(1, "moved"), {}, False),
        (unsubscribe(1, "elsewhere"), {}, False),
        (unsubscribe(1, "moved"), {"seen": {ACCOUNT: NOBODY}}, False),
        (unsubscribe(1, "daily"), {"seen": {ACCOUNT: NOBODY}}, True),
    ],
)
def test_an_account_may_hold_whoever_left_a_newsletter_that_moved_away(
    event: Event, known: dict[str, Any], *, concerned: bool
) -> None:
    assert concerns(contact_of(event, **known), ACCOUNT, DEPARTED) is concerned


def test_an_address_beyond_ascii_is_searched_for_before_anybody_is_created() -> None:
    contact = contact_of(subscribe(1, email="ada@münchen.de"))
    assert next_step(contact, MAPPING, SyncView()) == Search(("ada@xn--mnchen-3ya.de",))


BEFORE = replace(MAPPING, earlier={"daily": frozenset({8})})


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        pytest.param(ON, Read(7), id="perhaps on a list of before"),
        pytest.param(replace(ON, absent_lists=frozenset({5, 8})), None, id="known to be off"),
        pytest.param(
            replace(ON, lists=frozenset({3, 8})), Write(7, Change(leave=frozenset({8}))), id="known to be on it"
        ),
    ],
)
def test_nobody_stays_on_a_list_that_a_newsletter_had_before(seen: RemoteState, step: object) -> None:
    # Nothing but the list of before differs.
    known = agreed(replace(seen, read_at=stamp(9)), READER, BEFORE)
    assert next_step(READER, BEFORE, SyncView(known)) == step
    assert next_step(READER, BEFORE, SyncView(known, fresh=True)) == (step if isinstance(step, Write) else None)


def test_an_opt_out_at_brevo_must_be_known_before_somebody_leaves_a_list_that_moved_away() -> None:
    moved = replace(MAPPING, earlier={"moved": frozenset({8})})
    seen = agreed(replace(ON, lists=frozenset({3, 8}), read_at=stamp(9)), READER, moved)
    assert next_step(READER, moved, SyncView(seen)) == Read(7)
    assert next_step(READER, moved, SyncView(seen, fresh=True)) == Write(7, Change(leave=frozenset({8})))


@pytest.mark.parametrize(
    ("manual", "by_hand", "step"),
    [(False, False, None), (True, False, Read(7)), (False, True, Read(7)), (True, True, Read(7))],
)
def test_an_opt_out_of_a_list_managed_by_hand_looks_first(step: object, *, manual: bool, by_hand: bool) -> None:
    newsletters = {**MAPPING.newsletters, "daily": Subscribable(3, "DAILY_UNSUBSCRIBED", manual=by_hand)}
    mapping = replace(MAPPING, newsletters=newsletters)
    left = contact_of(unsubscribe(3), manual=manual)
    seen = agreed(replace(OFF, read_at=stamp(9)), left, mapping)
    assert next_step(left, mapping, SyncView(seen)) == step


@pytest.mark.parametrize(
    ("accepted", "read_at", "looks"),
    [
        (f"1:{stamp(4)}", stamp(3), True),
        (f"1:{stamp(4)}", stamp(4), False),
        (f"1:{stamp(2)}", stamp(2.5), False),
        # An older release noted no moment: that of the event counts.
        ("1", stamp(2), True),
        ("1", stamp(3), False),
        ("1", "", True),
    ],
)
def test_an_opt_out_looks_again_if_it_was_accepted_after_the_last_look(
    accepted: str, read_at: str, *, looks: bool
) -> None:
    left = contact_of(unsubscribe(3), pending={key_of(unsubscribe(3)): accepted})
    seen = agreed(replace(OFF, read_at=read_at), left)
    assert next_step(left, MAPPING, SyncView(seen)) == (Read(7, if_changed=True) if looks else None)


def test_a_list_that_the_account_lacks_is_nowhere() -> None:
    numbers, left = frozenset({3, 5}), frozenset({5})
    parts = ("lists", "foreign_lists", "absent_lists", "skipped", "former", "foreign")
    view = SyncView(RemoteState(7, ADA, **dict.fromkeys(parts, numbers)), fresh=True)  # type: ignore[arg-type]
    expected = RemoteState(7, ADA, **dict.fromkeys(parts, left))  # type: ignore[arg-type]
    assert without_lists(view, frozenset({3})) == SyncView(expected, fresh=True)
    assert without_lists(view, frozenset()) is view
    assert without_lists(unseen := SyncView(), frozenset({3})) is unseen


def test_a_change_of_a_contact_never_seen_is_known_afterwards() -> None:
    wanted = desired_of(READER, MAPPING)
    after = after_write(SyncView(), Change(ext_id="u1", join=frozenset({3})), wanted)
    assert after == SyncView(RemoteState(lists=frozenset({3}), digest=wanted.digest), fresh=True)
