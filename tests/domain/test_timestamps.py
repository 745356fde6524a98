"""Moments and spans: exact to the microsecond, and in words by their greatest unit."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.domain.timestamps import CLOCK_SKEW, EPOCH, moment_of, seconds_since, show_age, stamp_of


@given(moment=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone is drawn
def test_a_stamp_leads_back_to_its_moment(moment: datetime) -> None:
    assert moment_of(stamp_of(moment)) == moment_of(int(stamp_of(moment))) == moment


def test_a_stamp_counts_microseconds_since_1970() -> None:
    assert stamp_of(EPOCH) == "0" * 16
    assert stamp_of(EPOCH + timedelta(days=1, microseconds=7)) == "0000086400000007"


@pytest.mark.parametrize(
    ("since", "now", "seconds"),
    [("0000000001000000", "0000000003500000", 2.5), (5, "5", 0), (4, 5, 0.000001), ("9", "5", 0), (9.0, 5, 0)],
)
def test_nothing_has_lasted_for_less_than_nothing(since: str | float, now: str | int, seconds: float) -> None:
    found = seconds_since(since, now)
    assert found == seconds


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (1, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "60 min"),
        (3600, "1 h"),
        (86399, "24 h"),
        (86400, "1 d"),
        (3 * 86400, "3 d"),
    ],
)
def test_a_span_is_shown_in_its_greatest_unit(seconds: float, shown: str) -> None:
    assert show_age(seconds) == shown


def test_a_providers_clock_may_be_two_minutes_off() -> None:
    assert timedelta(minutes=2) == CLOCK_SKEW
