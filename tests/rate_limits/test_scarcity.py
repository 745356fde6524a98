"""What Brevo grants less than is configured: learnt from its answers, shared by all processes, said to the operator."""

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.rate_limits.scarcity import Scarcity, read_budget
from sync_tasks.state.store import Store
from tests.rate_limits.test_limiter import ACCOUNTS, HOUR, LENGTH, NEWS, record


@pytest.fixture
def limiter(store: Store) -> Limiter:
    return Limiter(store, ACCOUNTS)


def granted(limiter: Limiter) -> list[tuple[int | None, int]]:
    """Return for each window what Brevo says of it, and how many go out now."""
    return [(reported, now) for _, _, reported, now in limiter.read_scarcity(NEWS).windows]


def test_nothing_is_scarce_at_first(limiter: Limiter) -> None:
    assert limiter.read_scarcity(NEWS) == Scarcity(NEWS, ((2, LENGTH, None, 2), (5, HOUR, None, 5)))


def test_a_limit_below_the_configured_one_holds_for_its_window_until_brevo_names_that_one(limiter: Limiter) -> None:
    limiter.record_usage(NEWS, "contacts", 4, 4)
    assert granted(limiter) == [(None, 2), (4, 4)]
    limiter.record_usage(NEWS, "contacts", 1, 1)
    assert granted(limiter) == [(1, 1), (4, 4)]
    limiter.record_usage(NEWS, "contacts", 5, 5)
    assert granted(limiter) == [(1, 1), (None, 5)]
    limiter.record_usage(NEWS, "contacts", 2, 2)
    assert granted(limiter) == [(None, 2), (None, 5)]


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_is_none_says_nothing(limiter: Limiter, limit: int) -> None:
    limiter.record_usage(NEWS, "contacts", limit, 0)
    assert granted(limiter) == [(None, 2), (None, 5)]


def test_what_is_known_of_a_limit_is_noted_at_times_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Limiter(store, {NEWS: Account(requests_per_second=2, requests_per_hour=50, api_key="key")})  # type: ignore[arg-type]
    scarce = store.key(f"scarce:{NEWS}:contacts")
    limiter.record_usage(NEWS, "contacts", 40, 40)
    store.redis.delete(scarce)
    limiter.record_usage(NEWS, "contacts", 40, 40)
    assert granted(limiter) == [(None, 2), (None, 50)]
    limiter.record_usage(NEWS, "contacts", 30, 30)
    assert granted(limiter) == [(None, 2), (30, 30)]
    store.redis.delete(scarce)
    monkeypatch.setattr("sync_tasks.rate_limits.limiter._NOTED_AGAIN", -1.0)
    limiter.record_usage(NEWS, "contacts", 40, 40)
    store.redis.delete(scarce)
    limiter.record_usage(NEWS, "contacts", 40, 40)
    assert granted(limiter) == [(None, 2), (40, 40)]


@pytest.mark.parametrize(("seconds", "pace"), [(0.5, 1), (2.016, 1), (2.02, 2), (600, 2)])
def test_only_a_refusal_for_the_short_window_slows_the_account_down(
    limiter: Limiter, seconds: float, pace: int
) -> None:
    limiter.hold(NEWS, seconds, "contacts")
    assert granted(limiter)[0] == (None, pace)


def test_a_window_that_is_never_short_slows_nothing_down(limiter: Limiter, store: Store) -> None:
    limiter.hold(NEWS, 1, "other")
    assert store.redis.exists(store.key(f"scarce:{NEWS}:other")) == 0


@pytest.mark.parametrize(
    ("windows", "share", "alarms"),
    [
        (((20, LENGTH, None, 20), (36_000, HOUR, None, 36_000)), 1.0, []),
        (((20, LENGTH, None, 7), (36_000, HOUR, None, 36_000)), 0.35, []),
        (
            ((20, LENGTH, None, 5), (36_000, HOUR, None, 36_000)),
            0.25,
            [
                (
                    "account news: others use most of it: 5 of 20 requests a second get through: give them an "
                    "account of their own, or lower its requests_per_second"
                ),
            ],
        ),
        (
            ((20, LENGTH, 10, 10), (36_000, HOUR, 1, 1)),
            1 / 36_000,
            [
                (
                    "account news: Brevo grants 10 requests a second, and 20 are configured: set its "
                    "requests_per_second to 10, or ask Brevo for more"
                ),
                (
                    "account news: Brevo grants 1 request an hour, and 36,000 are configured: set its "
                    "requests_per_hour to 1, or ask Brevo for more"
                ),
            ],
        ),
    ],
)
def test_what_an_operator_should_know(
    windows: tuple[tuple[int, int, int | None, int], ...], share: float, alarms: list[str]
) -> None:
    scarcity = Scarcity(NEWS, windows)
    assert (scarcity.share, list(scarcity.alarms)) == (share, alarms)


@pytest.mark.parametrize(
    ("now", "pace"),
    [
        (36_000, ""),
        (7_200, ", at 20 % of its rate"),
        (7_380, ", at 20 % of its rate"),
        (1_000, ", at 2 % of its rate"),
        (35_999, ", at 99 % of its rate"),
        (1, ", at 1 % of its rate"),
    ],
)
def test_at_which_pace_an_account_runs(now: int, pace: str) -> None:
    assert Scarcity(NEWS, ((20, LENGTH, None, 20), (36_000, HOUR, now, now))).pace == pace


def test_an_hour_that_is_used_up_is_an_alarm(limiter: Limiter) -> None:
    limiter.hold(NEWS, 9, "contacts")
    assert not list(limiter.read_scarcity(NEWS).alarms)
    limiter.hold(NEWS, 290, "contacts")
    (alarm,) = limiter.read_scarcity(NEWS).alarms
    assert alarm.startswith(
        "account news: Brevo says that the hour's requests are used up: all wait, and one is tried in 5 min"
    )


def test_what_others_use_of_the_hour_is_an_alarm_and_not_left(limiter: Limiter, store: Store) -> None:
    limiter.record_usage(NEWS, "contacts", 5, 1)
    assert granted(limiter) == [(None, 2), (None, 1)]
    assert read_budget(store, limiter.read_scarcity(NEWS)) == 1
    (alarm,) = limiter.read_scarcity(NEWS).alarms
    assert alarm.startswith("account news: others use most of it: 1 of 5 requests an hour gets through")


@pytest.mark.parametrize(
    ("ages", "left"),
    [
        ([], 5),
        ([60], 4),
        ([180, 120, 60], 2),
        ([3700, 120, 60], 3),
        ([3900, 3800, 3700, 60], 4),
        ([3900, 3800, 3700], 5),
        ([10, 9, 8, 7, 6, 5, 4], 0),
    ],
)
def test_of_an_hour_is_left_what_nobody_asked_for(limiter: Limiter, store: Store, ages: list[int], left: int) -> None:
    if ages:
        record(store, HOUR, *(age * 1_000_000 for age in ages))
    assert read_budget(store, limiter.read_scarcity(NEWS)) == left
