"""JSON Schema of the four events, for portals not written in Python. Pure."""

from typing import Any

from sync_tasks.domain.events import EVENTS
from sync_tasks.texts import MAX_ADDRESS

_ADDRESSES = ("email", "previous_email")


def build_schemas() -> dict[str, dict[str, Any]]:
    """Return for each task the JSON Schema of its arguments as a message must carry them."""
    return {name: _as_message(kind.model_json_schema(), name) for name, kind in EVENTS.items()}


def _as_message(schema: dict[str, Any], task: str) -> dict[str, Any]:
    """Return the schema with what Python callers are spared: the moment; and what pydantic checks in code."""
    fields = schema["properties"]
    moment = fields["occurred_at"]
    fields["occurred_at"] = {"type": "string", "format": "date-time", "description": moment["description"]}
    # A schema that holds all it needs can be put into another document.
    shared = {f"#/$defs/{name}": part for name, part in schema.pop("$defs", {}).items()}
    for field in fields.values():
        if "anyOf" in field:
            field["anyOf"] = [shared.get(kind.get("$ref"), kind) for kind in field["anyOf"]]
    for name in _ADDRESSES:
        for kind in fields.get(name, {}).get("anyOf", [fields.get(name, {})]):
            if kind.get("type") == "string":
                kind |= {"format": "email", "maxLength": MAX_ADDRESS}
    schema["required"] = ["user_id", *(field for field in schema["required"] if field != "user_id"), "occurred_at"]
    return {"title": f"sync_tasks.{task}"} | {key: value for key, value in schema.items() if key != "title"}
