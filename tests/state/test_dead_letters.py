"""A dead letter is written once, says nothing personal, and its replay can bring no old wish back."""

import json

import pytest

from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.events import Event
from sync_tasks.errors import InvalidEventError, RejectedContactError, UnfinishedErasureError
from sync_tasks.state.dead_letters import (
    DeadLetter,
    discard,
    put_letter,
    read_closed,
    read_letters,
    read_letters_of,
    replay,
    write_letter,
)
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease, Store
from tests.support.saying import ADA, BEA, anonymize, key_of, merged, stamp, subscribe, unsubscribe, update

REFUSED = RejectedContactError("POST /contacts: 400")
JOIN = subscribe(1)


def bury(store: Store, event: Event) -> DeadLetter:
    """Let an accepted event become a dead letter, as a push does."""
    store.accept(event)
    return bury_pending(store, event)


def bury_pending(store: Store, event: Event) -> DeadLetter:
    lease = store.lease("u1", 60)
    assert isinstance(lease, Lease)
    letter = write_letter("u1", key_of(event), REFUSED, store.now(), "task-1")
    result = Settlement(clean=True, letters={letter.key: (letter.id, letter.as_json())})
    assert store.settle(lease, result) == "settled"
    return letter


def known(store: Store) -> Contact:
    contact = store.peek("u1")
    assert contact is not None
    return contact


def test_a_letter_shows_who_which_event_and_why(store: Store) -> None:
    letter = bury(store, JOIN)
    assert read_letters(store) == [letter]
    assert (letter.user_id, letter.task, letter.newsletter, letter.stamp) == (
        "u1",
        "subscribe_contact",
        "daily",
        stamp(1),
    )
    assert (letter.error, letter.message, letter.task_id) == ("RejectedContactError", "POST /contacts: 400", "task-1")
    assert letter.failed_at.timestamp() == pytest.approx(int(store.now()) / 1_000_000, abs=60)
    assert ADA not in letter.as_json()


def test_the_same_event_is_the_same_letter_however_often_it_fails(store: Store) -> None:
    first = bury(store, JOIN)
    assert replay(store, first, "ops") == "replayed"
    again = bury_pending(store, JOIN)
    assert again.id == first.id
    assert [letter.id for letter in read_letters(store)] == [first.id]


def test_letters_are_read_the_oldest_first(store: Store) -> None:
    for number in (2, 1, 3):
        put_letter(store, write_letter(f"u{number}", key_of(JOIN), REFUSED, stamp(number)))
    assert [letter.user_id for letter in read_letters(store)] == ["u1", "u2", "u3"]


def test_what_a_newer_release_added_to_a_letter_is_not_judged(store: Store) -> None:
    letter = write_letter("u1", key_of(JOIN), REFUSED, stamp(1))
    text = json.dumps(json.loads(letter.as_json()) | {"colour": "red"})
    store.redis.hset(store.key("dead_letters"), letter.id, text)
    assert read_letters(store) == [letter]


def test_a_replay_makes_the_contact_dirty_and_remembers_who_asked_for_it(store: Store) -> None:
    letter = bury(store, JOIN)
    assert store.lease("u1", 60) == "idle"
    assert replay(store, letter, "ops") == "replayed"
    assert isinstance(store.lease("u1", 60), Lease)
    (kept,) = read_letters(store)
    assert kept.replayed is not None
    assert kept.replayed["by"] == "ops"
    assert set(known(store).pending) == {letter.key}


def test_a_replay_begins_with_a_clean_sheet(store: Store) -> None:
    letter = bury(store, JOIN)
    store.redis.hset(store.key("contacts:u1"), mapping={"tries": "9", "crashes": "3", "failing": stamp(1)})
    replay(store, letter, "ops")
    assert (known(store).tries, known(store).crashes, known(store).failing) == (0, 0, "")


@pytest.mark.parametrize("newer", [unsubscribe(2), anonymize(2)])
def test_replaying_what_newer_events_overtook_says_so_and_changes_nothing(store: Store, newer: Event) -> None:
    letter = bury(store, JOIN)
    store.accept(newer)
    wishes = known(store).registers
    assert replay(store, letter, "ops") == "overtaken"
    assert (known(store).registers, set(known(store).pending)) == (wishes, {key_of(newer)})
    assert read_letters(store) == []
    (closed,) = read_closed(store)
    assert closed.closed is not None
    assert (closed.id, closed.closed["why"], closed.closed["by"]) == (letter.id, "overtaken", "ops")


