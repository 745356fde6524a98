"""The recorder of the test kit: what was sent is kept in order, and two lists of events are compared by fields."""

from collections.abc import Sequence
from typing import Any

import pytest

from sync_tasks import anonymize_contact, subscribe_contact
from sync_tasks.domain.events import Anonymize, Event, Subscribe, Unsubscribe
from sync_tasks.portal.pytest_plugin import pytest_assertrepr_compare
from sync_tasks.portal.recorder import compare, record

ANNA = Subscribe(user_id="anna", newsletter="daily", email="anna@portal.org")
OTTO = Unsubscribe(user_id="otto", newsletter="daily")
OTHER = "other events than expected"


@pytest.mark.parametrize(
    ("sent", "expected", "said"),
    [
        ([ANNA, OTTO], [ANNA], [OTHER, "event 2: <unsubscribe_contact otto> was sent besides"]),
        ([ANNA], [ANNA, OTTO], [OTHER, "event 2: <unsubscribe_contact otto> was not sent"]),
        ([], [OTTO], [OTHER, "event 1: <unsubscribe_contact otto> was not sent"]),
        ([OTTO], [], [OTHER, "event 1: <unsubscribe_contact otto> was sent besides"]),
        (
            [OTTO],
            [ANNA],
            [OTHER, "event 1: <unsubscribe_contact otto> was sent, and not <subscribe_contact anna>"],
        ),
        (
            [ANNA, ANNA],
            [ANNA, Subscribe(user_id="anna", newsletter="weekly", email="eva@portal.org")],
            [OTHER, "event 2: <subscribe_contact anna> has another email, newsletter"],
        ),
        ([], [], None),
        ([ANNA], [1], None),
        (["a"], [ANNA], None),
    ],
)
def test_each_event_that_differs_is_named_by_its_place(
    sent: Sequence[Any], expected: Sequence[Any], said: list[str] | None
) -> None:
    found = compare([*sent], [*expected])
    assert _sorted_fields(found) == _sorted_fields(said)
    assert pytest_assertrepr_compare("==", [*sent], [*expected]) == found


def _sorted_fields(lines: list[str] | None) -> list[list[str]] | None:
    """Leave the order of fields open: it is that of the model."""
    return None if lines is None else [sorted(line.replace(",", "").split()) for line in lines]


@pytest.mark.parametrize(("op", "left", "right"), [("!=", [ANNA], [OTTO]), ("==", (ANNA,), [OTTO]), ("==", [ANNA], 1)])
def test_only_two_lists_that_should_be_equal_are_explained(op: str, left: object, right: object) -> None:
    assert pytest_assertrepr_compare(op, left, right) is None


@pytest.mark.usefixtures("worker_environment")
def test_events_are_kept_in_order_and_each_has_an_id_as_if_it_were_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Event] = record(monkeypatch.setattr)
    first = subscribe_contact.delay(user_id="anna", newsletter="daily", email="anna@portal.org")
    second = anonymize_contact.apply_async(kwargs={"user_id": "otto"}, task_id="chosen")
    assert sent == [ANNA, Anonymize(user_id="otto")]
    assert second.id == "chosen"
    assert len(first.id) == 36
