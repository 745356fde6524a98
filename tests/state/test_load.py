"""A row of a load is merged into the state of whom nobody else speaks, and makes its contact the load's own."""

import pytest

from sync_tasks.state import bulk
from sync_tasks.state.records import LoadedRow
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, is_dirty, known, of
from tests.support.saying import ADA, BEA, anonymize, stamp, subscribe, update

A_MINUTE = 60_000_000


def row(moment: str = stamp(1), user_id: str = "u1", **registers: str) -> LoadedRow:
    return LoadedRow(user_id, moment, {"address": ADA, "n:daily": "s", **registers})


def load(store: Store, one: LoadedRow) -> str:
    (result,) = bulk.load(store, [one], 600)
    return result


def fields(store: Store) -> dict[str, str]:
    return {str(name): str(text) for name, text in store.redis.hgetall(store.key("contacts:u1")).items()}


def test_a_loaded_contact_is_the_loads_own_queued_and_left_alone_for_a_while(store: Store) -> None:
    assert load(store, row()) == "loaded"
    before = fields(store)
    assert (
        before.items() >= {"rev": "1", "filling": "1", "v": "1", "latest": stamp(1), "n:daily": stamp(1) + "s"}.items()
    )
    assert {name for name in before if name.startswith("p:")} == {f"p:update_contact::{stamp(1)}"}
    assert (bulk.count_loaded(store), bulk.read_loaded(store, 0, 9)) == (1, ["u1"])
    assert 0 < store.redis.ttl(store.key("filling")) <= 604_800
    assert is_dirty(store)
    assert due_in(store) == pytest.approx(10, abs=1)
    assert store.claimant(ADA) == "u1"


def test_a_row_that_says_more_of_the_loads_own_contact_is_queued_no_second_time(store: Store) -> None:
    load(store, row())
    assert load(store, row(stamp(2), **{"a:city": '"Ulm"', "n:daily": "u"})) == "loaded"
    assert (fields(store)["a:city"], fields(store)["n:daily"]) == (stamp(2) + '"Ulm"', stamp(2) + "u")
    assert (fields(store)["rev"], fields(store)["filling"], fields(store)["latest"]) == ("2", "2", stamp(2))
    assert bulk.read_loaded(store, 0, 9) == ["u1"]
    assert len([name for name in fields(store) if name.startswith("p:")]) == 1


@pytest.mark.parametrize(("minute", "city", "result"), [(1, '"Ulm"', "unchanged"), (0, '"Bonn"', "unchanged")])
def test_a_row_that_says_nothing_newer_changes_nothing(store: Store, minute: float, city: str, result: str) -> None:
    load(store, row(**{"a:city": '"Ulm"'}))
    before = fields(store)
    assert load(store, row(stamp(minute), **{"a:city": city})) == result
    assert fields(store) == before


def test_a_moment_that_lies_a_little_ahead_is_moved_once(store: Store) -> None:
    ahead = f"{int(store.now()) + 2 * A_MINUTE:016d}"
    assert load(store, row(ahead)) == "loaded"
    assert fields(store)["latest"] <= store.now()
    before = fields(store)
    assert load(store, row(ahead)) == "unchanged"
    assert fields(store) == before
    assert load(store, row(f"{int(store.now()) + 6 * A_MINUTE:016d}")) == "ahead"


def be_gone(store: Store) -> None:
    store.accept(anonymize(2))


def be_known_without_events(store: Store) -> None:
    store.redis.hset(store.key("contacts:u1"), "h:" + BEA, "1")


def be_the_workers(store: Store) -> None:
    store.accept(subscribe(1))


def be_done(store: Store) -> None:
    load(store, row())
    store.redis.zrem(store.key("due"), "u1")


def live_elsewhere(store: Store) -> None:
    load(store, row(address=BEA))


def want_anothers_address(store: Store) -> None:
    store.accept(of("u2", subscribe(1)))


def want_an_address_given_up_lately(store: Store) -> None:
    store.accept(of("u2", subscribe(1)))
    store.accept(of("u2", update(2, email=BEA)))


@pytest.mark.parametrize(
    "happens",
    [
        be_gone,
        be_known_without_events,
        be_the_workers,
        be_done,
        live_elsewhere,
        want_anothers_address,
        want_an_address_given_up_lately,
    ],
)
def test_of_whom_more_is_known_ordinary_events_must_speak(store: Store, happens: object) -> None:
    assert callable(happens)
    happens(store)
    before = fields(store)
    assert load(store, row(stamp(9), **{"a:city": '"Ulm"'})) == "known"
    assert fields(store) == before
    if before:
        assert known(store).user_id == "u1"
