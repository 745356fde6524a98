"""The relay: moves events from the outbox to the pipeline, in order for each user, and removes what is accepted.

A row is removed after Redis has accepted it. A relay killed in between leaves a row whose event is accepted again. It
has the same moment, so nothing changes. If Redis is away, the rows wait.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from redis import RedisError
from sqlalchemy.exc import DBAPIError, StatementError

from sync_tasks.domain.events import MAX_AHEAD, Event
from sync_tasks.domain.timestamps import MICROSECONDS_PER_DAY
from sync_tasks.errors import InvalidEventError
from sync_tasks.log import describe, log
from sync_tasks.portal import outbox_table
from sync_tasks.portal.outbox import CHANNEL
from sync_tasks.portal.outbox_row import WRONG_MOMENT, OutboxRow, relay_event, skew_of
from sync_tasks.state.relays import report_outbox
from sync_tasks.state.trouble import concerns_all
from sync_tasks.tasks.accept import portal_store

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

USERS_AT_ONCE = 100
ROWS_AT_ONCE = 500
REPORT_EVERY = 5.0
# A clock may be an hour off. A moment that lies further ahead is no moment of a clock.
AHEAD = "the clock of the database is more than five minutes ahead of Redis'"
UNREADABLE = "the database cannot hand it out: its texts must be UTF-8, and no bytes"
# So many seconds it pauses after trouble of Redis or the database, at first and at most.
_PAUSES = (0.5, 15.0)


@dataclass(slots=True)
class MovedRows:
    """What became of some rows."""

    accepted: list[int] = field(default_factory=list)
    marked: int = 0
    trouble: str = ""


def move(engine: "Engine", accept: Callable[[Event], object] | None = None) -> MovedRows:
    """Move some rows, and return what became of them; ``accept`` takes the place of the pipeline.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away or in trouble.
    """
    try:
        return _move(engine, accept)
    except (StatementError, TypeError, ValueError) as error:
        unreadable = outbox_table.find_unreadable(engine) if outbox_table.is_of_a_row(error) else []
        if not unreadable:
            raise
        return _mark_unreadable(engine, unreadable)


def _mark_unreadable(engine: "Engine", ids: list[int]) -> MovedRows:
    """Take rows out of the way that the database cannot hand out: they would hold up all others."""
    with engine.begin() as connection:
        for number in ids:
            outbox_table.mark_row(connection, number, UNREADABLE)
            log.error("outbox: row %d is no event: %s", number, UNREADABLE)
    return MovedRows(marked=len(ids))


def _move(engine: "Engine", accept: Callable[[Event], object] | None) -> MovedRows:
    latest = _latest_moment()
    ahead = (latest + 1, latest + MICROSECONDS_PER_DAY) if latest is not None else None
    with _claiming(engine) as connection:
        users = outbox_table.find_heads(connection, USERS_AT_ONCE, ahead)
        rows = outbox_table.read_rows(connection, users, ROWS_AT_ONCE) if users else []
        skew = skew_of(outbox_table.read_clock(connection)) if rows else timedelta()
        if engine.dialect.name == "sqlite":
            # It has one lock for all: nobody shall wait for it while Redis is asked. The same event twice is harmless.
            connection.commit()
        moved, faults = _accept_rows(rows, accept or partial(relay_event, skew=skew), ahead)
        if ahead and not rows and outbox_table.has_rows(connection, ahead):
            moved.trouble = AHEAD
        for number, why in faults.items():
            outbox_table.mark_row(connection, number, why)
        if moved.accepted:
            outbox_table.remove_rows(connection, moved.accepted)
        return moved


def _latest_moment() -> int | None:
    """Return up to which moment Redis accepts events; while it is away, that is left open."""
    try:
        return int(portal_store().now()) + MAX_AHEAD // timedelta(microseconds=1)
    except RedisError:
        return None


@contextmanager
def _claiming(engine: "Engine") -> "Iterator[Connection]":
    """Yield a connection whose locks hold nobody up but other relays, and commit."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            # InnoDB would lock the gaps between rows too, and with them the portal's inserts.
            connection = connection.execution_options(isolation_level="READ COMMITTED")  # noqa: PLW2901
        yield connection
        connection.commit()


