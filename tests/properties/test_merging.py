"""The first idea: a contact is a map of registers, and no order of events can bring an old wish back."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.contacts import STAMP, merge, values_of
from sync_tasks.events import Anonymize, Event, Unsubscribe, Update, parse_event, stamp_of
from sync_tasks.store import Store
from tests.properties.histories import START, events

HISTORIES = st.lists(events(), max_size=8)
shared_redis = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def merged(history: list[Event]) -> dict[str, str]:
    return reduce(
        lambda state, event: merge(state, stamp_of(event.occurred_at or START), values_of(event)), history, {}
    )


def wishes(registers: dict[str, str]) -> dict[str, str]:
    """What counts at Brevo: of an erased user only that, and never by which address somebody was looked for."""
    kept = {"erased"} if "erased" in registers else registers.keys()
    return {name: registers[name] for name in kept}


@given(history=HISTORIES, data=st.data())
def test_any_order_and_repetition_of_a_history_ends_in_the_same_state(
    history: list[Event], data: st.DataObject
) -> None:
    again = history + (data.draw(st.lists(st.sampled_from(history))) if history else [])
    assert wishes(merged(data.draw(st.permutations(again)))) == wishes(merged(history))


@given(history=HISTORIES)
def test_of_two_wishes_of_the_same_moment_the_unsubscription_wins(history: list[Event]) -> None:
    state = merged(history)
    for name in [name for name in state if name.startswith("n:")]:
        tie = parse_event(
            Unsubscribe, {"user_id": "u1", "newsletter": name[2:], "occurred_at": _moment(state[name][:STAMP])}
        )
        assert merged([*history, tie])[name] == state[name][:STAMP] + "u"


def _moment(stamp: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(stamp))


@given(before=HISTORIES, after=st.lists(events(erasing=False), max_size=5))
def test_an_erasure_is_for_good_and_keeps_nothing_but_how_to_find_the_contact(
    before: list[Event], after: list[Event]
) -> None:
    erasure = parse_event(Anonymize, {"user_id": "u1", "occurred_at": START})
    state = merged([*before, erasure, *after])
    places = {name for name in state if name == "address" or name.startswith("h:")}
    assert state.keys() - places == {"erased"}
    assert wishes(state) == wishes(merged([*before, erasure]))


@shared_redis
@given(history=HISTORIES)
def test_the_atomic_step_in_redis_agrees_with_the_pure_merge(redis_url: str, history: list[Event]) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        store = Store(client, "twin")
        state: dict[str, str] = {}
        for event in history:
            before, state = state, merge(state, stamp_of(event.occurred_at or START), values_of(event))
            acceptance = store.accept(event)
            changed = {name for name in state if state[name] != before.get(name)}
            late = "erased" in before and event.task != "anonymize_contact"
            assert acceptance.status == ("erased" if late else "accepted" if changed else "superseded")
        held = store.peek("u1")
        assert (dict(held.registers) if held else {}) == state


@shared_redis
@given(history=st.lists(st.tuples(st.integers(0, 1), events(stamped=False, erasing=False)), min_size=2, max_size=8))
def test_two_portal_servers_whose_clocks_differ_keep_the_order_of_their_calls(
    redis_url: str, history: list[tuple[int, Event]]
) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        portals = [Store(client, "clocks"), Store(client, "clocks")]
        ahead = parse_event(
            Update,
            {"user_id": "u1", "first_name": "X", "occurred_at": datetime.now(UTC) + timedelta(minutes=4)},
        )
        stamps = [portals[0].accept(ahead).stamp, *(portals[which].accept(event).stamp for which, event in history)]
        assert stamps == sorted(set(stamps))
