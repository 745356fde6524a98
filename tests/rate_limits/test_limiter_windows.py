"""What others use of a limit is learnt with every answer, so it must cost Redis next to nothing."""

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Store
from tests.rate_limits.test_limiter import HOUR, LENGTH, NEWS, ask, others_in, record


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
    store.redis.expire(window, 3600)
    before = {command: calls_of(store, command) for command in ("lindex", "lrange", "lpush")}

    limiter.record_usage(NEWS, "contacts", limit, limit - (30_000 - expired) - 300 if expired == 0 else 100)

    assert calls_of(store, "lrange") == before["lrange"]
    assert calls_of(store, "lpush") == before["lpush"]
    assert calls_of(store, "lindex") - before["lindex"] < 20
    assert others_in(store) == (300 if expired == 0 else 25_900)


@pytest.mark.parametrize("counted", range(8))
@pytest.mark.parametrize(("own", "expired"), [(0, 0), (0, 2), (1, 0), (1, 3), (2, 1), (3, 0), (4, 4), (5, 2)])
def test_room_is_made_for_what_brevo_counts_beyond_our_own_requests(
    store: Store, own: int, expired: int, counted: int
) -> None:
    ages = [HOUR + 60_000_000 + number for number in range(expired)] + [60_000_000 + number for number in range(own)]
    if ages:
        record(store, HOUR, *sorted(ages, reverse=True))
    store.record_usage(NEWS, "contacts", length=HOUR, most=100, used=counted)
    assert others_in(store) == max(counted - own, 0)


def believed_until(store: Store, length: int, seconds: float) -> None:
    """Let a count of others' requests be believed for so many seconds from now."""
    scarce = store.key(f"scarce:{NEWS}:contacts")
    store.redis.hset(scarce, f"until:{length}", f"{int(store.now()) + int(seconds * 1_000_000):016d}")


def test_what_others_use_is_no_more_than_the_window_holds_and_believed_for_five_minutes(store: Store) -> None:
    store.record_usage(NEWS, "contacts", length=HOUR, most=5, used=9)
    assert others_in(store) == 5
    answer, wait = ask(store, (5, HOUR))
    assert answer == "wait"
    assert 290e6 < wait <= 300e6
    believed_until(store, HOUR, 0)
    assert ask(store, (5, HOUR)) == ("granted", 0)


def test_a_smaller_count_does_not_take_room_away_while_a_greater_one_is_believed(store: Store) -> None:
    for used in (8, 3):
        store.record_usage(NEWS, "contacts", length=HOUR, most=10, used=used)
    assert others_in(store) == 8
    believed_until(store, HOUR, 0)
    store.record_usage(NEWS, "contacts", length=HOUR, most=10, used=3)
    assert others_in(store) == 3


@pytest.mark.parametrize(("used", "wait"), [(4, 300e6), (5, 300e6), (3, 5e6), (0, 5e6)])
def test_a_count_that_is_no_smaller_is_believed_for_as_long_again(store: Store, used: int, wait: float) -> None:
    store.record_usage(NEWS, "contacts", length=HOUR, most=10, used=4)
    believed_until(store, HOUR, 5)
    store.record_usage(NEWS, "contacts", length=HOUR, most=10, used=used)
    _, left = ask(store, (4, HOUR))
    assert wait - 4e6 < left <= wait


@pytest.mark.parametrize("seconds", [301, 3600, 1e9])
def test_a_count_from_before_the_clock_was_put_back_is_not_believed(store: Store, seconds: float) -> None:
    store.record_usage(NEWS, "contacts", length=HOUR, most=5, used=5)
    believed_until(store, HOUR, seconds)
    assert ask(store, (5, HOUR)) == ("granted", 0)


@pytest.mark.parametrize(
    ("others", "ages", "wait"),
    [
        (3, [], 0),
        (3, [10, 20], 200),
        (3, [3590, 20], 10),
        (3, [3300, 3200], 200),
        (5, [20], 200),
        (2, [3590, 3580, 30], 10),
        (2, [3590, 3580, 40, 30, 20], 200),
        (0, [3590, 40, 30, 20, 10], 10),
    ],
)
def test_there_is_room_once_ours_or_those_of_others_are_over(
    store: Store, others: int, ages: list[int], wait: int
) -> None:
    store.record_usage(NEWS, "contacts", length=HOUR, most=5, used=others)
    if others:
        believed_until(store, HOUR, 200)
    if ages:
        record(store, HOUR, *(age * 1_000_000 for age in ages))
    answer, microseconds = ask(store, (5, HOUR))
    assert (answer, round(microseconds / 1e6)) == ("wait" if wait else "granted", wait)


def pace_of(store: Store, most: int = 20) -> int:
    """Return how many requests may go out in the shortest window."""
    _, ((_, pace),) = store.allowances(NEWS, "contacts", [(most, LENGTH)])
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
