"""The outbox: an event is a row in the portal's own database, written in the portal's transaction.

``outbox.subscribe_contact(connection, user_id=…)`` takes the arguments of the task. COMMIT means accepted.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

from sync_tasks import tasks
from sync_tasks.config.environment import needing
from sync_tasks.portal.outbox_row import dump_event
from sync_tasks.tasks import accept
from sync_tasks.tasks.base import EventTask
from sync_tasks.tasks.portal_task import PortalTask

with needing("outbox"):
    from sqlalchemy import text

    from sync_tasks.portal.outbox_table import create_table, insert_row

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

__all__ = ["anonymize_contact", "create_table", "subscribe_contact", "unsubscribe_contact", "update_contact"]

Arguments = ParamSpec("Arguments")
# It wakes the relay if the database can notify.
CHANNEL = "sync_tasks_outbox"


def _door(
    task: PortalTask[Arguments],
) -> "Callable[Concatenate[Connection | Session, Arguments], None]":
    kind = cast("EventTask", task).event

    def write(connection: Any, /, *args: Any, **event: Any) -> None:  # noqa: ANN401 - checked below
        """Write the event in the transaction of a connection or a session; COMMIT means accepted.

        Raises:
            InvalidEventError: the event is malformed; nothing was written.
        """
        dialect = (connection.get_bind() if hasattr(connection, "get_bind") else connection).dialect.name
        insert_row(connection, dump_event(accept.check(kind, args, event), dialect))
        if dialect == "postgresql":
            connection.execute(text(f"NOTIFY {CHANNEL}"))

    write.__name__ = write.__qualname__ = kind.task
    return write


subscribe_contact = _door(tasks.subscribe_contact)
update_contact = _door(tasks.update_contact)
unsubscribe_contact = _door(tasks.unsubscribe_contact)
anonymize_contact = _door(tasks.anonymize_contact)
