"""The sweeper: what is due and has no nudge under way gets one, once, and only as many as make sense."""

import pytest

from sync_tasks.domain.events import Event
from sync_tasks.domain.pauses import CREATING, name_of
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import OutOfCreditsError, UnauthorizedError
from sync_tasks.state.freshness import read_freshness
from sync_tasks.state.store import Lease, Store
from sync_tasks.tasks.accept import nudge_contacts
from sync_tasks.tasks.bootstrap import worker_resources
from sync_tasks.tasks.sweeper import LONG_QUEUE, PROBES, sweep
from tests.support.messages import handle, queued
from tests.support.saying import anonymize, moment, unsubscribe, update

pytestmark = pytest.mark.usefixtures("worker_environment")

A_MINUTE_AGO = -60 * MICROSECONDS_PER_SECOND


def put(store: Store, *user_ids: str, event: Event | None = None) -> None:
    """Let these users have been due for a minute, as if their nudges were lost."""
    for user_id in user_ids:
        store.accept((event or update(1, first_name="A")).model_copy(update={"user_id": user_id}))
    long_ago = int(store.now()) + A_MINUTE_AGO
    store.redis.zadd(store.key("due"), dict.fromkeys(user_ids, long_ago))


def nudged(store: Store, queue: str = "sync_tasks") -> list[str]:
    return [message.kwargs["user_id"] for message in queued(store.redis, queue)]


def forget_last_sweep(store: Store) -> None:
    store.redis.delete(store.key("sweeping"))


def test_whoever_was_due_for_too_long_is_nudged(store: Store) -> None:
    put(store, "u1", "u2")
    assert sweep() == 2
    assert sorted(nudged(store)) == ["u1", "u2"]
    assert {message.task for message in queued(store.redis, "sync_tasks")} == {"sync_tasks.sync_contact"}


def test_nothing_due_is_no_nudge(store: Store) -> None:
    store.accept(update(1, first_name="A"))
    assert sweep() == 0
    assert nudged(store) == []


def test_a_sweep_shows_that_somebody_sweeps(store: Store) -> None:
    sweep()
    swept = store.redis.get(store.key("swept"))
    assert int(str(swept)) <= int(store.now())
    # A backup of last week must say that it is of last week.
    assert store.redis.ttl(store.key("swept")) == -1


def test_of_many_sweepers_one_sweeps(store: Store) -> None:
    put(store, "u1")
    assert sweep() == 1
    put(store, "u2")
    assert sweep() == 0
    assert 0 < store.redis.pttl(store.key("sweeping")) <= 4000


def test_who_was_nudged_is_not_nudged_again_before_the_grace_is_over(store: Store) -> None:
    put(store, "u1")
    sweep()
    forget_last_sweep(store)
    assert sweep() == 0


def test_opt_outs_and_erasures_are_nudged_through_their_own_queue(store: Store) -> None:
    put(store, "u1")
    put(store, "u2", event=unsubscribe(1))
    put(store, "u3", event=anonymize(1))
    assert sweep() == 3
    assert (nudged(store), sorted(nudged(store, "sync_tasks.urgent"))) == (["u1"], ["u2", "u3"])


def test_looks_and_repairs_have_a_queue_that_is_served_last(store: Store) -> None:
    put(store, "u1", "u2")
    store.redis.hset(store.key("contacts:edited"), mapping={"rev": "1", "l:default": "1"})
    store.redis.hset(store.key("contacts:drifted"), mapping={"rev": "1"})
    long_ago = int(store.now()) + A_MINUTE_AGO
    store.redis.zadd(store.key("due"), {"edited": long_ago, "drifted": long_ago})
    assert sweep() == 4
    assert nudged(store) == ["u1", "u2"]
    assert sorted(nudged(store, "sync_tasks.background")) == ["drifted", "edited"]


def test_a_long_queue_of_looks_keeps_no_event_waiting(store: Store) -> None:
    put(store, "u1")
    store.redis.lpush("sync_tasks.background", *["{}"] * (LONG_QUEUE + 1))
    store.redis.hset(store.key("contacts:edited"), mapping={"rev": "1", "l:default": "1"})
    store.redis.zadd(store.key("due"), {"edited": int(store.now()) + A_MINUTE_AGO})
    assert sweep() == 1
    store.redis.delete("sync_tasks.background")
    forget_last_sweep(store)
    assert sweep() == 1
    assert nudged(store, "sync_tasks.background") == ["edited"]


