"""What a look shows of opt-outs of single lists, of other systems' contacts and of erasures; what a change leaves."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED, FOREIGN, TAKEN, Change, desired_of, digest
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.opt_outs import mark_of
from sync_tasks.domain.remote_state import after_move, ended_of, is_erased_unknown, remote_state_of, still_guarded
from sync_tasks.ext_ids import ExtIds, erased_ext_id, make_token
from tests.support.saying import (
    ACCOUNT,
    ADA,
    BEA,
    MAPPING,
    anonymize,
    blocked,
    contact_of,
    stamp,
    subscribe,
    unsubscribe,
)

FLAG = "DAILY_UNSUBSCRIBED"
SHOWN = RemoteContact(7, ADA, "u1", frozenset({3}), {FLAG: False}, None)
READER = contact_of(subscribe(5))
BEFORE = RemoteState(7, ADA, frozenset({3}), absent_lists=frozenset({5}), read_at=stamp(6))
REPORTED = {f"{ACCOUNT}:list.3": stamp(8)}
TOKEN = make_token()
GONE = replace(SHOWN, address=f"deleted-{TOKEN}@deleted.example.com", ext_id=erased_ext_id(TOKEN))


def look(remote: RemoteContact = SHOWN, before: RemoteState | None = BEFORE, contact: Contact = READER) -> RemoteState:
    return remote_state_of(remote, contact, MAPPING, before, stamp(9))


@pytest.mark.parametrize(
    ("opted_out", "known", "before", "ended"),
    [
        pytest.param(None, {}, {}, {}, id="nothing shows one"),
        pytest.param({3: stamp(7)}, {}, {}, {3: stamp(7)}, id="it is shown"),
        pytest.param({99: stamp(7)}, {}, {}, {}, id="of a list that is not ours"),
        pytest.param({3: stamp(7)}, {}, {"skipped": frozenset({3})}, {}, id="it was shown before"),
        pytest.param({3: stamp(7)}, {}, {"ended": {3: stamp(9)}}, {3: stamp(9)}, id="a later one is known"),
        pytest.param({3: stamp(7)}, {}, {"ended": {5: stamp(2)}}, {3: stamp(7), 5: stamp(2)}, id="of two lists"),
        pytest.param(None, {"reported": REPORTED}, {}, {3: stamp(8)}, id="an event reported it"),
        pytest.param({3: stamp(7)}, {"reported": REPORTED}, {}, {3: stamp(8)}, id="an event knows the moment"),
        pytest.param(
            {3: stamp(7)},
            {"reported": REPORTED},
            {"skipped": frozenset({3})},
            {3: stamp(8)},
            id="a new event about a list that is skipped",
        ),
        pytest.param(None, {"reported": {"other:list.3": stamp(8)}}, {}, {}, id="an event of another account"),
    ],
)
def test_a_list_is_left_one_by_one_if_a_look_or_an_event_shows_it(
    opted_out: dict[int, str] | None, known: dict[str, Any], before: dict[str, Any], ended: dict[int, str]
) -> None:
    remote, seen = replace(SHOWN, opted_out=opted_out), replace(BEFORE, **before)
    assert ended_of(remote, replace(READER, **known), MAPPING, seen) == ended
    assert look(remote, seen, replace(READER, **known)).ended == ended


@pytest.mark.parametrize(("opted_out", "ended"), [(None, {}), ({3: stamp(7)}, {3: stamp(8)})])
def test_while_all_is_blocked_only_a_look_shows_that_one_list_was_meant(
    opted_out: dict[int, str] | None, ended: dict[int, str]
) -> None:
    remote = replace(SHOWN, block=blocked(8), opted_out=opted_out)
    assert ended_of(remote, replace(READER, reported=REPORTED), MAPPING, BEFORE) == ended


@pytest.mark.parametrize(
    ("contact", "mapping", "left"),
    [
        pytest.param(contact_of(subscribe(1), unsubscribe(8)), MAPPING, {}, id="the portal ended it since"),
        pytest.param(contact_of(subscribe(1), unsubscribe(7)), MAPPING, {3: stamp(7)}, id="at the same moment"),
        pytest.param(contact_of(unsubscribe(1)), MAPPING, {3: stamp(7)}, id="the portal ended it before"),
        pytest.param(contact_of(subscribe(8)), MAPPING, {3: stamp(7)}, id="subscribed since"),
        pytest.param(contact_of(unsubscribe(8, "weekly")), MAPPING, {3: stamp(7)}, id="of another newsletter"),
        pytest.param(
            contact_of(subscribe(1, "weekly"), subscribe(1), unsubscribe(8)),
            MAPPING,
            {},
            id="of one of two newsletters",
        ),
        pytest.param(
            contact_of(unsubscribe(8, "weekly")),
            replace(MAPPING, earlier={"weekly": frozenset({3})}),
            {},
            id="of the newsletter that had the list before",
        ),
    ],
)
def test_an_opt_out_is_forgotten_once_the_portal_itself_ended_that_subscription(
    contact: Contact, mapping: AccountMapping, left: dict[int, str]
) -> None:
    assert ended_of(replace(SHOWN, opted_out={3: stamp(7)}), contact, mapping, BEFORE) == left


@pytest.mark.parametrize(
    ("contact", "before", "value", "ended"),
    [
        pytest.param(READER, {}, True, {3: stamp(5)}, id="flagged"),
        pytest.param(
            READER, {"read_at": stamp(5)}, True, {3: stamp(5)}, id="subscribed at the moment of the last look"
        ),
        pytest.param(READER, {"read_at": stamp(4)}, True, {}, id="subscribed since the last look"),
        pytest.param(READER, {"id": 8}, True, {}, id="another contact"),
        pytest.param(READER, {"lists": frozenset()}, True, {}, id="it was not on the list"),
        pytest.param(READER, {"ended": {3: stamp(9)}}, True, {3: stamp(9)}, id="a later opt-out is known"),
        pytest.param(READER, {}, False, {}, id="not flagged"),
        pytest.param(READER, {}, "true", {}, id="no truth value"),
        pytest.param(contact_of(unsubscribe(5)), {}, True, {}, id="nothing is wished"),
        pytest.param(replace(READER, unknown_since=stamp(1)), {}, True, {}, id="perhaps we did it"),
    ],
)
def test_a_flag_on_a_list_that_the_state_believes_in_is_an_opt_out(
    contact: Contact, before: dict[str, Any], value: Json, ended: dict[int, str]
) -> None:
    remote = replace(SHOWN, attributes={FLAG: value})
    assert ended_of(remote, contact, MAPPING, replace(BEFORE, **before)) == ended


@pytest.mark.parametrize(
    ("ext_id", "before", "mark"),
    [
        ("shop-9", None, FOREIGN),
        ("shop-9", BEFORE, FOREIGN),
        ("shop-9", replace(BEFORE, digest="ours"), TAKEN),
        ("shop-9", replace(BEFORE, digest="ours", id=8), FOREIGN),
        ("shop-9", replace(BEFORE, digest=FOREIGN), FOREIGN),
        ("shop-9", replace(BEFORE, digest=TAKEN), TAKEN),
        ("portal-u1", replace(BEFORE, digest=TAKEN), None),
        (None, BEFORE, None),
    ],
)
def test_the_contact_of_another_system_is_marked_and_whether_it_was_ours(
    ext_id: str | None, before: RemoteState | None, mark: str | None
) -> None:
    mapping = replace(MAPPING, ext_ids=ExtIds("portal-{user_id}"))
    seen = remote_state_of(replace(SHOWN, ext_id=ext_id), READER, mapping, before, stamp(9))
    assert seen.digest == (mark or digest({FLAG: False}, ext_id))


@pytest.mark.parametrize(
    ("remote", "contact", "before", "erased"),
    [
        pytest.param(GONE, READER, None, True, id="never seen"),
        pytest.param(GONE, READER, BEFORE, True, id="it had another address"),
        pytest.param(GONE, READER, replace(BEFORE, address=GONE.address or ""), False, id="it had that address"),
        pytest.param(
            GONE, READER, replace(BEFORE, address=GONE.address or "", digest=ERASED), True, id="it was anonymized"
        ),
        pytest.param(replace(GONE, ext_id="u1"), READER, None, False, id="a placeholder of the user's own"),
        pytest.param(GONE, contact_of(anonymize(1)), None, False, id="the erasure is known"),
        pytest.param(SHOWN, READER, None, False, id="not anonymized"),
        pytest.param(replace(SHOWN, ext_id="u2"), READER, None, False, id="somebody else's, and not anonymized"),
    ],
)
def test_an_anonymized_contact_proves_an_erasure_that_the_state_does_not_know(
    remote: RemoteContact, contact: Contact, before: RemoteState | None, *, erased: bool
) -> None:
    assert is_erased_unknown(remote, contact, MAPPING, before) is erased
    assert (look(remote, before, contact).digest == ERASED) is erased


def test_during_a_hold_only_the_lists_that_the_contact_is_on_count() -> None:
    held = replace(READER, held=stamp(6))
    assert look(contact=held, before=None).digest == desired_of(held, MAPPING, BEFORE).digest
    assert look(replace(SHOWN, lists=frozenset()), None, held).digest == digest({}, "u1")


def test_what_a_look_does_not_say_is_kept_of_the_same_contact() -> None:
    kept = replace(BEFORE, skipped=frozenset({5}), otherwise=("a", "b"), unblocked=stamp(1), bounced={"m": stamp(1)})
    seen = look(before=kept)
    assert (seen.skipped, seen.otherwise) == (frozenset({5}), ("a", "b"))
    assert (seen.unblocked, seen.bounced) == (stamp(1), {"m": stamp(1)})
    assert look(replace(SHOWN, id=8), kept).otherwise == ()
    assert look(replace(SHOWN, opted_out={3: stamp(7), 99: stamp(7)}), kept).skipped == {3}
    assert look(replace(SHOWN, address=None)).address == ""


def test_what_brevo_made_of_our_values_is_as_good_as_they_are() -> None:
    odd = replace(SHOWN, attributes={FLAG: "no"})
    wanted, shown = desired_of(READER, MAPPING).digest, digest({FLAG: "no"}, "u1")
    assert look(odd).digest == shown
    assert look(odd, replace(BEFORE, otherwise=(wanted, shown))).digest == wanted
    assert look(odd, replace(BEFORE, otherwise=(wanted, "another"))).digest == shown


@pytest.mark.parametrize(
    ("before", "foreign"),
    [
        ({}, {5}),
        ({"absent_lists": frozenset[int]()}, set()),
        ({"absent_lists": frozenset[int](), "foreign_lists": frozenset({5})}, {5}),
        ({"id": 8}, set()),
    ],
)
def test_a_list_that_somebody_else_put_it_on_since_is_foreign(before: dict[str, Any], foreign: set[int]) -> None:
    seen = look(replace(SHOWN, lists=frozenset({3, 5})), replace(BEFORE, **before))
    assert seen.foreign_lists == foreign


def test_a_block_that_ended_is_no_edit_of_lists() -> None:
    wanted = desired_of(contact_of(subscribe(1)), MAPPING)
    before = RemoteState(7, ADA, digest=wanted.digest, block=blocked(2), read_at=stamp(3))
    remote = replace(SHOWN, address=BEA, lists=frozenset())
    assert look(remote, before, contact_of(subscribe(1))).edited == {"address"}


OF_ADA = {mark_of(ADA): stamp(2)}
BOUNCE = blocked(2, "hard_bounce")


@pytest.mark.parametrize(
    ("seen", "guarded", "left"),
    [
        (BEFORE, None, None),
        (BEFORE, blocked(2), blocked(2)),
        (replace(BEFORE, block=blocked(2)), blocked(2), None),
        (replace(BEFORE, bounced=OF_ADA), BOUNCE, BOUNCE),
        (replace(BEFORE, bounced={mark_of(BEA): stamp(2)}), BOUNCE, None),
        (replace(BEFORE, bounced={mark_of(BEA): stamp(2)}), blocked(5, "hard_bounce"), blocked(5, "hard_bounce")),
    ],
)
def test_a_block_stays_guarded_until_it_is_seen_or_ends_with_its_address(
    seen: RemoteState, guarded: Block | None, left: Block | None
) -> None:
    assert still_guarded(seen, READER, guarded) == left
    assert still_guarded(seen, contact_of(), guarded) == (None if seen.block else guarded)


def test_whoever_joins_a_list_is_on_it_again_and_whoever_leaves_it_is_off() -> None:
    numbers = frozenset({3, 5, 8})
    seen = RemoteState(
        7,
        lists=frozenset({3}),
        absent_lists=frozenset({5, 6}),
        foreign_lists=numbers,
        former=numbers,
        ended={3: stamp(1), 5: stamp(2)},
        skipped=numbers,
    )
    assert after_move(seen, Change(join=frozenset({5}), leave=frozenset({3}))) == RemoteState(
        7,
        lists=frozenset({5}),
        absent_lists=frozenset({3, 6}),
        foreign_lists=frozenset({5, 8}),
        former=frozenset({5, 8}),
        ended={3: stamp(1)},
        skipped=frozenset({3, 8}),
    )
