"""Leases of one and of many: who has one keeps everybody else away, and whoever lost one leaves the outcome unknown."""

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.records import RemoteRecord, Settlement
from sync_tasks.state.store import Lease, Store
from tests.state.test_store import due_in, is_dirty, known, lease_of, lease_that_ran_out, of, put_in_sync
from tests.support.saying import ACCOUNT, ADA, BEA, anonymize, key_of, stamp, subscribe, unsubscribe, update

KIND = "subscribe_contact:daily"
HELD = RemoteState(7, ADA, frozenset({3}))
MANY = ("u1", "u2", "u3", "u4")


@pytest.fixture
def many(store: Store) -> Store:
    """A state in which four people wait for the same."""
    for user_id in MANY:
        store.accept(of(user_id, subscribe(1, email=f"{user_id}@example.com")))
    return store


def lease_together(store: Store, most: int = 10, seconds: float = 60) -> list[str]:
    return [lease.user_id for lease in store.lease_batch(KIND, most, seconds)]


def ends_in(store: Store, user_id: str) -> float:
    """Return in how many seconds the lease of a contact runs out."""
    lease = str(store.redis.hget(store.key(f"contacts:{user_id}"), "lease"))
    return (int(lease[:16]) - int(store.now())) / MICROSECONDS_PER_SECOND


def test_a_batch_is_leased_for_as_long_as_was_asked_and_by_nobody_else(many: Store) -> None:
    assert lease_together(many) == list(MANY)
    for user_id in MANY:
        assert many.lease(user_id, 60) == "busy"
        assert ends_in(many, user_id) == pytest.approx(60, abs=5)
    assert lease_together(many) == []


def test_a_batch_is_no_larger_than_asked_and_takes_the_longest_waiting(many: Store) -> None:
    assert lease_together(many, 2) == ["u1", "u2"]
    assert lease_together(many, 2) == ["u3", "u4"]


def test_whoever_another_has_leased_is_in_no_batch(many: Store) -> None:
    lease_of(many, "u2")
    assert lease_together(many) == ["u1", "u3", "u4"]


@pytest.mark.parametrize("trouble", ["unsure", "crashes", "failing"])
def test_whoever_has_trouble_is_in_no_batch(many: Store, trouble: str) -> None:
    many.redis.hset(many.key("contacts:u2"), trouble, "1")
    assert lease_together(many) == ["u1", "u3", "u4"]


def test_whoever_is_erased_is_in_no_batch(many: Store) -> None:
    many.accept(of("u2", anonymize(2)))
    assert lease_together(many) == ["u1", "u3", "u4"]


def test_whoever_is_due_later_is_in_no_batch(many: Store) -> None:
    many.settle(lease_of(many, "u2"), Settlement(due=60))
    assert lease_together(many) == ["u1", "u3", "u4"]


def test_whoever_nobody_need_look_at_is_in_no_batch(many: Store) -> None:
    many.settle(lease_of(many, "u2"), Settlement(clean=True))
    assert lease_together(many) == ["u1", "u3", "u4"]


def test_whoever_wants_the_address_of_another_is_in_no_batch(many: Store) -> None:
    many.accept(of("u5", subscribe(1, email="u1@example.com")))
    assert "u5" not in lease_together(many)
    assert lease_of(many, "u5").contact.address_taken


def test_whoever_wants_an_address_that_was_given_up_lately_is_in_no_batch(many: Store) -> None:
    many.accept(of("u1", update(2, email=ADA)))
    many.accept(of("u5", subscribe(1, email="u1@example.com")))
    assert "u5" not in lease_together(many)
    assert lease_of(many, "u5").pending_count == 0, "nor does it look for a batch"


def test_whoever_has_another_kind_of_event_is_in_no_batch(store: Store) -> None:
    store.accept(of("u1", subscribe(1, "weekly", email=ADA)))
    store.accept(of("u2", unsubscribe(1, email=BEA)))
    assert lease_together(store) == []


def test_a_batch_knows_what_is_pending_of_each(many: Store) -> None:
    leases = many.lease_batch(KIND, 10, 60)
    assert [lease.contact.address for lease in leases] == [f"{user_id}@example.com" for user_id in MANY]
    assert {key for lease in leases for key in lease.contact.pending} == {key_of(subscribe(1))}


def test_a_lease_that_is_renewed_ends_later(many: Store) -> None:
    lease = lease_of(many, "u1", seconds=10)
    assert many.renew_lease(lease, 60, {})
    assert ends_in(many, "u1") == pytest.approx(60, abs=5)


def test_whoever_lost_the_lease_notes_nothing(many: Store) -> None:
    slow = lease_of(many, "u1", seconds=0.001)
    quick = lease_that_ran_out(many)
    before = ends_in(many, "u1")
    assert not many.renew_lease(slow, 600, {ACCOUNT: HELD})
    assert known(many).seen == {}
    assert ends_in(many, "u1") <= before
    many.release_all([(slow, KIND)])
    assert many.lease("u1", 60) == "busy"
    assert many.settle(quick, Settlement(clean=True)) == "settled"


