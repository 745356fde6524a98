"""The way to the portal's own database."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sync_tasks.config.environment import database_url, needing
from sync_tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine


@contextmanager
def open_database(url: str = "") -> "Iterator[Engine]":
    """Yield the database of a URL, or of ``SYNC_DATABASE_URL``.

    Raises:
        ConfigurationError: none is named, or SQLAlchemy cannot go there; the message shows nothing of the URL.
    """
    url = url or database_url()
    if not url:
        raise ConfigurationError(
            "no database is named: set SYNC_DATABASE_URL, as in postgresql+psycopg://…, or --database"
        )
    with needing("outbox"):
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    try:
        options = _options_for(make_url(url))
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=options)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{error.name}, the driver of the database, is not installed") from None
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigurationError("SYNC_DATABASE_URL: no URL of SQLAlchemy's, as in postgresql+psycopg://…") from None
    try:
        _check_options(engine)
        yield engine
    finally:
        engine.dispose()


def _options_for(url: "URL") -> dict[str, str]:
    """Return the options of a driver.

    Of a database without an encoding (SQL_ASCII) psycopg hands out bytes, unless the connection has one. Its docs say
    so: "Strings adaptation", since 3.0.
    """
    speaks = url.drivername in {"postgresql", "postgresql+psycopg", "postgresql+psycopg2"}
    return {"client_encoding": "utf8"} if speaks and "client_encoding" not in url.query else {}


def _check_options(engine: "Engine") -> None:
    """Let the driver read the options of the URL; whether the database is there shows later.

    Raises:
        ConfigurationError: the driver refuses them, such as one that it does not know, or a file that is not there.
    """
    from sqlalchemy.exc import DBAPIError

    try:
        with suppress(DBAPIError), engine.connect():
            pass
    except Exception as error:  # noqa: BLE001 - each driver raises its own; the message shows nothing of the URL
        raise ConfigurationError(
            f"SYNC_DATABASE_URL: the driver refuses an option or a file named in it: {type(error).__name__}"
        ) from None
