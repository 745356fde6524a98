"""The plot shows the worst of each quarter of an hour, and where nobody looked."""

import pytest

from sync_tasks.operate.plot import HEIGHT, LEFT, WIDTH, draw
from sync_tasks.state.freshness import MINUTES, Minute

NOW = 29_000_003  # three minutes into a quarter of an hour


def test_the_worst_minute_of_a_quarter_of_an_hour_is_its_bar() -> None:
    plot = draw(NOW, [Minute(NOW, 20, 1), Minute(NOW - 1, 50, 1), Minute(NOW - 10, 5, 1)])
    seen = [bar for bar in plot.bars if bar.seen]
    assert [bar.label.partition(": ")[2] for bar in seen] == ["up to 5 s", "up to 50 s"]
    assert seen[-1] is plot.bars[-1]


def test_a_day_has_its_place_and_older_minutes_have_none() -> None:
    plot = draw(NOW, [Minute(NOW - MINUTES - 20, 99, 1), Minute(NOW - MINUTES + 20, 7, 1)])
    assert len(plot.bars) == MINUTES // 15
    assert plot.bars[0].x == LEFT
    assert all(bar.x + bar.width <= WIDTH + 1 for bar in plot.bars)
    assert [bar.label.partition(": ")[2] for bar in plot.bars if bar.seen] == ["up to 7 s"]


def test_every_bar_ends_at_the_axis_and_stays_inside() -> None:
    for seconds in (0, 1, 30, 31, 4000, 900_000):
        (bar,) = (bar for bar in draw(NOW, [Minute(NOW, seconds, 1)]).bars if bar.seen)
        assert 0 <= bar.y < HEIGHT
        assert bar.y + bar.height == HEIGHT - 24


def test_the_axis_is_longer_than_the_longest_wait() -> None:
    assert [mark.label for mark in draw(NOW, [Minute(NOW, 70, 1)]).levels] == ["0 s", "2 min", "5 min"]
    assert draw(NOW, [Minute(NOW, 900_000, 1)]).levels[-1].label == "10 d"


def test_what_was_not_seen_is_reported() -> None:
    assert draw(NOW, []).summary.startswith("Nobody has swept for a day")
    assert "nothing was seen" in draw(NOW, [Minute(NOW, 3, 1)]).summary
    whole = draw(NOW, [Minute(NOW - minute, 3, 1) for minute in range(MINUTES)])
    assert whole.summary == "Over the last day the oldest event waited for 3 s at most."


def test_the_label_of_each_hour_is_whole() -> None:
    widest = 40
    for minutes in range(0, MINUTES, 5):
        for mark in draw(NOW + minutes, []).hours:
            left = mark.place - {"start": 0, "middle": widest / 2, "end": widest}[mark.anchor]
            assert left >= LEFT - widest / 2
            assert left + widest <= WIDTH, mark


@pytest.mark.parametrize(
    ("seconds", "levels"),
    [
        (0, ["0 s", "15 s", "30 s"]),
        (30, ["0 s", "15 s", "30 s"]),
        (31, ["0 s", "30 s", "1 min"]),
        (60, ["0 s", "30 s", "1 min"]),
        (61, ["0 s", "2 min", "5 min"]),
        (300, ["0 s", "2 min", "5 min"]),
        (301, ["0 s", "5 min", "15 min"]),
        (901, ["0 s", "30 min", "1 h"]),
        (3601, ["0 s", "2 h", "4 h"]),
        (4 * 3600 + 1, ["0 s", "12 h", "1 d"]),
        (86_401, ["0 s", "3 d", "7 d"]),
    ],
)
def test_the_axis_ends_at_the_next_round_number(seconds: int, levels: list[str]) -> None:
    found = draw(NOW, [Minute(NOW, seconds, 1)]).levels
    assert [mark.label for mark in found] == levels
    assert (found[0].place, found[-1].place) == (156.0, 14.0)
    assert found[0].place > found[1].place > found[2].place


def test_a_bar_is_as_high_as_its_wait_and_what_was_not_seen_fills_the_picture() -> None:
    plot = draw(NOW, [Minute(NOW, 15, 1), Minute(NOW - 15, 30, 1), Minute(NOW - 30, 0, 1)])
    assert [(bar.y, bar.height) for bar in plot.bars[-3:]] == [(154.5, 1.5), (14.0, 142.0), (85.0, 71.0)]
    unseen = plot.bars[0]
    assert (unseen.x, unseen.y, unseen.height, unseen.seen) == (LEFT, 14, 142, False)
    assert unseen.label.endswith(" UTC: nobody swept")
    assert plot.bars[-1].x == round(WIDTH - unseen.width, 1)
