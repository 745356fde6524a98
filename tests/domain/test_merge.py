"""The first idea: a contact is a map of registers, and no order of events can bring an old wish back."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.events import Anonymize, Event, Unsubscribe, parse_event
from sync_tasks.domain.merge import merge, values_of
from sync_tasks.domain.registers import STAMP, SUBSCRIBED, UNSUBSCRIBED, resolve
from sync_tasks.domain.timestamps import stamp_of
from tests.support.histories import START, events
from tests.support.saying import (
    ADA,
    BEA,
    anonymize,
    contact_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)
from tests.support.saying import (
    merged as merged_here,
)

# An event, and whether it came with a moment of its own, or Redis' clock stamped it so.
Said = tuple[Event, bool]
HISTORIES = st.lists(st.tuples(events(), st.booleans()), max_size=8)


def merged(history: list[Said]) -> dict[str, str]:
    return reduce(merge_event, history, dict[str, str]())


def merge_event(state: dict[str, str], said: Said) -> dict[str, str]:
    event, reported = said
    return merge(state, stamp_of(event.occurred_at or START), values_of(event), reported=reported)


def wishes(registers: dict[str, str]) -> dict[str, str]:
    """What counts at Brevo: of an erased user only that, and never by which address somebody was looked for."""
    kept = {"erased"} if "erased" in registers else registers.keys()
    return {name: registers[name] for name in kept}


@given(history=HISTORIES, tolerance=st.integers(0, 4), data=st.data())
def test_any_order_and_repetition_of_a_history_ends_in_the_same_state(
    history: list[Said], tolerance: int, data: st.DataObject
) -> None:
    again = history + (data.draw(st.lists(st.sampled_from(history))) if history else [])
    shuffled = merged(data.draw(st.permutations(again)))
    assert wishes(shuffled) == wishes(merged(history))
    subscriptions = [Contact("u1", state, tolerance=tolerance).subscriptions() for state in (shuffled, merged(history))]
    assert subscriptions[0] == subscriptions[1]


@given(history=HISTORIES, reported=st.booleans())
def test_of_two_wishes_of_the_same_moment_the_unsubscription_wins(history: list[Said], *, reported: bool) -> None:
    state = merged(history)
    for name in [name for name in state if name.startswith("t:" if reported else "n:")]:
        tie = parse_event(
            Unsubscribe, {"user_id": "u1", "newsletter": name[2:], "occurred_at": _moment(state[name][:STAMP])}
        )
        assert merged([*history, (tie, reported)])[name] == state[name][:STAMP] + "u"


WISHES = st.sampled_from([SUBSCRIBED, UNSUBSCRIBED])
MICROSECONDS = st.integers(0, 20)


@given(
    own=st.lists(st.tuples(MICROSECONDS, WISHES), min_size=1),
    reported=st.lists(st.tuples(MICROSECONDS, WISHES), min_size=1),
    tolerance=st.integers(0, 10),
)
def test_of_two_clocks_the_newer_word_counts_and_an_opt_out_that_is_about_as_new(
    own: list[tuple[int, str]], reported: list[tuple[int, str]], tolerance: int
) -> None:
    """Each clock's own last word counts first, exactly; then what both say is compared with the tolerance."""
    first, second = texts = [max(f"{moment:016d}{wish}" for moment, wish in words) for words in (own, reported)]
    counts = resolve(first, second, tolerance)
    assert counts == resolve(second, first, tolerance)
    ends = [text for text in texts if text[STAMP:] == UNSUBSCRIBED and int(text[:STAMP]) > _newest(texts) - tolerance]
    assert counts[STAMP:] == (UNSUBSCRIBED if ends else max(texts)[STAMP:])


def _newest(texts: list[str]) -> int:
    return max(int(text[:STAMP]) for text in texts)


def _moment(stamp: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(stamp))


