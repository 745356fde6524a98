"""The portal's side: validate an event, accept it into the state, leave a nudge that says nothing personal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NoReturn

from celery.result import AsyncResult
from kombu import Connection

from sync_tasks.config import environment
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Event, Held, Subscribe, is_shown, parse_event
from sync_tasks.domain.priority import Priority
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.errors import InvalidEventError
from sync_tasks.log import log
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from sync_tasks.tasks import startup
from sync_tasks.tasks.app import app

# Marks a message as ours: the event is accepted already. The number is the version of the message's format.
NUDGE = {"sync_tasks_nudge": "1"}
# The ends of the queues' names; the portal's other events go to the one without.
_ENDS = {Priority.URGENT: ".urgent", Priority.ORDINARY: ""}


@dataclass(frozen=True, slots=True)
class Nudge:
    """Look at this user's contact; ``key`` names the event it is about, ``users_to_nudge`` whom to look at besides."""

    user_id: str
    key: EventKey | None = None
    users_to_nudge: tuple[str, ...] = ()

    @property
    def arguments(self) -> dict[str, str]:
        """The keyword arguments of the message."""
        return {"user_id": self.user_id} | (self.key.shown if self.key else {})


def is_nudge(headers: Mapping[str, Any] | None) -> bool:
    """Return whether a message is ours, so that its event lies in the state already."""
    return bool(headers) and any(name in (headers or {}) for name in NUDGE)


def read_nudge(kind: type[Event], wire: Mapping[str, Any]) -> Nudge:
    """Return what our own message is about.

    Raises:
        InvalidEventError: it is not one of ours after all.
    """
    user_id = parse_event(Held, {"user_id": wire.get("user_id")}).user_id
    try:
        stamp = stamp_of(datetime.fromisoformat(wire["occurred_at"]))
    except (KeyError, TypeError, ValueError):
        raise InvalidEventError(f"{kind.task}: a nudge whose occurred_at is missing or malformed") from None
    newsletter = wire.get("newsletter", "")
    if newsletter != "" and not is_shown("newsletter", newsletter):
        raise InvalidEventError(f"{kind.task}: a nudge whose newsletter is malformed")
    return Nudge(user_id, EventKey(kind.task, newsletter, stamp))


@cache
def portal_store() -> Store:
    """Return this process' way to the state.

    Raises:
        ConfigurationError: the environment does not lead there, or to a server that cannot hold the state.
        redis.RedisError: Redis is away; the next call looks again.
    """
    startup.check_portal()
    startup.check_state("lasting", waits=False)
    startup.warn(log.warning)
    store = Store(connect(environment.redis_url()), environment.namespace(), secrets=environment.state_secrets())
    store.replicas = environment.replicas()
    return store


configuration_at_hand = cache(environment.read_at_hand)


def check(kind: type[Event], args: object, kwargs: Mapping[str, Any] | None) -> Event:
    """Return the event that a portal hands to a task.

    What leads nowhere is refused if the configuration is at hand; else it becomes a dead letter later.

    Raises:
        InvalidEventError: it is malformed, its newsletter is unknown or retired, or an attribute is not mapped.
    """
    if args:
        raise InvalidEventError(f"{kind.task} refused: keyword arguments only")
    event, known = parse_event(kind, kwargs or {}), configuration_at_hand()
    if event.about and known.newsletters is not None and event.about not in known.newsletters:
        raise InvalidEventError(f"{event.task} refused: newsletter: not in the configuration")
    attributes = getattr(event, "attributes", {})
    unmapped = sorted(set(attributes) - known.fields) if known.fields is not None else []
    if unmapped:
        raise InvalidEventError(f"{event.task} refused: attributes.{unmapped[0]}: mapped to no Brevo attribute")
    if isinstance(event, Subscribe) and event.newsletter in known.retired:
        raise InvalidEventError(f"{event.task} refused: newsletter: it is retired and takes no sign-ups any more")
    return event


def accept_event(event: Event, *, skew: timedelta = timedelta()) -> Nudge:
    """Accept an event that was checked, and return the nudge to send; ``skew`` as in ``Store.accept``.

    Raises:
        InvalidEventError: it lies in the future by Redis' clock; nothing was accepted.
        redis.RedisError: Redis is away; nothing was accepted.
    """
    acceptance = portal_store().accept(event, skew=skew)
    return Nudge(event.user_id, EventKey(event.task, event.about or "", acceptance.stamp), acceptance.users_to_nudge)


def queue_of(priority: Priority) -> str:
    """Return the queue of a priority; what no event waits for has one of its own, served last."""
    return f"{app.conf.task_default_queue}{_ENDS.get(priority, '.background')}"


def count_messages(connection: Connection, queue: str) -> int:
    """Return how many messages wait in the broker, whichever it is; on Redis an empty queue does not exist."""
    channel: Any = connection.default_channel
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except connection.channel_errors:
        return 0


def nudge_contacts(user_ids: Iterable[str], priority: Priority = Priority.ORDINARY) -> None:
    """Ask a worker, for each of these users, to look at the contact."""
    queue = queue_of(priority)
    for user_id in user_ids:
        app.send_task("sync_tasks.sync_contact", kwargs={"user_id": user_id}, headers=NUDGE, queue=queue)


class Accepted(AsyncResult):  # type: ignore[type-arg]  # Celery's class takes type parameters from 5.7 on
    """An event is accepted; ``id`` is that of the nudge's message."""

    id: str

    def get(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what becomes of an event is in the state.

        Raises:
            NotImplementedError: always, as any task of Celery without results does.
        """
        raise NotImplementedError(
            "there are no results: .delay() returning means accepted; see 'sync-tasks contact' for what became of it"
        )

    wait = get

    def _get_task_meta(self) -> NoReturn:
        """Refuse the same for ``state``, ``ready()`` and whatever else asks for a result."""
        self.get()
