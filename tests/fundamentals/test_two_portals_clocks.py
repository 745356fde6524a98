"""Several portal servers with differing clocks keep the order in which they called: Redis' clock counts.

``.delay()`` leaves `occurred_at` out, so no portal's own clock is ever asked; one that shows a moment of its own, from
a clock that is minutes fast, is still followed by whatever is called after it.
"""

from datetime import UTC, datetime, timedelta

from sync_tasks.domain.events import Subscribe, Unsubscribe, parse_event
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.support.pipeline import Pipeline

MINUTES_FAST = timedelta(minutes=4)


def test_two_portal_servers_keep_the_order_of_their_calls(pipeline: Pipeline, redis_url: str) -> None:
    fast, other = pipeline.store, Store(connect(redis_url), "sync_tasks")
    said = {"user_id": "ada", "newsletter": "daily"}

    joined = fast.accept(parse_event(Subscribe, {**said, "email": "ada@portal.org", "occurred_at": _fast_clock()}))
    left = other.accept(parse_event(Unsubscribe, said))
    back = fast.accept(parse_event(Subscribe, {**said, "email": "ada@portal.org"}))
    left_again = other.accept(parse_event(Unsubscribe, said))
    other.redis.close()
    pipeline.work()

    assert joined.stamp < left.stamp < back.stamp < left_again.stamp
    assert pipeline.state("ada").subscriptions()["daily"] == (left_again.stamp, False)
    assert pipeline.brevo.contacts() == []


def _fast_clock() -> datetime:
    return datetime.now(UTC) + MINUTES_FAST