def _accept_rows(
    rows: list[OutboxRow], accept: Callable[[Event], object], ahead: "outbox_table.Ahead | None"
) -> tuple[MovedRows, dict[int, str]]:
    """Let the rows be accepted until Redis is away; of those that are no events say why.

    A row that was written ``ahead`` waits, and with it the later ones of its user. Of one user a later row is never
    older: if it says so, the clock was put back between the two.
    """
    moved, faults, waiting, newest = MovedRows(), dict[int, str](), set[str](), dict[str, int]()
    for row in rows:
        if row.user_id in waiting or _is_ahead(row, ahead):
            moved.trouble = AHEAD
            waiting.add(row.user_id)
            continue
        try:
            accept(_read_row(row, ahead, newest.get(row.user_id, 0)))
        except (InvalidEventError, RedisError) as error:
            if isinstance(error, RedisError) and concerns_all(error):
                moved.trouble = f"Redis is away or in trouble: {type(error).__name__}"
                break
            faults[row.id] = _refuse(row, error)
        else:
            moved.accepted.append(row.id)
            newest[row.user_id] = max(row.written_at, newest.get(row.user_id, 0))
    moved.marked = len(faults)
    return moved, faults


def _read_row(row: OutboxRow, ahead: "outbox_table.Ahead | None", not_before: int) -> Event:
    event = row.read(not_before=not_before)
    if ahead and row.written_at > ahead[1]:
        raise InvalidEventError(WRONG_MOMENT)
    return event


def _refuse(row: OutboxRow, error: InvalidEventError | RedisError) -> str:
    """Log why a row will never be accepted, and return it."""
    if isinstance(error, InvalidEventError):
        log.error("outbox: row %d is no event: %s", row.id, error)
        return str(error)
    # What Redis answers permanently it would answer to this row for ever.
    log.error("outbox: row %d: unexpected error\n%s", row.id, describe(error))
    return f"Redis cannot accept it ({type(error).__name__}); the place is in the relay's log"


def _is_ahead(row: OutboxRow, ahead: "outbox_table.Ahead | None") -> bool:
    """Return whether a row was written by a clock that is ahead; whatever else stands there is no event."""
    at: object = row.written_at
    return ahead is not None and isinstance(at, int) and ahead[0] <= at <= ahead[1]


class Relay:
    """Moves rows until it must stop; ``poll``: so many seconds pass between two looks at an empty outbox."""

    def __init__(self, engine: "Engine", *, poll: float = 1.0) -> None:
        self._engine = engine
        self._poll = poll
        self._stopped = threading.Event()
        self._pause = _PAUSES[0]
        self._reported = -REPORT_EVERY
        self.accepted = 0

    def stop(self) -> None:
        """End after the rows under way."""
        self._stopped.set()

    def run(self, *, until_empty: bool = False) -> bool:
        """Move rows until stopped, or until none waits; return whether the outbox is empty, as far as it was seen."""
        with self._listening() as wait:
            while not self._stopped.is_set():
                moved = self._move()
                self._report(at_once=until_empty and not moved.accepted)
                if moved.trouble and not moved.accepted:
                    self._suffer(moved.trouble)
                    if until_empty:
                        return False
                    continue
                self._pause = _PAUSES[0]
                if not moved.accepted and not moved.marked:
                    if until_empty:
                        return True
                    wait(self._poll)
        return False

    def _move(self) -> MovedRows:
        try:
            moved = move(self._engine)
        except DBAPIError as error:
            return MovedRows(trouble=f"the database is away or in trouble: {type(error.orig or error).__name__}")
        self.accepted += len(moved.accepted)
        return moved

    def _suffer(self, trouble: str) -> None:
        log.error("outbox: %s; next try in %.1f s", trouble, self._pause)
        self._stopped.wait(self._pause)
        self._pause = min(self._pause * 2, _PAUSES[1])

    def _report(self, *, at_once: bool) -> None:
        """Write to the state how long events wait, for ``status``."""
        if not at_once and time.monotonic() - self._reported < REPORT_EVERY:
            return
        self._reported = time.monotonic()
        try:
            with self._engine.connect() as connection:
                report_outbox(portal_store(), *outbox_table.measure(connection))
        except (RedisError, DBAPIError) as error:
            log.warning("outbox: cannot report: %s", type(error).__name__)

    @contextmanager
    def _listening(self) -> Iterator[Callable[[float], object]]:
        """Yield how to wait: PostgreSQL wakes it by NOTIFY, elsewhere it looks again after a while."""
        if self._engine.dialect.name != "postgresql" or self._engine.dialect.driver != "psycopg":
            yield self._stopped.wait
            return
        listener = _Listener(self._engine)
        try:
            yield lambda seconds: None if listener.wait(seconds) else self._stopped.wait(seconds)
        finally:
            listener.close()


class _Listener:
    """A connection of its own that gets a signal of new rows; without it there is none."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def wait(self, seconds: float) -> bool:
        """Return once a row was written, or after so many seconds; false if it cannot hear."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
                return True
            driver = cast("Any", self._connection.connection.driver_connection)
            for _ in driver.notifies(timeout=seconds, stop_after=1):
                pass
        except Exception as error:  # noqa: BLE001 - whatever the driver raises: it can still look
            log.warning("outbox: cannot listen, looks every %.1f s: %s", seconds, type(error).__name__)
            self.close()
            return False
        return True

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
