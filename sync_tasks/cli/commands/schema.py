"""``sync-tasks schema``: what portals not written in Python must send."""

from typing import Annotated, Any

import typer

from sync_tasks.cli.output import print_document

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def show_schema(
    task: Annotated[str | None, typer.Argument(help="One of the four, such as subscribe_contact.")] = None,
) -> None:
    """Print the JSON Schema of the four messages' keyword arguments.

    A message goes to the queue `<namespace>`, opt-outs and erasures to `<namespace>.urgent`. It follows Celery's
    protocol; the task's name is `sync_tasks.subscribe_contact` and so on. Unlike in Python, `occurred_at` is required.
    """
    from sync_tasks.domain.schemas import build_schemas

    schemas = build_schemas()
    name = (task or "").removeprefix("sync_tasks.")
    if task and name not in schemas:
        raise typer.BadParameter(f"no such task; known: {', '.join(schemas)}", param_hint="TASK")
    print_document({"$schema": _DIALECT, **(schemas[name] if task else _all_of(schemas))})


def _all_of(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": "The keyword arguments of the four messages",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in schemas],
        "$defs": schemas,
    }
