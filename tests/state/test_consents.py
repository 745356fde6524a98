"""A proof of consent stays with the subscription; what ended is evidence for a while, without id and address."""

from itertools import permutations
from typing import Any

import pytest
import redis

from sync_tasks.domain.events import Event, Subscribe, Unsubscribe, parse_event
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.state.connection import connect
from sync_tasks.state.consents import ConsentRecord, forget_old_evidence, read_consents
from sync_tasks.state.secret import put_in_force
from sync_tasks.state.store import Store
from tests.support.saying import ADA, anonymize, stamp, subscribe, unsubscribe

AT = "2026-03-01T00:00:00+00:00"


def proof(source: str = "form") -> dict[str, Any]:
    return {"source": source, "version": "2026-03", "at": AT}


def record(source: str = "form", ended: float | None = None) -> ConsentRecord:
    return ConsentRecord("daily", source, "2026-03", AT, None if ended is None else moment_of(stamp(ended)).isoformat())


def reported(store: Store, *events: Event) -> list[ConsentRecord]:
    store.redis.flushall()
    for event in events:
        store.accept(event)
    return read_consents(store, "u1", store.peek("u1"))


def evidence(store: Store) -> str:
    return " ".join(map(str, store.redis.zrange(store.key("evidence"), 0, -1)))


def test_a_subscription_without_one_leaves_the_proof(store: Store) -> None:
    assert reported(store, subscribe(1, consent=proof()), subscribe(2)) == [record()]
    assert evidence(store) == ""


@pytest.mark.parametrize(
    "order",
    list(permutations([subscribe(1, consent=proof()), unsubscribe(2), subscribe(3), subscribe(4, "weekly")])),
)
def test_an_opt_out_ends_it_in_every_order(store: Store, order: tuple[Event, ...]) -> None:
    assert reported(store, *order) == [record(ended=2)]


@pytest.mark.parametrize(
    "order", list(permutations([subscribe(1, consent=proof("form")), subscribe(2, consent=proof("page"))]))
)
def test_a_newer_proof_replaces_an_older_one_which_is_kept(store: Store, order: tuple[Event, ...]) -> None:
    assert reported(store, *order) == [record("page"), record("form", ended=2)]


def test_the_same_proof_again_is_one_proof(store: Store) -> None:
    assert reported(store, subscribe(1, consent=proof()), subscribe(2, consent=proof())) == [record()]


def test_events_that_come_again_add_no_evidence_and_no_later_end(store: Store) -> None:
    history = [subscribe(1, consent=proof("form")), unsubscribe(2), subscribe(3, consent=proof("page")), unsubscribe(4)]
    ended = [record("page", ended=4), record("form", ended=2)]
    assert reported(store, *history, *history) == ended
    store.accept(subscribe(5))
    for event in history:
        store.accept(event)
    assert read_consents(store, "u1", store.peek("u1")) == ended


def test_an_opt_out_at_nearly_the_same_moment_ended_it(store: Store) -> None:
    store.accept(parse_event(Unsubscribe, {"user_id": "u1", "newsletter": "daily"}))
    said = {"user_id": "u1", "newsletter": "daily", "email": ADA, "consent": proof()}
    store.accept(parse_event(Subscribe, said | {"occurred_at": moment_of(str(int(store.now()) + 1_000))}))
    contact = store.peek("u1")
    assert contact is not None
    assert not contact.subscriptions()["daily"][1], "an opt-out counts if nobody knows what came first"
    (held,) = read_consents(store, "u1", contact)
    assert held.ended is not None


def test_after_an_erasure_it_is_kept_without_id_and_address(store: Store) -> None:
    history = [subscribe(1, consent=proof()), unsubscribe(2), subscribe(3, consent=proof("page")), anonymize(4)]
    assert reported(store, *history) == [record("page", ended=4), record("form", ended=2)]
    assert ADA not in evidence(store)
    assert "u1" not in evidence(store)
    assert "c:daily" not in store.redis.hkeys(store.key("contacts:u1"))


def test_a_proof_that_comes_after_the_erasure_is_kept_once_as_if_it_had_come_before(store: Store) -> None:
    late = [subscribe(1, consent=proof()), subscribe(2, "weekly"), subscribe(1, consent=proof())]
    assert reported(store, anonymize(4), *late) == [record(ended=4)]
    assert ADA not in evidence(store)
    assert "u1" not in evidence(store)


def test_a_proof_from_after_the_erasure_proves_nothing_that_was_done(store: Store) -> None:
    assert reported(store, anonymize(4), subscribe(5, consent=proof())) == []


def test_evidence_is_forgotten_once_it_is_old_enough(store: Store, redis_client: redis.Redis) -> None:
    reported(store, subscribe(1, consent=proof()), unsubscribe(2), subscribe(3, consent=proof()))
    age = int(store.now()) - int(stamp(2))
    a_day = 86_400_000_000
    assert forget_old_evidence(store, age / a_day + 1) == 0
    assert forget_old_evidence(store, age / a_day - 1) == 1
    assert read_consents(store, "u1", store.peek("u1")) == [record()]
    assert redis_client.exists("sync_tasks:evidence") == 0


def test_a_new_secret_finds_the_evidence(store: Store, redis_url: str) -> None:
    reported(store, subscribe(1, consent=proof()), unsubscribe(2))
    newer = Store(connect(redis_url), "sync_tasks", secrets=["s" * 32])
    with newer.redis:
        put_in_force(newer)
        assert read_consents(newer, "u1", None) == [record(ended=2)]
    assert read_consents(store, "u1", None) == []
