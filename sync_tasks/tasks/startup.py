"""What each part checks when it starts: what it needs itself, each fault in one line that shows nothing secret."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from sync_tasks.config import environment
from sync_tasks.config.redis_url import is_redis
from sync_tasks.errors import ConfigurationError
from sync_tasks.log import log_level
from sync_tasks.state.fitness import Use
from sync_tasks.tasks import servers

_PLACES = frozenset({"SYNC_REDIS_URL", "SYNC_REPLICAS", "SYNC_BROKER_URL", "SYNC_NAMESPACE"})
_SECRET = frozenset({"SYNC_STATE_SECRET"})
_LOG = frozenset({"SYNC_LOG_LEVEL", "SYNC_LOG_JSON"})
_DOORS = frozenset(
    {"SYNC_WEBHOOK_TOKEN", "SYNC_UNSUBSCRIBE_SECRET", "SYNC_EVENTS_TOKEN", "SYNC_OPERATE_SECRET", "SYNC_OPERATE_TOKEN"}
)
_BREVO = frozenset({"SYNC_CONFIG", "SYNC_API_KEY", "SYNC_BASE_URL", "SYNC_UNSUBSCRIBE_SECRET", "SYNC_PORTAL_SECRET"})

_reported = set[str]()

Check = Callable[[], object]


def check_portal() -> None:
    """Return if a portal may accept events: it knows where the state and the queue are.

    Raises:
        ConfigurationError: with one argument for each fault, as all of these do.
    """
    places = (environment.namespace, environment.redis_url, environment.replicas, broker_url)
    _find_all(_misspelt(_PLACES | _SECRET), *places, environment.state_secrets)


def check_desk() -> None:
    """Return if an operator's command may run: no variable is misspelt that it might need."""
    _find_all(_misspelt(_PLACES | _BREVO))


def check_worker() -> None:
    """Return if a worker may start; a Redis that is away is waited for, one that refuses us is a fault."""
    from sync_tasks.config.settings import load_settings
    from sync_tasks.tasks.notice_posts import check_posts

    places = (environment.namespace, environment.redis_url, environment.replicas, broker_url)
    wanted = _misspelt(_PLACES | _SECRET | _BREVO | _LOG)
    _find_all(wanted, *places, log_level, environment.metrics_address, load_settings, environment.state_secrets)
    _find_all(check_posts)
    _find_all(check_state, _check_queue)
    _find_all(_check_secret)


def check_beat() -> None:
    """Return if beat may start."""
    needed = _PLACES | _LOG | {"SYNC_NIGHTLY_AT"}
    checks = (environment.nightly_at, log_level, environment.metrics_address)
    _find_all(_misspelt(needed), environment.namespace, broker_url, *checks)
    _find_all(_check_queue)


def check_queue(strictness: servers.Strictness = "all") -> None:
    """Return if what looks at the queue alone may start: ``celery inspect`` and the like."""
    _find_all(_misspelt(_PLACES), environment.namespace, broker_url)
    _find_all(lambda: _check_queue("queue", strictness))


def check_watcher() -> None:
    """Return if Flower may start; its user of Redis needs no right to change anything."""
    _find_all(_misspelt(_PLACES), environment.namespace, broker_url, environment.operate_url)
    _find_all(lambda: _check_queue("watcher", "lasting"))


def check_receiver() -> None:
    """Return if the doors over HTTP may open."""
    needed = _PLACES | _LOG | {"SYNC_CONFIG"} | _DOORS
    _find_all(_misspelt(needed), environment.namespace, environment.redis_url, broker_url, log_level)
    _find_all(check_state, _check_queue)


def broker_url() -> str:
    """Return where the queue is, once it is known that kombu can go there.

    Raises:
        ConfigurationError: it cannot; the message shows nothing of the URL.
    """
    from kombu.transport import TRANSPORT_ALIASES, get_transport_cls

    url = environment.broker_url()
    # The library of a Redis is always there; loading it is not for the import of the tasks.
    others = (one for one in url.split(";") if not is_redis(one))
    for scheme in (one.partition("://")[0].partition("+")[0] for one in others):
        if scheme not in TRANSPORT_ALIASES:
            raise ConfigurationError("SYNC_BROKER_URL: no such transport; take redis://, rediss:// or amqp://")
        try:
            get_transport_cls(scheme)
        except ImportError as error:
            raise ConfigurationError(f"SYNC_BROKER_URL: {error.name}, its library, is not installed") from None
    return url


def broker_variable() -> str:
    """Return the variable that says where the queue is."""
    return "SYNC_BROKER_URL" if _is_set("SYNC_BROKER_URL") else "SYNC_REDIS_URL"


def warn(report: Callable[[str], object], accounts: Iterable[str] = ()) -> None:
    """Report, once in a process, each variable that looks like ours and has no effect.

    ``accounts`` are those that may have a key; without any, keys are not looked at.
    """
    for line in _find_warnings(accounts):
        if line not in _reported:
            _reported.add(line)
            report(line)


def _find_warnings(accounts: Iterable[str]) -> Iterator[str]:
    for name, alike in environment.find_unknown():
        yield f"{name} has no effect: it is no variable of the pipeline{f'; is {alike} meant?' if alike else ''}"
    if accounts:
        yield from _keys_of_nobody(accounts)


def _keys_of_nobody(accounts: Iterable[str]) -> Iterator[str]:
    from sync_tasks.config.settings import key_variables

    known = key_variables(accounts)
    for name in sorted(os.environ):
        if name.startswith(environment.OF_AN_ACCOUNT) and name not in environment.VARIABLES and name not in known:
            yield f"{name} has no effect: the configuration has no such account"


def _misspelt(needed: frozenset[str]) -> Check:
    """Refuse a variable that is like one that is needed and not set: without it the part would look elsewhere."""

    def check() -> None:
        meant = ((name, alike) for name, alike in environment.find_unknown() if alike.removesuffix("_FILE") in needed)
        lacking = [(name, alike) for name, alike in meant if not _is_set(alike.removesuffix("_FILE"))]
        if lacking:
            raise ConfigurationError(*(f"{name}: no variable of ours; is {alike} meant?" for name, alike in lacking))

    return check


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def _find_all(*checks: Check) -> None:
    faults = dict[object, None]()
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            faults |= dict.fromkeys(error.args)
    if faults:
        raise ConfigurationError(*faults)


def _check_secret() -> None:
    from redis import RedisError

    from sync_tasks.state.connection import connect
    from sync_tasks.state.secret import check_secret
    from sync_tasks.state.store import Store

    with connect(environment.redis_url(), connections=1) as redis, suppress(RedisError):
        check_secret(Store(redis, environment.namespace(), secrets=environment.state_secrets()))


def check_state(strictness: servers.Strictness = "all", *, waits: bool = True) -> None:
    """Return if the Redis of the state can hold it; if it ``waits``, also while it is away (see ``servers``).

    Raises:
        ConfigurationError: it refuses us, or lacks something.
        redis.RedisError: it is away, and nobody waits for it.
    """
    servers.check_server("SYNC_REDIS_URL", environment.redis_url(), "state", strictness, waits=waits)


def _check_queue(use: Use = "queue", strictness: servers.Strictness = "all") -> None:
    for url in broker_url().split(";"):
        if is_redis(url):
            servers.check_server(broker_variable(), url, use, strictness)
        elif url.startswith(("amqp://", "amqps://", "pyamqp://")):
            servers.greet("SYNC_BROKER_URL", url)
