"""Clocks that differ never cost an opt-out: Redis stamps what brings no moment, portals report moments of their own.

Nobody knows which of two clocks is right. So of two moments that two clocks reported and that lie close together, the
opt-out counts, in whatever order they arrive.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Subscribe
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.errors import InvalidEventError
from sync_tasks.state.store import Store
from sync_tasks.tasks.foreign import receive_event
from tests.support.desk import Desk
from tests.support.pipeline import MakePipeline, Pipeline, address_of

Say = Callable[[Pipeline], EventKey]
SLOW, FAST, HOUR_BEHIND = timedelta(seconds=-5), timedelta(minutes=4), timedelta(hours=-1)


def now(off: timedelta = timedelta()) -> datetime:
    """Return the time of a host whose clock is off by so much."""
    return datetime.now(UTC) + off


def is_subscribed(pipeline: Pipeline) -> bool:
    pipeline.work()
    held: list[Any] = [contact for contact in pipeline.brevo.contacts() if contact["ext_id"] == "ada"]
    return any(3 in contact["listIds"] for contact in held)


def joins_by_redis(pipeline: Pipeline) -> EventKey:
    return pipeline.subscribe("ada")


def leaves_by_redis(pipeline: Pipeline) -> EventKey:
    return pipeline.unsubscribe("ada", email=address_of("ada"))


def joins_by_a_host(off: timedelta) -> Say:
    return lambda pipeline: host(pipeline, off).subscribe("ada", occurred_at=now(off))


def leaves_by_a_host(off: timedelta) -> Say:
    return lambda pipeline: host(pipeline, off).unsubscribe("ada", email=address_of("ada"), occurred_at=now(off))


def host(pipeline: Pipeline, off: timedelta) -> Pipeline:
    """Return the pipeline as a host reaches it whose clock is off by so much."""
    store = Store(pipeline.store.redis, "sync_tasks", clock=lambda: now(off))
    return replace(pipeline, resources=replace(pipeline.resources, store=store))


@pytest.mark.parametrize("synced_between", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        [joins_by_redis, leaves_by_a_host(SLOW)],
        [leaves_by_a_host(SLOW), joins_by_redis],
        [joins_by_a_host(FAST), leaves_by_redis],
        [leaves_by_redis, joins_by_a_host(FAST)],
        [joins_by_a_host(FAST), leaves_by_a_host(timedelta())],
        [joins_by_redis, leaves_by_a_host(HOUR_BEHIND)],
    ],
)
def test_an_opt_out_counts_whichever_clock_was_wrong(
    pipeline: Pipeline, said: list[Say], *, synced_between: bool
) -> None:
    """The last host's clock is an hour behind: its opt-out is not older than a subscription of a moment ago."""
    for say in said:
        say(pipeline)
        if synced_between:
            pipeline.work()
    assert not is_subscribed(pipeline)


def test_moments_further_apart_than_the_tolerance_are_in_order(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "clock_tolerance_seconds": 2})
    pipeline.unsubscribe("ada", email=address_of("ada"), occurred_at=now(SLOW))
    pipeline.subscribe("ada")
    assert is_subscribed(pipeline)


