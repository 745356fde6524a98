"""What we know of one user: what is no wish any more, what is overtaken, and what its contact at Brevo leaves."""

import json
import re
from dataclasses import replace

import pytest

from sync_tasks.domain.contact import Block, Contact, EventKey, RemoteContact, RemoteState
from sync_tasks.domain.events import Event
from tests.support.saying import (
    ADA,
    BEA,
    anonymize,
    contact_of,
    key_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)


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
    assert "ada" not in re.sub("0x[0-9a-f]+", "", shown).lower()
    assert json.dumps("Ada") not in shown


@pytest.mark.parametrize(
    ("since", "stepped", "now", "left"),
    [
        (10, None, 12, 118.0),
        (10, None, 200, -70.0),
        # The clock was put back: it begins anew.
        (3600, None, 5, 120.0),
        # It is behind still, for longer than the period.
        (5, 3600, 130, -5.0),
        # It was put forth again, a moment later.
        (5, 3600, 3612, 108.0),
        (5, 3600, 3800, -80.0),
    ],
)
def test_a_quiet_period_is_over_by_each_clock(since: int, stepped: int | None, now: int, left: float) -> None:
    contact = Contact("u1", unknown_since=stamp(since / 60), stepped=stamp(stepped / 60) if stepped else "")
    assert contact.quiet_left(stamp(now / 60), 120.0) == pytest.approx(left, abs=0.01)


def test_a_clock_put_back_is_remembered_until_the_outcome_is_known() -> None:
    contact = Contact("u1", unknown_since=stamp(3600))
    unsettled = contact.not_known_since(stamp(5), stamp(5))
    assert (unsettled.unknown_since, unsettled.stepped) == (stamp(5), stamp(3600))
    assert unsettled.not_known_since(stamp(5), stamp(9)).stepped == stamp(3600)
    assert not unsettled.not_known_since("", stamp(9)).stepped
    assert not contact.not_known_since(stamp(3600), stamp(3700)).stepped


def test_two_clocks_may_differ_by_half_a_minute_and_no_more() -> None:
    ended = f"{stamp(0)}u"
    for seconds, subscribed in ((29.999, False), (30, True), (-29.999, False), (-30, False)):
        for names in (("n:daily", "t:daily"), ("t:daily", "n:daily")):
            texts = f"{stamp(seconds / 60)}s", ended
            contact = Contact("u1", dict(zip(names, texts, strict=True)))
            assert contact.subscriptions()["daily"][1] is subscribed


def test_of_several_slugs_of_a_newsletter_each_clock_has_one_last_word() -> None:
    said = {"n:a": f"{stamp(1)}s", "n:b": f"{stamp(3)}u", "t:a": f"{stamp(9)}s", "t:b": f"{stamp(5)}u"}
    assert Contact("u1", said).subscription(["a", "b"]) == (stamp(9), True)
    own = {name: text for name, text in said.items() if name.startswith("n:")}
    assert Contact("u1", own).subscription(["a", "b"]) == (stamp(3), False)
    assert Contact("u1", own).subscription(["c"]) is None


def test_an_address_left_at_brevo_is_no_hint_any_more_and_others_are() -> None:
    contact = contact_of(subscribe(1), update(2, email=BEA), update(3, previous_email="eve@example.com"))
    assert contact.hints == (ADA, "eve@example.com")
    left = contact.left(ADA)
    assert (left.hints, left.address) == (("eve@example.com",), BEA)
    assert contact.left(BEA) == contact
    assert contact.searched.hints == ()


def test_what_an_account_reported_is_known_by_kind_and_by_list() -> None:
    reported = {
        "default:unsubscribed": stamp(1),
        "default:hard_bounce": stamp(2),
        "default:odd": stamp(3),
        "default:list.3": stamp(4),
        "default:list.x": stamp(5),
        "default:3": stamp(6),
        "another:complaint": stamp(7),
        "another:list.5": stamp(8),
    }
    contact = Contact("u1", reported=reported)
    assert contact.opt_outs("default") == {"unsubscribed": stamp(1), "hard_bounce": stamp(2)}
    assert contact.list_opt_outs("default") == {3: stamp(4)}
    assert (contact.opt_outs("another"), contact.list_opt_outs("another")) == (
        {"complaint": stamp(7)},
        {5: stamp(8)},
    )
    assert not contact.opt_outs("nobody")
    assert not contact.list_opt_outs("nobody")


@pytest.mark.parametrize(
    ("text", "moment"), [(f"7:{stamp(2)}", int(stamp(2))), ("7", None), ("7:", None), ("7:x", None), ("", None)]
)
def test_an_event_says_when_it_was_accepted_if_its_release_noted_it(text: str, moment: int | None) -> None:
    assert contact_of(pending={key_of(SUBSCRIBED): text}).accepted_at(key_of(SUBSCRIBED)) == moment
    assert contact_of().accepted_at(key_of(SUBSCRIBED)) is None


@pytest.mark.parametrize(
    ("event", "others", "contradicted"),
    [
        (SUBSCRIBED, [], False),
        (SUBSCRIBED, [unsubscribe(2)], True),
        (SUBSCRIBED, [unsubscribe(2, "weekly")], False),
        (SUBSCRIBED, [unsubscribe(2), subscribe(3)], False),
        (OPTED_OUT, [], False),
        (OPTED_OUT, [subscribe(2)], True),
        (UPDATED, [unsubscribe(2)], False),
        (SUBSCRIBED, [anonymize(2)], False),
    ],
)
def test_an_event_is_contradicted_by_the_opposite_word_alone(
    event: Event, others: list[Event], *, contradicted: bool
) -> None:
    assert contact_of(event, *others).contradicted(key_of(event)) is contradicted


def test_what_was_looked_up_of_a_contact_belongs_to_it_alone() -> None:
    one, other = contact_of(SUBSCRIBED), contact_of(SUBSCRIBED)
    assert one.registers_of(key_of(SUBSCRIBED)) == {"address", "t:daily"}
    assert one == other
    assert replace(one, registers={}).registers_of(key_of(SUBSCRIBED)) == frozenset()
    assert (one.tries, one.crashes, one.rev) == (0, 0, "0")
