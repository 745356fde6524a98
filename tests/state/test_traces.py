"""What the tombstone leaves where no index names it, each night removes."""

import json

import pytest

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.news import Notice
from sync_tasks.errors import InvalidEventError
from sync_tasks.state.dead_letters import put_letter, read_letters, write_letter
from sync_tasks.state.posts import put_post
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from sync_tasks.state.traces import forget_traces
from tests.state.test_erasures import read_all
from tests.state.test_store import lease_of, of
from tests.support.saying import anonymize, stamp, subscribe

MALFORMED = EventKey("subscribe_contact", "daily", "")
MARK = "marked-user"


def erase(store: Store, user_id: str = MARK) -> None:
    store.accept(of(user_id, anonymize(1)))
    assert store.settle(lease_of(store, user_id), Settlement(clean=True, tombstone=stamp(1))) == "settled"


def leave_traces(store: Store, user_id: str) -> None:
    """Leave what an older release, or a hint without an index, leaves of a user."""
    redis, key = store.redis, store.key
    letter = write_letter(user_id, MALFORMED, InvalidEventError("refused"), stamp(2), user_id[:1])
    redis.hset(key("dead_letters"), letter.id, letter.as_json())
    redis.lpush(key("closed_letters"), json.dumps({"id": user_id[:1], "user_id": user_id, "stamp": stamp(1)}))
    redis.zadd(key("notices"), {Notice(user_id, "default", "ended", "unsubscribed", stamp(1)).wire: 1})
    put_post(store, {"data": {"user_id": user_id}})
    redis.zadd(key("untold"), {f"default {user_id}": 1})
    redis.hset(key("suppressed"), f"default {user_id}", f"unsubscribed:{stamp(1)}")
    redis.zadd(key("pending:repair:default:leave:3"), {user_id: 1}, nx=True)
    redis.expire(key("pending:repair:default:leave:3"), 86400)
    redis.zadd(key("waiting:abc"), {user_id: 1})


def named(store: Store, user_id: str) -> set[str]:
    return {name for name, reported in read_all(store.redis) if user_id in f"{name} {reported}"}


def test_the_night_leaves_nothing_of_whom_an_older_release_erased(store: Store) -> None:
    erase(store)
    leave_traces(store, MARK)
    assert forget_traces(store) == 8
    assert named(store, MARK) == set()
    assert forget_traces(store) == 0


def test_the_night_leaves_everything_of_the_living(store: Store) -> None:
    erase(store)
    store.accept(of("zoe", subscribe(1)))
    leave_traces(store, "zoe")
    before = named(store, "zoe")
    assert forget_traces(store) == 0
    assert named(store, "zoe") == before


def test_the_night_leaves_the_letters_of_whom_the_state_does_not_know(store: Store) -> None:
    erase(store)
    put_letter(store, write_letter("never-seen", MALFORMED, InvalidEventError("refused"), stamp(2), "task-1"))
    assert forget_traces(store) == 0
    assert [letter.user_id for letter in read_letters(store)] == ["never-seen"]


def test_whose_erasure_is_under_way_is_known_still(store: Store) -> None:
    store.accept(of(MARK, anonymize(1)))
    leave_traces(store, MARK)
    assert forget_traces(store) == 0


def test_the_night_leaves_everything_of_an_erasure_that_has_begun_again(store: Store) -> None:
    erase(store)
    store.accept(of(MARK, anonymize(2, email="ada@example.com")))
    assert store.peek(MARK), "there is more to erase"
    leave_traces(store, MARK)
    assert forget_traces(store) == 0


@pytest.mark.parametrize("user_id", [MARK, "marked!user", "märked", 'marked"/\\user'])
def test_the_tombstone_leaves_no_letter_of_the_user_and_all_of_others(store: Store, user_id: str) -> None:
    for user in (user_id, f"{user_id}2", "zoe"):
        store.accept(of(user, subscribe(1)))
        put_letter(store, write_letter(user, MALFORMED, InvalidEventError("refused"), stamp(2), user))
        closed = write_letter(user, EventKey("subscribe_contact", "daily", stamp(1)), InvalidEventError("x"), stamp(2))
        store.redis.hset(store.key("dead_letters"), closed.id, closed.as_json())
        assert store.close(user, closed.key, closed.id, "discarded", "ops")
    erase(store, user_id)
    assert {letter.user_id for letter in read_letters(store)} == {f"{user_id}2", "zoe"}
    left = [json.loads(text)["user_id"] for text in store.redis.lrange(store.key("closed_letters"), 0, -1)]
    assert sorted(left) == sorted([f"{user_id}2", "zoe"])
    assert store.redis.zcard(store.key("unaccepted")) == 2


def test_the_letter_of_a_late_malformed_event_of_an_erased_user_names_nobody(store: Store) -> None:
    erase(store)
    put_letter(store, write_letter(MARK, MALFORMED, InvalidEventError("refused"), stamp(2), "task-1"))
    assert [(letter.user_id, letter.task_id) for letter in read_letters(store)] == [("", "task-1")]
    assert named(store, MARK) == set()


def test_a_load_goes_on_though_one_of_its_users_is_erased_meanwhile(store: Store) -> None:
    store.redis.rpush(store.key("filling"), "anna", MARK, "zoe")
    store.redis.expire(store.key("filling"), 600)
    erase(store)
    assert store.redis.lrange(store.key("filling"), 0, -1) == ["anna", "", "zoe"]
