"""The OpenAPI document of the intake over HTTP. Pure."""

from functools import cache
from typing import Any

from sync_tasks.domain.schemas import build_schemas

MOST_EVENTS = 1000
_TITLES = {
    400: "The body is neither an object nor an array in JSON, or is not in UTF-8.",
    401: "The bearer token is missing or wrong.",
    408: "The body came too slowly.",
    413: f"The body is larger than 1,000,000 bytes, or holds more than {MOST_EVENTS} events.",
    415: "The body is not of the type application/json.",
    503: "Redis is away. Some of the events may be accepted: send all of them again.",
}


@cache
def describe_intake() -> dict[str, Any]:
    """Return the document: what may be sent, and every answer; built once, for anybody may ask for it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Events of a portal", "version": "1", "description": "Safe to repeat."},
        "security": [{"bearer": []}],
        "paths": {"/events": {"post": _describe_post()}},
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _describe_post() -> dict[str, Any]:
    one = _ref("Event")
    many = {"type": "array", "items": one, "maxItems": MOST_EVENTS}
    refusals = {str(status): _answer(title, "Refusal") for status, title in _TITLES.items()}
    return {
        "summary": "Accept one event or several.",
        "operationId": "acceptEvents",
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"anyOf": [one, many]}}}},
        "responses": {
            "202": _answer("At least one event is accepted: the state in Redis has it. Or none was sent.", "Answer"),
            "422": _answer("No event is accepted; each answer says why.", "Answer"),
            **refusals,
        },
    }


def _schemas() -> dict[str, Any]:
    events = {name: _with_task(schema, name) for name, schema in build_schemas().items()}
    status = {"type": "string", "enum": ["accepted", "refused"]}
    refusal = _object({"status": status, "why": {"type": "string"}}, required=["status"])
    number = {"type": "integer", "minimum": 0}
    answer = {"accepted": number, "refused": number, "events": {"type": "array", "items": refusal}}
    return {
        **events,
        "Event": {"oneOf": [_ref(name) for name in events]},
        "Answer": _object(answer, required=[*answer]),
        "Refusal": _object({"message": {"type": "string"}}, required=["message"]),
    }


def _with_task(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the schema of an event with the name of its task in it."""
    properties = {"task": {"const": name}, **schema["properties"]}
    return {**schema, "properties": properties, "required": ["task", *schema["required"]]}


def _object(properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(title: str, name: str) -> dict[str, Any]:
    return {"description": title, "content": {"application/json": {"schema": _ref(name)}}}
