"""When trouble is tried again, and when it is given up: the table of the policy's docstring, computed."""

import re
from collections.abc import Iterator

import pytest

from sync_tasks.config.settings import Pipeline
from sync_tasks.domain.retry import RetryPolicy, is_left_to_the_state
from sync_tasks.errors import (
    AccountPausedError,
    PartPausedError,
    RateLimitedError,
    RejectedContactError,
    StateHeldError,
    SyncError,
    TooEarlyError,
    UnauthorizedError,
    UnconfiguredAccountError,
)

POLICY = RetryPolicy(jitter=0)
HOUR = 3600
BUSY, REFUSED = TooEarlyError("425"), RejectedContactError("400")


def schedule(trouble: str) -> str:
    """Return what the policy's docstring says of one trouble."""
    rows = re.findall(r"\| (.*?) \| (.*?) \| (.*?) \|", RetryPolicy.__doc__ or "")
    (found,) = (after for name, after, _ in rows if name == trouble)
    return str(found)


def delays(*tries: int, policy: RetryPolicy = POLICY) -> Iterator[str]:
    return (f"{policy.delay([BUSY], tries=number, lasted=20 * HOUR):g}" for number in tries)


def test_the_schedule_of_a_contacts_own_trouble_is_that_of_the_table() -> None:
    assert ", ".join(delays(1, 2, 3, 4, 5)) == schedule("of the contact, the first tries")
    first, last = schedule("of the contact, after that").split(" … ")
    assert ", ".join(delays(6, 7, 8)) == first
    assert list(delays(11, 12, 99)) == ["1920", last, last]


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("the state is on hold", StateHeldError("held")),
        ("an account left the configuration", UnconfiguredAccountError("gone")),
    ],
)
def test_the_schedule_of_other_trouble_is_that_of_the_table(trouble: str, error: SyncError) -> None:
    assert f"{POLICY.delay([error], tries=0, lasted=0):g}" == schedule(trouble)


def test_a_part_that_is_paused_is_waited_for_an_hour_if_nobody_wakes_whom_it_concerns() -> None:
    paused = PartPausedError("creating is paused", 30, "creating")
    assert schedule("a part of an account is paused") == "its end; 3600 if nobody woke it"
    assert POLICY.delay([paused], tries=0, lasted=0) == 3600
    assert POLICY.delay([paused, BUSY], tries=1, lasted=0) == 1


def test_tries_and_deferrals_are_configured() -> None:
    assert list(delays(7, 8, 9, policy=RetryPolicy(retries=7, defer_seconds=10, jitter=0))) == ["60", "10", "20"]


def test_a_wait_is_twice_as_long_each_time_up_to_an_hour_however_short_the_first_is() -> None:
    assert list(delays(17, 18, 99, policy=RetryPolicy(defer_seconds=1, jitter=0))) == ["2048", "3600", "3600"]


def test_the_defaults_are_those_of_the_configuration() -> None:
    pipeline = Pipeline()
    assert RetryPolicy(pipeline.retries, pipeline.defer_seconds, pipeline.give_up_hours) == RetryPolicy()


def test_no_wait_is_longer_than_the_trouble_has_lasted() -> None:
    assert POLICY.delay([BUSY], tries=10, lasted=3.0) == 3.0


@pytest.mark.parametrize(
    ("errors", "seconds"),
    [
        ([], None),
        ([REFUSED], None),
        ([RateLimitedError("429", 7)], 7),
        ([RateLimitedError("429")], 1),
        ([RateLimitedError("429", 90_000)], 3600),
        ([AccountPausedError("paused", 30)], 30),
        ([UnauthorizedError("401")], 1),
        ([AccountPausedError("paused", 30), RateLimitedError("429", 7)], 30),
        ([BUSY, RateLimitedError("429", 7)], 7),
        ([REFUSED, BUSY], 1),
    ],
)
def test_what_brevo_or_a_pause_reported_goes_before_our_own_guess(
    errors: list[SyncError], seconds: float | None
) -> None:
    assert POLICY.delay(errors, tries=0, lasted=0) == seconds


@pytest.mark.parametrize(("hours", "expired"), [(23.9, False), (24.1, True)])
def test_trouble_of_one_contact_is_given_up_after_a_day(hours: float, *, expired: bool) -> None:
    assert POLICY.is_expired(hours * HOUR) is expired
    assert (POLICY.delay([BUSY], tries=30, lasted=hours * HOUR) is None) is expired


def test_trouble_of_the_account_is_never_given_up() -> None:
    paused = AccountPausedError("paused", 30)
    assert POLICY.delay([BUSY, paused], tries=30, lasted=99 * HOUR) == 30


def test_who_failed_together_does_not_come_back_together() -> None:
    waits = {RetryPolicy().delay([AccountPausedError("paused", 10)], tries=0, lasted=0) for _ in range(50)}
    assert len(waits) > 10
    assert all(wait is not None and 10 <= wait <= 13 for wait in waits)


@pytest.mark.parametrize(
    ("delay", "trouble", "left"),
    [
        (90, BUSY, False),
        (91, BUSY, True),
        (1, AccountPausedError("paused", 1), True),
        (1, StateHeldError("held"), True),
    ],
)
def test_a_worker_keeps_short_waits_of_a_contact_alone(delay: float, trouble: SyncError, *, left: bool) -> None:
    assert is_left_to_the_state(delay, trouble) is left
