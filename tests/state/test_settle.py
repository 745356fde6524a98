"""What a push came to is written down in one step: each thing where others look for it, and nothing twice."""

import json
from typing import Any, cast

import pytest

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Event
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, is_dirty, known, lease_of, of
from tests.support.saying import ADA, BEA, anonymize, key_of, stamp, subscribe, unsubscribe, update

A_MINUTE = 60_000_000
JOINED = key_of(subscribe(1))


@pytest.fixture
def ada(store: Store) -> Store:
    """A state in which a sign-up waits for its push."""
    store.accept(subscribe(1))
    return store


def settle(store: Store, **said: Any) -> str:
    return store.settle(lease_of(store), Settlement(**said))


def index(store: Store, name: str) -> list[str]:
    return list(map(str, store.redis.zrange(store.key(name), 0, -1)))


def look_again(store: Store) -> None:
    """Let a contact be due although nothing new was said of it."""
    store.redis.zadd(store.key("due"), {"u1": 0})


def test_a_contact_whose_pause_ended_meanwhile_is_dirty_and_due_whatever_it_was_before(ada: Store) -> None:
    settle(ada, clean=True)
    look_again(ada)
    lease = lease_of(ada)
    ada.redis.zadd(ada.key("due"), {"u1": int(ada.now()) + A_MINUTE})
    assert ada.settle(lease, Settlement(clean=True, waits={"default/creating": True})) == "again"
    assert is_dirty(ada)
    assert (due_in(ada) or 0) <= 0


def test_whoever_waits_for_a_part_no_longer_is_left_out_at_the_end_of_its_pause(ada: Store) -> None:
    ada.redis.hset(ada.key("paused_parts"), "default/creating", "{}")
    settle(ada, due=0.0, waits={"default/creating": True})
    assert index(ada, "paused_users:default/creating") == ["u1"]
    settle(ada, clean=True, waits={"default/creating": False})
    assert index(ada, "paused_users:default/creating") == []


def test_a_suppression_is_listed_and_news_until_it_ends(ada: Store) -> None:
    settle(ada, suppressed={"default": f"complaint {stamp(1)}", "sports": f"complaint {stamp(1)}"}, due=0.0)
    assert ada.redis.hgetall(ada.key("suppressed")) == {
        "default u1": f"complaint {stamp(1)}",
        "sports u1": f"complaint {stamp(1)}",
    }
    assert index(ada, "untold") == ["default u1", "sports u1"]
    settle(ada, suppressed={"default": ""})
    assert ada.redis.hkeys(ada.key("suppressed")) == ["sports u1"]
    assert index(ada, "untold") == ["sports u1"]


def test_of_many_lines_the_last_thirty_are_sent_and_kept(ada: Store) -> None:
    lines = [f"line {number}" for number in range(40)]
    document = json.loads(Settlement(history=lines).document("1", ""))
    assert document["history"] == lines[10:]
    settle(ada, history=lines)
    kept = cast("list[str]", ada.redis.lrange(ada.key("history:u1"), 0, -1))
    assert [line.partition(" ")[2] for line in kept] == lines[:9:-1]


def test_what_the_portal_is_to_hear_waits_for_it(ada: Store) -> None:
    before = int(ada.now())
    settle(ada, notices=["first", "second"])
    assert index(ada, "notices") == ["first", "second"]
    assert ada.redis.zcount(ada.key("notices"), before, "+inf") == 2


@pytest.mark.parametrize(
    ("event", "unknown", "found"),
    [
        (subscribe(1), stamp(2), ["u1"]),
        (subscribe(1), "", []),
        (update(1, first_name="Ada"), stamp(2), []),
    ],
    ids=["sign-up", "known", "no wish"],
)
def test_a_sign_up_of_unknown_outcome_is_looked_for_with_others_until_it_is_known(
    store: Store, event: Event, unknown: str, found: list[str]
) -> None:
    store.accept(event)
    settle(store, fields={"unsure": unknown}, due=0.0)
    assert index(store, "pending:unknown") == found
    settle(store, fields={"unsure": ""})
    assert index(store, "pending:unknown") == []


