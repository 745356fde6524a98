"""How a worker takes messages: Celery's consumer and kombu's Redis transport with three defects of their 5.7 mended.

**A restart of Redis ended every busy worker.** Once its connection was lost, a channel that still has unacknowledged
messages looks for the host name of a client it no longer has. Celery takes that AttributeError for a fault of its own
("Unrecoverable error") and exits. A connection error is what it expects there: it reconnects, and the messages come
back after the visibility time-out.

**What is no message ended the worker** that took it from the queue, for the same reason. It is dropped, and said so.

**A cold shutdown of a pool of threads ended in a traceback**, because Celery cancels running tasks by a call that
threads do not have. They cannot be cancelled; they end by themselves, and what they could not acknowledge comes back.

To drop one of them: take it out and see the tests of this module pass.
"""

import logging
from queue import Empty

from celery.concurrency.thread import TaskPool as ThreadPool
from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Connection
from kombu.transport import redis as kombu_redis
from redis import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError

log = logging.getLogger(__name__)


class Channel(kombu_redis.Channel):
    """A channel that calls a closed connection by its name, and outlives what it cannot read."""

    def _get_pool(self, asynchronous: bool = False) -> ConnectionPool:  # noqa: FBT001, FBT002 - kombu's signature
        if getattr(self.connection, "client", None) is None:
            raise RedisConnectionError("the connection of this channel is closed")
        return super()._get_pool(asynchronous)  # type: ignore[misc, no-any-return]  # kombu's types leave it out

    def _brpop_read(self, **options: object) -> bool:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc, no-any-return]  # as above
        except ValueError:
            log.error("a queue held something that is no message; it was dropped")  # noqa: TRY400 - it may hold an address
            raise Empty from None


class Transport(kombu_redis.Transport):
    """kombu's Redis transport with the channel above."""

    Channel = Channel


class Consumer(CeleryConsumer):
    """Celery's consumer over the transport above, for workers alone: Flower knows only kombu's own."""

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        transport = "sync_tasks.consuming:Transport" if self.app.conf.broker_url.startswith("redis") else None
        return self.ensure_connected(self.app.connection_for_read(heartbeat=heartbeat, transport=transport))

    def cancel_active_requests(self) -> None:
        if not isinstance(self.pool, ThreadPool):
            super().cancel_active_requests()
