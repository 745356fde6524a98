"""An event as a row of the portal's own database: how it is written, and read again."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sync_tasks.domain.events import EVENTS, Event, Json
from sync_tasks.domain.timestamps import EPOCH
from sync_tasks.errors import InvalidEventError

if TYPE_CHECKING:
    from sync_tasks.tasks.base import EventTask

TABLE_NAME = "sync_tasks_outbox"
# Microseconds: no row is older than the outbox (2024), and a later one (2200) is in another unit.
_EARLIEST, _LATEST = 1_704_067_200_000_000, 7_258_118_400_000_000
# An event with as many attributes as allowed, each as long as allowed, has 1,300,000 in ASCII.
LONGEST_EVENT = 2_000_000
WRONG_MOMENT = "written_at: must be when the row was written, in microseconds since 1970; leave it to the database"


@dataclass(frozen=True, slots=True, repr=False)
class OutboxRow:
    """One row; ``written_at`` is the database's moment in microseconds since 1970."""

    id: int
    task: str
    user_id: str
    event: str
    written_at: int

    def read(self, *, not_before: int = 0) -> Event:
        """Return the event; without a moment of its own it happened when the row was written.

        ``not_before``: the moment of an older row of the same user, in microseconds; it happened no earlier.

        Raises:
            InvalidEventError: it is none; the message quotes no value.
        """
        # Loading the tasks loads Celery: whoever only makes the table does not need it.
        from sync_tasks.tasks.accept import check

        self._check()
        kind = EVENTS.get(self.task.removeprefix("sync_tasks."))
        if kind is None:
            raise InvalidEventError(f"task: must be one of {', '.join(EVENTS)}")
        fields = _parse(self.event)
        if fields.setdefault("user_id", self.user_id) != self.user_id:
            raise InvalidEventError(f"{kind.task} refused: user_id: the event names another than its row")
        if fields.get("occurred_at") is None:
            fields["occurred_at"] = EPOCH + timedelta(microseconds=max(self.written_at, not_before))
        return check(kind, (), fields)

    def _check(self) -> None:
        """Refuse what is no row of ours: SQLite keeps any kind of value in any column."""
        event: object = self.event
        if event is None:
            raise InvalidEventError(f"event: longer than {LONGEST_EVENT:,} characters")
        if not all(isinstance(text, str) for text in (self.task, self.user_id, self.event)):
            raise InvalidEventError("task, user_id, event: must be texts")
        written_at: object = self.written_at
        if not (isinstance(written_at, int) and _EARLIEST <= written_at < _LATEST):
            raise InvalidEventError(WRONG_MOMENT)


def _parse(text: str) -> dict[str, Any]:
    from sync_tasks.backfill.records import parse_object

    try:
        return parse_object(text)
    except ValueError:
        raise InvalidEventError("event: must be a JSON object") from None


def dump_event(event: Event, database: str) -> dict[str, Json]:
    """Return the columns of an event's row, as a database of this kind needs them."""
    fields = event.model_dump(mode="json", exclude_unset=True, exclude={"user_id"})
    # SQLite's own clock knows milliseconds only, and two events of one user may lie closer.
    moment: dict[str, Json] = {"written_at": time.time_ns() // 1000} if database == "sqlite" else {}
    # JSON in ASCII passes through a database, and a connection, of any encoding.
    return {"task": event.task, "user_id": event.user_id, "event": json.dumps(fields)} | moment


def skew_of(clock: int) -> timedelta:
    """Return how far the database's clock is ahead of this machine's; ``clock``: what it shows, in microseconds."""
    return EPOCH + timedelta(microseconds=clock) - datetime.now(UTC)


def relay_event(event: Event, skew: timedelta) -> None:
    """Let the pipeline accept an event of a row, and nudge it.

    ``skew``: how far the clock of the row's database is ahead of this machine's.

    Raises:
        InvalidEventError: its moment lies in the future.
        redis.RedisError: Redis is away.
    """
    from sync_tasks.tasks.app import app

    cast("EventTask", app.tasks[f"sync_tasks.{event.task}"]).accept_event(event, None, {}, skew=skew)