def test_a_reported_subscription_ends_a_reported_opt_out_under_a_later_one_of_redis(pipeline: Pipeline) -> None:
    """Of the two the opt-out counted, for the clocks may differ; the same host reports that it is over."""
    slow = host(pipeline, SLOW)
    pipeline.subscribe("ada")
    slow.unsubscribe("ada", email=address_of("ada"), occurred_at=now(SLOW))
    pipeline.work()
    key = slow.subscribe("ada", occurred_at=now(SLOW))
    assert is_subscribed(pipeline)
    assert any(str(key) in line and "synced" in line for line in pipeline.store.history("ada"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_moments_of_the_same_clock_are_exact(pipeline: Pipeline, order: tuple[int, int]) -> None:
    before = now(timedelta(minutes=-1))
    said = [
        lambda: pipeline.unsubscribe("ada", email=address_of("ada"), occurred_at=before),
        lambda: pipeline.subscribe("ada", occurred_at=before + timedelta(microseconds=1)),
    ]
    for which in order:
        said[which]()
    assert is_subscribed(pipeline)


def test_nothing_has_happened_in_the_future(pipeline: Pipeline) -> None:
    key = pipeline.subscribe("ada", occurred_at=now(FAST))
    assert key.stamp <= pipeline.store.now()


def test_what_a_fast_clock_gave_keeps_its_moment_when_it_comes_again(pipeline: Pipeline) -> None:
    """A worker was killed before it acknowledged: the message comes again, after the person has left."""
    reported = now(FAST)
    first = pipeline.subscribe("ada", occurred_at=reported)
    pipeline.unsubscribe("ada")
    assert pipeline.subscribe("ada", occurred_at=reported) == first
    assert not is_subscribed(pipeline)


def test_a_subscription_that_a_fast_clock_dated_before_an_opt_out_may_arrive_after_it(pipeline: Pipeline) -> None:
    """Opt-outs have a queue of their own and overtake subscriptions."""
    reported = now(FAST)
    pipeline.unsubscribe("ada", email=address_of("ada"), occurred_at=reported)
    pipeline.subscribe("ada", occurred_at=reported - timedelta(seconds=1))
    assert not is_subscribed(pipeline)


def test_a_moment_far_ahead_of_redis_clock_is_refused_in_the_portal(pipeline: Pipeline) -> None:
    with pytest.raises(InvalidEventError, match=r"occurred_at: lies more than 5 minutes in the future by Redis' clock"):
        pipeline.subscribe("ada", occurred_at=now(timedelta(minutes=6)))
    assert pipeline.store.redis.keys() == []


def test_a_moment_far_ahead_of_redis_clock_is_a_dead_letter_in_a_worker(pipeline: Pipeline) -> None:
    reported = now(timedelta(minutes=6)).isoformat()
    wire: dict[str, Any] = {
        "user_id": "ada",
        "newsletter": "daily",
        "email": address_of("ada"),
        "occurred_at": reported,
    }
    with pytest.raises(InvalidEventError):
        receive_event(pipeline.store, Subscribe, wire, "task-1")
    (letter,) = pipeline.letters()
    assert (letter.user_id, letter.error) == ("ada", "InvalidEventError")
    assert "occurred_at: lies more than 5 minutes in the future" in letter.message


@pytest.mark.parametrize("minutes", [1, 60])
def test_what_was_superseded_is_in_the_history_all_the_same(desk: Desk, minutes: int) -> None:
    """An opt-out older than the subscription by a minute waits for the worker's judgement, an older one does not."""
    desk.pipeline.subscribe("ada")
    desk.pipeline.work()
    reported = now(timedelta(minutes=-minutes))
    key = desk.pipeline.unsubscribe("ada", occurred_at=reported)
    outcomes = desk.pipeline.work()
    assert outcomes.done.get(key, Outcome.SUPERSEDED) is Outcome.SUPERSEDED
    assert desk.pipeline.lists("ada") == {3}
    listed = [one for one in desk.read("contact", "ada")["history"] if one["task"] == "unsubscribe_contact"]
    assert [(one["occurred_at"], one["outcome"]) for one in listed] == [(reported.isoformat(), "superseded")]


def test_a_discarded_opt_out_brings_no_older_subscription_back(desk: Desk) -> None:
    desk.pipeline.subscribe("ada")
    desk.pipeline.unsubscribe("ada", occurred_at=now(SLOW))
    contact = desk.pipeline.state("ada")
    assert contact.subscriptions()["daily"][1] is False
    given_up = {"t:daily": contact.registers["t:daily"][:16]}
    desk.pipeline.store.redis.hset(
        desk.pipeline.store.key("contacts:ada"), mapping={f"g:{name}": text for name, text in given_up.items()}
    )
    assert desk.pipeline.state("ada").subscriptions() == {}
