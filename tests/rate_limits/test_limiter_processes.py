"""The account's limits hold for all processes together, whoever else uses it, and what ends something goes first."""

import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.domain.events import Unsubscribe
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import RateLimitedError, UnauthorizedError
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Lease, Store
from tests.support.pipeline import MakePipeline
from tests.support.processes import wait_until

ACCOUNT = {"default": Account(requests_per_second=5, api_key="key")}  # type: ignore[arg-type]


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(connect(redis_url), "sync_tasks")
    yield store
    store.redis.close()


def test_two_processes_share_one_window(store: Store) -> None:
    processes = [Limiter(store, ACCOUNT), Limiter(store, ACCOUNT)]

    def ask(limiter: Limiter) -> None:
        for _ in range(6):
            limiter.acquire("default", "contacts")

    threads = [threading.Thread(target=ask, args=(limiter,)) for limiter in processes for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    granted = cast("list[str]", store.redis.lrange(store.key("granted:default:contacts:3600000000"), 0, -1))
    moments = sorted(map(int, granted))
    assert len(moments) == 24
    assert all(later - earlier >= MICROSECONDS_PER_SECOND for earlier, later in zip(moments, moments[5:], strict=False))


def test_an_opt_out_is_granted_before_all_who_waited_longer_in_this_process_and_in_others(store: Store) -> None:
    slow = {"default": Account(requests_per_second=1, api_key="key")}  # type: ignore[arg-type]
    processes = [Limiter(store, slow), Limiter(store, slow)]
    order: list[str] = []

    def ask(limiter: Limiter, name: str, priority: Priority) -> None:
        limiter.acquire("default", "contacts", priority)
        order.append(name)

    processes[0].acquire("default", "contacts")
    waiting = [(processes[number % 2], "update", Priority.ORDINARY) for number in range(4)]
    threads = [threading.Thread(target=ask, args=one) for one in waiting]
    for thread in threads:
        thread.start()
    urgent = threading.Thread(target=ask, args=(processes[0], "opt-out", Priority.URGENT))
    urgent.start()
    for thread in [urgent, *threads]:
        thread.join(20)

    assert order.index("opt-out") <= 1, "one grant may have been under way"


def test_requests_of_others_with_the_same_account_are_counted_in(store: Store) -> None:
    limiter = Limiter(store, ACCOUNT)
    limiter.acquire("default", "contacts")

    limiter.record_usage("default", "contacts", limit=5, remaining=0)

    began = time.monotonic()
    limiter.acquire("default", "contacts")
    assert time.monotonic() - began > 0.8


def test_a_limit_of_an_hour_that_others_used_up_is_not_waited_for(store: Store) -> None:
    limiter = Limiter(store, {"default": Account(requests_per_hour=50, api_key="key")})  # type: ignore[arg-type]

    limiter.record_usage("default", "contacts", limit=50, remaining=0)

    with pytest.raises(RateLimitedError) as caught:
        limiter.acquire("default", "contacts")
    assert caught.value.retry_after is not None
    assert 290 < caught.value.retry_after <= 300


def test_all_who_would_wait_for_long_are_sent_away_when_the_process_ends(store: Store) -> None:
    limiter = Limiter(store, {"default": Account(requests_per_second=0.14, api_key="key")})  # type: ignore[arg-type]
    limiter.acquire("default", "contacts")
    sent_away: list[RateLimitedError] = []

    def ask() -> None:
        try:
            limiter.acquire("default", "contacts")
        except RateLimitedError as error:
            sent_away.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    limiter.stop()

    wait_until(lambda: len(sent_away) == 4, "all are sent away")
    for thread in threads:
        thread.join(5)


def test_brevos_own_count_reaches_the_limiter_by_its_headers(
    make_pipeline: MakePipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = make_pipeline()
    brevo.limits.apply(brevo.settings.limits.__class__(contacts_per_second=1000, contacts_per_hour=36_000))
    now = brevo.clock()
    # However slow the machine is, the second in which all of this happens is not over.
    monkeypatch.setattr(brevo, "clock", lambda: now)
    for _ in range(600):
        brevo.limits.take("/v3/contacts", now)

    pipeline.subscribe("anna")
    pipeline.work()

    counted = pipeline.store.redis.hgetall("sync_tasks:scarce:default:contacts")
    assert int(counted["others:1008000"]) > 0


def test_a_first_request_is_granted_along_with_the_lease(store: Store) -> None:
    limiter = Limiter(store, {"default": Account(requests_per_second=1, api_key="key")})  # type: ignore[arg-type]
    accept(store, "anna", "olga")

    first = store.lease("anna", 10, limiter.ask_ahead())
    second = store.lease("olga", 10, limiter.ask_ahead())

    assert isinstance(first, Lease)
    assert isinstance(second, Lease)
    assert (first.granted, second.granted) == (True, False)
    assert not store.redis.exists(store.key("first:default:contacts")), "nobody waits for it"


def test_who_finds_nothing_to_do_is_granted_nothing(store: Store) -> None:
    limiter = Limiter(store, {"default": Account(requests_per_second=1, api_key="key")})  # type: ignore[arg-type]
    accept(store, "anna")

    assert store.lease("olga", 10, limiter.ask_ahead()) == "idle"

    assert store.grant(limiter.question("default", "contacts"))[0] == "granted"


def test_a_lease_takes_neither_the_probe_of_a_paused_account_nor_the_turn_of_who_waits(store: Store) -> None:
    limiter = Limiter(store, ACCOUNT, probe_every=0.01)
    limiter.pause("default", UnauthorizedError("wrong key"))
    accept(store, "anna")
    question = limiter.ask_ahead()
    with limiter._queues["default", "contacts"].waiting(Priority.ORDINARY):
        assert limiter.ask_ahead() is None
    wait_until(lambda: not store.redis.exists(store.key("probed:default")), "a probe may go out")

    lease = store.lease("anna", 10, question)

    assert isinstance(lease, Lease)
    assert not lease.granted
    assert question
    assert store.grant(question)[0] == "probe"


def accept(store: Store, *users: str) -> None:
    for user_id in users:
        store.accept(Unsubscribe(user_id=user_id, newsletter="daily"))
