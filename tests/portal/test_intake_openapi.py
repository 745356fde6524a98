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


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_each_answer_of_the_door_is_described() -> None:
    post = describe_intake()["paths"]["/events"]["post"]
    bodies = {status: answer["content"]["application/json"]["schema"] for status, answer in post["responses"].items()}
    refusals = dict.fromkeys(("400", "401", "408", "413", "415", "503"), ref("Refusal"))
    assert bodies == {"202": ref("Answer"), "422": ref("Answer"), **refusals}
    assert all(answer["description"] for answer in post["responses"].values())
    many = {"type": "array", "items": ref("Event"), "maxItems": 1000}
    assert post["requestBody"]["content"]["application/json"]["schema"] == {"anyOf": [ref("Event"), many]}
    assert post["requestBody"]["required"] is True
    assert DOCUMENT["security"] == [{"bearer": []}]
    assert DOCUMENT["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}


@pytest.mark.parametrize(
    ("shape", "answer", "good"),
    [
        ("Answer", {"accepted": 0, "refused": 1, "events": [{"status": "refused", "why": "x"}]}, True),
        ("Answer", {"accepted": 0, "refused": 1, "events": [{"status": "lost"}]}, False),
        ("Answer", {"accepted": -1, "refused": 1, "events": []}, False),
        ("Answer", {"accepted": 1, "events": []}, False),
        ("Answer", {"accepted": 1, "refused": 0, "events": [{"why": "x"}]}, False),
        ("Answer", {"accepted": 1, "refused": 0, "events": [], "more": 1}, False),
        ("Refusal", {"message": "x"}, True),
        ("Refusal", {}, False),
        ("Refusal", {"message": "x", "more": 1}, False),
    ],
)
def test_an_answer_holds_what_is_described_and_no_more(shape: str, answer: object, *, good: bool) -> None:
    document = {"$ref": f"#/components/schemas/{shape}", "components": DOCUMENT["components"]}
    assert Draft202012Validator(document).is_valid(answer) is good


@pytest.mark.parametrize("task", EVENTS)
def test_each_event_must_name_its_task_first(task: str) -> None:
    assert SHAPES[task]["required"][0] == "task"
    assert SHAPES[task]["properties"]["task"] == {"const": task}
    assert ref(task) in SHAPES["Event"]["oneOf"]
