"""How a worker takes messages: Celery's consumer over our transport, two defects of Celery 5.7 mended, a cost saved.

**A cold shutdown of a pool of threads ended in a traceback.** Celery cancels running tasks by a call that threads do
not have. They cannot be cancelled; they end by themselves, and what they could not acknowledge comes back.

**Each worker asked all others at its start** which tasks are revoked (none ever is), and waited a second.
Killed meanwhile, it left a queue of their answers in Redis for good.

**Almost each event for Flower was a message of its own**, a sixth of a busy worker's time. They gather for a moment.

To drop one: take it out and see the tests of this module pass.
"""

from typing import Any

from celery.concurrency.thread import TaskPool as ThreadPool
from celery.events import EventDispatcher
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Connection
from kombu.asynchronous import Hub

from sync_tasks.config.broker import transport_for

# So many seconds may pass before Flower hears of something.
EVENTS_EVERY = 0.25


class Consumer(CeleryConsumer):
    """Celery's consumer over the transport above, for workers alone: Flower knows only kombu's own."""

    event_dispatcher: EventDispatcher | None

    def __init__(self, *args: Any, worker_options: dict[str, Any], **kwargs: Any) -> None:
        kwargs["worker_options"] = worker_options | {"without_mingle": True}
        super().__init__(*args, **kwargs)

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        url, transport = transport_for(self.app.conf.broker_url)
        return self.ensure_connected(self.app.connection_for_read(url, heartbeat=heartbeat, transport=transport))

    def register_with_event_loop(self, hub: Hub) -> None:
        super().register_with_event_loop(hub)
        hub.call_repeatedly(EVENTS_EVERY, self._tell)

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # Celery's types are wrong here
        """Leave it to the next time; once there are many, Celery sends them at once."""

    def stop(self) -> None:
        self._tell()
        super().stop()

    def _tell(self) -> None:
        if self.event_dispatcher:
            self.event_dispatcher.flush()

    def cancel_active_requests(self) -> None:
        if not isinstance(self.pool, ThreadPool):
            super().cancel_active_requests()