@given(before=HISTORIES, after=st.lists(st.tuples(events(erasing=False), st.booleans()), max_size=5))
def test_an_erasure_is_for_good_and_keeps_nothing_but_how_to_find_the_contact(
    before: list[Said], after: list[Said]
) -> None:
    erasure = parse_event(Anonymize, {"user_id": "u1", "occurred_at": START}), True
    state = merged([*before, erasure, *after])
    places = {name for name in state if name == "address" or name.startswith("h:")}
    assert state.keys() - places == {"erased"}
    assert wishes(state) == wishes(merged([*before, erasure]))


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (subscribe(1), {"address": ADA, "n:daily": "s"}),
        (subscribe(1, first_name="Ada"), {"address": ADA, "n:daily": "s", "a:first_name": '"Ada"'}),
        (update(1, last_name="Ø"), {"a:last_name": '"Ø"'}),
        (update(1, attributes={"city": None, "age": 3}), {"a:city": "null", "a:age": "3"}),
        (update(1, email=BEA, previous_email=ADA), {"address": BEA, f"h:{ADA}": ""}),
        (unsubscribe(1), {"n:daily": "u", "c:daily": "~"}),
        (unsubscribe(1, email=ADA), {"n:daily": "u", "c:daily": "~", f"h:{ADA}": ""}),
        (anonymize(1), {"erased": ""}),
        (anonymize(1, requested_by="ticket 4711"), {"erased": "ticket 4711"}),
        (anonymize(1, email=ADA), {"erased": "", f"h:{ADA}": ""}),
    ],
)
def test_an_event_speaks_of_its_own_fields_alone(event: Event, said: dict[str, str]) -> None:
    assert values_of(event) == said


def test_the_newest_word_per_field_wins_in_every_order() -> None:
    history = [subscribe(1, first_name="A."), update(2, first_name="Ada"), unsubscribe(3), subscribe(4, "weekly")]
    states = [merged_here(*order) for order in permutations(history)]
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


def test_the_address_of_an_opt_out_only_shows_where_to_look() -> None:
    contact = contact_of(subscribe(1, email=ADA), unsubscribe(2, email=BEA))
    assert (contact.address, contact.hints) == (ADA, (BEA,))


@pytest.mark.parametrize(
    "order", list(permutations([subscribe(1, first_name="Ada"), anonymize(2), update(3, email=BEA)]))
)
def test_an_erasure_beats_what_is_older_and_what_is_newer(order: tuple[Event, ...]) -> None:
    contact = contact_of(*order)
    assert contact.erased
    assert (contact.attributes(), contact.subscriptions()) == ({}, {})


def test_what_comes_late_of_an_erased_person_only_shows_where_to_look() -> None:
    before = contact_of(subscribe(2, email=ADA), anonymize(3))
    assert contact_of(subscribe(2, email=ADA), anonymize(3), update(1, email=BEA)).addresses == (ADA, BEA)
    assert contact_of(subscribe(2, email=ADA), anonymize(3), subscribe(1, email=ADA)).addresses == before.addresses
    assert contact_of(subscribe(2, email=ADA), anonymize(3), update(4, email=BEA)).addresses == before.addresses


def test_what_an_event_says_by_register() -> None:
    proof = {"source": "form", "version": "1", "at": "2026-03-01T00:00:00Z"}
    values = values_of(subscribe(1, consent=proof, first_name="Ádá"))
    assert values == {
        "address": ADA,
        "n:daily": "s",
        "c:daily": '{"source": "form", "version": "1", "at": "2026-03-01T00:00:00+00:00"}',
        "a:first_name": '"Ádá"',
    }
    assert values_of(unsubscribe(1, email=ADA)) == {f"h:{ADA}": "", "n:daily": "u", "c:daily": "~"}
    assert values_of(update(1, previous_email=ADA)) == {f"h:{ADA}": ""}
    assert values_of(anonymize(1, email=ADA, requested_by="they")) == {f"h:{ADA}": "", "erased": "they"}
    assert values_of(anonymize(1)) == {"erased": ""}


def test_the_address_of_today_is_no_further_one() -> None:
    assert merged_here(update(1, email=ADA, previous_email=ADA)) == {"address": f"{stamp(1)}{ADA}"}
    moved = merged_here(update(1, email=ADA), update(2, email=BEA))
    assert moved == {"address": f"{stamp(2)}{BEA}", f"h:{ADA}": "1"}
    assert merged_here(update(1, email=ADA), update(2, email=BEA), update(3, email=ADA)).keys() == {
        "address",
        f"h:{BEA}",
    }


def test_of_an_erased_person_late_events_bring_further_addresses_alone() -> None:
    erased = [subscribe(1), anonymize(5)]
    late = subscribe(3, email=BEA, first_name="Ada")
    assert merged_here(*erased, late) == {"address": f"{stamp(1)}{ADA}", "erased": stamp(5), f"h:{BEA}": "1"}
    assert merged_here(*erased, subscribe(3)) == merged_here(*erased, subscribe(6, email=BEA)) == merged_here(*erased)
    assert f"h:{BEA}" in merged_here(*erased, unsubscribe(5, email=BEA))
