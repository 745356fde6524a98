"""An event never means "call Brevo now"; it means "as of then, this field of this user is so"."""

from itertools import permutations

import pytest

from tests.support.pipeline import Pipeline

SAID = {
    "joins": ("subscribe", {"email": "ada@portal.org", "first_name": "A.", "occurred_at": "2026-03-01T10:00:00Z"}),
    "gets a name": ("update", {"first_name": "Ada", "occurred_at": "2026-03-01T10:01:00Z"}),
    "moves": ("update", {"email": "ada@new.org", "occurred_at": "2026-03-01T10:02:00Z"}),
    "leaves": ("unsubscribe", {"occurred_at": "2026-03-01T10:03:00Z"}),
}


@pytest.mark.parametrize("order", list(permutations(SAID)), ids=", ".join)
def test_in_whatever_order_events_arrive_the_newest_word_per_field_counts(
    pipeline: Pipeline, order: tuple[str, ...]
) -> None:
    pipeline.subscribe("ada", "weekly", email="ada@portal.org", occurred_at="2026-03-01T09:00:00Z")
    for what in order:
        verb, said = SAID[what]
        getattr(pipeline, verb)("ada", **said)

    pipeline.work()

    held = pipeline.held("ada")
    assert (held["email"], held["attributes"]["FIRSTNAME"]) == ("ada@new.org", "Ada")
    assert held["attributes"]["DAILY_UNSUBSCRIBED"] is True
    assert held["listIds"] == [5]
