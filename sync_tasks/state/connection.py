"""The connection to Redis, and the time-outs after which it counts as lost."""

from typing import TYPE_CHECKING

from sync_tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from redis import Redis


def connect(url: str, *, connections: int = 50) -> "Redis":
    """Return a client with at most ``connections`` connections; a dead one is found within seconds.

    A thread waits for a free connection. redis-py's default pool raises instead (its docs, ``BlockingConnectionPool``).

    Raises:
        ConfigurationError: the URL has an unknown option; the message shows nothing of it.
    """
    from redis import BlockingConnectionPool, Redis

    try:
        pool = BlockingConnectionPool.from_url(
            url,
            decode_responses=True,
            max_connections=connections,
            timeout=10,
            socket_timeout=5,
            socket_connect_timeout=3,
            socket_keepalive=True,
            health_check_interval=15,
        )
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError):
        raise ConfigurationError("the URL of Redis: what stands after its ? is no setting of a connection") from None
    return Redis(connection_pool=pool)
