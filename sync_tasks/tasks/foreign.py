"""What another producer sent: an event in full is accepted by the worker, what is no event becomes a dead letter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celery.exceptions import Reject
from kombu import Message
from redis import RedisError

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Event, is_shown, parse_event, printable
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.errors import ConfigurationError, InvalidEventError, SyncError, UnexpectedError, UnknownTaskError
from sync_tasks.log import current_task, describe, log, log_outcome
from sync_tasks.state.dead_letters import put_letter, write_letter
from sync_tasks.state.store import Acceptance, Store
from sync_tasks.state.trouble import is_trouble
from sync_tasks.tasks.accept import Nudge, portal_store
from sync_tasks.tasks.envelope import open_envelope
from sync_tasks.texts import escaped


def _parse_whole(kind: type[Event], known: Mapping[str, Any]) -> Event:
    event = parse_event(kind, known)
    if event.occurred_at is None:
        raise InvalidEventError(f"{kind.task} refused: occurred_at: missing")
    return event


def _accept(store: Store, event: Event) -> Acceptance:
    """Accept an event; what Redis answers permanently would be answered to the same message for ever."""
    try:
        return store.accept(event)
    except ConfigurationError as error:
        log.error("%s", error)
        raise Reject("the configuration", requeue=True) from None
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
        raise _keep_letter(store, kind.task, known, error, task_id) from None
    return Nudge(event.user_id, EventKey(kind.task, event.about or "", acceptance.stamp), acceptance.users_to_nudge)


def _keep_letter(store: Store, task: str, wire: Mapping[str, Any], error: SyncError, task_id: str) -> SyncError:
    """Keep the letter of what was not accepted, without what it said; return the error that names it."""
    shown = {name: value for name, value in wire.items() if is_shown(name, value)}
    letter = write_letter(
        shown.get("user_id", ""), EventKey(task, shown.get("newsletter", ""), ""), error, store.now(), task_id
    )
    put_letter(store, letter)
    log_outcome(Outcome.DEAD_LETTER, {"task": task, **shown}, error=error)
    return error.naming(letter.id)


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that no task takes, as Flower may show it."""

    task: str
    task_id: str
    kwargs: str
    error: SyncError


def refuse_message(message: Message, fault: str | None) -> Refused | None:
    """Keep a letter of a message that no task takes; one that names no task is only logged.

    ``fault``: what is wrong with the envelope; nothing if it is the name of the task.

    Raises:
        redis.RedisError: the letter could not be kept.
    """
    envelope = open_envelope(message)
    if envelope is None:
        route = escaped(str((message.delivery_info or {}).get("routing_key") or ""))
        log.error("a message for %s was dropped: %s", route or "an unknown queue", fault)
        return None
    name = envelope.shown
    error = (
        InvalidEventError(f"{name} refused: {fault}")
        if fault
        else UnknownTaskError(f"no task is called {name}: send one of the four events")
    )
    current_task.set(envelope.task_id)
    named = _keep_letter(portal_store(), name, envelope.kwargs, error, envelope.task_id)
    shown = {each: value for each, value in envelope.kwargs.items() if is_shown(each, value)}
    return Refused(f"sync_tasks.{name}", escaped(envelope.task_id), repr(shown), named)
