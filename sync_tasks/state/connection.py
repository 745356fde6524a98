"""The connection to Redis, and the time-outs after which it counts as lost."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sync_tasks.config.broker import sentinel_settings, tls_of
from sync_tasks.config.redis_url import Sentinels, has_sentinels, read_sentinels
from sync_tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from redis import BlockingConnectionPool, Redis

_SETTINGS: dict[str, Any] = {
    "decode_responses": True,
    "timeout": 10,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 15,
}

# A connection by a socket of this machine does not know these (redis-py 8.1).
_OF_A_NETWORK = frozenset({"socket_connect_timeout", "socket_keepalive"})


def connect(url: str, *, connections: int = 50) -> "Redis":
    """Return a client with at most ``connections`` connections; a dead one is found within seconds.

    A thread waits for a free connection. redis-py's default pool raises instead (its docs, ``BlockingConnectionPool``).
    If the URL names sentinels, each new connection asks them where the primary is.

    Raises:
        ConfigurationError: the URL has an unknown option; the message shows nothing of it.
    """
    from redis import BlockingConnectionPool, Redis

    settings = _SETTINGS | {"max_connections": connections}
    if url.startswith("unix://"):
        settings = {name: value for name, value in settings.items() if name not in _OF_A_NETWORK}
    try:
        if has_sentinels(url):
            pool = _sentinel_pool(read_sentinels(url), settings)
        else:
            pool = BlockingConnectionPool.from_url(url, **settings)
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError):
        raise ConfigurationError("the URL of Redis: what stands after its ? is no setting of a connection") from None
    # Closing a client that was given its pool otherwise leaves the connections open (redis-py 5.2 to 8.1).
    return Redis.from_pool(pool)


def _sentinel_pool(found: Sentinels, settings: dict[str, Any]) -> "BlockingConnectionPool":
    from redis import BlockingConnectionPool
    from redis.connection import parse_url
    from redis.sentinel import Sentinel, SentinelConnectionPool

    class Pool(SentinelConnectionPool, BlockingConnectionPool):
        """A pool that asks the sentinels for the primary; a thread waits for a free connection."""

    tls = {"ssl": True, **tls_of(found.options)} if found.tls else {}
    rest = {name: value for name, value in found.options.items() if not name.startswith("ssl_")}
    # The texts of a URL as redis-py reads them.
    settings |= parse_url(f"redis://?{urlencode(rest)}")  # type: ignore[no-untyped-call]
    login = {"username": found.username or None, "password": found.password or None, "db": found.database}
    sentinels = Sentinel(found.hosts, sentinel_kwargs=sentinel_settings(found))  # type: ignore[no-untyped-call]
    return Pool(found.name, sentinels, **settings, **login, **tls)  # type: ignore[no-untyped-call]


def find_names(sentinels: Sentinels) -> set[str]:
    """Return the names of the primaries that the first sentinel to answer watches; nothing if none answers.

    Raises:
        redis.ResponseError: it is no sentinel, or refuses us.
    """
    from redis import Redis, exceptions

    for host, port in sentinels.hosts:
        with Redis(host, port, decode_responses=True, **sentinel_settings(sentinels)) as sentinel:
            try:
                return set(sentinel.sentinel_masters())
            except (exceptions.ConnectionError, exceptions.TimeoutError):
                continue
    return set()
