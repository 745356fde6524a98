"""kombu's Redis transport (5.7) with two defects mended and one cost saved.

**A restart of Redis ended every busy worker.** After a lost connection, a channel with open messages asks a client that
is gone for its host name. Celery takes that AttributeError for a fault of its own ("Unrecoverable error") and
exits. With a connection error it reconnects, and the messages come back after the visibility time-out.

**What is no message ended the worker** that took it from the queue, for the same reason. It is dropped, and said so
with the name of the queue.

**Each message sent built a client anew**, which takes longer than sending it. A channel keeps its client.

To drop one of them: take it out and see the tests of this module pass.
"""

import logging
from queue import Empty
from typing import Any

from kombu.transport import redis as kombu_redis
from kombu.transport import virtual
from redis import ConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError

log = logging.getLogger(__name__)


class Message(virtual.Message):
    """A message; no part that kombu reads may be missing or of another type."""

    def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:  # noqa: ANN401 - kombu's signature
        properties = payload.get("properties") if isinstance(payload, dict) else None
        tag = properties.get("delivery_tag") if isinstance(properties, dict) else None
        if not (isinstance(tag, str) and isinstance(payload.get("headers"), dict | None)):
            raise ValueError("no message")  # noqa: TRY004 - as a text that is no JSON
        try:
            super().__init__(payload, channel=channel, **options)
        except (AttributeError, LookupError, TypeError):
            raise ValueError("no message") from None


class Mended(kombu_redis.Channel):
    """What a channel does better: it names a closed connection, outlives what it cannot read, keeps its client."""

    Message = Message
    _kept: Redis | None = None
    _read_last = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        cycle: Any = vars(self)["_queue_cycle"]
        rotate = cycle.rotate

        def note_queue(queue: str) -> None:
            self._read_last = queue
            rotate(queue)

        cycle.rotate = note_queue

    def _get_pool(self, asynchronous: bool = False) -> ConnectionPool:  # noqa: FBT001, FBT002 - kombu's signature
        if getattr(self.connection, "client", None) is None:
            raise RedisConnectionError("the connection of this channel is closed")
        return super()._get_pool(asynchronous)  # type: ignore[misc, no-any-return]  # kombu's types leave it out

    def _create_client(self, asynchronous: bool = False) -> Redis:  # noqa: FBT001, FBT002 - kombu's signature
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[misc, no-any-return]  # as above
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[misc]  # as above
        return self._kept

    def _brpop_read(self, **options: object) -> bool:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc, no-any-return]  # as above
        except ValueError:
            from sync_tasks import meters  # only a worker reads, and it has what that needs

            meters.REFUSED.inc()
            # No traceback: it may hold an address.
            why = "another program writes to it"
            log.error("queue %s held something that is no message; it was dropped: %s", self._read_last, why)  # noqa: TRY400
            raise Empty from None


class Channel(Mended):
    """A channel to one server."""


class Transport(kombu_redis.Transport):
    """kombu's Redis transport with the channel above."""

    Channel = Channel


class SentinelChannel(Mended, kombu_redis.SentinelChannel):
    """A channel to the primary that the sentinels name."""


class SentinelTransport(kombu_redis.SentinelTransport):
    """kombu's transport by sentinels with the channel above."""

    Channel = SentinelChannel
