"""Whose an address is, and what is left of whom was erased."""

from itertools import permutations

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.events import Event
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import is_dirty, known, lease_of, of, put_in_sync
from tests.support.saying import (
    ADA,
    BEA,
    anonymize,
    stamp,
    subscribe,
    update,
)

CARA = "cara@example.com"
MINUTE = 60 * MICROSECONDS_PER_SECOND
HELD = RemoteState(7, ADA, frozenset({3}))


def test_an_address_belongs_to_whoever_wanted_it_first(store: Store) -> None:
    for user_id in ("u1", "u2"):
        store.accept(of(user_id, subscribe(1)))
    assert store.claimants([ADA, BEA]) == ["u1", None]
    assert (lease_of(store, "u1").contact.address_taken, lease_of(store, "u2").contact.address_taken) == (False, True)


def test_whoever_waited_for_an_address_gets_it_when_it_is_given_up(store: Store) -> None:
    store.accept(of("u1", subscribe(1)))
    store.accept(of("u2", subscribe(1)))
    put_in_sync(store, "u2")
    assert store.accept(of("u1", update(2, email=BEA))).users_to_nudge == ("u2",)
    assert (store.claimant(ADA), store.claimant(BEA)) == ("u2", "u1")
    assert is_dirty(store, "u2")


def test_an_address_that_was_given_up_lately_may_be_the_contacts_of_each_who_had_it(store: Store) -> None:
    def who_may_be_another() -> list[str]:
        return [user for user in ("u1", "u2", "u3") if store.is_vacated(ADA, by_other_than=user)]

    assert who_may_be_another() == []
    for moment in (1, 3):
        store.accept(of("u1", update(moment, email=ADA)))
        store.accept(of("u1", update(moment + 1, email=BEA)))
        assert who_may_be_another() == ["u2", "u3"], "it alone gave it up"
    store.accept(of("u2", update(5, email=ADA)))
    store.accept(of("u2", update(6, email=CARA)))
    assert who_may_be_another() == ["u1", "u2", "u3"]


def test_whoever_has_moved_on_is_not_nudged(store: Store) -> None:
    store.accept(of("u1", subscribe(1)))
    store.accept(of("u2", subscribe(1)))
    store.accept(of("u2", update(2, email=CARA)))
    assert store.accept(of("u1", update(3, email=BEA))).users_to_nudge == ()
    assert store.claimants([ADA, BEA, CARA]) == [None, "u1", "u2"]


@pytest.mark.parametrize("order", list(permutations(["u1", "u2", "u3"])))
def test_addresses_may_wander_round_a_circle(store: Store, order: tuple[str, ...]) -> None:
    homes = {"u1": ADA, "u2": BEA, "u3": CARA}
    moves = {"u1": BEA, "u2": CARA, "u3": ADA}
    for user_id, address in homes.items():
        store.accept(of(user_id, subscribe(1, email=address)))
    for user_id in order:
        store.accept(of(user_id, update(2, email=moves[user_id])))
    assert store.claimants(moves.values()) == list(moves)
    assert not any(lease_of(store, user_id).contact.address_taken for user_id in moves)


def test_an_old_address_that_comes_late_takes_it_from_nobody(store: Store) -> None:
    store.accept(of("u1", subscribe(2, email=BEA)))
    store.accept(of("u2", subscribe(2, email=ADA)))
    store.accept(of("u1", update(1, email=ADA)))
    assert store.claimants([ADA, BEA]) == ["u2", "u1"]
    assert known(store, "u1").hints == (ADA,)


def test_an_erasure_frees_the_address_and_keeps_it_only_to_find_the_contact(store: Store) -> None:
    store.accept(subscribe(1, first_name="Ada"))
    assert store.accept(anonymize(2)).status == "accepted"
    assert store.claimant(ADA) is None
    assert set(known(store).registers) == {"erased", "address"}


