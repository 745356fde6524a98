"""How a worker takes messages: Celery's consumer over our transport, four defects of Celery 5.7 mended, a cost saved.

**A cold shutdown of a pool of threads ended in a traceback.** Celery cancels running tasks by a call that threads do
not have. They cannot be cancelled; they end by themselves, and what they could not acknowledge comes back.

**Each worker asked all others at its start** which tasks are revoked (none ever is), and waited a second.
Killed meanwhile, it left a queue of their answers in Redis for ever.

**A malformed message ended the worker** that took it, and then the next one, or broke its connection for ever. What no
task takes is refused whole: it is a dead letter that names the task, and a failed task in Flower.

**A Redis that refuses us was asked six times a second**, each time with ten lines. It may have become a replica, or a
right was taken away. Between two refusals the worker rests, and one line says what to do.

**Almost each event for Flower was a message of its own**, a sixth of a busy worker's time. They gather for a moment.

To drop one: take it out and see the tests of this module pass.
"""

import time
from collections.abc import Callable
from typing import Any

from celery.concurrency.thread import TaskPool as ThreadPool
from celery.events import EventDispatcher
from celery.worker import state
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Connection, Message
from kombu.asynchronous import Hub
from redis import RedisError

from sync_tasks.config.broker import transport_for
from sync_tasks.log import log
from sync_tasks.state.trouble import describe_refusal, find_refusal
from sync_tasks.tasks.envelope import find_fault
from sync_tasks.tasks.startup import broker_variable

# So many seconds may pass before Flower gets something.
EVENTS_EVERY = 0.25
# So many seconds a worker rests that Redis has refused again within so many seconds. A failover may end sooner.
REST, AGAIN = 2.0, 10.0


class Consumer(CeleryConsumer):
    """Celery's consumer over the transport above, for workers alone: Flower knows only kombu's own."""

    event_dispatcher: EventDispatcher | None
    # When the loop turned last, by the monotonic clock.
    turned: float | None = None
    # When Redis refused last, by the same clock.
    refused: float | None = None

    def __init__(self, *args: Any, worker_options: dict[str, Any], **kwargs: Any) -> None:
        kwargs["worker_options"] = worker_options | {"without_mingle": True}
        super().__init__(*args, **kwargs)

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        url, transport = transport_for(self.app.conf.broker_url)
        return self.ensure_connected(self.app.connection_for_read(url, heartbeat=heartbeat, transport=transport))

    def ensure_connected(self, conn: Connection) -> Connection:
        """Wait until the broker answers; of one that refuses us, say what to do."""
        ensure = conn.ensure_connection

        def ensure_and_advise(errback: Callable[[Exception, float], object], *args: Any, **options: Any) -> Any:  # noqa: ANN401 - kombu's
            def report(error: Exception, interval: float) -> None:
                errback(error, interval)
                self._advise(error)

            return ensure(report, *args, **options)

        vars(conn)["ensure_connection"] = ensure_and_advise
        return super().ensure_connected(conn)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        super().on_connection_error_before_connected(exc)
        self._rest_after(exc)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        super().on_connection_error_after_connected(exc)
        self._rest_after(exc)

    def _rest_after(self, error: Exception) -> None:
        """Say what to do if Redis refuses us, and rest if it did so a moment ago."""
        if not self._advise(error):
            return
        before, self.refused = self.refused, time.monotonic()
        ends = self.refused + (REST if before and self.refused - before < AGAIN else 0.0)
        while time.monotonic() < ends and not _ends():
            time.sleep(EVENTS_EVERY)

    def _advise(self, error: Exception) -> bool:
        """Say what to do if Redis refuses us, and return whether it does."""
        refusal = find_refusal(error)
        if refusal:
            log.error("%s", describe_refusal(refusal, broker_variable()))
        return bool(refusal)

    def register_with_event_loop(self, hub: Hub) -> None:
        super().register_with_event_loop(hub)
        hub.call_repeatedly(EVENTS_EVERY, self._report)

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # Celery's types are wrong here
        """Leave it to the next time; once there are many, Celery sends them at once."""

    def stop(self) -> None:
        self._report()
        super().stop()

    def _report(self) -> None:
        self.turned = time.monotonic()
        if self.event_dispatcher:
            self.event_dispatcher.flush()

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], None]:
        """Return what handles a message; one that Celery would stumble over is refused before or after it tried."""
        handle = super().create_task_handler(*args, **options)

        def handle_or_refuse(message: Message) -> None:
            try:
                fault = find_fault(message)
                handle(message) if fault is None else self._refuse(message, fault)
            except (TypeError, LookupError, ValueError, AttributeError) as error:
                self._refuse(message, f"{type(error).__name__} in the envelope")

        return handle_or_refuse

    def on_unknown_task(self, body: object, message: Message, exc: Exception) -> None:  # noqa: ARG002 - Celery's signature
        self._refuse(message, None)

    def on_invalid_task(self, body: object, message: Message, exc: Exception) -> None:  # noqa: ARG002 - as above
        self._refuse(message, f"{type(exc).__name__} in the envelope")

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        self._refuse(message, f"its body cannot be read: {type(exc).__name__}")

    def _refuse(self, message: Message, fault: str | None) -> None:
        """Refuse a message permanently; while Redis cannot keep its letter, leave it to be handed out again."""
        from sync_tasks import meters
        from sync_tasks.tasks.foreign import refuse_message

        try:
            refused = refuse_message(message, fault)
        except RedisError as error:
            log.error("a refused message could not be kept, it comes again: %s", type(error).__name__)
            return
        meters.REFUSED.inc()
        message.reject_log_error(log, vars(self)["connection_errors"])
        if refused and self.event_dispatcher:
            about: dict[str, Any] = {"uuid": refused.task_id, "name": refused.task}
            self.event_dispatcher.send("task-received", args="()", kwargs=refused.kwargs, **about)
            self.event_dispatcher.send("task-failed", exception=repr(refused.error), traceback="", **about)

    def cancel_active_requests(self) -> None:
        if not isinstance(self.pool, ThreadPool):
            super().cancel_active_requests()


def _ends() -> bool:
    """Return whether the worker was asked to end; Celery notes its exit status, which may be 0."""
    asked: tuple[Any, ...] = (state.should_stop, state.should_terminate)
    return any(one is not None and one is not False for one in asked)
