"""Where two events of the same moment disagree, nobody gets a newsletter that they may not want."""

import pytest

from tests.support.pipeline import Pipeline

SAME_MOMENT = "2026-03-01T10:00:00.000001Z"


@pytest.mark.parametrize("order", [("subscribe", "unsubscribe"), ("unsubscribe", "subscribe")])
def test_of_two_events_of_the_same_moment_the_opt_out_counts(pipeline: Pipeline, order: tuple[str, str]) -> None:
    pipeline.subscribe("ada", occurred_at="2026-03-01T09:00:00Z")
    pipeline.work()

    for verb in order:
        getattr(pipeline, verb)("ada", occurred_at=SAME_MOMENT)
        pipeline.work()

    assert pipeline.lists("ada") == set()


def test_a_microsecond_later_is_later(pipeline: Pipeline) -> None:
    pipeline.unsubscribe("ada", email="ada@portal.org", occurred_at=SAME_MOMENT)
    pipeline.subscribe("ada", occurred_at="2026-03-01T10:00:00.000002Z")

    pipeline.work()

    assert pipeline.lists("ada") == {3}