def test_replaying_for_a_user_who_was_erased_for_good_is_overtaken(store: Store) -> None:
    letter = bury(store, JOIN)
    store.redis.delete(store.key("contacts:u1"))
    assert replay(store, letter, "ops") == "overtaken"
    assert store.peek("u1") is None


def test_what_was_never_accepted_can_only_be_sent_again_by_its_producer(store: Store) -> None:
    broken = write_letter("u1", EventKey("update_contact", "", ""), InvalidEventError("email"), stamp(1), "task-1")
    put_letter(store, broken)
    assert replay(store, broken, "ops") == "lost"
    assert read_letters(store) == [broken]
    assert discard(store, broken, "ops")
    assert read_letters(store) == []


def test_broken_messages_are_distinguished_by_their_message() -> None:
    key = EventKey("update_contact", "", "")
    ids = {write_letter("", key, REFUSED, stamp(1), task_id).id for task_id in ("task-1", "task-1", "task-2")}
    assert len(ids) == 2


@pytest.mark.parametrize("newer", [None, unsubscribe(2)])
def test_a_letter_that_somebody_else_dealt_with_is_gone(store: Store, newer: Event | None) -> None:
    letter = bury(store, JOIN)
    assert discard(store, letter, "somebody else")
    if newer:
        store.accept(newer)
    assert replay(store, letter, "ops") == "gone"
    assert not discard(store, letter, "ops")
    assert len(read_closed(store)) == 1


def test_a_discarded_wish_is_given_up_until_a_newer_event_comes(store: Store) -> None:
    letter = bury(store, JOIN)
    assert discard(store, letter, "ops")
    assert (known(store).subscriptions(), known(store).address) == ({}, None)
    assert store.claimant(ADA) is None
    (closed,) = read_closed(store)
    assert closed.closed is not None
    assert (closed.closed["why"], closed.closed["by"]) == ("discarded", "ops")
    store.accept(subscribe(2))
    assert known(store).subscriptions() == {"daily": (stamp(2), True)}
    assert known(store).address == ADA


def test_an_address_that_is_given_up_goes_to_whoever_waits_for_it(store: Store) -> None:
    letter = bury(store, JOIN)
    store.accept(subscribe(2).model_copy(update={"user_id": "u2"}))
    discard(store, letter, "ops")
    assert store.claimant(ADA) == "u2"


def test_only_what_this_event_alone_stands_behind_is_given_up(store: Store) -> None:
    daily, weekly = bury(store, JOIN), bury(store, subscribe(1, "weekly"))
    assert discard(store, daily, "ops")
    assert known(store).subscriptions() == {"weekly": (stamp(1), True)}
    assert known(store).address == ADA
    assert read_letters(store) == [weekly]


def test_a_discarded_update_leaves_newsletters_alone(store: Store) -> None:
    store.accept(subscribe(0))
    letter = bury(store, update(1, email=BEA, first_name="Ada"))
    discard(store, letter, "ops")
    assert known(store).registers == merged(subscribe(0), update(1, email=BEA, first_name="Ada"))
    assert (known(store).attributes(), known(store).subscriptions()) == ({}, {"daily": (stamp(0), True)})


def test_a_letter_of_an_erasure_discards_no_erasure(store: Store) -> None:
    letter = bury(store, anonymize(1, email=ADA))
    with pytest.raises(UnfinishedErasureError):
        discard(store, letter, "ops")
    assert read_letters(store) == [letter]
    assert known(store).erased
    assert known(store).given_up == {}


def test_a_push_that_made_up_for_a_letter_closes_it(store: Store) -> None:
    letter = bury(store, JOIN)
    store.accept(update(2, first_name="Ada"))
    lease = store.lease("u1", 60)
    assert isinstance(lease, Lease)
    assert lease.contact.dead == {letter.key: letter.id}
    store.settle(lease, Settlement(clean=True, closed={letter.key: "reflected by a later push"}))
    assert read_letters(store) == []
    (closed,) = read_closed(store)
    assert closed.closed is not None
    assert closed.closed["why"] == "reflected by a later push"
    assert known(store).dead == {}


def test_letters_that_were_dealt_with_are_read_the_newest_first(store: Store) -> None:
    for number in (1, 2, 3):
        letter = write_letter("", EventKey("update_contact", "", ""), REFUSED, stamp(number), f"task-{number}")
        put_letter(store, letter)
        discard(store, letter, "ops")
    assert [letter.task_id for letter in read_closed(store, limit=2)] == ["task-3", "task-2"]


