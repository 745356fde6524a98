"""Rows and errors that no portal means to cause: the relay goes on, and takes nobody's good row for a bad one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from sync_tasks.portal import outbox, outbox_table, relay
from sync_tasks.state.store import Store
from tests.support.databases import DATABASES

pytestmark = pytest.mark.usefixtures("worker_environment", "ends_soon")
INSERT = "INSERT INTO sync_tasks_outbox (task, user_id, event) VALUES (:task, :user_id, :event)"


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A portal's database with an outbox, each of the three kinds."""
    folder = tmp_path / "database"
    folder.mkdir()
    with DATABASES[request.param](folder) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            outbox.create_table(connection)
        yield engine
        engine.dispose()


def write(engine: Engine, user_id: str, task: str = "anonymize_contact", **fields: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(INSERT), {"task": task, "user_id": user_id, "event": json.dumps(fields)})


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
