"""What a portal sends in a test: checked as ever, and recorded instead of accepted."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from celery.utils import uuid

from sync_tasks.domain.events import Event
from sync_tasks.tasks.accept import Accepted
from sync_tasks.tasks.base import EventTask


def record(replace: Callable[[object, str, object], None]) -> list[Event]:
    """Return the list that gets all events from now on; ``replace`` sets an attribute for as long as that holds."""
    sent: list[Event] = []

    def accept_event(self: EventTask, event: Event, task_id: str | None, *_: object, **__: object) -> Accepted:
        sent.append(event)
        return Accepted(task_id or uuid(), app=self.app)

    replace(EventTask, "accept_event", accept_event)
    return sent


def compare(sent: list[Any], expected: list[Any]) -> list[str] | None:
    """Return in what two lists of events differ, a line for each, or nothing if these are no events."""
    if not all(isinstance(each, Event) for each in (*sent, *expected)) or not (sent or expected):
        return None
    pairs = enumerate(zip_longest(sent, expected), start=1)
    return ["other events than expected", *(f"event {at}: {_differ(*pair)}" for at, pair in pairs if _differ(*pair))]


def _differ(sent: Event | None, expected: Event | None) -> str:
    if sent is None:
        return f"{expected} was not sent"
    if expected is None:
        return f"{sent} was sent besides"
    if type(sent) is not type(expected):
        return f"{sent} was sent, and not {expected}"
    fields = [name for name in type(sent).model_fields if getattr(sent, name) != getattr(expected, name)]
    return f"{sent} has another {', '.join(fields)}" if fields else ""