def test_a_tombstone_holds_for_good_and_names_nobody(store: Store) -> None:
    store.accept(subscribe(1))
    store.accept(anonymize(2))
    store.settle(lease_of(store), Settlement(clean=True, tombstone=stamp(2), erased_ids={"default": [7]}))
    assert (store.is_erased("u1"), store.is_erased("u2"), store.peek("u1")) == (True, False, None)
    for event in (subscribe(3), update(4, email=BEA), anonymize(5)):
        assert store.accept(event).status == "erased"
    assert store.peek("u1") is None
    assert store.redis.hvals(store.key("tombstones")) == [stamp(2)]
    assert store.redis.smembers(store.key("erased:default")) == {"7"}
    assert "u1" not in str(store.redis.hgetall(store.key("tombstones")))


def test_an_address_that_comes_late_of_an_erased_person_is_still_looked_for(store: Store) -> None:
    store.accept(anonymize(5, email=ADA))
    store.settle(lease_of(store), Settlement(clean=True, tombstone=stamp(5)))
    assert store.accept(update(1, email=BEA)).status == "erased"
    assert known(store).hints == (BEA,)
    assert is_dirty(store)


def want(store: Store, users: int) -> None:
    """Let so many users want the address that ``owner`` has."""
    store.accept(of("owner", subscribe(1)))
    for number in range(users):
        store.accept(of(f"u{number}", subscribe(1)))
        put_in_sync(store, f"u{number}")


def commands_of(store: Store) -> int:
    """Return how many commands Redis has carried out, those of scripts among them."""
    return sum(reported["calls"] for reported in store.redis.info("commandstats").values())


def test_however_many_wait_for_an_address_only_who_gets_it_is_looked_at(store: Store) -> None:
    spent = []
    for users in (2, 300):
        store.redis.flushdb()
        want(store, users)
        before = commands_of(store)
        assert store.accept(of("owner", update(2, email=BEA))).users_to_nudge == ("u0",)
        spent.append(commands_of(store) - before)
    assert spent[0] == spent[1]


def test_who_waits_gets_the_address_in_the_order_they_came(store: Store) -> None:
    want(store, 3)
    users_to_nudge = [
        store.accept(of(user, update(2, email=f"{user}@new.example"))).users_to_nudge for user in ("owner", "u0", "u1")
    ]
    assert users_to_nudge == [("u0",), ("u1",), ("u2",)]


@pytest.mark.parametrize("leaves", [update(2, email=BEA), anonymize(2)])
def test_whoever_wants_an_address_no_more_waits_no_more(store: Store, leaves: Event) -> None:
    want(store, 1)
    assert store.redis.keys("*:waiting:*") != []
    store.accept(of("u0", leaves))
    assert store.redis.keys("*:waiting:*") == []


def test_whom_an_older_release_let_wait_gets_the_address_too(store: Store) -> None:
    want(store, 3)
    (waiting,) = store.redis.keys("*:waiting:*")
    store.redis.delete(waiting)
    store.redis.hset(store.key("waiting"), str(waiting).rpartition(":")[2], "gone u2 u0 u1")
    assert store.accept(of("owner", update(2, email=BEA))).users_to_nudge == ("u2",)
    assert store.redis.exists(store.key("waiting")) == 0
    assert store.accept(of("u2", update(2, email=CARA))).users_to_nudge == ("u0",)


def test_whoever_is_looked_at_again_keeps_the_place_in_the_queue_for_an_address(store: Store) -> None:
    want(store, 2)
    store.accept(of("u0", update(2, first_name="Ada")))
    put_in_sync(store, "u0")
    assert store.accept(of("owner", update(3, email=BEA))).users_to_nudge == ("u0",)


def test_whoever_leaves_the_queue_for_an_address_and_comes_back_is_the_last(store: Store) -> None:
    want(store, 2)
    for number, address in enumerate((CARA, ADA)):
        store.accept(of("u0", update(2 + number, email=address)))
    assert store.accept(of("owner", update(4, email=BEA))).users_to_nudge == ("u1",)
