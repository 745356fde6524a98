"""What a message says besides its event: read with care, for another producer may send anything."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kombu import Message

from sync_tasks.texts import UNPRINTABLE

# As Celery's protocol has it (docs.celeryq.dev, "Message Protocol"): version 2 names the task in the headers.
_KINDS = {"args": list, "kwargs": dict}
_NAME = re.compile(r"[A-Za-z_][\w.]{0,99}")
_PREFIX = "sync_tasks."


@dataclass(frozen=True, slots=True)
class Envelope:
    """Which task a message asks for, its id, and its keyword arguments as far as they can be read."""

    task: str
    task_id: str
    kwargs: Mapping[str, Any]

    @property
    def shown(self) -> str:
        """The name of the task, fit for a log line and a dead letter."""
        name = self.task.removeprefix(_PREFIX)
        return name if _NAME.fullmatch(name) else UNPRINTABLE


def find_fault(message: Message) -> str | None:
    """Return what is wrong with the envelope of a message, or nothing."""
    headers: Any = message.headers
    head: Any = headers if isinstance(headers, dict) and "task" in headers else None
    try:
        body = message.payload
    except Exception as error:  # noqa: BLE001 - a decoder of whichever kind
        return f"its body cannot be read: {type(error).__name__}"
    if head is None:
        if not isinstance(body, Mapping) or "task" not in body:
            return "it names no task"
        head, parts = body, (body.get("args", []), body.get("kwargs", {}))
    elif isinstance(body, Mapping) and "args" in body:
        parts = (body["args"], body.get("kwargs", {}))
    elif isinstance(body, list | tuple) and len(body) == 3 and isinstance(body[2], Mapping | None):  # noqa: PLR2004 - args, kwargs, embed
        parts = (body[0], body[1])
    else:
        return "its body is no task's arguments"
    if not (isinstance(head["task"], str) and isinstance(head.get("id"), str)):
        return "its task or id is no text"
    return _find_part(parts)


def _find_part(parts: tuple[object, object]) -> str | None:
    for (name, kind), part in zip(_KINDS.items(), parts, strict=True):
        if not isinstance(part, tuple | kind):
            return f"its {name} are no {'list' if kind is list else 'object'}"
    return None


def open_envelope(message: Message) -> Envelope | None:
    """Return what can be read of a message; nothing if it names no task."""
    headers: Any = message.headers
    head: Any = headers if isinstance(headers, dict) else {}
    try:
        body = message.payload
    except Exception:  # noqa: BLE001 - a decoder of whichever kind
        body = None
    if "task" not in head and isinstance(body, Mapping):
        head = body
    name = head.get("task")
    if name is None:
        return None
    return Envelope(str(name), str(head.get("id") or ""), _kwargs_of(body))


def _kwargs_of(body: object) -> Mapping[str, Any]:
    found: object = None
    if isinstance(body, Mapping):
        found = body.get("kwargs")
    elif isinstance(body, list | tuple) and len(body) > 1:
        found = body[1]
    return found if isinstance(found, Mapping) else {}
