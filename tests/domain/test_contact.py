"""What we know of one user: the newest word per field wins, ties unsubscribe, an erasure is for good."""

import json
from dataclasses import replace
from itertools import permutations

import pytest

from sync_tasks.domain.contact import Block, Contact, EventKey, RemoteContact, RemoteState
from sync_tasks.domain.events import Event
from sync_tasks.domain.merge import values_of
from sync_tasks.state.codec import dump_seen, load_contact
from tests.support.saying import (
    ACCOUNT,
    ADA,
    BEA,
    anonymize,
    blocked,
    contact_of,
    key_of,
    merged,
    stamp,
    subscribe,
    unsubscribe,
    update,
)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (subscribe(1), {"address": ADA, "n:daily": "s"}),
        (subscribe(1, first_name="Ada"), {"address": ADA, "n:daily": "s", "a:first_name": '"Ada"'}),
        (update(1, last_name="Ø"), {"a:last_name": '"Ø"'}),
        (update(1, attributes={"city": None, "age": 3}), {"a:city": "null", "a:age": "3"}),
        (update(1, email=BEA, previous_email=ADA), {"address": BEA, f"h:{ADA}": ""}),
        (unsubscribe(1), {"n:daily": "u"}),
        (unsubscribe(1, email=ADA), {"n:daily": "u", f"h:{ADA}": ""}),
        (anonymize(1), {"erased": ""}),
        (anonymize(1, email=ADA), {"erased": "", f"h:{ADA}": ""}),
    ],
)
def test_an_event_speaks_of_its_own_fields_alone(event: Event, said: dict[str, str]) -> None:
    assert values_of(event) == said


def test_the_newest_word_per_field_wins_in_every_order() -> None:
    history = [subscribe(1, first_name="A."), update(2, first_name="Ada"), unsubscribe(3), subscribe(4, "weekly")]
    states = [merged(*order) for order in permutations(history)]
    assert all(state == states[0] for state in states)
    contact = contact_of(*history)
    assert contact.attributes() == {"first_name": "Ada"}
    assert contact.subscriptions() == {"daily": (stamp(3), False), "weekly": (stamp(4), True)}


@pytest.mark.parametrize("order", list(permutations([subscribe(1), unsubscribe(1)])))
def test_of_a_tie_the_unsubscription_is_left(order: tuple[Event, ...]) -> None:
    assert contact_of(*order).subscriptions() == {"daily": (stamp(1), False)}


@pytest.mark.parametrize("order", list(permutations([update(1, first_name="A"), update(1, first_name="B")])))
def test_any_other_tie_ends_alike_everywhere(order: tuple[Event, ...]) -> None:
    assert contact_of(*order).attributes() == {"first_name": "B"}


@pytest.mark.parametrize("order", list(permutations([subscribe(1, email=ADA), update(2, email=BEA)])))
def test_an_address_that_was_left_is_still_one_to_look_for(order: tuple[Event, ...]) -> None:
    contact = contact_of(*order)
    assert (contact.address, contact.addresses, contact.hints) == (BEA, (BEA, ADA), (ADA,))
    assert contact.searched.addresses == (BEA,)


def test_who_comes_back_to_an_address_need_not_be_looked_for_there() -> None:
    assert contact_of(subscribe(1, email=ADA), update(2, email=BEA), update(3, email=ADA)).addresses == (ADA, BEA)


def test_the_address_of_an_opt_out_only_tells_where_to_look() -> None:
    contact = contact_of(subscribe(1, email=ADA), unsubscribe(2, email=BEA))
    assert (contact.address, contact.hints) == (ADA, (BEA,))


@pytest.mark.parametrize(
    "order", list(permutations([subscribe(1, first_name="Ada"), anonymize(2), update(3, email=BEA)]))
)
def test_an_erasure_beats_what_is_older_and_what_is_newer(order: tuple[Event, ...]) -> None:
    contact = contact_of(*order)
    assert contact.erased
    assert (contact.attributes(), contact.subscriptions()) == ({}, {})


def test_what_comes_late_of_an_erased_person_only_tells_where_to_look() -> None:
    before = contact_of(subscribe(2, email=ADA), anonymize(3))
    assert contact_of(subscribe(2, email=ADA), anonymize(3), update(1, email=BEA)).addresses == (ADA, BEA)
    assert contact_of(subscribe(2, email=ADA), anonymize(3), subscribe(1, email=ADA)).addresses == before.addresses
    assert contact_of(subscribe(2, email=ADA), anonymize(3), update(4, email=BEA)).addresses == before.addresses


def test_what_an_operator_gave_up_is_no_wish_until_a_newer_event_comes() -> None:
    given_up = {"t:daily": stamp(1), "address": stamp(1)}
    contact = contact_of(subscribe(1), given_up=given_up)
    assert (contact.subscriptions(), contact.address) == ({}, None)
    again = contact_of(subscribe(1), subscribe(2), given_up=given_up)
    assert (again.subscriptions(), again.address) == ({"daily": (stamp(2), True)}, ADA)


SUBSCRIBED, UPDATED, OPTED_OUT = subscribe(1), update(1, first_name="Ada"), unsubscribe(1)


