"""What others use of a limit is learnt with every answer, so it must cost Redis next to nothing."""

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Store
from tests.rate_limits.test_limiter import HOUR, LENGTH, NEWS, record


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


@pytest.mark.parametrize("counted", range(8))
@pytest.mark.parametrize(("own", "expired"), [(0, 0), (0, 2), (1, 0), (1, 3), (2, 1), (3, 0), (4, 4), (5, 2)])
def test_room_is_made_for_what_brevo_counts_beyond_our_own_requests(
    store: Store, own: int, expired: int, counted: int
) -> None:
    ages = [HOUR + 60_000_000 + number for number in range(expired)] + [60_000_000 + number for number in range(own)]
    if ages:
        record(store, HOUR, *sorted(ages, reverse=True))
    store.record_usage(NEWS, "contacts", length=HOUR, most=100, used=counted)
    assert store.redis.llen(store.key(f"granted:{NEWS}:contacts:{HOUR}")) == own + expired + max(counted - own, 0)


def test_room_for_others_is_no_more_than_the_window_holds_and_ends_with_it(store: Store) -> None:
    store.record_usage(NEWS, "contacts", length=HOUR, most=5, used=9)
    window = store.key(f"granted:{NEWS}:contacts:{HOUR}")
    assert store.redis.llen(window) == 5
    assert 3500 < store.redis.ttl(window) <= 3600


def pace_of(store: Store, most: int = 20) -> int:
    """Return how many requests may go out in the shortest window."""
    ((_, pace),) = store.allowances(NEWS, "contacts", [(most, LENGTH)])
    return pace


def slow_down(store: Store, paced: int = 0, most: int = 20) -> int:
    """Let Brevo refuse a request so many microseconds after it refused another one; return the pace then."""
    scarce = store.key(f"scarce:{NEWS}:contacts")
    if paced:
        store.redis.hset(scarce, "paced", f"{int(store.now()) - paced:016d}")
    store.slow_down(NEWS, "contacts", length=LENGTH, most=most)
    assert 3500 < store.redis.ttl(scarce) <= 3600
    return pace_of(store, most)


def test_refusals_halve_the_pace_once_in_a_window_and_it_never_ends(store: Store) -> None:
    assert slow_down(store) == 10
    assert slow_down(store) == 10
    assert [slow_down(store, 2 * LENGTH) for _ in range(4)] == [5, 2, 1, 1]


def test_a_pace_whose_moment_lies_ahead_is_halved_too(store: Store) -> None:
    slow_down(store)
    assert slow_down(store, -60_000_000) == 5


@pytest.mark.parametrize(("seconds", "pace"), [(3, 10), (5, 12), (9, 14), (13, 16), (60, 20)])
def test_the_pace_grows_by_a_tenth_of_what_is_configured(store: Store, seconds: int, pace: int) -> None:
    slow_down(store)
    store.redis.hset(store.key(f"scarce:{NEWS}:contacts"), "paced", f"{int(store.now()) - seconds * 1_000_000:016d}")
    assert pace_of(store) == pace
