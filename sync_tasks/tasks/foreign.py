"""An event that another producer sent in full, without our acceptance: the worker accepts it."""

from collections.abc import Mapping
from typing import Any

from redis import RedisError

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Event, is_shown, parse_event, printable
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.errors import InvalidEventError, UnexpectedError
from sync_tasks.log import describe, log, log_outcome
from sync_tasks.state.dead_letters import put_letter, write_letter
from sync_tasks.state.store import Acceptance, Store
from sync_tasks.state.trouble import is_trouble
from sync_tasks.tasks.accept import Nudge


def _parse_whole(kind: type[Event], known: Mapping[str, Any]) -> Event:
    event = parse_event(kind, known)
    if event.occurred_at is None:
        raise InvalidEventError(f"{kind.task} refused: occurred_at: missing")
    return event


def _accept(store: Store, event: Event) -> Acceptance:
    """Accept an event; what Redis answers for good would be answered to the same message for ever."""
    try:
        return store.accept(event)
    except RedisError as error:
        if is_trouble(error):
            raise
        log.error("unexpected error in %s\n%s", event.task, describe(error))
    raise UnexpectedError(f"{event.task}: Redis cannot accept it; the place is in the worker's log")


def receive_event(store: Store, kind: type[Event], wire: Mapping[str, Any], task_id: str) -> Nudge:
    """Accept an event that came in full, and return what to look at.

    Raises:
        InvalidEventError: it is malformed; it is a dead letter now, without what it said.
        UnexpectedError: Redis will never accept it; it is a dead letter, too.
    """
    unknown = sorted(printable(name) for name in wire.keys() - kind.model_fields.keys())
    if unknown:
        log.info("%s: unknown arguments ignored: %s", kind.task, ", ".join(unknown))
    known = {name: value for name, value in wire.items() if name in kind.model_fields}
    try:
        event = _parse_whole(kind, known)
        acceptance = _accept(store, event)
    except (InvalidEventError, UnexpectedError) as error:
        told = {name: value for name, value in known.items() if is_shown(name, value)}
        key = EventKey(kind.task, told.get("newsletter", ""), "")
        letter = write_letter(told.get("user_id", ""), key, error, store.now(), task_id)
        put_letter(store, letter)
        log_outcome(Outcome.DEAD_LETTER, {"task": kind.task, **told}, error=error)
        raise error.naming(letter.id) from None
    return Nudge(event.user_id, EventKey(kind.task, event.about or "", acceptance.stamp), acceptance.users_to_nudge)