@pytest.mark.parametrize(
    ("event", "later", "overtaken"),
    [
        (SUBSCRIBED, [], False),
        (SUBSCRIBED, [unsubscribe(2)], True),
        (SUBSCRIBED, [subscribe(2, "weekly")], False),
        (SUBSCRIBED, [update(2, email=BEA)], False),
        (OPTED_OUT, [], False),
        (OPTED_OUT, [subscribe(2)], True),
        (UPDATED, [], False),
        (UPDATED, [update(2, first_name="Bea")], True),
        (UPDATED, [update(2, last_name="Bea")], False),
        (UPDATED, [anonymize(2)], True),
        (anonymize(1), [subscribe(2)], False),
    ],
)
def test_an_event_is_overtaken_once_nothing_of_its_wish_is_left(
    event: Event, later: list[Event], *, overtaken: bool
) -> None:
    assert contact_of(event, *later).overtaken(key_of(event)) is overtaken


def test_an_event_has_a_name_that_says_nothing_of_what_it_said() -> None:
    key = key_of(subscribe(1, first_name="Ada"))
    assert str(key) == f"subscribe_contact:daily:{stamp(1)}"
    assert EventKey.parse(str(key)) == key
    assert key.shown == {"newsletter": "daily", "occurred_at": "2026-03-01T00:01:00+00:00"}
    assert key_of(update(1)).shown == {"occurred_at": "2026-03-01T00:01:00+00:00"}


SEEN = [
    RemoteState(),
    RemoteState(7, ADA, frozenset({3, 5}), "d1ge57", blocked(1), stamp(2), frozenset({8, 9}), stamp(3)),
    RemoteState(ended_up_to=stamp(2)),
    RemoteState(id=7, lists=frozenset({3, 5}), foreign_lists=frozenset({5}), absent_lists=frozenset({7, 9})),
]


@pytest.mark.parametrize("seen", SEEN)
def test_what_brevo_is_known_to_hold_survives_redis(seen: RemoteState) -> None:
    stored = {name: text for name, text in dump_seen(ACCOUNT, seen).items() if text}
    assert load_contact("u1", stored).seen == {ACCOUNT: seen}


def test_accounts_are_kept_apart() -> None:
    stored = dump_seen("sports", RemoteState(7, ADA)) | dump_seen("news", RemoteState(8, BEA))
    seen = load_contact("u1", stored).seen
    assert {name: known.id for name, known in seen.items()} == {"sports": 7, "news": 8}


def test_a_contact_is_read_from_its_fields() -> None:
    event = key_of(subscribe(1))
    stored = {
        **merged(subscribe(1, first_name="Ada"), update(2, email=BEA)),
        "g:n:daily": stamp(1),
        f"p:{event}": "1:0",
        f"d:{event}": "letter",
        "l:default": "4",
        "b:default:complaint": stamp(3),
        "rev": "4",
        "tries": "2",
        "crashes": "1",
        "unsure": stamp(4),
        "failing": stamp(5),
        "lease": "somebody's",
    }
    contact = load_contact("u1", stored, address_taken=True)
    known = contact_of(subscribe(1, first_name="Ada"), update(2, email=BEA))
    assert contact == replace(
        known,
        given_up={"n:daily": stamp(1)},
        pending={event: "1:0"},
        dead={event: "letter"},
        looks={"default": "4"},
        told={"default:complaint": stamp(3)},
        rev="4",
        tries=2,
        crashes=1,
        unknown_since=stamp(4),
        failing=stamp(5),
        address_taken=True,
    )
    assert (contact.opt_outs("default"), contact.opt_outs("sports")) == ({"complaint": stamp(3)}, {})


GONE = frozenset({"deleted"})


@pytest.mark.parametrize(
    ("seen", "left"),
    [
        (RemoteState(7, ADA, frozenset({3})), RemoteState(edited=GONE)),
        (
            RemoteState(7, ADA, block=Block("unsubscribed", stamp(2)), ended_up_to=stamp(1)),
            RemoteState(ended_up_to=stamp(2), edited=GONE),
        ),
        (
            RemoteState(7, ADA, block=Block("unsubscribed", stamp(1)), ended_up_to=stamp(2)),
            RemoteState(ended_up_to=stamp(2), edited=GONE),
        ),
        (
            RemoteState(7, ADA, extra_contact_ids=frozenset({9})),
            RemoteState(extra_contact_ids=frozenset({9}), edited=GONE),
        ),
        (RemoteState(7, ADA, unblocked=stamp(4)), RemoteState(ended_up_to=stamp(4), edited=GONE)),
        (RemoteState(edited=GONE), RemoteState(edited=GONE)),
    ],
)
def test_a_contact_that_brevo_lost_leaves_its_opt_out_with_us(seen: RemoteState, left: RemoteState) -> None:
    assert seen.forgotten == left


def test_nothing_known_of_a_person_shows_where_it_is_printed() -> None:
    remote = RemoteContact(7, ADA, "u1", frozenset({3}), {"FIRSTNAME": "Ada"}, None)
    shown = f"{contact_of(subscribe(1, first_name='Ada'))!r} {RemoteState(7, ADA)!r} {remote!r} {Contact('u1')!r}"
    assert "ada" not in shown.lower()
    assert json.dumps("Ada") not in shown
