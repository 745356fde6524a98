"""What the tasks have in common: acceptance, masking, retry, deferral, dead letters."""

from typing import Any, ClassVar

from celery import Task
from celery.exceptions import Reject, TaskPredicate
from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from kombu.utils.uuid import uuid

from sync_tasks import accepting
from sync_tasks.accepting import NUDGE, Nudge, is_nudge
from sync_tasks.errors import PermanentError, SyncError, UnexpectedError
from sync_tasks.events import Event
from sync_tasks.nudging import nudge_contacts
from sync_tasks.telemetry import current_task, describe, log


class ContactTask(Task[..., Any]):
    """A task of the pipeline: its errors are ours, or told without their text."""

    abstract = True
    Request = "sync_tasks.masking:MaskedRequest"
    max_retries = None
    # A permanent error has its dead letter and its line in the log; Celery need not add a traceback.
    throws = (PermanentError,)

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Run the task; an error that nobody expected may hold anything, so only its class and place are told."""
        from redis import RedisError

        current_task.set(self.request.id or "")
        try:
            return self.run(*args, **kwargs)
        except (SyncError, TaskPredicate):
            raise
        except (RedisError, OperationalError) as error:
            log.error("Redis is in trouble, the message goes back to the queue: %s", type(error).__name__)
            raise Reject(type(error).__name__, requeue=True) from None
        except Exception as error:  # noqa: BLE001 - the one place
            log.error("unexpected error in %s\n%s", self.name, describe(error))
            raise UnexpectedError(f"{type(error).__name__} in {self.name}; its place is in the worker's log") from None

    def settle(self, nudge: Nudge) -> str:
        """Bring the contact in sync and return what became of the event."""
        from sync_tasks import handling

        return handling.handle(self, nudge)


class EventTask(ContactTask):
    """A task the portal enqueues: ``delay`` accepts the event, then sends a nudge that says nothing personal."""

    abstract = True
    event: ClassVar[type[Event]]

    def apply_async(  # type: ignore[override]
        self,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> AsyncResult[str]:
        """Accept the event, then send the nudge; the options are Celery's own.

        Raises:
            InvalidEventError: the event is malformed; nothing was accepted.
            redis.RedisError: Redis is away; nothing was accepted.
        """
        if is_nudge(options.get("headers")):
            return super().apply_async(args, kwargs, task_id=task_id, **options)
        nudge = accepting.accept(self.event, args, kwargs)
        arguments = nudge.arguments
        options |= {
            "headers": {**(options.get("headers") or {}), **NUDGE},
            "argsrepr": "()",
            "kwargsrepr": repr(arguments),
        }
        try:
            nudge_contacts(nudge.woken)
            return super().apply_async((), arguments, task_id, **options)
        except OperationalError as error:
            log.warning("%s: accepted, but the nudge could not be sent: %s", self.name, type(error).__name__)
            return AsyncResult(task_id or uuid(), app=self.app)

    def receive(self, wire: dict[str, Any]) -> Nudge:
        """Return what a message asks to look at; an event sent in full by another producer is accepted first."""
        from sync_tasks import handling

        if is_nudge(self.request.headers):
            return accepting.read_nudge(self.event, wire)
        return handling.receive(self.event, wire, self.request.id or "")
