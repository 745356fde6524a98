"""What the tasks have in common: acceptance, masking, retry, deferral, dead letters."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from celery import Task
from celery.exceptions import Reject, TaskPredicate
from kombu.exceptions import OperationalError
from kombu.utils.uuid import uuid

from sync_tasks.domain.events import Event
from sync_tasks.errors import InvalidEventError, PermanentError, SyncError, UnexpectedError
from sync_tasks.log import current_task, describe, log
from sync_tasks.tasks import accept as accepting
from sync_tasks.tasks.accept import NUDGE, Accepted, Nudge, is_nudge, nudge_contacts
from sync_tasks.tasks.app import app

if TYPE_CHECKING:
    _CeleryTask = Task[..., Any]
else:
    # Celery's task takes type parameters from 5.7 on (tried: 5.6 raises TypeError); portals may have an older release.
    _CeleryTask = Task


class ContactTask(_CeleryTask):
    """A task of the pipeline: its errors are ours, or reported without their text."""

    abstract = True
    Request = "sync_tasks.tasks.masking:MaskedRequest"
    max_retries = None
    # A permanent error has its dead letter and its line in the log; Celery need not add a traceback.
    throws = (PermanentError,)

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Run the task; an error that nobody expected may hold anything, so only its class and place are reported."""
        from sync_tasks.state.trouble import is_trouble

        current_task.set(self.request.id or "")
        try:
            return self.run(*args, **kwargs)
        except (SyncError, TaskPredicate):
            raise
        except Exception as error:  # noqa: BLE001 - the one place
            if isinstance(error, OperationalError) or is_trouble(error):
                log.error("Redis is in trouble, the message goes back to the queue: %s", type(error).__name__)
                raise Reject(type(error).__name__, requeue=True) from None
            log.error("unexpected error in %s\n%s", self.name, describe(error))
            raise UnexpectedError(f"{type(error).__name__} in {self.name}; its place is in the worker's log") from None

    def settle(self, nudge: Nudge) -> str:
        """Bring the contact in sync and return what became of the event."""
        from sync_tasks.tasks import handler

        return handler.handle(self, nudge)


# Other tasks that shall follow. A worker of the pipeline knows none of the portal's, and its queue is read by no other.
_FOLLOWERS = ("link", "link_error", "chain", "chord")
# An event holds from the moment it is accepted, so nothing puts it off or lets it expire. The nudge is plain JSON, and
# goes by our own connection: a group of the portal's hands in its own producer.
_LEFT_OUT = frozenset({"countdown", "eta", "expires", "serializer", "compression", "producer", "publisher"})


class EventTask(ContactTask):
    """A task the portal enqueues: ``delay`` accepts the event, then sends a nudge that says nothing personal.

    Celery gives every application of the process a task of this name. One of the portal's own application hands all
    that it gets to ours: an event is accepted wherever the portal's code, or its worker, gets it.
    """

    abstract = True
    event: ClassVar[type[Event]]

    def apply_async(  # type: ignore[override]
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> Accepted:
        """Accept the event, then send the nudge.

        The options are Celery's own. Those that name tasks to follow are refused. Those that put off, let expire or
        encode change nothing: the event is accepted now.

        Raises:
            InvalidEventError: the event is malformed; nothing was accepted.
            redis.RedisError: Redis is away; nothing was accepted.
        """
        if self.app is not app:
            return self._ours().apply_async(args, kwargs, task_id, **options)
        if is_nudge(options.get("headers")):
            return Accepted(super().apply_async(args, kwargs, task_id=task_id, **options).id, app=self.app)
        followers = [name for name in _FOLLOWERS if options.get(name)]
        if followers:
            self._refuse(f"{followers[0]}: no other task can follow; send it yourself once .delay() has returned")
        event = accepting.check(self.event, args, kwargs)
        kept = {name: value for name, value in options.items() if name not in _LEFT_OUT}
        return self.accept_event(event, task_id, kept)

    def accept_event(
        self, event: Event, task_id: str | None, options: dict[str, Any], *, skew: timedelta = timedelta()
    ) -> Accepted:
        """Accept an event that was checked, and send its nudge; the test kit of portals records it instead."""
        return self.send_nudge(accepting.accept_event(event, skew=skew), task_id, options)

    async def adelay(self, *args: object, **event: object) -> Accepted:
        """Accept the event in a thread: for portals on an event loop, which a Redis that hangs must not block.

        Raises:
            InvalidEventError: the event is malformed; nothing was accepted.
            redis.RedisError: Redis is away, or hangs; nothing was accepted, or calling again is safe.
        """
        from sync_tasks.tasks.threads import run_in_thread

        return await run_in_thread(partial(self.apply_async, args, event))

    def send_nudge(self, nudge: Nudge, task_id: str | None, options: dict[str, Any]) -> Accepted:
        """Send the nudge of an event that is accepted; a broker that is away costs delay only."""
        arguments = nudge.arguments
        options |= {
            "headers": {**(options.get("headers") or {}), **NUDGE},
            "argsrepr": "()",
            "kwargsrepr": repr(arguments),
        }
        try:
            nudge_contacts(nudge.users_to_nudge)
            return Accepted(super().apply_async((), arguments, task_id, **options).id, app=self.app)
        except OperationalError as error:
            log.warning("%s: accepted, but the nudge could not be sent: %s", self.name, type(error).__name__)
            return Accepted(task_id or uuid(), app=self.app)

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Handle a message; in a worker of the portal's own accept its event, and leave the work to ours."""
        if self.request.called_directly:
            self._refuse("called like a function: call .delay()")
        self._drop_followers()
        if args:
            log.info("%s: unknown arguments ignored: those without a name", self.name)
        if self.app is not app:
            return self._hand_over(kwargs)
        return super().__call__(**kwargs)

    def _drop_followers(self) -> None:
        """Another producer may have sent tasks to follow: nobody at our broker knows them."""
        request = self.request
        if request.callbacks or request.errbacks or request.chain or request.chord:
            log.warning("%s: the tasks that should follow are not sent: no worker here knows them", self.name)
            request.callbacks = request.errbacks = request.chain = request.chord = None

    def _ours(self) -> "EventTask":
        return cast("EventTask", app.tasks[self.name])

    def _hand_over(self, wire: dict[str, Any]) -> str:
        from sync_tasks.tasks.foreign import receive_event

        if is_nudge(self.request.headers):
            nudge = accepting.read_nudge(self.event, wire)
        else:
            nudge = receive_event(accepting.portal_store(), self.event, wire, self.request.id or "")
        self._ours().send_nudge(nudge, None, {})
        return "handed over"

    def signature(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - Celery's own signature
        """Refuse: a signature ends in the message of another task, and whoever reads it may not know this task."""
        if self.request.called_directly:
            self._refuse("no signature, chain, group or chord: call .delay(), in a task of your own if need be")
        return super().signature(*args, **options)

    subtask = signature

    def apply(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: only a worker of the pipeline does the work."""
        self._refuse("apply: call .delay()")

    def _refuse(self, why: str) -> NoReturn:
        raise InvalidEventError(f"{self.event.task} refused: {why}")

    def receive(self, wire: dict[str, Any]) -> Nudge:
        """Return what a message asks to look at; an event sent in full by another producer is accepted first."""
        from sync_tasks.tasks import handler

        if is_nudge(self.request.headers):
            return accepting.read_nudge(self.event, wire)
        return handler.receive(self.event, wire, self.request.id or "")
