"""The outbox of a Django portal: an event is a row, written in the transaction of the view.

``outbox.subscribe_contact(user_id=…)`` takes the arguments of the task. COMMIT means accepted: then it goes to the
pipeline at once, and what Redis cannot take at this moment waits for the relay.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from sync_tasks import tasks
from sync_tasks.log import log
from sync_tasks.portal.outbox_row import TABLE_NAME, OutboxRow, dump_event, relay_event, skew_of
from sync_tasks.portal.outbox_sql import CLOCKS
from sync_tasks.tasks import accept
from sync_tasks.tasks.base import EventTask
from sync_tasks.tasks.portal_task import PortalTask

Arguments = ParamSpec("Arguments")

_NEW = f"SELECT id, task, user_id, event, written_at, %s FROM {TABLE_NAME} WHERE id = %%s AND error IS NULL"  # noqa: S608 - our own name
_REMOVE = f"DELETE FROM {TABLE_NAME} WHERE id = %s"  # noqa: S608 - as above


def database() -> str:
    """Return the alias of the database that has the table (``NEWSLETTER_OUTBOX_DATABASE`` of Django's settings)."""
    return str(getattr(settings, "NEWSLETTER_OUTBOX_DATABASE", DEFAULT_DB_ALIAS))


def _door(task: PortalTask[Arguments]) -> Callable[Arguments, None]:
    kind = cast("EventTask", task).event

    def write(*args: Any, **event: Any) -> None:
        """Write the event in the transaction at hand; COMMIT means accepted.

        Raises:
            InvalidEventError: the event is malformed; nothing was written.
        """
        alias = database()
        number = _insert(alias, dump_event(accept.check(kind, args, event), connections[alias].vendor))
        transaction.on_commit(partial(relay_now, alias, number), using=alias, robust=True)

    write.__name__ = write.__qualname__ = kind.task
    return write


def _insert(alias: str, columns: dict[str, Any]) -> int:
    connection = connections[alias]
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    insert = f"INSERT INTO {TABLE_NAME} ({names}) VALUES ({places})"  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"{insert} RETURNING id", list(columns.values()))
            return int(cursor.fetchone()[0])
        cursor.execute(insert, list(columns.values()))
        return int(cursor.lastrowid)


def relay_now(alias: str, number: int) -> None:
    """Let the pipeline accept a row that was committed; if it cannot, the row waits for the relay.

    No exception leaves: Django would write it to its log with the values of all variables, and an address is among
    them (https://docs.djangoproject.com/en/5.2/howto/error-reporting/).
    """
    try:
        _relay(alias, number)
    except Exception as error:  # noqa: BLE001 - see above
        log.warning("outbox: row %d waits for the relay: %s", number, type(error).__name__)


def _relay(alias: str, number: int) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(_NEW % CLOCKS[connections[alias].vendor], [number])
        if found := cursor.fetchone():
            *columns, clock = found
            relay_event(OutboxRow(*columns).read(), skew_of(clock))
            cursor.execute(_REMOVE, [number])


subscribe_contact = _door(tasks.subscribe_contact)
update_contact = _door(tasks.update_contact)
unsubscribe_contact = _door(tasks.unsubscribe_contact)
anonymize_contact = _door(tasks.anonymize_contact)
