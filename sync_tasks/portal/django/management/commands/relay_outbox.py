"""``manage.py relay_outbox``: what ``sync-tasks outbox relay`` does, on the database of Django's settings."""

import signal
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connections

from sync_tasks.config.environment import needing
from sync_tasks.errors import ConfigurationError
from sync_tasks.portal.django.outbox import database
from sync_tasks.tasks import startup

# The drivers that Django itself can use.
_DRIVERS = {"postgresql": ("psycopg", "psycopg2"), "mysql": ("mysqldb",), "sqlite": ("pysqlite",)}


class Command(BaseCommand):  # type: ignore[misc]  # Django is published without types
    """Let the pipeline accept what waits in the outbox, until Ctrl-C; several may run."""

    help = "Let the pipeline accept what waits in the outbox, until Ctrl-C; several may run."

    def add_arguments(self, parser: Any) -> None:  # noqa: ANN401 - Django's
        """Take the options of ``sync-tasks outbox relay``."""
        parser.add_argument("--poll", type=float, default=1.0, help="Look so often, in seconds, if nothing wakes it.")
        parser.add_argument("--until-empty", action="store_true", help="End once nothing waits.")

    def handle(self, *_: object, poll: float, until_empty: bool, **_options: object) -> None:
        """Relay, and end with 1 if something still waits although it should not."""
        startup.check_portal()
        engine = make_engine(database())
        from sync_tasks.portal.relay import Relay

        relay = Relay(engine, poll=poll)
        before = {number: signal.signal(number, lambda *_: relay.stop()) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            empty = relay.run(until_empty=until_empty)
        finally:
            engine.dispose()
            for number, handler in before.items():
                signal.signal(number, handler)
        self.stdout.write(f"{relay.accepted} events accepted")
        if until_empty and not empty:
            raise SystemExit(1)


def make_engine(alias: str) -> Any:  # noqa: ANN401 - SQLAlchemy's, which is loaded here alone
    """Return SQLAlchemy's way to a database of Django's: each connection is one that Django made.

    Raises:
        ConfigurationError: SQLAlchemy is not installed, or the outbox does not know such a database.
    """
    with needing("outbox"):
        from sqlalchemy import create_engine
    wrapper = connections[alias]
    if wrapper.vendor not in _DRIVERS:
        raise ConfigurationError(f"the outbox knows {', '.join(_DRIVERS)}, and not {wrapper.vendor}")
    wrapper.ensure_connection()
    driver = type(wrapper.connection).__module__.partition(".")[0]
    chosen = next((name for name in _DRIVERS[wrapper.vendor] if name == driver), _DRIVERS[wrapper.vendor][0])

    def connect() -> object:
        return wrapper.get_new_connection(wrapper.get_connection_params())

    return create_engine(f"{wrapper.vendor}+{chosen}://", creator=connect, hide_parameters=True, pool_pre_ping=True)
