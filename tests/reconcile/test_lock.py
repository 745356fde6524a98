"""A comparison stands alone as long as it runs: its lock is renewed, and nothing of it goes on afterwards."""

import threading
from typing import Any

import pytest
from redis import ConnectionError as RedisAwayError

from sync_tasks.reconcile import lock as module
from sync_tasks.reconcile.lock import LEASE, standing_alone
from sync_tasks.state.store import Store


class Asked:
    """A lock that is renewed, and an event that is waited for: both say what they were asked."""

    def __init__(self, *, rounds: int, away: bool = False) -> None:
        self.rounds, self.away = rounds, away
        self.waited, self.renewed = list[float](), 0

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        return len(self.waited) > self.rounds

    def reacquire(self) -> None:
        self.renewed += 1
        if self.away:
            raise RedisAwayError


@pytest.mark.parametrize("away", [True, False])
def test_the_lock_is_renewed_long_before_it_ends_even_after_redis_was_away(*, away: bool) -> None:
    asked: Any = Asked(rounds=3, away=away)
    module._renew(asked, asked)
    assert (asked.renewed, asked.waited) == (3, [LEASE / 3] * 4)


def test_nobody_else_compares_until_the_last_renewal_is_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    order = list[str]()

    def renew(_lock: object, over: threading.Event) -> None:
        order.append("daemon" if threading.current_thread().daemon else "it keeps the process alive")
        over.wait()
        threading.Event().wait(0.05)
        order.append("renewed" if store.redis.exists(store.key("reconciling")) else "too late")

    monkeypatch.setattr(module, "_renew", renew)
    with standing_alone(store) as alone, standing_alone(store) as other:
        assert (alone, other) == (True, False)
        assert 0 < store.redis.pttl(store.key("reconciling")) <= LEASE * 1000
    order.append("free")
    assert order == ["daemon", "renewed", "free"]
    with standing_alone(store) as alone:
        assert alone


def test_a_comparison_whose_lock_cannot_be_given_back_ends_as_it_would(store: Store) -> None:
    with standing_alone(store) as alone:
        store.redis.set(store.key("reconciling"), "another", ex=60)
    assert alone
    assert store.redis.get(store.key("reconciling")) == "another"
