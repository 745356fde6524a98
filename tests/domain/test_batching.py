"""Which steps go together in one request, from how many on, and under which names the others are found."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from sync_tasks.domain.batching import (
    BatchKind,
    Verb,
    batch_kind_of,
    found_since,
    import_size,
    is_findable,
    is_importable,
    pending_kinds_of,
    unanswered_kind_of,
    unmet_kind_of,
)
from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.diff import Change, NewContact
from sync_tasks.domain.planning import Erase, Read, Search, Step, Write
from tests.support.saying import (
    ACCOUNT,
    ADA,
    MAPPING,
    anonymize,
    blocked,
    contact_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)

VERBS: tuple[Verb, ...] = get_args(Verb)
THREE, FIVE, NO_LIST = frozenset({3}), frozenset({5}), frozenset[int]()
SIGN_UP, OPT_OUT, REPAIR = contact_of(subscribe(1)), contact_of(unsubscribe(1, email=ADA)), contact_of()


def kind(verb: Verb, lists: frozenset[int] = THREE) -> BatchKind:
    return BatchKind(verb, lists)


def new(**attributes: Any) -> NewContact:
    return NewContact(ADA, "u1", attributes, THREE)


def test_from_so_many_on_a_batch_pays() -> None:
    least = {"create": 10, "find": 10, "locate": 10, "verify": 1, "join": 2, "leave": 2, "look": 2, "read": 2}
    assert {verb: kind(verb).least for verb in VERBS} == least


def test_what_a_list_call_changes() -> None:
    assert kind("join").change == Change(join=THREE)
    assert kind("leave").change == Change(leave=THREE)


@pytest.mark.parametrize(
    ("step", "shown", "done"),
    [
        (kind("join"), THREE | FIVE, True),
        (kind("join"), THREE, True),
        (kind("join"), FIVE, False),
        (kind("join", THREE | FIVE), THREE, False),
        (kind("leave"), FIVE, True),
        (kind("leave"), THREE | FIVE, False),
        (kind("read"), NO_LIST, True),
        (kind("look"), THREE, False),
        (kind("create"), THREE, False),
    ],
)
def test_a_look_may_show_that_nothing_is_left_to_be_sent(step: BatchKind, shown: frozenset[int], *, done: bool) -> None:
    assert step.is_done_by(shown) is done


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (None, None),
        (new(FIRSTNAME="Ada"), kind("create")),
        (new(SMS="491"), None),
        (Write(7, Change(join=THREE)), kind("join")),
        (Write(7, Change(join=THREE | FIVE)), None),
        (Write(7, Change(join=THREE, ext_id="u1")), None),
        (Write(7, Change(join=THREE, attributes={"FIRSTNAME": "Ada"})), None),
        (Write(7, Change()), None),
        (Write(7, Change(leave=THREE)), kind("leave")),
        (Write(7, Change(leave=THREE | FIVE)), None),
        (Write(7, Change(leave=THREE, join=FIVE)), None),
        (Write(7, Change(leave=THREE, address=ADA)), None),
        (Write(7, Change(leave=THREE, blocklisted=False)), None),
        (Write(7, Change(leave=THREE, ext_id="u1", attributes={"X": True}, nulls=frozenset({"Y"}))), kind("leave")),
        (Read(7), kind("read", NO_LIST)),
        (Read(7, if_changed=True), kind("look", NO_LIST)),
        (Erase(7, written=True), kind("verify", NO_LIST)),
        (Erase(7), None),
        (Search((ADA,)), kind("locate", NO_LIST)),
        (Search((ADA,), by_ext_id=True), kind("find", NO_LIST)),
        (Search((ADA, "bea@example.com")), None),
        (Search(()), None),
        (Search(("ada@xn--mnchen-3ya.de",)), None),
        (Search(("ada@xn--mnchen-3ya.de",), by_ext_id=True), kind("find", NO_LIST)),
    ],
)
def test_the_kind_of_a_step(step: Step | None, found: BatchKind | None) -> None:
    assert batch_kind_of(step) == found


@pytest.mark.parametrize(
    ("attributes", "importable"),
    [
        ({}, True),
        ({"FIRSTNAME": "Ada", "VIP": False}, True),
        ({"VIP": True}, False),
        ({"FIRSTNAME": "Ada", "VIP": True}, False),
        ({"AGE": 1}, True),
        ({"SMS": ""}, True),
        ({"SMS": "491511"}, False),
        ({"WHATSAPP": "491511"}, False),
        ({"LANDLINE_NUMBER": "4930"}, False),
    ],
)
def test_an_import_creates_nobody_with_a_number_or_a_flag(attributes: dict[str, Any], *, importable: bool) -> None:
    assert is_importable(new(**attributes)) is importable


def test_the_size_of_an_import_leaves_out_what_is_not_sent() -> None:
    assert import_size(None) == import_size(Read(7)) == 0
    bare = len('["ada@example.com", "u1", {}]') + 60
    assert import_size(new()) == import_size(new(VIP=False)) == bare
    assert import_size(new(CITY="Rom")) == bare + len('"CITY": "Rom"')


@pytest.mark.parametrize(
    ("verb", "contact", "names"),
    [
        ("read", SIGN_UP, ["look:default", "update_contact", "unanswered"]),
        ("find", SIGN_UP, ["unknown"]),
        ("verify", SIGN_UP, ["erased"]),
        ("locate", SIGN_UP, ["unmet:update_contact"]),
        ("locate", OPT_OUT, ["unmet:unsubscribe_contact"]),
        ("join", REPAIR, ["repair:default:join:3"]),
        ("leave", REPAIR, ["repair:default:leave:3"]),
        ("join", SIGN_UP, ["all", "subscribe_contact:daily"]),
        ("create", SIGN_UP, ["all", "subscribe_contact:daily"]),
        ("leave", OPT_OUT, ["all", "unsubscribe_contact:daily"]),
        # The newsletters of the list stand in if no event leads to it.
        ("leave", SIGN_UP, ["all", "unsubscribe_contact:daily"]),
        ("join", contact_of(subscribe(1, "weekly")), ["all", "subscribe_contact:daily"]),
        ("join", contact_of(subscribe(1, "weekly"), subscribe(2)), ["all", "subscribe_contact:daily"]),
        ("look", contact_of(subscribe(1, "weekly"), update(2)), ["all", "subscribe_contact:weekly"]),
        ("look", OPT_OUT, ["all"]),
    ],
)
def test_under_which_names_others_are_found_who_need_the_same(verb: Verb, contact: Contact, names: list[str]) -> None:
    assert pending_kinds_of(kind(verb), MAPPING, replace(contact, wishes="all")) == names
    assert pending_kinds_of(kind(verb), MAPPING, contact) == [name for name in names if name != "all"]


RENAMED = replace(MAPPING, renamed={"old": "daily"})


@pytest.mark.parametrize(
    ("verb", "name"),
    [("join", "subscribe_contact:old"), ("leave", "unsubscribe_contact:daily"), ("look", "subscribe_contact:old")],
)
def test_an_event_is_found_under_the_slug_that_it_named(verb: Verb, name: str) -> None:
    contact = contact_of(subscribe(1, "unheard-of"), subscribe(1, "old"))
    assert pending_kinds_of(kind(verb), RENAMED, contact) == [name]


def test_several_lists_of_a_repair_are_named_in_order() -> None:
    both = kind("create", frozenset({10, 5, 3}))
    assert pending_kinds_of(both, MAPPING, REPAIR) == ["repair:default:create:3,5,10"]


def unknown(**known: Any) -> Contact:
    """Return a sign-up accepted at minute 4 and another at minute 2, perhaps created since."""
    events = subscribe(1), subscribe(2, "weekly")
    contact = contact_of(*events, unknown_since=stamp(9))
    pending = dict(zip(contact.pending, (f"1:{stamp(4)}", f"2:{stamp(2)}"), strict=True))
    return contact_of(*events, **{"unknown_since": stamp(9), "pending": pending, **known})


def test_a_creation_is_never_older_than_the_oldest_event() -> None:
    assert found_since(unknown()) == int(stamp(2))
    assert found_since(unknown(tries=1)) == int(stamp(2))


MOVED = update(2, previous_email="bea@example.com")


@pytest.mark.parametrize(
    "contact",
    [
        pytest.param(unknown(unknown_since=""), id="its outcome is known"),
        pytest.param(unknown(tries=2), id="looked for in vain"),
        pytest.param(unknown(dead=dict.fromkeys(SIGN_UP.pending, "letter")), id="with a dead letter"),
        pytest.param(contact_of(subscribe(1), unsubscribe(2), unknown_since=stamp(9)), id="it opts out"),
        pytest.param(contact_of(subscribe(1), MOVED, unknown_since=stamp(9)), id="it may have another address"),
        pytest.param(unknown(pending={}), id="without an event"),
    ],
)
def test_who_is_looked_for_alone(contact: Contact) -> None:
    assert found_since(contact) is None
    assert not is_findable(kind("find"), contact, ACCOUNT)


HELD = RemoteState(7, ADA, frozenset({3}))
BLOCKED = replace(HELD, block=blocked(1))


def unanswered(**known: Any) -> Contact:
    """Return a known contact that a request of unknown outcome was about."""
    return contact_of(subscribe(1), **{"unknown_since": stamp(9), "seen": {ACCOUNT: HELD}, **known})


@pytest.mark.parametrize(
    ("contact", "seen", "name"),
    [
        (SIGN_UP, {ACCOUNT: HELD}, "unanswered"),
        (SIGN_UP, {ACCOUNT: HELD, "other": RemoteState()}, "unanswered"),
        (SIGN_UP, {ACCOUNT: RemoteState()}, ""),
        (SIGN_UP, {}, ""),
        (SIGN_UP, {ACCOUNT: HELD, "other": BLOCKED}, ""),
        (contact_of(anonymize(1)), {ACCOUNT: HELD}, ""),
    ],
)
def test_whose_unknown_outcome_a_look_by_the_ids_shows(
    contact: Contact, seen: dict[str, RemoteState], name: str
) -> None:
    assert unanswered_kind_of(contact, seen) == name


@pytest.mark.parametrize(
    ("verb", "contact", "findable"),
    [
        ("find", unknown(), True),
        ("locate", SIGN_UP, True),
        ("locate", contact_of(subscribe(1), seen={ACCOUNT: RemoteState()}), False),
        ("locate", contact_of(subscribe(1), seen={"other": RemoteState()}), True),
        ("locate", contact_of(anonymize(1)), False),
        ("join", contact_of(anonymize(1)), True),
        ("read", unanswered(), True),
        ("read", unanswered(tries=1), True),
        ("read", unanswered(tries=2), False),
        ("read", unanswered(seen={ACCOUNT: BLOCKED}), False),
        ("read", unanswered(seen={ACCOUNT: BLOCKED}, unknown_since=""), True),
        ("read", unanswered(reported={f"{ACCOUNT}:complaint": stamp(1)}), False),
        ("read", unanswered(reported={"other:complaint": stamp(1)}), True),
    ],
)
def test_whom_pages_may_show(verb: Verb, contact: Contact, *, findable: bool) -> None:
    assert is_findable(kind(verb), contact, ACCOUNT) is findable


def test_opt_outs_of_unknown_people_have_an_index_of_their_own() -> None:
    assert unmet_kind_of(SIGN_UP) == "unmet:update_contact"
    assert unmet_kind_of(OPT_OUT) == unmet_kind_of(contact_of(anonymize(1))) == "unmet:unsubscribe_contact"
