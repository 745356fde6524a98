"""Rows and errors that no portal means to cause: the relay goes on, and takes nobody's good row for a bad one."""

import json
from pathlib import Path

import pytest
from redis.exceptions import NoPermissionError, RedisError, ResponseError
from sqlalchemy import Engine, create_engine, event, insert, text, update
from sqlalchemy.exc import DBAPIError

from sync_tasks.domain.events import MOST_ATTRIBUTES, Update, parse_event
from sync_tasks.portal import outbox, outbox_table, relay
from sync_tasks.portal.outbox_row import LONGEST_EVENT, OutboxRow, dump_event
from sync_tasks.state.relays import read_outbox, report_outbox
from sync_tasks.state.store import Store

pytestmark = pytest.mark.usefixtures("worker_environment", "ends_soon")
INSERT = "INSERT INTO sync_tasks_outbox (task, user_id, event) VALUES (:task, :user_id, :event)"


def write(engine: Engine, user_id: str, **fields: object) -> None:
    with engine.begin() as connection:
        row = {"task": "anonymize_contact", "user_id": user_id, "event": json.dumps(fields)}
        connection.execute(text(INSERT), row)


def test_a_row_with_very_many_faults_holds_nobody_up(database: Engine, store: Store) -> None:
    # More than a column of 65,535 bytes holds, if each fault is named.
    write(database, "anna", **{f"field_{number:050}": 1 for number in range(2_000)})
    write(database, "eva")
    assert relay.Relay(database).run(until_empty=True)
    assert store.peek("eva") is not None
    with database.connect() as connection:
        (error,) = outbox_table.find_marked(connection, 10).values()
    assert error.startswith("anonymize_contact refused: field_")
    assert error.endswith("; and 1,990 more")