def test_a_letter_that_a_release_before_the_index_wrote_is_found_among_newer_ones(store: Store) -> None:
    malformed = EventKey("subscribe_contact", "daily", "")
    old = write_letter("u1", malformed, InvalidEventError("refused"), stamp(1), "task-1")
    store.redis.hset(store.key("dead_letters"), old.id, old.as_json())
    new = write_letter("u2", malformed, InvalidEventError("refused"), stamp(2), "task-2")
    put_letter(store, new)
    assert [read_letters_of(store, user) for user in ("u1", "u2", "u")] == [[old], [new], []]
    key = store.key("unaccepted")
    assert store.redis.zcard(key) == store.redis.zcount(key, 0, 0), "Redis orders by text only what has one score"


def test_a_letter_that_its_user_no_longer_has_is_not_replayed(store: Store) -> None:
    letter = bury(store, JOIN)
    store.redis.hdel(store.key("contacts:u1"), f"d:{letter.key}")
    assert not store.replay("u1", letter.key, letter.id, "ops")
    assert known(store).pending == {}


def test_a_letter_that_is_gone_is_not_replayed(store: Store) -> None:
    letter = bury(store, JOIN)
    store.redis.hdel(store.key("dead_letters"), letter.id)
    assert not store.replay("u1", letter.key, letter.id, "ops")
    assert known(store).pending == {}


def test_a_replay_begins_anew_and_the_letter_says_by_whom(store: Store) -> None:
    letter = bury(store, JOIN)
    for name in ("crashes", "tries", "failing"):
        store.redis.hset(store.key("contacts:u1"), name, "1")
    rev = known(store).rev
    assert store.replay("u1", letter.key, letter.id, "ops")
    fields = store.redis.hgetall(store.key("contacts:u1"))
    assert not {"crashes", "tries", "failing"} & set(fields)
    assert (int(known(store).rev), list(known(store).pending)) == (int(rev) + 1, [letter.key])
    replayed = json.loads(str(store.redis.hget(store.key("dead_letters"), letter.id)))["replayed"]
    assert (replayed["by"], abs(int(replayed["at"]) - int(store.now())) < 60_000_000) == ("ops", True)
    assert store.redis.zscore(store.key("dirty"), "u1") is not None
    assert (store.redis.zscore(store.key("due"), "u1") or 0) <= int(store.now())
    assert store.redis.zrange(store.key("pending:subscribe_contact:daily"), 0, -1) == ["u1"]


def test_of_a_closed_letter_nothing_stays_with_the_user(store: Store) -> None:
    letter = bury(store, JOIN)
    assert replay(store, letter, "ops") == "replayed"
    assert discard(store, letter, "ops")
    assert (known(store).dead, known(store).pending) == ({}, {})


def test_a_closed_letter_of_no_state_is_out_of_the_index(store: Store) -> None:
    malformed = EventKey("subscribe_contact", "daily", "")
    letters = [write_letter(user, malformed, InvalidEventError("refused"), stamp(1), user) for user in ("u1", "u2")]
    for letter in letters:
        put_letter(store, letter)
    discard(store, letters[0], "ops")
    assert store.redis.zrange(store.key("unaccepted"), 0, -1) == [f"u2 {letters[1].id}"]


def test_an_erasure_takes_all_letters_of_the_user_along_and_nobody_elses(store: Store) -> None:
    malformed = EventKey("subscribe_contact", "daily", "")
    for user in ("u1", "u10"):
        put_letter(store, write_letter(user, malformed, InvalidEventError("refused"), stamp(1), user))
    closed = write_letter("u1", EventKey("update_contact", "", ""), REFUSED, stamp(1), "closed")
    put_letter(store, closed)
    discard(store, closed, "ops")
    bury(store, JOIN)
    store.accept(anonymize(2))
    lease = store.lease("u1", 60)
    assert isinstance(lease, Lease)
    assert store.settle(lease, Settlement(clean=True, tombstone=stamp(2))) == "settled"
    assert [letter.user_id for letter in read_letters(store)] == ["u10"]
    assert read_closed(store) == []
    assert [str(one).partition(" ")[0] for one in store.redis.zrange(store.key("unaccepted"), 0, -1)] == ["u10"]


def test_no_more_than_ten_thousand_closed_letters_are_kept(store: Store) -> None:
    store.redis.rpush(store.key("closed_letters"), *["{}"] * 10_000)
    letter = bury(store, JOIN)
    discard(store, letter, "ops")
    assert store.redis.llen(store.key("closed_letters")) == 10_000
    assert read_closed(store, limit=1)[0].id == letter.id
