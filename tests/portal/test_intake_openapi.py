"""The OpenAPI document of the intake: valid, and true of what is answered. `make contract` fuzzes it besides."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_core import OpenAPI

from sync_tasks.domain.events import EVENTS
from sync_tasks.portal.intake_openapi import describe_intake

DOCUMENT = describe_intake()
SHAPES: dict[str, Any] = DOCUMENT["components"]["schemas"]
MOMENT = {"user_id": "u1", "occurred_at": "2026-03-01T12:00:00+00:00"}
GOOD: dict[str, dict[str, Any]] = {
    "subscribe_contact": {"newsletter": "daily", "email": "a@b.org", "attributes": {"city": "Ulm"}},
    "update_contact": {"previous_email": "a@b.org", "first_name": ""},
    "unsubscribe_contact": {"newsletter": "daily"},
    "anonymize_contact": {"email": None},
}


def check(reported: object) -> bool:
    document = {"$ref": "#/components/schemas/Event", "components": DOCUMENT["components"]}
    return bool(Draft202012Validator(document).is_valid(reported))


def test_the_document_is_one_of_openapi() -> None:
    OpenAPI.from_dict(DOCUMENT)


@pytest.mark.parametrize("task", EVENTS)
def test_a_good_event_fits_and_one_of_another_task_does_not(task: str) -> None:
    event = {"task": task, **MOMENT, **GOOD[task]}
    assert check(event)
    assert not check({**event, "task": "no_task"})
    assert not check({**event, "usr_id": "x"})
    assert not check({name: value for name, value in event.items() if name != "occurred_at"})
