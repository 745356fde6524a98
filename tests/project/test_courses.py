"""A burst that one of the two does not begin within its time is measured all the same."""

import pytest

from benchmarks.courses import Course, Speed, follow
from benchmarks.drawing import print_speeds


def speed(naive: Course, ours: Course | None = None) -> Speed:
    return Speed("changes", 10, 0.8, ours or Course([(0.0, 0.0), (2.0, 10.0)]), naive, 10, 0, 4)


def test_a_naive_app_that_did_nothing_has_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    idle = speed(Course([(0.0, 0.0), (20.0, 0.0)]))

    print_speeds([idle], None)

    assert (idle.ratio, idle.shown_ratio, idle.missed) == (None, "-", False)
    assert " - " in capsys.readouterr().out


def test_ours_that_does_not_come_to_its_end_misses_its_target() -> None:
    slow = Course([(0.0, 0.0), (2.0, 0.0)])

    assert speed(slow, Course([(0.0, 0.0), (2.0, 9.0)])).missed
    assert speed(slow).missed is False


def test_a_course_knows_its_end_however_short_it_is() -> None:
    course = follow(10, lambda: 0.0, 0.01, None)

    assert course.seconds > 0
    assert course.speed == 0.0
