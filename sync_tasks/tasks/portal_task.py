"""The four tasks as a portal sees them: their arguments have names and types that a type checker knows."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, cast

from sync_tasks.domain.events import Event, Json
from sync_tasks.tasks.app import app
from sync_tasks.tasks.base import EventTask

if TYPE_CHECKING:
    from sync_tasks.tasks.accept import Accepted

Arguments = ParamSpec("Arguments")


class PortalTask(Protocol[Arguments]):
    """A task that a portal enqueues; ``.delay()`` returning means accepted.

    All of them raise ``InvalidEventError`` or ``redis.RedisError``; then nothing was accepted.
    """

    @property
    def name(self) -> str:
        """The name of the task in messages."""

    def delay(self, *args: Arguments.args, **event: Arguments.kwargs) -> "Accepted":
        """Accept the event."""

    async def adelay(self, *args: Arguments.args, **event: Arguments.kwargs) -> "Accepted":
        """Accept the event without blocking the event loop."""

    def apply_async(
        self,
        args: None = None,
        kwargs: Mapping[str, Any] | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> "Accepted":
        """Accept the event of these ``kwargs``, with options of Celery's; no type checker knows what is in them."""


def take_in(self: EventTask, /, **wire: Json) -> str:
    """Handle an event of whichever kind."""
    return self.settle(self.receive(wire))


def portal_task(kind: type[Event]) -> Callable[[Callable[Arguments, None]], PortalTask[Arguments]]:
    """Make the task of a kind of event; the function decorated only gives its name, arguments and purpose."""

    def make(signature: Callable[Arguments, None]) -> PortalTask[Arguments]:
        @wraps(signature)
        def run(self: EventTask, /, **wire: Json) -> str:
            return take_in(self, **wire)

        task = app.task(name=f"sync_tasks.{kind.task}", base=EventTask, bind=True, event=kind)(run)
        return cast("PortalTask[Arguments]", task)

    return make