def test_who_is_read_by_the_id_is_not_looked_for_on_pages(store: Store) -> None:
    store.accept(subscribe(1))
    settle(store, fields={"unsure": stamp(2)}, together="unanswered", due=0.0)
    assert (index(store, "pending:unanswered"), index(store, "pending:unknown")) == (["u1"], [])
    settle(store, fields={"unsure": stamp(2)}, due=0.0)
    assert (index(store, "pending:unanswered"), index(store, "pending:unknown")) == ([], ["u1"])


def test_an_erasure_is_looked_at_with_others_only_as_long_as_a_push_says_so(ada: Store) -> None:
    ada.accept(anonymize(2))
    settle(ada, together="erased", due=0.0)
    assert index(ada, "pending:erased") == ["u1"]
    settle(ada, due=0.0)
    assert index(ada, "pending:erased") == []
    lease = lease_of(ada)
    ada.redis.zadd(ada.key("pending:erased"), {"u1": 1})
    ada.redis.hset(ada.key("contacts:u1"), "lease", f"{stamp(1)}another")
    assert ada.settle(lease, Settlement()) == "lost"
    assert index(ada, "pending:erased") == []


def test_since_when_an_erasure_is_unfinished_stays_however_often_it_is_tried(ada: Store) -> None:
    ada.accept(anonymize(2))
    ada.redis.zadd(ada.key("erasures"), {"u1": 5})
    settle(ada, due=0.0)
    assert ada.redis.zscore(ada.key("erasures"), "u1") == 5
    ada.redis.zrem(ada.key("erasures"), "u1")
    settle(ada, due=0.0)
    assert (ada.redis.zscore(ada.key("erasures"), "u1") or 0) > 5


def test_a_letter_takes_the_place_of_its_event_and_is_counted_once(ada: Store) -> None:
    letters = {JOINED: ("letter", json.dumps({"error": "InvalidEventError"}))}
    for _ in range(2):
        settle(ada, letters=letters, due=0.0)
        assert ada.redis.hgetall(ada.key("letter_counts")) == {"opened InvalidEventError": "1"}
    assert (set(known(ada).pending), known(ada).dead) == (set(), {JOINED: "letter"})
    assert index(ada, "pending:subscribe_contact:daily") == []
    assert index(ada, "pending:+daily") == []


def test_a_letter_whose_event_is_reflected_is_closed(ada: Store) -> None:
    text = json.dumps({"error": "InvalidEventError", "stamp": stamp(1), "user_id": "u1"})
    settle(ada, letters={JOINED: ("letter", text)}, due=0.0)
    settle(ada, closed={JOINED: "reflected", EventKey("update_contact", "", stamp(9)): "never one"})
    assert known(ada).dead == {}
    assert ada.redis.hgetall(ada.key("dead_letters")) == {}
    (closed,) = ada.redis.lrange(ada.key("closed_letters"), 0, -1)
    assert json.loads(closed)["closed"]["why"] == "reflected"


def test_a_mark_that_changed_during_the_push_stays(ada: Store) -> None:
    ada.redis.hset(ada.key("contacts:u1"), mapping={"l:default": "1", "l:sports": "2", "b:default:complaint": "3"})
    settle(ada, read_at={"l:default": "1", "l:sports": "1", "b:default:complaint": "3"})
    assert (known(ada).looks, known(ada).reported) == ({"sports": "2"}, {})


@pytest.fixture
def erased(ada: Store) -> Store:
    """A state in which an erasure waits for its push."""
    ada.accept(anonymize(2))
    return ada


def finish(store: Store, came_to: str, **said: Any) -> str:
    record: dict[str, object] = {"accounts": {"default": came_to}, **said}
    return settle(store, clean=True, tombstone=stamp(2), record=record)


def records(store: Store) -> list[dict[str, Any]]:
    return [json.loads(str(text)) for text in store.redis.hvals(store.key("erasure_records"))]


DONE, NOTHING, LEFT = "contact anonymized and read back", "no contact found", "lists left, contact of another system"


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [(DONE, NOTHING, DONE), (NOTHING, DONE, DONE), (DONE, LEFT, LEFT), (NOTHING, NOTHING, NOTHING)],
)
def test_a_further_look_takes_nothing_away_from_what_an_erasure_came_to(
    erased: Store, first: str, second: str, both: str
) -> None:
    finish(erased, first, requested_by="ops")
    erased.accept(update(1, email=BEA))
    finish(erased, second)
    assert records(erased) == [{"accounts": {"default": both}, "requested_by": "ops"}]


