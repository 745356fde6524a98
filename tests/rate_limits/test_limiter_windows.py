"""What others use of a limit is learnt with every answer, so it must cost Redis next to nothing."""

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Store
from tests.rate_limits.test_limiter import HOUR, NEWS


def calls_of(store: Store, command: str) -> int:
    """Return how many times scripts and clients have called a command of Redis."""
    reported = store.redis.info("commandstats").get(f"cmdstat_{command}")
    return int(reported["calls"]) if reported else 0


@pytest.mark.parametrize("expired", [0, 20_000])
def test_learning_what_others_used_reads_a_handful_of_a_long_window(store: Store, expired: int) -> None:
    limit, now = 36_000, int(store.now())
    limiter = Limiter(store, {NEWS: Account(requests_per_hour=limit, api_key="key")})  # type: ignore[arg-type]
    window = store.key(f"granted:{NEWS}:contacts:{HOUR}")
    moments = [now - HOUR - number for number in range(expired)]
    moments += [now - number for number in range(30_000 - expired)]
    store.redis.lpush(window, *(f"{moment:016d}" for moment in sorted(moments)))
    before = {command: calls_of(store, command) for command in ("lindex", "lrange", "lpush")}

    limiter.record_usage(NEWS, "contacts", limit, limit - (30_000 - expired) - 300 if expired == 0 else 100)

    assert calls_of(store, "lrange") == before["lrange"]
    assert calls_of(store, "lpush") - before["lpush"] == 1
    assert calls_of(store, "lindex") - before["lindex"] < 20
    others = 300 if expired == 0 else 1000
    assert store.redis.llen(window) == 30_000 + others


def test_room_for_what_others_used_is_made_a_part_at_a_time_until_all_of_it_is_counted(store: Store) -> None:
    limiter = Limiter(store, {NEWS: Account(requests_per_hour=9000, api_key="key")})  # type: ignore[arg-type]
    counted = []
    for _ in range(4):
        limiter.record_usage(NEWS, "contacts", 9000, 6500 - 4000)
        counted.append(store.redis.llen(store.key(f"granted:{NEWS}:contacts:{HOUR}")))
    assert counted == [1000, 2000, 3000, 4000]
