"""What the servers of the environment say to a part that starts: each refusal and each lack in one line."""

import re
from typing import TYPE_CHECKING, Literal

from sync_tasks.config import environment
from sync_tasks.config.redis_url import Sentinels, has_sentinels, place_of, read_sentinels
from sync_tasks.errors import ConfigurationError
from sync_tasks.state.connection import connect, find_names
from sync_tasks.state.fitness import WITHOUT_DISK, Lack, Use, find_lacks, without_right
from sync_tasks.state.trouble import lacks_disk

if TYPE_CHECKING:
    from redis import Redis

# Whether what may mend by itself is refused like the rest, or only what lasts, or nothing but a wrong login.
Strictness = Literal["all", "lasting", "login"]

_UNREADABLE = "a file that the URL names cannot be read; see ssl_ca_certs, ssl_certfile and ssl_keyfile there"
# By words of Redis (7.0) and Valkey (9.1).
_REFUSALS = {
    "index": "Redis has no database of that number; /0 is always there",
    "protected mode": "Redis lets in its own machine alone; give it a password (requirepass) or a user",
}
# Of TLS, by words of Python and of redis-py (8.1).
_OF_TLS = {
    "CERTIFICATE_VERIFY_FAILED": "no trusted certificate for this host{}; name the CA of Redis: ?ssl_ca_certs=/ca.pem",
    "Certificate Requirements": "in the URL ssl_cert_reqs is required, optional or none",
    "WRONG_VERSION_NUMBER": "what answers there speaks no TLS: write redis://, or name another server",
    "No such file": _UNREADABLE,
    "Permission denied": _UNREADABLE,
    "PEM": _UNREADABLE,
}
# Why OpenSSL refuses a certificate. CPython 3.13 asks more of it (``VERIFY_X509_STRICT``): the CA may not be the fault.
_REASON = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")

# What kombu 5.7 calls its keys and channels, beside the queues: {} is the namespace, before it the database.
_KEYS = (
    "{}",
    "{}.urgent",
    "{}:unacked",
    "_kombu.binding.{}",
    "_kombu.binding_permanent.{}.events",
    "_kombu.binding_deadlines",
    "celery@host.{}.control.pidbox",
)
# Of these a watcher needs no more: where it hears of tasks and workers, and that there are queues.
_OF_A_WATCHER = ("{}", "_kombu.binding.{}.events", "_kombu.binding_permanent.{}.events", "_kombu.binding_deadlines")
_CHANNELS = ("/{}.{}.control.pidbox", "/{}.{}.events/*", "/{}.{}.events/worker.*")


def check_server(name: str, url: str, use: Use, strictness: Strictness = "all", *, waits: bool = True) -> None:
    """Return if a Redis can be used; if it ``waits``, also while it is away: it may come later.

    Raises:
        ConfigurationError: it refuses us, or lacks something; one argument for each fault.
        redis.RedisError: it is away, and nobody waits for it.
    """
    from redis import RedisError

    try:
        lacks = _ask(name, url, use, strictness)
    except RedisError as error:
        if not waits:
            raise
        # PING, with which redis-py opens a connection, is refused, too (Redis 7.0, Valkey 9.1).
        if not lacks_disk(error):
            return
        lacks = [WITHOUT_DISK]
    if faults := [lack for lack in lacks if strictness == "all" or not lack.passing]:
        raise ConfigurationError(*(f"{name}: Redis at {place_of(url)} {lack.line}" for lack in faults))


def _ask(name: str, url: str, use: Use, strictness: Strictness) -> list[Lack]:
    """Return what a Redis lacks, or raise what its refusal of a connection means."""
    from redis import AuthenticationError, RedisError
    from redis.exceptions import NoPermissionError

    try:
        if has_sentinels(url):
            _check_sentinels(name, read_sentinels(url, name))
        with connect(url, connections=1) as redis:
            redis.ping()
            return read_lacks(redis, use) if strictness != "login" else []
    except AuthenticationError:
        refused = "Redis refuses the user or the password, or asks for one"
        raise ConfigurationError(f"{name}: {refused}; they stand in redis://user:password@host") from None
    except NoPermissionError as error:
        return [without_right(error)]
    except RedisError as error:
        if refused := _explain(error, url):
            raise ConfigurationError(f"{name}: {refused}") from None
        raise


def _explain(error: Exception, url: str) -> str:
    """Return what an error that does not pass means, and what to do; of any other an empty text."""
    from redis import InvalidResponse, ResponseError

    if isinstance(error, InvalidResponse):
        return "what answers there is no Redis: name another server"
    of_tls = _OF_TLS if url.startswith("rediss") else {}
    faults = _REFUSALS if isinstance(error, ResponseError) else of_tls
    found = _REASON.search(str(error))
    reason = f" ({found.group(1)})" if found else ""
    return next((what.format(reason) for word, what in faults.items() if word in str(error)), "")


def read_lacks(redis: "Redis", use: Use) -> list[Lack]:
    """Return what a Redis lacks for this namespace.

    Raises:
        redis.RedisError: it is away, or refuses us.
    """
    namespace = environment.namespace()
    if use == "state":
        return find_lacks(redis, use, [f"{namespace}:"])
    database = redis.get_connection_kwargs().get("db", 0)
    keys = [one.format(namespace) for one in (_KEYS if use == "queue" else _OF_A_WATCHER)]
    return find_lacks(redis, use, keys, [one.format(database, namespace) for one in _CHANNELS])


def _check_sentinels(name: str, sentinels: Sentinels) -> None:
    """Refuse a name that a sentinel which answers does not know, and a server that is no sentinel."""
    from redis import AuthenticationError, ResponseError

    try:
        known = find_names(sentinels)
    except AuthenticationError:
        advice = "?sentinel_username=…&sentinel_password=… is their own login"
        raise ConfigurationError(f"{name}: a sentinel refuses the login, or asks for one; {advice}") from None
    except ResponseError:
        raise ConfigurationError(f"{name}: no sentinel answers there; one server is written redis://") from None
    if known and sentinels.name not in known:
        raise ConfigurationError(f"{name}: the sentinels know no primary of that name, see their `sentinel monitor`")


def greet(name: str, url: str) -> None:
    """Return if a RabbitMQ would have us, or is away.

    Raises:
        ConfigurationError: it refuses us.
    """
    from amqp.exceptions import AccessRefused, NotAllowed
    from kombu import Connection

    with Connection(url, connect_timeout=3) as connection:
        try:
            connection.transport.close_connection(connection.transport.establish_connection())
        except AccessRefused:
            raise ConfigurationError(f"{name}: the broker refuses the user or the password") from None
        except NotAllowed:
            raise ConfigurationError(f"{name}: the broker has no such virtual host for us") from None
        except Exception:  # noqa: BLE001 - whatever keeps a broker from answering, it may come later
            return