def test_an_account_that_only_the_first_look_knew_stays_in_the_record(erased: Store) -> None:
    finish(erased, NOTHING, accounts={"sports": DONE})
    erased.accept(update(1, email=BEA))
    finish(erased, NOTHING)
    assert records(erased) == [{"accounts": {"default": NOTHING, "sports": DONE}}]


def test_what_an_old_tombstone_says_of_contacts_is_kept_apart_from_it(erased: Store) -> None:
    finish(erased, DONE)
    (name,) = erased.redis.hkeys(erased.key("tombstones"))
    erased.redis.hset(erased.key("tombstones"), name, f"{stamp(2)} default=7,sports=8,default=9")
    erased.accept(update(1, email=BEA))
    settle(erased, clean=True, tombstone=stamp(2), erased_ids={"default": [10, 11]}, record={"accounts": {}})
    assert erased.redis.smembers(erased.key("erased:default")) == {"7", "9", "10", "11"}
    assert erased.redis.smembers(erased.key("erased:sports")) == {"8"}
    assert erased.redis.hvals(erased.key("tombstones")) == [stamp(2)]


def test_the_files_are_owed_a_rewrite_since_the_first_of_those_erased(erased: Store) -> None:
    before = erased.now()
    finish(erased, DONE)
    owed = erased.redis.hgetall(erased.key("rewrite_owed"))
    assert owed["count"] == "1"
    assert str(owed["since"]) >= before
    erased.accept(update(1, email=BEA))
    finish(erased, NOTHING)
    assert erased.redis.hgetall(erased.key("rewrite_owed")) == {"count": "2", "since": owed["since"]}


def test_no_key_names_whoever_was_erased(store: Store) -> None:
    store.accept(unsubscribe(1, "weekly", email=ADA))
    store.accept(subscribe(1))
    store.redis.hset(store.key("paused_parts"), "default/creating", "{}")
    store.redis.rpush(store.key("filling"), "u0", "u1", "u2")
    store.redis.expire(store.key("filling"), 60)
    settle(store, waits={"default/creating": True}, fields={"unsure": stamp(2)}, history=["line"], due=0.0)
    store.redis.zadd(store.key("paused_users:default/creating"), {"u1": 1})
    letter = json.dumps({"user_id": "u1", "stamp": stamp(1), "error": "InvalidEventError"})
    settle(store, letters={JOINED: ("open", letter)}, due=0.0)
    store.redis.rpush(store.key("closed_letters"), letter, letter.replace("u1", "u2"))
    store.accept(anonymize(2))
    lease = lease_of(store)
    store.settle(lease, Settlement(clean=True, tombstone=stamp(2), record={"accounts": {}}))
    assert store.redis.lrange(store.key("filling"), 0, -1) == ["u0", "", "u2"]
    left = {str(key): store.redis.type(key) for key in store.redis.scan_iter()}
    assert [key for key in left if "u1" in key] == []
    assert store.redis.hkeys(store.key("dead_letters")) == []
    assert [json.loads(str(text))["user_id"] for text in store.redis.lrange(store.key("closed_letters"), 0, -1)] == [
        "u2"
    ]
    named = [key for key, kind in left.items() if kind == "zset" and "u1" in store.redis.zrange(key, 0, -1)]
    assert named == []


def test_the_marks_of_addresses_say_that_their_user_was_erased(store: Store) -> None:
    store.accept(subscribe(1))
    store.accept(update(2, email=BEA))
    store.accept(of("u2", subscribe(1, email="cara@example.com")))
    store.accept(of("u2", update(2, email="dora@example.com")))
    store.accept(anonymize(3))
    gone = list(map(str, store.redis.keys("*vacated:*")))
    times = {key: store.redis.ttl(key) for key in gone}
    store.redis.delete(gone[0])
    settle(store, clean=True, tombstone=stamp(3), record={"accounts": {}})
    left = {str(key): store.redis.get(str(key)) for key in store.redis.keys("*vacated:*")}
    assert gone[0] not in left
    assert list(left.values()).count("erased") >= 1
    assert len(left) == 2
    assert all(store.redis.ttl(key) >= times[key] - 5 for key in left)
