"""What chaos runs have found about addresses, reported in the few events that it takes."""

from collections.abc import Iterator

import pytest

from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.state.connection import connect
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Acceptance, Lease, Store

WANTED, OTHER = "wanted@people.example", "other@people.example"


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(connect(redis_url), "sync_tasks")
    yield store
    store.redis.close()


def say(store: Store, task: str, user_id: str, **said: object) -> Acceptance:
    return store.accept(parse_event(EVENTS[f"{task}_contact"], {"user_id": user_id, **said}))


def test_an_erased_user_who_waited_for_an_address_does_not_get_it(store: Store) -> None:
    say(store, "subscribe", "first", newsletter="daily", email=WANTED)
    say(store, "subscribe", "erased", newsletter="daily", email=WANTED)
    say(store, "anonymize", "erased")
    say(store, "update", "first", email=OTHER)
    say(store, "subscribe", "next", newsletter="daily", email=WANTED)
    assert store.claimant(WANTED) == "next"


def test_a_living_user_who_waited_for_an_address_gets_it(store: Store) -> None:
    say(store, "subscribe", "first", newsletter="daily", email=WANTED)
    say(store, "subscribe", "second", newsletter="daily", email=WANTED)
    assert say(store, "update", "first", email=OTHER).users_to_nudge == ("second",)
    assert store.claimant(WANTED) == "second"


def test_who_gets_an_address_while_being_pushed_is_pushed_again(store: Store) -> None:
    say(store, "subscribe", "first", newsletter="daily", email=WANTED)
    say(store, "subscribe", "second", newsletter="daily", email=WANTED)
    lease = store.lease("second", 10)
    assert isinstance(lease, Lease)
    assert lease.contact.address_taken
    say(store, "update", "first", email=OTHER)
    assert store.settle(lease, Settlement(clean=True)) == "again"
