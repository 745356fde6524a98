"""Moments as the registers hold them: 16 digits of microseconds since 1970. Pure."""

import re
from datetime import UTC, datetime, timedelta

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_DAY = 86_400 * MICROSECONDS_PER_SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No moment lies so far ahead; a stamp of 2286 or later would have one digit more.
FAR_FUTURE = datetime(2200, 1, 1, tzinfo=UTC)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# How far a provider's clock may be from ours: no closer are its moments compared with ours. A margin of our own.
CLOCK_SKEW = timedelta(minutes=2)
_MICROSECOND = timedelta(microseconds=1)
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def stamp_of(moment: datetime) -> str:
    """Return a moment as 16 digits of microseconds since 1970: text that sorts as time does."""
    return f"{(moment - EPOCH) // _MICROSECOND:016d}"


def moment_of(stamp: str | int) -> datetime:
    """Return the aware UTC moment of a stamp."""
    return EPOCH + int(stamp) * _MICROSECOND


def seconds_since(stamp: str | float, now: str | int) -> float:
    """Return for how many seconds something has been so; none if it began later, for Redis' clock may be put back."""
    return max(int(now) - int(stamp), 0) / MICROSECONDS_PER_SECOND


def show_age(seconds: float) -> str:
    """Return seconds as a span in its greatest unit: ``3 min``."""
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return "0 s"
