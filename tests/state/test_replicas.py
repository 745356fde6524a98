"""An event may wait for replicas: it counts as accepted once they have it."""

from collections.abc import Iterator

import pytest
import redis

from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.support.processes import require_redis_server

EVENT = parse_event(EVENTS["subscribe_contact"], {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"})


@pytest.fixture
def primary() -> Iterator[EmbeddedRedis]:
    require_redis_server()
    with EmbeddedRedis(appendfsync="no") as server:
        yield server


@pytest.fixture
def waiting(primary: EmbeddedRedis) -> Iterator[Store]:
    with connect(primary.url) as client:
        store = Store(client, "sync_tasks")
        store.replicas = 1
        yield store


def test_without_a_replica_an_event_that_waits_for_one_raises(waiting: Store) -> None:
    with pytest.raises(redis.TimeoutError, match="0 of 1 replicas have the event; it may get lost, so call again"):
        waiting.accept(EVENT)


def test_calling_again_once_a_replica_is_there_accepts_and_the_replica_has_it(
    primary: EmbeddedRedis, waiting: Store
) -> None:
    with pytest.raises(redis.TimeoutError):
        waiting.accept(EVENT)
    with EmbeddedRedis(settings={"replicaof": f"127.0.0.1 {primary.port}"}) as replica, connect(replica.url) as client:
        for _ in range(20):
            try:
                waiting.accept(EVENT)
                break
            except redis.TimeoutError:
                continue
        contact = Store(client, "sync_tasks").peek("anna")
    assert contact is not None
    assert contact.subscriptions()["daily"][1] is True
