"""Contacts in Redis: every step is atomic, and whoever lost the right to push a contact is not believed."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_tasks.domain.contact import Contact, EventKey, RemoteState
from sync_tasks.domain.events import Anonymize, Event, Subscribe, Update, parse_event
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, stamp_of
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Acceptance, Lease, Sighting, Store
from tests.support.processes import wait_until
from tests.support.saying import (
    ACCOUNT,
    ADA,
    BEA,
    anonymize,
    key_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)

CARA = "cara@example.com"
MINUTE = 60 * MICROSECONDS_PER_SECOND
HELD = RemoteState(7, ADA, frozenset({3}))


def lease_of(store: Store, user_id: str = "u1", seconds: float = 60) -> Lease:
    lease = store.lease(user_id, seconds)
    assert isinstance(lease, Lease)
    return lease


def lease_that_ran_out(store: Store) -> Lease:
    """Return the next lease of a contact that somebody else has leased for a moment only."""
    taken = wait_until(lambda: [lease for lease in [store.lease("u1", 60)] if lease != "busy"], "the lease to run out")
    assert isinstance(taken[0], Lease)
    return taken[0]


def marks(contact: Contact) -> dict[str, str]:
    return {f"l:{account}": mark for account, mark in contact.looks.items()}


def known(store: Store, user_id: str = "u1") -> Contact:
    contact = store.peek(user_id)
    assert contact is not None
    return contact


def of(user_id: str, event: Event) -> Event:
    """Return the same event of another user."""
    return event.model_copy(update={"user_id": user_id})


def put_in_sync(store: Store, user_id: str = "u1") -> None:
    lease = lease_of(store, user_id)
    done = {f"p:{key}": "" for key in lease.contact.pending}
    assert store.settle(lease, Settlement(fields=done, clean=True)) == "settled"


def is_dirty(store: Store, user_id: str = "u1") -> bool:
    return store.redis.zscore(store.key("dirty"), user_id) is not None


def due_in(store: Store, user_id: str = "u1") -> float | None:
    """Return in how many minutes somebody must look at a contact."""
    due = store.redis.zscore(store.key("due"), user_id)
    return None if due is None else (due - int(store.now())) / MINUTE


@pytest.mark.parametrize(
    ("events", "statuses"),
    [
        ([subscribe(1)], ["accepted"]),
        ([subscribe(1), subscribe(1)], ["accepted", "superseded"]),
        ([unsubscribe(2), subscribe(1)], ["accepted", "accepted"]),
        ([subscribe(2), unsubscribe(1)], ["accepted", "superseded"]),
        ([subscribe(1), unsubscribe(1)], ["accepted", "accepted"]),
        ([subscribe(1), anonymize(2), update(3, first_name="Ada")], ["accepted", "accepted", "erased"]),
    ],
)
def test_an_event_says_what_became_of_it(store: Store, events: list[Event], statuses: list[str]) -> None:
    assert [store.accept(event).status for event in events] == statuses


def test_an_accepted_event_makes_the_contact_dirty_and_due_at_once(store: Store) -> None:
    assert store.accept(subscribe(1)) == Acceptance("accepted", stamp(1))
    assert is_dirty(store)
    assert (due_in(store) or 0) <= 0
    assert set(known(store).pending) == {key_of(subscribe(1))}


def test_since_when_a_contact_is_dirty_stays_however_much_is_said_since(store: Store) -> None:
    store.accept(subscribe(1))
    since = store.redis.zscore(store.key("dirty"), "u1")
    store.accept(update(2, first_name="Ada"))
    assert store.redis.zscore(store.key("dirty"), "u1") == since


def test_a_stale_event_disturbs_nobody(store: Store) -> None:
    store.accept(subscribe(2))
    put_in_sync(store)
    assert store.accept(unsubscribe(1)).status == "superseded"
    assert (is_dirty(store), due_in(store), store.lease("u1", 60)) == (False, None, "idle")


def test_an_event_without_a_moment_is_later_than_all_that_user_said(store: Store) -> None:
    ahead = stamp_of(datetime.now(UTC) + timedelta(minutes=4))
    store.redis.hset(store.key("contacts:u1"), mapping={"latest": ahead, "rev": "1", "n:daily": ahead + "s"})
    now = [store.accept(parse_event(Update, {"user_id": "u1", "first_name": name})).stamp for name in ("A", "B")]
    assert now == [f"{int(ahead) + step:016d}" for step in (1, 2)]
    other = store.accept(parse_event(Update, {"user_id": "u2", "first_name": "C"})).stamp
    assert other < ahead


def test_only_one_may_push_a_contact(store: Store) -> None:
    assert store.lease("u1", 60) == "idle"
    store.accept(subscribe(1))
    lease = lease_of(store)
    assert store.lease("u1", 60) == "busy"
    assert store.settle(lease, Settlement(clean=True)) == "settled"
    assert store.lease("u1", 60) == "idle"


def test_a_contact_nobody_need_look_at_yet_is_left_alone(store: Store) -> None:
    store.accept(subscribe(1))
    assert store.settle(lease_of(store), Settlement(clean=True, due=60)) == "settled"
    assert not is_dirty(store)
    assert due_in(store) == pytest.approx(1, abs=0.1)
    assert store.lease("u1", 60) == "idle"


def test_a_contact_in_trouble_stays_dirty_and_is_due_later(store: Store) -> None:
    store.accept(subscribe(1))
    store.settle(lease_of(store), Settlement(clean=False, due=120, fields={"tries": "1"}))
    assert is_dirty(store)
    assert due_in(store) == pytest.approx(2, abs=0.1)
    assert known(store).tries == 1


def test_what_came_during_a_push_is_not_forgotten(store: Store) -> None:
    store.accept(subscribe(1))
    lease = lease_of(store)
    store.accept(unsubscribe(2))
    done = {f"p:{key_of(subscribe(1))}": ""}
    assert store.settle(lease, Settlement(clean=True, fields=done)) == "again"
    assert is_dirty(store)
    assert set(known(store).pending) == {key_of(unsubscribe(2))}
    assert isinstance(store.lease("u1", 60), Lease)


def test_whoever_was_too_slow_is_not_believed(store: Store) -> None:
    store.accept(subscribe(1))
    slow = lease_of(store, seconds=0.001)
    quick = lease_that_ran_out(store)
    assert store.settle(slow, Settlement(clean=True, fields={"tries": "9"})) == "lost"
    assert not store.renew_lease(slow, 60, {})
    assert known(store).tries == 0
    assert store.settle(quick, Settlement(clean=True)) == "settled"


def test_a_lease_nobody_gave_back_leaves_the_outcome_unknown_and_counts_as_a_crash(store: Store) -> None:
    store.accept(subscribe(1))
    assert (lease_of(store, seconds=0.001).contact.unknown_since, known(store).crashes) == ("", 0)
    again = lease_that_ran_out(store)
    assert (again.contact.unknown_since != "", again.contact.crashes) == (True, 1)


def test_after_two_deaths_suspects_come_one_by_one(store: Store) -> None:
    for user_id in ("u1", "u2"):
        store.accept(of(user_id, update(1, first_name="A")))
        store.redis.hset(store.key(f"contacts:{user_id}"), mapping={"crashes": "2"})
    suspect = lease_of(store, "u1")
    assert store.lease("u2", 60) == "busy"
    store.settle(suspect, Settlement(clean=True, fields={"crashes": ""}))
    assert isinstance(store.lease("u2", 60), Lease)


@pytest.mark.parametrize("suspect", [True, False])
def test_a_suspect_is_pushed_alone_for_as_long_as_its_lease_is_renewed(store: Store, *, suspect: bool) -> None:
    store.accept(subscribe(1))
    if suspect:
        store.redis.hset(store.key("contacts:u1"), "crashes", "2")
    lease = lease_of(store, seconds=60)
    if not suspect:
        store.redis.set(store.key("suspect"), "another", ex=60)
    assert store.renew_lease(lease, 600, {})
    assert store.redis.ttl(store.key("suspect")) == pytest.approx(600 if suspect else 60, abs=20)


def test_what_is_known_of_brevo_is_written_down_before_the_next_request(store: Store) -> None:
    store.accept(subscribe(1))
    assert store.renew_lease(lease_of(store), 60, {ACCOUNT: HELD})
    assert known(store).seen == {ACCOUNT: HELD}


def test_a_lease_given_back_is_as_if_it_had_never_been_taken(store: Store) -> None:
    store.accept(subscribe(1))
    before = store.redis.hgetall(store.key("contacts:u1"))
    store.release_all([(lease_of(store), "subscribe_contact:daily")])
    assert store.redis.hgetall(store.key("contacts:u1")) == before
    assert lease_of(store).contact.crashes == 0


def test_a_batch_is_whoever_has_the_same_kind_of_event_and_no_trouble(store: Store) -> None:
    for user_id in ("u1", "u2", "u3"):
        address = f"{user_id}@example.com"
        store.accept(of(user_id, subscribe(1, email=address)))
    store.accept(of("u4", unsubscribe(1)))
    store.redis.hset(store.key("contacts:u3"), "failing", stamp(1))
    first = lease_of(store, "u1")
    assert first.pending_count == 3
    batch = store.lease_batch("subscribe_contact:daily", 10, 60)
    assert [lease.user_id for lease in batch] == ["u2"]
    results = [(lease, Settlement(clean=True)) for lease in (first, *batch)]
    assert store.settle_all(results) == ["settled", "settled"]


@pytest.mark.parametrize(
    ("sighting", "status"),
    [
        (Sighting(user_id="u1"), "noticed"),
        (Sighting(address=ADA), "noticed"),
        (Sighting(user_id="u1", joined=frozenset({3})), "echo"),
        (Sighting(user_id="u1", joined=frozenset({3, 9})), "noticed"),
        (Sighting(user_id="u2"), "unknown"),
        (Sighting(address=BEA), "unknown"),
    ],
)
def test_a_change_at_brevo_means_look_there_unless_it_was_our_own(
    store: Store, sighting: Sighting, status: str
) -> None:
    store.accept(subscribe(1))
    lease = lease_of(store)
    store.renew_lease(lease, 60, {ACCOUNT: HELD})
    store.settle(lease, Settlement(clean=True))
    (noticed,) = store.mark_changed(ACCOUNT, [sighting])
    assert noticed.status == status
    assert is_dirty(store) == (status == "noticed")
    assert (ACCOUNT in known(store).looks) == (status == "noticed")


def test_a_change_that_is_no_opt_out_leaves_no_moment_of_one(store: Store) -> None:
    store.accept(subscribe(1))
    store.mark_changed(ACCOUNT, [Sighting(user_id="u1", joined=frozenset({9})), Sighting(user_id="u1")])
    fields = store.redis.hgetall(store.key("contacts:u1"))
    assert [name for name in fields if str(name).startswith("b:")] == []
    assert store.redis.zrange(store.key(f"pending:look:{ACCOUNT}"), 0, -1) == ["u1"]


@pytest.mark.parametrize(("behind", "moved"), [(0, False), (120, True)])
def test_the_moment_of_an_opt_out_is_taken_by_redis_clock(store: Store, behind: int, *, moved: bool) -> None:
    store.accept(subscribe(1))
    slow = Store(store.redis, "sync_tasks", clock=lambda: datetime.now(UTC) - timedelta(seconds=behind))
    reported = stamp_of(datetime.now(UTC) - timedelta(seconds=1000))
    slow.mark_changed(ACCOUNT, [Sighting(user_id="u1", kind="complaint", moment=reported, opted_out=frozenset({3}))])
    contact = known(store)
    moments = [contact.opt_outs(ACCOUNT)["complaint"], contact.list_opt_outs(ACCOUNT)[3]]
    for moment in moments:
        assert (int(moment) - int(reported)) / 1_000_000 == pytest.approx(behind if moved else 0, abs=20 * moved)
    assert store.redis.zcard(store.key(f"pending:look:{ACCOUNT}")) == 0


def test_the_same_news_twice_is_news_once(store: Store) -> None:
    store.accept(subscribe(1))
    news = Sighting(user_id="u1", kind="complaint", moment=stamp(3), report="event 17")
    assert [noticed.status for noticed in store.mark_changed(ACCOUNT, [news, news])] == ["noticed", "duplicate"]
    assert known(store).opt_outs(ACCOUNT) == {"complaint": stamp(3)}


def test_what_was_noticed_during_a_push_is_looked_at_after_it(store: Store) -> None:
    store.accept(subscribe(1))
    store.mark_changed(ACCOUNT, [Sighting(user_id="u1")])
    lease = lease_of(store)
    store.mark_changed(ACCOUNT, [Sighting(user_id="u1")])
    assert store.settle(lease, Settlement(clean=True, read_at=marks(lease.contact))) == "again"
    assert ACCOUNT in known(store).looks
    again = lease_of(store)
    assert store.settle(again, Settlement(clean=True, read_at=marks(again.contact))) == "settled"
    assert known(store).looks == {}


def test_whoever_was_due_for_long_is_overdue_once_per_grace(store: Store) -> None:
    for user_id in ("u1", "u2", "u3"):
        store.accept(of(user_id, update(1, first_name="A")))
    long_ago = int(store.now()) - MINUTE
    store.redis.zadd(store.key("due"), {"u1": long_ago, "u2": long_ago + 1})
    assert store.overdue(1, grace=30) == ["u1"]
    assert store.overdue(10, grace=30) == ["u2"]
    assert store.overdue(10, grace=30) == []


def test_opt_outs_and_erasures_come_first_and_last_is_what_no_event_waits_for(store: Store) -> None:
    said = {"u1": subscribe(1), "u2": unsubscribe(1), "u3": anonymize(1), "u4": update(1, first_name="A")}
    for user_id, event in said.items():
        store.accept(of(user_id, event))
    for user_id, field in {"u5": "l:default", "u6": "unsure"}.items():
        store.redis.hset(store.key(f"contacts:{user_id}"), mapping={"rev": "1", field: "1"})
    assert store.priorities([*said, "u5", "u6", "nobody"]) == {
        "u1": Priority.ORDINARY,
        "u2": Priority.URGENT,
        "u3": Priority.URGENT,
        "u4": Priority.ORDINARY,
        "u5": Priority.LOOK,
        "u6": Priority.ORDINARY,
        "nobody": Priority.BACKGROUND,
    }


def test_attributes_are_new_to_an_account_once(store: Store) -> None:
    assert store.first_times("news", ["CITY", "AGE"]) == {"CITY", "AGE"}
    assert store.first_times("news", ["CITY", "SIZE"]) == {"SIZE"}
    assert store.first_times("sports", ["CITY"]) == {"CITY"}


def test_the_history_holds_the_newest_thirty(store: Store) -> None:
    store.accept(subscribe(1))
    lines = [f"line {number}" for number in range(40)]
    store.settle(lease_of(store), Settlement(history=lines))
    reported = [line.partition(" ")[2] for line in store.history("u1")]
    assert reported == lines[:9:-1]


def test_several_portals_share_a_redis_without_meeting(store: Store) -> None:
    other = Store(store.redis, "shop")
    store.accept(subscribe(1))
    assert (other.peek("u1"), other.claimant(ADA)) == (None, None)
    assert other.accept(subscribe(1)).status == "accepted"


def test_two_stores_agree_on_whose_an_address_is(store: Store) -> None:
    store.accept(parse_event(Subscribe, {"user_id": "u1", "newsletter": "daily", "email": ADA}))
    assert Store(store.redis, "sync_tasks").claimant(ADA) == "u1"
    assert store.accept(parse_event(Anonymize, {"user_id": "u1"})).status == "accepted"


def test_a_lease_shows_nothing_of_the_person(store: Store) -> None:
    store.accept(subscribe(1, first_name="Ada"))
    shown = f"{lease_of(store)!r} {Settlement()!r} {Sighting(address=ADA)!r} {EventKey('update_contact', '', '1')}"
    assert "Ada" not in shown
    assert ADA not in shown