def test_one_sweep_is_bounded(store: Store) -> None:
    put(store, *(f"u{number}" for number in range(LONG_QUEUE + 7)))
    assert sweep() == LONG_QUEUE
    store.redis.delete("sync_tasks")
    forget_last_sweep(store)
    assert sweep() == 7


def test_a_sweep_tops_up_to_what_the_queue_takes_and_whoever_finds_no_room_comes_next(store: Store) -> None:
    put(store, *(f"u{number}" for number in range(50)))
    store.redis.lpush("sync_tasks", *["{}"] * (LONG_QUEUE - 30))

    assert sweep() == 30

    store.redis.delete("sync_tasks")
    forget_last_sweep(store)
    assert sweep() == 20


def test_a_queue_that_is_only_slow_gets_no_more_nudges(store: Store) -> None:
    put(store, "u1")
    put(store, "u2", event=unsubscribe(1))
    store.redis.lpush("sync_tasks", *["{}"] * (LONG_QUEUE + 1))
    assert sweep() == 1
    assert nudged(store, "sync_tasks.urgent") == ["u2"]
    assert store.redis.llen("sync_tasks") == LONG_QUEUE + 1


def test_while_every_account_is_paused_only_probes_go_out(store: Store) -> None:
    put(store, *(f"u{number}" for number in range(PROBES + 3)))
    worker_resources().limiter.pause("default", UnauthorizedError("401"))
    assert sweep() == PROBES
    worker_resources().limiter.resume("default")
    forget_last_sweep(store)
    assert sweep() == 3


def test_while_every_account_is_paused_opt_outs_probe_first_and_without_a_grace(store: Store) -> None:
    put(store, *(f"u{number}" for number in range(PROBES)))
    store.accept(unsubscribe(1).model_copy(update={"user_id": "leaver"}))
    worker_resources().limiter.pause("default", UnauthorizedError("401"))
    sweep()
    assert nudged(store, "sync_tasks.urgent") == ["leaver"]


def test_who_waits_for_a_part_is_nudged_only_as_its_probe(store: Store) -> None:
    limiter, name = worker_resources().limiter, name_of("default", CREATING)
    put(store, "u1", "u2", "u3")
    store.redis.delete(store.key("due"))
    limiter.pause("default", OutOfCreditsError("402"), CREATING)
    store.redis.zadd(store.key(f"paused_users:{name}"), {"u1": 1, "u2": 2, "u3": 3})
    assert sweep() == 0
    store.redis.delete(store.key(f"probed:{name}"))
    forget_last_sweep(store)
    assert sweep() == 2
    assert nudged(store) == ["u1", "u2"]


def test_whom_a_worker_has_in_hand_is_left_until_the_lease_would_run_out(store: Store) -> None:
    put(store, "u1", "u2")
    lease = store.lease("u1", 600)
    assert isinstance(lease, Lease)
    assert sweep() == 1
    assert nudged(store) == ["u2"]
    due = store.redis.zscore(store.key("due"), "u1")
    grace = worker_resources().settings.pipeline.grace_seconds
    assert due is not None
    assert due - int(store.now()) == pytest.approx(
        (600 - grace) * MICROSECONDS_PER_SECOND, abs=30 * MICROSECONDS_PER_SECOND
    )


def test_a_lease_that_ran_out_holds_nobody(store: Store) -> None:
    put(store, "u1")
    store.redis.hset(store.key("contacts:u1"), "lease", f"{int(store.now()) - 1:016d}token")
    assert sweep() == 1


def test_the_task_sweeps(store: Store) -> None:
    put(store, "u1")
    assert handle("sync_tasks.sweep", {}) == ("SUCCESS", 1)


def test_a_nudge_names_the_user_and_nothing_else(store: Store) -> None:
    nudge_contacts(["u1"])
    (message,) = queued(store.redis, "sync_tasks")
    assert message.kwargs == {"user_id": "u1"}
    assert moment(1).isoformat() not in message.text


def test_a_sweep_notes_how_long_the_oldest_event_has_waited(store: Store) -> None:
    put(store, "u1")
    long_ago = int(store.now()) + 2 * A_MINUTE_AGO
    store.redis.zadd(store.key("dirty"), {"u1": long_ago})
    sweep()
    _, (seen,) = read_freshness(store)
    assert (seen.unsynced, 120 <= seen.seconds < 130) == (1, True)