def test_a_row_is_not_unreadable_since_the_database_was_locked_for_a_moment(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    patient, hurried = create_engine(url), create_engine(url, connect_args={"timeout": 0})
    with patient.begin() as connection:
        outbox.create_table(connection)
    write(patient, "anna")
    with patient.connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE")
        event.listen(hurried, "handle_error", lambda _context: other.rollback())
        with pytest.raises(DBAPIError, match="locked"):
            outbox_table.read_row(hurried, 1)
    assert outbox_table.read_row(hurried, 1) is not None
    patient.dispose()
    hurried.dispose()


def test_a_row_that_another_relay_moved_meanwhile_is_not_unreadable(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    with engine.begin() as connection:
        outbox.create_table(connection)
    write(engine, "anna")
    removed: list[int] = []

    def remove(*_context: object) -> None:
        if not removed:
            removed.append(1)
            with engine.begin() as connection:
                outbox_table.remove_rows(connection, removed)

    event.listen(engine, "checkin", remove)
    assert outbox_table.find_unreadable(engine) == []
    assert outbox_table.read_row(engine, 1) is None
    engine.dispose()


def test_very_many_rows_are_tried_again_and_given_up_at_once(database: Engine) -> None:
    # PostgreSQL takes no statement with more than 65,535 values.
    number = 70_000
    with database.begin() as connection:
        rows = [{"task": "x", "user_id": str(row), "event": "{}", "error": "why"} for row in range(number)]
        connection.execute(insert(outbox_table.OUTBOX), rows)
        marked = [*outbox_table.find_marked(connection)]
        assert outbox_table.release_rows(connection, marked[1:]) == number - 1
        connection.execute(update(outbox_table.OUTBOX).values(error="why"))
        assert outbox_table.discard_rows(connection, marked) == number


def test_an_event_is_written_in_any_encoding_of_the_database(store: Store) -> None:
    row = dump_event(parse_event(Update, {"user_id": "anna", "first_name": "\u0141ucja \U0001f600"}), "postgresql")
    assert str(row["event"]).isascii()
    read = OutboxRow(1, "update_contact", "anna", str(row["event"]), int(store.now())).read()
    assert isinstance(read, Update)
    assert read.first_name == "\u0141ucja \U0001f600"


@pytest.mark.parametrize(
    "error", [NoPermissionError("no"), ResponseError("ERR ACL failure in script: User portal")], ids=["plain", "script"]
)
def test_rows_wait_while_redis_refuses_whoever_asks(tmp_path: Path, error: RedisError) -> None:
    def refuse(_event: object) -> None:
        raise error

    engine = create_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    with engine.begin() as connection:
        outbox.create_table(connection)
    write(engine, "anna")
    moved = relay.move(engine, refuse)
    assert (moved.accepted, moved.marked) == ([], 0)
    assert moved.trouble.startswith("Redis is away or in trouble: ")
    engine.dispose()


@pytest.mark.parametrize("written_at", ["soon", 1_764_317_000_000_000.5], ids=["a text", "no whole number"])
def test_a_row_with_no_moment_does_not_hide_how_many_wait(engine: Engine, store: Store, written_at: object) -> None:
    write(engine, "anna")
    with engine.begin() as connection:
        connection.execute(text("UPDATE sync_tasks_outbox SET written_at = :at"), {"at": written_at})
        report_outbox(store, *outbox_table.measure(connection))
    reported = read_outbox(store)
    assert reported is not None
    assert (reported.waiting, reported.oldest_seconds) == (1, None)


def test_rows_of_a_clock_that_is_ahead_hold_nobody_else_up(database: Engine, store: Store) -> None:
    ahead = int(store.now()) + 3_600_000_000
    with database.begin() as connection:
        rows = [
            {"task": "anonymize_contact", "user_id": f"user{number}", "event": "{}", "written_at": ahead}
            for number in range(relay.USERS_AT_ONCE)
        ]
        connection.execute(insert(outbox_table.OUTBOX), rows)
    write(database, "eva")
    assert relay.Relay(database).run(until_empty=True) is False
    assert store.peek("eva") is not None
    with database.connect() as connection:
        assert outbox_table.measure(connection)[:2] == (relay.USERS_AT_ONCE, 0)


def test_of_a_user_whose_row_waits_the_later_ones_wait_too(engine: Engine, store: Store) -> None:
    for user in ("anna", "anna", "anna", "eva"):
        write(engine, user)
    with engine.begin() as connection:
        moment = {"at": int(store.now()) + 3_600_000_000}
        connection.execute(text("UPDATE sync_tasks_outbox SET written_at = :at WHERE id = 2"), moment)
    moved = relay.move(engine, lambda _event: None)
    assert (moved.accepted, moved.marked) == ([1, 4], 0)
    assert moved.trouble.startswith("the clock of the database is")
    again = relay.move(engine, lambda _event: None)
    assert (again.accepted, again.marked, again.trouble) == ([], 0, moved.trouble)


def test_a_row_that_no_event_can_fill_is_marked_without_being_read(database: Engine, store: Store) -> None:
    write(database, "anna", requested_by="x" * LONGEST_EVENT)
    write(database, "eva")
    with database.connect() as connection:
        assert [row.event for row in outbox_table.read_rows(connection, ["anna", "eva"], 9)] == [None, "{}"]
    assert relay.Relay(database).run(until_empty=True)
    assert store.peek("eva") is not None
    with database.connect() as connection:
        (error,) = outbox_table.find_marked(connection).values()
    assert error == "event: longer than 2,000,000 characters"


def test_the_longest_event_is_no_longer_than_that() -> None:
    longest = "\U0001f600" * 1000
    attributes = {f"a{number:063}": longest for number in range(MOST_ATTRIBUTES)}
    person = {"first_name": longest, "last_name": longest, "attributes": attributes}
    filled = parse_event(Update, {"user_id": "anna"} | person)
    assert len(str(dump_event(filled, "postgresql")["event"])) < LONGEST_EVENT
