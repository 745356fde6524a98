"""Events in any order, through the real script on a real Redis: the state is what ``merge`` says, and no more."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.domain.events import Event
from sync_tasks.domain.merge import merge, values_of
from sync_tasks.domain.registers import STAMP
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import is_dirty, known, lease_of, put_in_sync
from tests.support.histories import events
from tests.support.saying import ADA, BEA, anonymize, key_of, stamp, subscribe, unsubscribe, update

USERS = ("u1", "u2", "u3")
CARA = "cara@example.com"
# An erasure ends what is worth looking at, so it is rare.
EVENTS = st.tuples(st.sampled_from(USERS), st.booleans(), st.integers(0, 7)).flatmap(
    lambda drawn: events(drawn[0], stamped=drawn[1], erasing=drawn[2] == 0)
)
shared_redis = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class Model:
    """The registers by ``merge``, and whose each address is: who wants it first has it, others wait their turn."""

    def __init__(self) -> None:
        self.registers: dict[str, dict[str, str]] = defaultdict(dict)
        self.latest: dict[str, str] = defaultdict(str)
        self.owners: dict[str, str] = {}
        self.waiting: dict[str, list[str]] = defaultdict(list)

    def accept(self, event: Event, stamp: str) -> list[str]:
        """Take an event over and return who gets an address by it."""
        user = event.user_id
        before, reported = self.registers[user], event.occurred_at is not None
        after = self.registers[user] = merge(before, stamp, values_of(event), reported=reported)
        late = "erased" in before and event.task != "anonymize_contact"
        self.latest[user] = self.latest[user] if late else max(self.latest[user], stamp)
        old, new = before.get("address", ""), after.get("address", "")
        nudged = list[str]()
        if old and ("erased" in after.keys() - before.keys() or old[STAMP:] != new[STAMP:]):
            nudged = self._release(old[STAMP:], user)
        if new != old and "erased" not in after:
            self._claim(new[STAMP:], user)
        return nudged

    def _claim(self, address: str, user: str) -> None:
        if self.owners.setdefault(address, user) != user and user not in self.waiting[address]:
            self.waiting[address].append(user)

    def _release(self, address: str, user: str) -> list[str]:
        if self.owners.get(address) != user:
            self.waiting[address] = [other for other in self.waiting[address] if other != user]
            return []
        del self.owners[address]
        if not self.waiting[address]:
            return []
        self.owners[address] = self.waiting[address].pop(0)
        return [self.owners[address]]


@shared_redis
@given(history=st.lists(EVENTS, max_size=12))
def test_registers_newest_moment_and_addresses_are_what_the_model_says(redis_url: str, history: list[Event]) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.flushall()
        store, model = Store(client, "model"), Model()
        for event in history:
            acceptance = store.accept(event)
            nudged = model.accept(event, acceptance.stamp)
            assert list(acceptance.users_to_nudge) == nudged
        for user in USERS:
            held = store.peek(user)
            assert (dict(held.registers) if held else {}) == model.registers[user]
            assert (client.hget(store.key(f"contacts:{user}"), "latest") or "") == model.latest[user]
        addresses = sorted({*model.owners, ADA, BEA, "cäcilie@example.net"})
        assert store.claimants(addresses) == [model.owners.get(address) for address in addresses]


def latest_of(store: Store, user_id: str = "u1") -> object:
    return store.redis.hget(store.key(f"contacts:{user_id}"), "latest")


def test_an_event_that_comes_late_leaves_the_newest_moment_as_it_was(store: Store) -> None:
    store.accept(subscribe(5))
    for late in (update(3, first_name="Ada"), unsubscribe(2, "weekly"), subscribe(1)):
        store.accept(late)
        assert latest_of(store) == stamp(5)


def test_an_event_that_loses_takes_no_address(store: Store) -> None:
    store.accept(update(2, email=BEA))
    assert store.accept(update(1, email=ADA)).status == "accepted", "it shows where else to look"
    assert store.claimants([ADA, BEA]) == [None, "u1"]
    assert store.accept(update(1, email=ADA)).status == "superseded"
    assert store.claimants([ADA, BEA]) == [None, "u1"]


def test_an_event_after_the_erasure_takes_no_address(store: Store) -> None:
    store.accept(subscribe(1))
    store.accept(anonymize(2))
    assert store.accept(subscribe(3, email=BEA)).status == "erased"
    assert store.claimants([ADA, BEA]) == [None, None]
    assert latest_of(store) == stamp(2)


def test_an_event_that_comes_again_when_its_history_is_gone_is_not_called_superseded(store: Store) -> None:
    store.accept(unsubscribe(1))
    put_in_sync(store)
    store.accept(unsubscribe(1))
    assert store.history("u1") == [], "nothing newer says otherwise"
    store.accept(unsubscribe(0))
    assert [line.rpartition(" ")[2] for line in store.history("u1")] == ["superseded"]


def load_row(store: Store, minute: float, *registers: str) -> object:
    """Return what becomes of a row of a first load."""
    return store.run_all("load", [("u1", stamp(minute), "random", 60_000_000, "", *registers)])[0]


def test_an_older_row_of_a_load_leaves_the_newest_moment_as_it_was(store: Store) -> None:
    assert load_row(store, 5, "address", ADA, "n:daily", "s") == "loaded"
    assert load_row(store, 3, "address", ADA, "a:city", '"Ulm"') == "loaded"
    assert latest_of(store) == stamp(5)
    assert load_row(store, 7, "address", ADA, "a:city", '"Bonn"') == "loaded"
    assert latest_of(store) == stamp(7)


def test_a_row_of_a_load_takes_no_address_that_another_has_or_had_lately(store: Store) -> None:
    store.accept(subscribe(1, email=ADA).model_copy(update={"user_id": "u2"}))
    store.accept(update(2, email=BEA).model_copy(update={"user_id": "u2"}))
    for address in (BEA, ADA):
        assert load_row(store, 5, "address", address) == "known"
    assert store.peek("u1") is None
    assert load_row(store, 5, "address", CARA) == "loaded"
    assert store.claimants([ADA, BEA, CARA]) == [None, "u2", "u1"]


@pytest.mark.parametrize(
    ("own", "before", "event", "status"),
    [
        (stamp(3) + "s", None, subscribe(2), "superseded"),
        (stamp(3) + "s", unsubscribe(1), subscribe(2), "accepted"),
        (stamp(3) + "u", unsubscribe(1), subscribe(2), "superseded"),
        (stamp(3) + "s", None, unsubscribe(2), "accepted"),
        (stamp(9) + "s", None, unsubscribe(2), "superseded"),
        (stamp(1) + "u", None, subscribe(2), "accepted"),
        (stamp(1) + "s", None, subscribe(2), "accepted"),
        (None, None, subscribe(2), "accepted"),
    ],
    ids=["same", "opposed before", "ended", "near", "far", "newer", "newer and same", "alone"],
)
def test_what_redis_stamped_later_stands_if_no_clock_can_be_so_wrong(
    store: Store, own: str | None, before: Event | None, event: Event, status: str
) -> None:
    for earlier in (update(30, email=ADA), before):
        if earlier:
            store.accept(earlier)
    if own:
        store.redis.hset(store.key("contacts:u1"), "n:daily", own)
    assert store.accept(event).status == status


def history_of(store: Store) -> list[str]:
    return [line.rpartition(" ")[2] for line in store.history("u1")]


def test_an_event_that_comes_again_while_it_has_no_outcome_is_not_called_superseded(store: Store) -> None:
    for event in (subscribe(1), unsubscribe(2), subscribe(1)):
        store.accept(event)
    assert history_of(store) == []
    letters = {key_of(subscribe(1)): ("letter", "{}")}
    store.settle(lease_of(store), Settlement(letters=letters))
    store.accept(subscribe(1))
    assert history_of(store) == []


def test_an_erasure_is_unfinished_from_the_moment_it_is_accepted(store: Store) -> None:
    before = int(store.now())
    store.accept(subscribe(1))
    assert not store.redis.exists(store.key("erasures"))
    store.accept(anonymize(2))
    assert (store.redis.zscore(store.key("erasures"), "u1") or 0) >= before


def test_an_erasure_that_names_the_address_we_know_brings_nothing_to_look_for(store: Store) -> None:
    store.accept(subscribe(1))
    store.accept(anonymize(3))
    put_in_sync(store)
    assert store.accept(anonymize(2, email=ADA)).status == "superseded"
    assert (known(store).hints, is_dirty(store)) == ((), False)
    assert store.accept(anonymize(2, email=BEA)).status == "accepted"
    assert (known(store).hints, is_dirty(store)) == ((BEA,), True)


def test_an_address_of_an_erased_person_that_comes_twice_is_looked_for_once(store: Store) -> None:
    store.accept(subscribe(1))
    store.accept(anonymize(5))
    for late, dirty in ((update(2, email=BEA), True), (update(2, email=BEA), False), (update(3, email=ADA), False)):
        put_in_sync(store)
        assert store.accept(late).status == "erased"
        assert (known(store).hints, is_dirty(store)) == ((BEA,), dirty)
        store.redis.zadd(store.key("due"), {"u1": 0})


@pytest.mark.parametrize("event", [update(2, first_name="Ada"), unsubscribe(2)])
def test_whom_the_state_first_meets_by_this_event_is_looked_for_with_others(store: Store, event: Event) -> None:
    index = store.key(f"pending:unmet:{event.task}")
    store.accept(event)
    assert store.redis.zrange(index, 0, -1) == ["u1"]
    store.redis.flushdb()
    store.accept(subscribe(1))
    store.accept(event)
    assert not store.redis.exists(index)


def test_whoever_has_a_new_address_is_read_with_others(store: Store) -> None:
    index = store.key("pending:update_contact")
    store.accept(subscribe(1))
    store.accept(update(2, first_name="Ada"))
    assert not store.redis.exists(index)
    store.accept(update(3, email=BEA))
    assert store.redis.zrange(index, 0, -1) == ["u1"]


def test_an_erasure_is_not_read_with_those_who_have_a_new_address(store: Store) -> None:
    store.accept(subscribe(1))
    store.accept(anonymize(2))
    assert not store.redis.exists(store.key("pending:update_contact"))


def test_a_moment_that_lies_ahead_is_moved_once_and_to_the_same_moment_again(store: Store) -> None:
    ahead = update(0, first_name="Ada").model_copy(update={"occurred_at": datetime.now(UTC) + timedelta(minutes=2)})
    first = store.accept(ahead)
    again = store.accept(ahead)
    assert first.stamp <= store.now()
    assert (first.status, again.status, again.stamp) == ("accepted", "superseded", first.stamp)


def test_the_last_eight_moved_moments_are_remembered(store: Store) -> None:
    now = datetime.now(UTC)
    ahead = [
        update(0, first_name="Ada").model_copy(update={"occurred_at": now + timedelta(minutes=2, seconds=number)})
        for number in range(9)
    ]
    stamps = [store.accept(event).stamp for event in ahead]
    assert [store.accept(event).stamp for event in ahead[1:]] == stamps[1:]
    assert store.accept(ahead[0]).stamp > stamps[-1]


def test_the_address_that_loses_is_one_more_to_look_for(store: Store) -> None:
    store.accept(update(2, email=BEA))
    store.accept(update(1, email=ADA))
    assert known(store).hints == (ADA,)
    store.accept(update(3, email=ADA))
    assert (known(store).address, known(store).hints) == (ADA, (BEA,))
