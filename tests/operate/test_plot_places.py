"""Where each bar, mark and label of the plot stands, to a tenth of a unit."""

import pytest

from sync_tasks.operate.plot import Bar, Mark, draw
from sync_tasks.state.freshness import Minute

# 21:23 of a day: three minutes into a quarter of an hour that began at 21:15.
NOW = 29_000_003


def test_a_bar_stands_in_its_quarter_of_an_hour_and_one_of_none_is_as_high_as_there_is() -> None:
    bars = draw(NOW, [Minute(NOW, 20, 1), Minute(NOW - 15, 0, 1)]).bars
    assert len(bars) == 96
    assert bars[:2] == [
        Bar(66.0, 14, 6.8125, 142, seen=False, label="21:30 UTC: nobody swept"),
        Bar(72.8125, 14, 6.8125, 142, seen=False, label="21:45 UTC: nobody swept"),
    ]
    assert bars[-2:] == [
        Bar(706.4, 154.5, 5.8, 1.5, seen=True, label="21:00 UTC: up to 0 s"),
        Bar(713.2, 61.3, 5.8, 94.7, seen=True, label="21:15 UTC: up to 20 s"),
    ]


@pytest.mark.parametrize(
    ("most", "between", "top", "place"),
    [
        (0, "15 s", "30 s", 85.0),
        (30, "15 s", "30 s", 85.0),
        (31, "30 s", "1 min", 85.0),
        (60, "30 s", "1 min", 85.0),
        (61, "2 min", "5 min", 99.2),
        (300, "2 min", "5 min", 99.2),
        (301, "5 min", "15 min", 108.7),
        (901, "30 min", "1 h", 85.0),
        (3_601, "2 h", "4 h", 85.0),
        (14_401, "12 h", "1 d", 85.0),
        (86_401, "3 d", "7 d", 95.1),
        (864_000, "5 d", "10 d", 85.0),
    ],
)
def test_the_axis_ends_above_the_longest_wait_and_has_a_mark_between(
    most: int, between: str, top: str, place: float
) -> None:
    levels = draw(NOW, [Minute(NOW, most, 1)]).levels
    assert levels == [Mark(156.0, "0 s"), Mark(place, between), Mark(14.0, top)]


def test_each_fourth_hour_has_its_label() -> None:
    places = (
        (134.1, "00:00"),
        (243.1, "04:00"),
        (352.1, "08:00"),
        (461.1, "12:00"),
        (570.1, "16:00"),
        (679.1, "20:00"),
    )
    assert draw(NOW, []).hours == [Mark(place, label) for place, label in places]
    assert draw(NOW + 637, []).hours[-1] == Mark(713.2, "08:00", "end")
    assert draw(NOW + 637 + 1_440 - 30, []).hours[0].anchor in {"start", "middle"}


@pytest.mark.parametrize(
    ("minutes", "summary"),
    [
        ([], "Nobody has swept for a day: no worker and no beat were seen."),
        (
            [Minute(NOW - 15 * place, 90, 1) for place in range(92)],
            "Over the last day the oldest event waited for 2 min at most. For 1 h of the day nothing was seen.",
        ),
    ],
    ids=["none", "a gap"],
)
def test_the_same_is_said_in_words(minutes: list[Minute], summary: str) -> None:
    assert draw(NOW, minutes).summary == summary
