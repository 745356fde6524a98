"""The JSON Schema of each event says what a message must hold, and takes what the event takes."""

from typing import Any

import pytest

from sync_tasks.domain.events import EVENTS
from sync_tasks.domain.schemas import build_schemas
from sync_tasks.texts import MAX_ADDRESS

SCHEMAS = build_schemas()
REQUIRED = {
    "subscribe_contact": ["user_id", "newsletter", "email", "occurred_at"],
    "update_contact": ["user_id", "occurred_at"],
    "unsubscribe_contact": ["user_id", "newsletter", "occurred_at"],
    "anonymize_contact": ["user_id", "occurred_at"],
}


def kinds_of(field: dict[str, Any]) -> list[dict[str, Any]]:
    kinds: list[dict[str, Any]] = field.get("anyOf", [field])
    return kinds


def test_each_event_has_a_schema_under_the_name_of_its_task() -> None:
    assert SCHEMAS.keys() == EVENTS.keys()
    assert {name: schema["title"] for name, schema in SCHEMAS.items()} == {
        name: f"sync_tasks.{name}" for name in EVENTS
    }


@pytest.mark.parametrize("task", EVENTS)
def test_a_message_must_say_who_and_when(task: str) -> None:
    schema = SCHEMAS[task]
    moment = schema["properties"]["occurred_at"]
    assert schema["required"] == REQUIRED[task]
    assert (moment["type"], moment["format"]) == ("string", "date-time")
    assert "ISO 8601" in moment["description"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("task", EVENTS)
def test_an_address_has_its_format_and_nothing_else_has(task: str) -> None:
    formats = {
        name: [kind.get("format") for kind in kinds_of(field) if kind.get("type") == "string"]
        for name, field in SCHEMAS[task]["properties"].items()
        if name != "occurred_at"
    }
    assert {name for name, found in formats.items() if "email" in found} <= {"email", "previous_email"}
    for name in {"email", "previous_email"} & formats.keys():
        address, *rest = [kind for kind in kinds_of(SCHEMAS[task]["properties"][name]) if kind["type"] == "string"]
        assert (address["format"], address["maxLength"], rest) == ("email", MAX_ADDRESS, [])
        assert all("format" not in kind for kind in kinds_of(SCHEMAS[task]["properties"][name]) if kind != address)


@pytest.mark.parametrize("task", EVENTS)
def test_a_schema_holds_all_that_it_needs(task: str) -> None:
    assert "$defs" not in SCHEMAS[task]
    assert "$ref" not in repr(SCHEMAS[task])


def test_a_consent_is_spelled_out_where_it_stands() -> None:
    consent, nothing = kinds_of(SCHEMAS["subscribe_contact"]["properties"]["consent"])
    assert set(consent["properties"]) == {"source", "version", "at"}
    assert nothing == {"type": "null"}
