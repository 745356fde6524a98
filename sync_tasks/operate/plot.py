"""How long events waited over the last day, as a picture in SVG: a bar for each quarter of an hour. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, moment_of, show_age
from sync_tasks.state.freshness import MINUTES, Minute

SPAN = 15
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 720, 180, 66, 14, 24
_BARS = MINUTES // SPAN
_STEP = (WIDTH - LEFT) / _BARS
# Where the axis may end, and the mark in between (seconds).
_SCALE = {30: 15, 60: 30, 300: 120, 900: 300, 3600: 1800, 4 * 3600: 7200, 86_400: 43_200, 7 * 86_400: 3 * 86_400}
_HOURS = 4
_AN_HOUR = 60
# So near to an edge half a label has no room.
_BESIDE = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """The worst of one span of minutes; ``seen``: somebody swept then."""

    x: float
    y: float
    width: float
    height: float
    seen: bool
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the axis, and what stands beside it; ``anchor``: which part of the label stands at its place."""

    place: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Plot:
    """What a template draws; ``summary`` says the same in words."""

    bars: list[Bar]
    levels: list[Mark]
    hours: list[Mark]
    summary: str


def draw(now: int, minutes: Sequence[Minute]) -> Plot:
    """Return the picture of a day that ends at a minute since 1970."""
    # Quarters of an hour as a clock has them, the present one last.
    end = now // SPAN + 1
    worst: dict[int, int] = {}
    for one in minutes:
        place = one.minute // SPAN - end + _BARS
        if 0 <= place < _BARS:
            worst[place] = max(worst.get(place, 0), one.seconds)
    most = max(worst.values(), default=0)
    top = next((level for level in _SCALE if level >= most), most)
    bars = [_bar(place, worst.get(place), top, (end - _BARS + place) * SPAN) for place in range(_BARS)]
    levels = [Mark(_height_of(level, top), show_age(level)) for level in (0, _SCALE.get(top, top // 2), top)]
    return Plot(bars, levels, _hours(end), _sum_up(worst, most))


def _bar(place: int, seconds: int | None, top: float, minute: int) -> Bar:
    label = f"{_clock(minute)} UTC: " + ("nobody swept" if seconds is None else f"up to {show_age(seconds)}")
    if seconds is None:
        return Bar(LEFT + place * _STEP, TOP, _STEP, HEIGHT - TOP - BOTTOM, seen=False, label=label)
    y = min(_height_of(seconds, top), HEIGHT - BOTTOM - 1.5)
    return Bar(round(LEFT + place * _STEP, 1), y, round(_STEP - 1, 1), HEIGHT - BOTTOM - y, seen=True, label=label)


def _height_of(seconds: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * seconds / top, 1)


def _hours(end: int) -> list[Mark]:
    """Return a mark for each full fourth hour."""
    first = (end - _BARS) * SPAN
    minutes = range(-(-first // (_HOURS * _AN_HOUR)) * _HOURS * _AN_HOUR, end * SPAN, _HOURS * _AN_HOUR)
    return [_hour(round(LEFT + (minute - first) / SPAN * _STEP, 1), _clock(minute)) for minute in minutes]


def _hour(place: float, label: str) -> Mark:
    """Return a mark whose label is whole, also beside an edge."""
    if place < LEFT + _BESIDE:
        return Mark(place, label, "start")
    return Mark(place, label, "end" if place > WIDTH - _BESIDE else "middle")


def _clock(minute: int) -> str:
    return f"{moment_of(minute * 60 * MICROSECONDS_PER_SECOND):%H:%M}"


def _sum_up(worst: dict[int, int], most: int) -> str:
    if not worst:
        return "Nobody has swept for a day: no worker and no beat were seen."
    lacking = _BARS - len(worst)
    gap = f" For {show_age(lacking * SPAN * 60)} of the day nothing was seen." if lacking else ""
    return f"Over the last day the oldest event waited for {show_age(most)} at most.{gap}"
