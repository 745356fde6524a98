"""The atomic step in Redis agrees with the pure merge, and keeps the order of calls of portals whose clocks differ."""

from datetime import UTC, datetime, timedelta

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.domain.events import Event, Update, parse_event
from sync_tasks.domain.merge import merge, values_of
from sync_tasks.state.store import Store
from tests.support.histories import events

shared_redis = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@shared_redis
@given(history=st.lists(st.booleans().flatmap(lambda reported: events(stamped=reported)), max_size=8))
def test_the_atomic_step_in_redis_agrees_with_the_pure_merge(redis_url: str, history: list[Event]) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        store = Store(client, "twin")
        state: dict[str, str] = {}
        for event in history:
            acceptance = store.accept(event)
            before, state = (
                state,
                merge(state, acceptance.stamp, values_of(event), reported=event.occurred_at is not None),
            )
            changed = {name for name in state if state[name] != before.get(name) and not stands(before, name)}
            changed = {name for name in changed if not name.startswith("c:")}
            late = "erased" in before and event.task != "anonymize_contact"
            assert acceptance.status == ("erased" if late else "accepted" if changed else "superseded")
        held = store.peek("u1")
        assert (dict(held.registers) if held else {}) == state


def stands(before: dict[str, str], name: str) -> bool:
    """Return whether what Redis' clock stamped stands: all that is reported in these tests is older by months."""
    return name.startswith("t:") and "n:" + name[2:] in before


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
