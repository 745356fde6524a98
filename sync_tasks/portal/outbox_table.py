"""The outbox's table in each database, and what the relay asks of it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    MetaData,
    String,
    Table,
    Text,
    case,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError, StatementError

from sync_tasks.portal.outbox_row import LONGEST_EVENT, TABLE_NAME, OutboxRow
from sync_tasks.portal.outbox_sql import CLOCKS, statements_for

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Select

OUTBOX = Table(
    TABLE_NAME,
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("task", String(64)),
    Column("user_id", String(255)),
    Column("event", Text),
    Column("written_at", BigInteger),
    Column("error", Text),
)
_IDS_AT_ONCE = 1_000
# The first and the last moment, in microseconds since 1970, by which a clock is ahead.
Ahead = tuple[int, int]
_WAITING = OUTBOX.c.error.is_(None)
# A text that no event can fill stays where it is: hundreds of rows are read at once.
_EVENT = case((func.length(OUTBOX.c.event) <= LONGEST_EVENT, OUTBOX.c.event))
_ROW = (OUTBOX.c.id, OUTBOX.c.task, OUTBOX.c.user_id, _EVENT, OUTBOX.c.written_at)


def create_table(connection: "Connection") -> None:
    """Create the table if it does not exist yet.

    Raises:
        ConfigurationError: the database is none of those that the outbox knows.
    """
    for statement in statements_for(connection.dialect.name):
        connection.execute(text(statement))


def find_heads(connection: "Connection", limit: int, ahead: Ahead | None = None) -> list[str]:
    """Return users of whom rows wait, the longest waiting first, and hold the oldest row of each until the commit.

    Another relay passes over a user who is held, if the database has ``SKIP LOCKED``. Left out are users whose oldest
    row was written within ``ahead``.
    """
    older = OUTBOX.alias("older")
    is_head = ~(
        select(older.c.id)
        .where(older.c.user_id == OUTBOX.c.user_id, older.c.id < OUTBOX.c.id, older.c.error.is_(None))
        .exists()
    )
    heads: Select[Any] = select(OUTBOX.c.user_id).where(_WAITING, is_head).order_by(OUTBOX.c.id).limit(limit)
    if ahead:
        heads = heads.where(~OUTBOX.c.written_at.between(*ahead))
    return list(connection.scalars(heads.with_for_update(skip_locked=True, of=OUTBOX)))


def has_rows(connection: "Connection", ahead: Ahead) -> bool:
    """Return whether a row waits that was written between two moments."""
    found = select(OUTBOX.c.id).where(_WAITING, OUTBOX.c.written_at.between(*ahead)).limit(1)
    return connection.scalar(found) is not None


def read_rows(connection: "Connection", users: Sequence[str], limit: int) -> list[OutboxRow]:
    """Return the rows of these users that wait, the oldest first."""
    waiting = select(*_ROW).where(_WAITING, OUTBOX.c.user_id.in_(users)).order_by(OUTBOX.c.id).limit(limit)
    return [OutboxRow(*row) for row in connection.execute(waiting)]


def remove_rows(connection: "Connection", ids: Sequence[int]) -> int:
    """Remove rows, and return how many there were."""
    return connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(ids))).rowcount


def discard_rows(connection: "Connection", ids: Sequence[int]) -> int:
    """Remove marked rows, and return how many; one that waits again is an event by now and stays."""
    removing = delete(OUTBOX).where(~_WAITING)
    return sum(connection.execute(removing.where(OUTBOX.c.id.in_(some))).rowcount for some in _chunks(ids))


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield so many ids as one statement takes in each database: PostgreSQL takes 65,535."""
    return (ids[place : place + _IDS_AT_ONCE] for place in range(0, len(ids), _IDS_AT_ONCE))


def mark_row(connection: "Connection", number: int, error: str) -> None:
    """Say of a row why it is no event; it waits for a person then."""
    connection.execute(update(OUTBOX).where(OUTBOX.c.id == number).values(error=error))


def release_rows(connection: "Connection", ids: Sequence[int]) -> int:
    """Let marked rows wait for the relay again, and return how many."""
    releasing = update(OUTBOX).where(~_WAITING).values(error=None)
    return sum(connection.execute(releasing.where(OUTBOX.c.id.in_(some))).rowcount for some in _chunks(ids))


def find_marked(connection: "Connection", limit: int | None = None) -> dict[int, str]:
    """Return the ids of rows that are no events, the oldest first, each with why; all of them without a limit."""
    marked = select(OUTBOX.c.id, OUTBOX.c.error).where(~_WAITING).order_by(OUTBOX.c.id).limit(limit)
    return {row.id: row.error for row in connection.execute(marked)}


def is_of_a_row(error: Exception) -> bool:
    """Return whether the database cannot hand out a row; otherwise it is in trouble itself."""
    if isinstance(error, DBAPIError):
        # SQLite's driver raises the same for a lock as for a text that is not UTF-8: its words show which.
        return isinstance(error, DataError) or "decode" in f"{error.orig}".lower()
    return isinstance(error, StatementError | TypeError | ValueError)


def read_row(engine: "Engine", number: int) -> OutboxRow | None:
    """Return one row; nothing if it is gone, or the database cannot hand it out, such as a text that is not UTF-8.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away, or locked.
    """
    try:
        return _read_row(engine, number)
    except (StatementError, TypeError, ValueError) as error:
        if is_of_a_row(error):
            return None
        raise


def _read_row(engine: "Engine", number: int) -> OutboxRow | None:
    with engine.connect() as connection:
        found = connection.execute(select(*_ROW).where(OUTBOX.c.id == number)).one_or_none()
    return OutboxRow(*found) if found else None


def find_unreadable(engine: "Engine") -> list[int]:
    """Return the ids of rows that wait although nobody can read them: whatever is asked about them fails."""
    with engine.connect() as connection:
        waiting = list(connection.scalars(select(OUTBOX.c.id).where(_WAITING).order_by(OUTBOX.c.id)))
    return [number for number in waiting if not _can_read(engine, number)]


def _can_read(engine: "Engine", number: int) -> bool:
    """Return whether a row can be read; one that another relay moved meanwhile is no trouble."""
    try:
        row = _read_row(engine, number)
    except (StatementError, TypeError, ValueError) as error:
        if is_of_a_row(error):
            return False
        raise
    return row is None or isinstance(row.user_id, str)


def read_clock(connection: "Connection") -> int:
    """Return what the database's clock shows, in microseconds since 1970."""
    return int(connection.scalar(text(f"SELECT {CLOCKS[connection.dialect.name]}")))


def measure(connection: "Connection") -> tuple[int, int, int | None, int]:
    """Return how many rows wait, how many are marked, when the oldest was written, if known, and the clock."""
    waiting, oldest = connection.execute(select(func.count(), func.min(OUTBOX.c.written_at)).where(_WAITING)).one()
    marked = connection.scalars(select(func.count()).select_from(OUTBOX).where(~_WAITING)).one()
    # SQLite keeps any kind of value in any column.
    return waiting, marked, oldest if isinstance(oldest, int) else None, read_clock(connection)


def insert_row(connection: Any, columns: Any) -> None:  # noqa: ANN401 - a connection or a session of SQLAlchemy
    """Write a row in the transaction of a connection or a session."""
    connection.execute(insert(OUTBOX).values(columns))
