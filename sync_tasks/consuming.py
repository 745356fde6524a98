"""How a worker takes messages: Celery's consumer over our transport, with two defects of Celery 5.7 mended.

**A cold shutdown of a pool of threads ended in a traceback**, because Celery cancels running tasks by a call that
threads do not have. They cannot be cancelled; they end by themselves, and what they could not acknowledge comes back.

**Each worker asked all others as it started** which tasks are revoked (none ever is) and waited a second for them.
Killed meanwhile, it left a queue of their answers in Redis for good.

To drop one: take it out and see the tests of this module pass.
"""

from typing import Any

from celery.concurrency.thread import TaskPool as ThreadPool
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Connection

from sync_tasks.endpoints import transport_for


class Consumer(CeleryConsumer):
    """Celery's consumer over the transport above, for workers alone: Flower knows only kombu's own."""

    def __init__(self, *args: Any, worker_options: dict[str, Any], **kwargs: Any) -> None:
        kwargs["worker_options"] = worker_options | {"without_mingle": True}
        super().__init__(*args, **kwargs)

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        transport = transport_for(self.app.conf.broker_url)
        return self.ensure_connected(self.app.connection_for_read(heartbeat=heartbeat, transport=transport))

    def cancel_active_requests(self) -> None:
        if not isinstance(self.pool, ThreadPool):
            super().cancel_active_requests()
