"""A reported change at Brevo lets the next push read first; an opt-out counts late rather than early."""

import pytest

from sync_tasks.state.store import Sighting, Store
from tests.state.test_store import due_in, is_dirty, known, of
from tests.support.saying import ACCOUNT, BEA, stamp, subscribe

A_MINUTE = 60_000_000


@pytest.fixture
def ada(store: Store) -> Store:
    """A state in which a contact is in sync."""
    store.accept(subscribe(1))
    store.redis.delete(store.key("dirty"), store.key("due"))
    return store


def report(store: Store, *sightings: Sighting) -> list[str]:
    return [noticed.status for noticed in store.mark_changed(ACCOUNT, sightings)]


def opt_out(moment: str = stamp(3), *lists: int) -> Sighting:
    return Sighting(user_id="u1", kind="complaint", moment=moment, opted_out=frozenset(lists))


def test_a_change_leads_to_a_look_that_a_push_under_way_does_not_settle(ada: Store) -> None:
    before = int(known(ada).rev)
    assert report(ada, Sighting(user_id="u1")) == ["noticed"]
    assert (known(ada).rev, known(ada).looks) == (str(before + 1), {ACCOUNT: str(before + 1)})
    assert is_dirty(ada)
    assert (due_in(ada) or 0) <= 0
    assert ada.redis.zrange(ada.key(f"pending:look:{ACCOUNT}"), 0, -1) == ["u1"]


def test_an_opt_out_counts_as_of_the_latest_moment_that_was_reported(ada: Store) -> None:
    for minute, latest in ((3, 3), (2, 3), (5, 5)):
        assert report(ada, opt_out(stamp(minute), 3)) == ["noticed"]
        assert known(ada).opt_outs(ACCOUNT) == {"complaint": stamp(latest)}
        assert known(ada).list_opt_outs(ACCOUNT) == {3: stamp(latest)}


def test_an_opt_out_without_a_moment_or_of_a_future_one_happened_now(ada: Store) -> None:
    for moment in ("", f"{int(ada.now()) + A_MINUTE:016d}"):
        before = ada.now()
        report(ada, opt_out(moment))
        assert before <= known(ada).opt_outs(ACCOUNT)["complaint"] <= ada.now()


def test_an_opt_out_is_later_than_all_that_a_state_ahead_of_the_clock_holds(ada: Store) -> None:
    ahead = f"{int(ada.now()) + 10 * A_MINUTE:016d}"
    ada.redis.hset(ada.key("contacts:u1"), "latest", ahead)
    report(ada, opt_out(ada.now()))
    assert known(ada).opt_outs(ACCOUNT)["complaint"] > ahead


@pytest.mark.parametrize(
    ("known_lists", "joined", "status"),
    [
        ("3,5", {3, 5}, "echo"),
        ("3,5", {3, 7}, "noticed"),
        ("33", {3}, "noticed"),
        ("", {3}, "noticed"),
        ("3", set(), "noticed"),
    ],
)
def test_joining_lists_that_we_know_is_our_own_doing(
    ada: Store, known_lists: str, joined: set[int], status: str
) -> None:
    ada.redis.hset(ada.key("contacts:u1"), f"s:{ACCOUNT}:lists", known_lists)
    assert report(ada, Sighting(user_id="u1", joined=frozenset(joined))) == [status]


def test_an_opt_out_of_a_list_that_we_know_is_no_echo(ada: Store) -> None:
    ada.redis.hset(ada.key("contacts:u1"), f"s:{ACCOUNT}:lists", "3")
    assert report(ada, opt_out(stamp(3), 3)) == ["noticed"]


def test_the_last_eight_reports_are_remembered(ada: Store) -> None:
    reports = [Sighting(user_id="u1", report=f"event {number}") for number in range(9)]
    assert report(ada, *reports) == ["noticed"] * 9
    assert report(ada, *reports[1:]) == ["duplicate"] * 8
    assert report(ada, reports[0]) == ["noticed"]
    assert report(ada, Sighting(user_id="u1"), Sighting(user_id="u1")) == ["noticed"] * 2


def test_each_report_is_about_its_own_user(ada: Store) -> None:
    ada.accept(of("u2", subscribe(1, email=BEA)))
    ada.redis.delete(ada.key("dirty"), ada.key("due"))
    noticed = ada.mark_changed(ACCOUNT, [Sighting(user_id="u9"), Sighting(address=BEA), Sighting(user_id="u1")])
    assert [(one.status, one.user_id) for one in noticed] == [("unknown", "u9"), ("noticed", "u2"), ("noticed", "u1")]
    assert not ada.redis.exists(ada.key("contacts:u9"))
