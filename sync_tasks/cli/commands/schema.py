"""``sync-tasks schema``: what portals not written in Python must send."""

from typing import Annotated, Any

import typer

from sync_tasks.cli.output import print_json

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ADDRESSES = ("email", "previous_email")


def show_schema(
    task: Annotated[str | None, typer.Argument(help="One of the four, such as subscribe_contact.")] = None,
) -> None:
    """Print the JSON Schema of the four messages' keyword arguments.

    A message goes to the queue `<namespace>`, opt-outs and erasures to `<namespace>.urgent`. It follows Celery's
    protocol; the task's name is `sync_tasks.subscribe_contact` and so on. Unlike in Python, `occurred_at` is required.
    """
    schemas = build_schemas()
    name = (task or "").removeprefix("sync_tasks.")
    if task and name not in schemas:
        raise typer.BadParameter(f"no such task; known: {', '.join(schemas)}", param_hint="TASK")
    print_json({"$schema": _DIALECT, **(schemas[name] if task else _all_of(schemas))})


def _all_of(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": "The keyword arguments of the four messages",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in schemas],
        "$defs": schemas,
    }


def build_schemas() -> dict[str, dict[str, Any]]:
    """Return for each task the JSON Schema of its arguments as a message must carry them."""
    from sync_tasks.domain.events import EVENTS

    return {name: _as_message(kind.model_json_schema(), name) for name, kind in EVENTS.items()}


def _as_message(schema: dict[str, Any], task: str) -> dict[str, Any]:
    """Return the schema with what Python callers are spared: the moment; and what pydantic checks in code."""
    from sync_tasks.texts import MAX_ADDRESS

    fields = schema["properties"]
    moment = fields["occurred_at"]
    fields["occurred_at"] = {"type": "string", "format": "date-time", "description": moment["description"]}
    for name in _ADDRESSES:
        for kind in fields.get(name, {}).get("anyOf", [fields.get(name, {})]):
            if kind.get("type") == "string":
                kind |= {"format": "email", "maxLength": MAX_ADDRESS}
    schema["required"] = ["user_id", *(field for field in schema["required"] if field != "user_id"), "occurred_at"]
    return {"title": f"sync_tasks.{task}"} | {key: value for key, value in schema.items() if key != "title"}
