"""A worker handles one message: sync the contact, then say what became of the event the message was about."""

from collections.abc import Collection
from typing import NoReturn

from celery import Task
from celery.exceptions import Retry

from sync_tasks.domain.events import Event
from sync_tasks.domain.outcomes import Outcome, Outcomes
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.retry import is_left_to_the_state
from sync_tasks.errors import SyncError
from sync_tasks.log import log_outcome
from sync_tasks.meters import EVENTS
from sync_tasks.state.dead_letters import letter_id
from sync_tasks.sync.contact import sync_contact
from sync_tasks.tasks.accept import NUDGE, Nudge, nudge_contacts
from sync_tasks.tasks.bootstrap import worker_resources
from sync_tasks.tasks.foreign import receive_event


def receive(kind: type[Event], wire: dict[str, object], task_id: str) -> Nudge:
    """Accept an event that another producer sent in full, and return what to look at."""
    try:
        return receive_event(worker_resources().store, kind, wire, task_id)
    except SyncError:
        EVENTS.labels(kind.task, Outcome.DEAD_LETTER).inc()
        raise


def handle(task: Task[..., str], nudge: Nudge) -> str:
    """Bring the contact in sync and return the outcome for the event the nudge is about.

    Raises:
        PermanentError: the event is a dead letter now; the message names the letter.
        celery.exceptions.Retry: the same message comes again soon, or the state remembers when to try again.
    """
    outcomes = sync_contact(nudge.user_id, worker_resources(), task.request.id or "")
    _nudge_others({*nudge.users_to_nudge, *outcomes.users_to_nudge}, outcomes.users_with_rest)
    dead = outcomes.dead.get(nudge.key) if nudge.key else None
    if dead and nudge.key:
        raise dead.naming(letter_id(nudge.user_id, nudge.key)) from None
    trouble = outcomes.waiting.get(nudge.key) if nudge.key else next(iter(outcomes.waiting.values()), None)
    if trouble and outcomes.retry_in is not None:
        _try_again(task, nudge, trouble, outcomes)
    return _outcome(nudge, outcomes)


def _nudge_others(users: Collection[str], with_rest: Collection[str]) -> None:
    """Nudge each through the queue of its priority; whoever got an address that was waited for is no mere repair.

    Those who have left their list, and lack a flag, keep no opt-out waiting.
    """
    for user, priority in (worker_resources().store.priorities([*users]) if users else {}).items():
        ordinary = priority is Priority.BACKGROUND or user in with_rest
        nudge_contacts([user], Priority.ORDINARY if ordinary else priority)


def _try_again(task: Task[..., str], nudge: Nudge, trouble: SyncError, outcomes: Outcomes) -> NoReturn:
    """End the task as one to be tried again, with the reason; who is deferred, or was nudged, needs no message."""
    seconds = outcomes.retry_in or 0.0
    if nudge.user_id in outcomes.users_to_nudge or is_left_to_the_state(seconds, trouble):
        raise Retry(exc=trouble, when=seconds)  # type: ignore[arg-type]  # its types know no float
    raise task.retry(args=(), kwargs=nudge.arguments, headers=NUDGE, countdown=seconds, exc=trouble)


def _outcome(nudge: Nudge, outcomes: Outcomes) -> str:
    if nudge.key and nudge.key in outcomes.done:
        return outcomes.done[nudge.key].value
    if nudge.key is None and outcomes.done:
        return Outcome.SYNCED.value
    contact = worker_resources().store.peek(nudge.user_id) if nudge.key else None
    if nudge.key and (contact is None or contact.overtaken(nudge.key) or contact.contradicted(nudge.key)):
        return _report(Outcome.SUPERSEDED, nudge)
    return _report(Outcome.JOINED if outcomes.busy else Outcome.UNCHANGED, nudge)


def _report(outcome: Outcome, nudge: Nudge) -> str:
    if nudge.key:
        EVENTS.labels(nudge.key.task, outcome).inc()
    log_outcome(
        outcome, {"user_id": nudge.user_id} | ({"task": nudge.key.task, **nudge.key.shown} if nudge.key else {})
    )
    return outcome.value
