"""The way to the pipeline's state, for commands that read or change it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sync_tasks.cli.output import give_up
from sync_tasks.config import environment
from sync_tasks.config.redis_url import place_of

if TYPE_CHECKING:
    from kombu import Connection

    from sync_tasks.config.settings import Settings
    from sync_tasks.providers import Gateway
    from sync_tasks.providers.brevo.webhook_setup import WebhookDesk
    from sync_tasks.state.store import Store

# A way to an account: what events need, or what only an operator asks for.
AnyGateway = TypeVar("AnyGateway", "Gateway", "WebhookDesk")
_CONNECTS_WITHIN = 3


@contextmanager
def open_store(*, checked: bool = True) -> "Iterator[Store]":
    """Yield the state; if Redis is away or in trouble, the command ends with one line and exit 1.

    Unless ``checked``, a Redis that lacks something is opened all the same.

    Raises:
        ConfigurationError: the environment does not lead to a Redis that would have us and can hold the state.
    """
    from redis import RedisError

    from sync_tasks.state.connection import connect
    from sync_tasks.state.secret import check_secret
    from sync_tasks.state.store import Store
    from sync_tasks.state.trouble import advise_on, show_trouble
    from sync_tasks.tasks import startup

    url = environment.redis_url()
    startup.check_state("lasting" if checked else "login")
    redis = connect(url, connections=4)
    try:
        redis.ping()
        tolerance, secrets = environment.tolerance_at_hand(), environment.state_secrets()
        store = Store(redis, environment.namespace(), tolerance=tolerance, secrets=secrets)
        if checked:
            check_secret(store)
        yield store
    except RedisError as error:
        what = f"Redis at {place_of(url)} is away or in trouble: {show_trouble(error)}"
        give_up(f"{what}; {advise_on(error, 'SYNC_REDIS_URL')}")
    finally:
        redis.close()


@contextmanager
def open_broker() -> "Iterator[Connection]":
    """Yield a connection to the queue's broker; if it is away, the command ends with one line and exit 1.

    Raises:
        ConfigurationError: the environment does not lead to a broker that would have us.
    """
    from kombu.exceptions import OperationalError

    from sync_tasks.tasks import startup
    from sync_tasks.tasks.app import app

    startup.check_queue("lasting")
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_CONNECTS_WITHIN)
            yield connection
    except OperationalError as error:
        why = type(error.__cause__ or error).__name__
        give_up(f"the broker is away or in trouble: {why}; start it, or correct SYNC_BROKER_URL")


def open_gateways(store: "Store", settings: "Settings") -> "AbstractContextManager[Mapping[str, Gateway]]":
    """Return the way to each account on an operator's behalf, if it is the one that the state knows."""
    from sync_tasks.sync import accounts

    return _opened(accounts.open_gateways, store, settings)


def open_desks(store: "Store", settings: "Settings") -> "AbstractContextManager[Mapping[str, WebhookDesk]]":
    """Return the same to the webhooks of each account."""
    from sync_tasks.providers.brevo.webhook_setup import WebhookDesk
    from sync_tasks.sync import accounts

    return _opened(partial(accounts.open_desks, WebhookDesk), store, settings)


@contextmanager
def _opened(
    open_all: "Callable[..., Mapping[str, AnyGateway]]", store: "Store", settings: "Settings"
) -> "Iterator[Mapping[str, AnyGateway]]":
    from sync_tasks.rate_limits.limiter import Limiter
    from sync_tasks.rate_limits.operator_gate import VisitorGate

    gate_of = partial(VisitorGate, Limiter(store, settings.accounts, settings.pipeline.probe_seconds))
    gateways = open_all(settings.accounts, gate_of, store)
    with ExitStack() as stack:
        for gateway in gateways.values():
            stack.callback(gateway.close)
        yield gateways