def test_whoever_lost_the_lease_leaves_the_outcome_unknown_and_the_contact_due(many: Store) -> None:
    slow = lease_of(many, "u1", seconds=0.001)
    quick = lease_that_ran_out(many)
    assert many.settle(quick, Settlement(clean=True, fields={"unsure": "", "crashes": ""})) == "settled"
    assert (known(many).unknown_since, is_dirty(many)) == ("", False)
    assert many.settle(slow, Settlement(clean=True)) == "lost"
    assert known(many).unknown_since != ""
    assert is_dirty(many)
    assert (due_in(many) or 0) <= 0


def test_whoever_lost_the_lease_of_an_erased_contact_brings_nothing_back(many: Store) -> None:
    slow = lease_of(many, "u1", seconds=0.001)
    many.accept(of("u1", anonymize(2)))
    quick = lease_that_ran_out(many)
    assert many.settle(quick, Settlement(clean=True, tombstone=stamp(2))) == "settled"
    assert many.settle(slow, Settlement(clean=True)) == "lost"
    assert many.peek("u1") is None
    assert not is_dirty(many)


def shown(store: Store, read_at: str, contact_id: int = 9) -> RemoteRecord:
    """Return what a page showed of a contact."""
    return RemoteRecord("u1", known(store).rev, ACCOUNT, RemoteState(contact_id, read_at=read_at))


@pytest.fixture
def pushed(store: Store) -> Store:
    """A contact that was pushed, with a line of its history."""
    store.accept(subscribe(1))
    lease = lease_of(store)
    done = {f"p:{key_of(subscribe(1))}": "", "s:default:id": "7"}
    store.settle(lease, Settlement(clean=True, fields=done, history=["pushed"]))
    return store


def test_a_page_from_before_the_last_push_is_not_believed(pushed: Store) -> None:
    last = pushed.history("u1")[0][:16]
    for looked in (stamp(1), last):
        assert pushed.record_remote([shown(pushed, looked)]) == 0
    assert known(pushed).seen[ACCOUNT].id == 7
    assert pushed.record_remote([shown(pushed, pushed.now())]) == 1
    assert known(pushed).seen[ACCOUNT].id == 9


def test_a_page_from_before_another_look_is_not_believed(pushed: Store) -> None:
    early, later = pushed.now(), pushed.now()
    assert pushed.record_remote([shown(pushed, later)]) == 1
    again = shown(pushed, early, contact_id=8)
    assert pushed.record_remote([again]) == 0
    assert known(pushed).seen[ACCOUNT].id == 9


@pytest.mark.parametrize("in_hand", ["leased", "newer event", "dirty"])
def test_a_page_is_not_believed_of_a_contact_that_somebody_has_in_hand(pushed: Store, in_hand: str) -> None:
    words = shown(pushed, f"{int(pushed.now()) + MICROSECONDS_PER_SECOND:016d}")
    if in_hand == "leased":
        pushed.redis.hset(pushed.key("contacts:u1"), "lease", f"{stamp(1)}token")
    elif in_hand == "newer event":
        pushed.accept(update(2, first_name="Ada"))
        put_in_sync(pushed)
    else:
        pushed.redis.zadd(pushed.key("dirty"), {"u1": 1})
    assert pushed.record_remote([words]) == 0
    assert known(pushed).seen[ACCOUNT].id == 7


def test_whoever_has_just_missed_the_end_of_a_pause_is_due_at_once(many: Store) -> None:
    waits = {"default/creating": True}
    assert many.settle(lease_of(many, "u1"), Settlement(waits=waits, due=60)) == "again"
    assert (due_in(many) or 0) <= 0
    assert not many.redis.exists(many.key("paused_users:default/creating"))
    many.redis.hset(many.key("paused_parts"), "default/creating", "{}")
    assert many.settle(lease_of(many, "u2"), Settlement(waits=waits, due=60)) == "settled"
    assert many.redis.zrange(many.key("paused_users:default/creating"), 0, -1) == ["u2"]
    assert due_in(many, "u2") == pytest.approx(1, abs=0.1)
    many.resume("default/creating")
    assert many.redis.keys("*paused*") == []
    assert (due_in(many, "u2") or 0) <= 0


def test_a_lease_of_no_batch_is_given_back_and_enters_no_index(store: Store) -> None:
    store.accept(subscribe(1))
    lease = lease_of(store)
    before = set(store.redis.keys("*pending:*"))
    store.release_all([(lease, "")])
    assert set(store.redis.keys("*pending:*")) == before
    assert isinstance(store.lease("u1", 60), Lease)
