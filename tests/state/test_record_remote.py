"""What a page showed of a contact is recorded, unless something newer is known of it."""

from typing import Any, cast

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.state import bulk
from sync_tasks.state.records import LoadedRow, RemoteRecord, Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, is_dirty, known, lease_of, put_in_sync
from tests.support.saying import ACCOUNT, ADA, stamp, subscribe, update

A_DAY = 86_400
SHOWN = RemoteState(7, ADA, frozenset({3}))


def fields_of(store: Store) -> dict[str, str]:
    return cast("dict[str, str]", store.redis.hgetall(store.key("contacts:u1")))


def record(store: Store, **said: Any) -> int:
    """Record that a page asked for now shows the contact."""
    seen = RemoteState(7, ADA, frozenset({3}), read_at=said.pop("read_at", store.now()))
    return store.record_remote([RemoteRecord("u1", said.pop("rev", known(store).rev), ACCOUNT, seen, **said)])


@pytest.fixture
def synced(store: Store) -> Store:
    """A contact that agrees, and of which nothing happened lately."""
    store.accept(subscribe(1))
    put_in_sync(store)
    store.redis.delete(store.key("history:u1"))
    return store


@pytest.fixture
def loaded(store: Store) -> Store:
    """A contact of a load under way."""
    rows = [LoadedRow("u1", stamp(1), {"address": ADA, "n:daily": "s"})]
    assert bulk.load(store, rows, 60) == ["loaded"]
    return store


def test_a_loads_own_contact_that_agrees_is_done(loaded: Store) -> None:
    assert record(loaded, state="clean") == 1
    fields = fields_of(loaded)
    assert "filling" not in fields
    assert [name for name in fields if name.startswith("p:")] == []
    assert (is_dirty(loaded), due_in(loaded)) == (False, None)


def test_a_loads_own_contact_that_differs_is_the_workers(loaded: Store) -> None:
    assert record(loaded, state="differs") == 1
    assert "filling" not in fields_of(loaded)
    assert is_dirty(loaded)
    assert (due_in(loaded) or 0) <= 0


def test_a_loads_own_contact_of_which_only_one_account_agrees_stays_its_own(loaded: Store) -> None:
    before = fields_of(loaded)
    assert record(loaded) == 1
    assert before.items() <= fields_of(loaded).items()
    assert is_dirty(loaded)


def test_a_loads_own_contact_of_unknown_outcome_is_left_to_the_load(loaded: Store) -> None:
    loaded.redis.hset(loaded.key("contacts:u1"), "unsure", loaded.now())
    assert record(loaded, state="clean") == 0


def test_a_contact_that_agrees_is_recorded_and_nobody_need_look_at_it(synced: Store) -> None:
    assert record(synced, state="clean", line="page") == 1
    assert known(synced).seen[ACCOUNT].lists == frozenset({3})
    assert (is_dirty(synced), due_in(synced)) == (False, None)
    assert [line.partition(" ")[2] for line in synced.history("u1")] == ["page"]


def test_a_contact_that_differs_is_found_by_the_kind_of_its_repair_for_a_day(synced: Store) -> None:
    assert record(synced, state="differs", kind="join:3") == 1
    assert is_dirty(synced)
    assert (due_in(synced) or 0) <= 0
    index = synced.key("pending:join:3")
    assert synced.redis.zrange(index, 0, -1) == ["u1"]
    assert A_DAY - 60 < synced.redis.ttl(index) <= A_DAY
    assert synced.history("u1") == []


def test_a_repair_without_a_kind_is_in_no_index(synced: Store) -> None:
    assert record(synced, state="differs") == 1
    assert synced.redis.keys("*pending:") == []


def test_a_newer_revision_is_not_overwritten(synced: Store) -> None:
    assert record(synced, rev="77", state="differs") == 0
    assert not is_dirty(synced)


def test_a_contact_that_a_worker_handles_is_left_to_it(synced: Store) -> None:
    synced.redis.zadd(synced.key("due"), {"u1": 0})
    lease = lease_of(synced)
    synced.redis.zrem(synced.key("dirty"), "u1")
    assert record(synced) == 0
    synced.settle(lease, Settlement(clean=True))
    assert record(synced) == 1


def test_a_dirty_contact_is_left_to_the_workers(synced: Store) -> None:
    synced.accept(update(9, first_name="Ann"))
    assert record(synced) == 0


@pytest.mark.parametrize(("due", "recorded"), [(True, 0), (False, 1)])
def test_an_unknown_outcome_that_is_followed_up_goes_before_a_page(synced: Store, *, due: bool, recorded: int) -> None:
    synced.redis.hset(synced.key("contacts:u1"), "unsure", synced.now())
    if due:
        synced.redis.zadd(synced.key("due"), {"u1": int(synced.now()) + 60_000_000})
    assert record(synced) == recorded


@pytest.mark.parametrize(("later", "recorded"), [(-1, 0), (0, 0), (1, 1)])
def test_a_page_asked_for_before_the_last_outcome_is_old(synced: Store, later: int, recorded: int) -> None:
    last = int(synced.now())
    synced.redis.lpush(synced.key("history:u1"), f"{last:016d} synced")
    synced.redis.expire(synced.key("history:u1"), A_DAY)
    assert record(synced, read_at=f"{last + later:016d}", line="page") == recorded
    assert len(synced.history("u1")) == 1 + recorded


@pytest.mark.parametrize(("later", "recorded"), [(-1, 0), (0, 1), (1, 1)])
def test_a_page_asked_for_before_the_last_look_is_old(synced: Store, later: int, recorded: int) -> None:
    looked = int(synced.now())
    synced.redis.hset(synced.key("contacts:u1"), f"s:{ACCOUNT}:looked", f"{looked:016d}")
    synced.redis.hset(synced.key("contacts:u1"), f"s:{ACCOUNT}:lists", "99")
    assert record(synced, read_at=f"{looked + later:016d}") == recorded
    assert known(synced).seen[ACCOUNT].lists == frozenset({3} if recorded else {99})


def test_what_a_page_no_longer_shows_is_forgotten(synced: Store) -> None:
    synced.redis.hset(synced.key("contacts:u1"), f"s:{ACCOUNT}:strange", "9")
    assert record(synced) == 1
    assert known(synced).seen[ACCOUNT].foreign_lists == SHOWN.foreign_lists


def test_a_page_that_agrees_does_not_put_off_what_somebody_waits_to_look_at(synced: Store) -> None:
    synced.redis.zadd(synced.key("due"), {"u1": int(synced.now()) + 60_000_000})
    synced.redis.hset(synced.key("contacts:u1"), "p:update_contact::1", "1:1")
    assert record(synced, state="clean") == 1
    assert due_in(synced) == pytest.approx(1, abs=0.5)
    assert "p:update_contact::1" in fields_of(synced)
