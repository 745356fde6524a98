"""An event that another producer sent in full, without our acceptance: the worker accepts it."""

from collections.abc import Mapping
from typing import Any

from sync_tasks.accepting import Nudge
from sync_tasks.contacts import EventKey
from sync_tasks.dead_letters import put_letter, write_letter
from sync_tasks.errors import InvalidEventError
from sync_tasks.events import Event, is_shown, parse_event, printable
from sync_tasks.store import Store
from sync_tasks.telemetry import log, log_outcome


def _parse_whole(kind: type[Event], known: Mapping[str, Any]) -> Event:
    event = parse_event(kind, known)
    if event.occurred_at is None:
        raise InvalidEventError(f"{kind.task} refused: occurred_at: missing")
    return event


def receive_event(store: Store, kind: type[Event], wire: Mapping[str, Any], task_id: str) -> Nudge:
    """Accept an event that came in full, and return what to look at.

    Raises:
        InvalidEventError: it is malformed; it is a dead letter now, without what it said.
    """
    unknown = sorted(printable(name) for name in wire.keys() - kind.model_fields.keys())
    if unknown:
        log.info("%s: unknown arguments ignored: %s", kind.task, ", ".join(unknown))
    known = {name: value for name, value in wire.items() if name in kind.model_fields}
    try:
        event = _parse_whole(kind, known)
        acceptance = store.accept(event)
    except InvalidEventError as error:
        told = {name: value for name, value in known.items() if is_shown(name, value)}
        key = EventKey(kind.task, told.get("newsletter", ""), "")
        put_letter(store, write_letter(told.get("user_id", ""), key, error, store.now(), task_id))
        log_outcome("dead letter", {"task": kind.task, **told}, error=error)
        raise
    return Nudge(event.user_id, EventKey(kind.task, event.about or "", acceptance.stamp), acceptance.woken)
