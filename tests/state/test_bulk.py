"""Steps that concern many at once: tombstones of an account that is gone, and whom the end of a pause wakes."""

from collections.abc import Callable

import pytest

from sync_tasks.state import bulk
from sync_tasks.state import store as module
from sync_tasks.state.records import HandOver, LoadedRow, Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, lease_of, of
from tests.support.saying import anonymize, key_of, stamp, subscribe


def erase(store: Store, user_id: str, **contacts: int) -> None:
    """Let a user be erased for good, whose contacts at Brevo were these."""
    store.accept(of(user_id, anonymize(1)))
    settlement = Settlement(
        clean=True, tombstone=stamp(1), erased_ids={name: [number] for name, number in contacts.items()}
    )
    assert store.settle(lease_of(store, user_id), settlement) == "settled"


def test_the_ids_of_one_account_are_forgotten_and_the_tombstone_stays(store: Store) -> None:
    erase(store, "u1", default=7, second=8)
    bulk.forget_erased_ids(store, "default")
    assert (bulk.read_erased_ids(store, "default"), bulk.read_erased_ids(store, "second")) == (
        frozenset(),
        frozenset({8}),
    )
    assert store.tombstones.erased_at("u1") == stamp(1)
    assert store.is_erased("u1")


@pytest.mark.parametrize("reader", [bulk.split_tombstones, lambda store: bulk.read_erased_ids(store, "second")])
def test_a_tombstone_that_an_older_release_wrote_is_parted_from_its_ids(
    store: Store, reader: Callable[[Store], object]
) -> None:
    erase(store, "u1")
    (name,) = store.redis.hkeys(store.key("tombstones"))
    store.redis.hset(store.key("tombstones"), str(name), f"{stamp(1)} default=7,second=8")
    reader(store)
    assert store.redis.hvals(store.key("tombstones")) == [stamp(1)]
    assert (bulk.read_erased_ids(store, "default"), bulk.read_erased_ids(store, "second")) == (
        frozenset({7}),
        frozenset({8}),
    )


@pytest.mark.parametrize("people", [3, 4, 5])
def test_the_end_of_a_pause_wakes_everybody_however_many_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    monkeypatch.setattr(module, "_STORE_CHUNK", 2)
    part, users = "default/creating", [f"u{number}" for number in range(people)]
    store.redis.hset(store.key("paused_parts"), part, "{}")
    for user_id in users:
        store.accept(of(user_id, subscribe(1, email=f"{user_id}@example.com")))
        store.settle(lease_of(store, user_id), Settlement(waits={part: True}, due=60))
    store.resume(part)
    assert [user_id for user_id in users if (due_in(store, user_id) or 0) > 0] == []
    assert not store.redis.exists(store.key("paused_parts"))


def load(store: Store, *users: str) -> None:
    """Let a first load bring users who read a newsletter."""
    rows = (LoadedRow(user, stamp(1), {"address": f"{user}@example.com", "n:daily": "s"}) for user in users)
    assert bulk.load(store, rows, 60) == ["loaded"] * len(users)


@pytest.mark.parametrize(("ended", "left"), [(0, ["u1", "u2", "u3"]), (1, ["u2", "u3"]), (2, ["u3"]), (3, [])])
def test_only_those_whose_import_has_ended_leave_the_queue_of_a_load(store: Store, ended: int, left: list[str]) -> None:
    load(store, "u1", "u2", "u3")
    bulk.forget_loaded(store, ended)
    assert (bulk.count_loaded(store), bulk.read_loaded(store, 0, 10)) == (len(left), left)
    assert bulk.read_loaded(store, 1, 1) == left[1:2]


def test_whoever_a_load_leaves_to_the_workers_is_found_by_the_next_batch(store: Store) -> None:
    load(store, "u1", "u2", "u3")
    left = [HandOver(user, "1", unknown=False, events=(key_of(subscribe(1)),)) for user in ("u1", "u2")]
    assert bulk.hand_over(store, left) == [1, 1]
    leases = store.lease_batch("subscribe_contact:daily", 10, 60)
    assert [lease.user_id for lease in leases] == ["u1", "u2"]
    assert all(key_of(subscribe(1)) in lease.contact.pending for lease in leases)
