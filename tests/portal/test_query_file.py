"""A comparison with the portal's own tables, asked by a query."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from sync_tasks.errors import ConfigurationError
from sync_tasks.portal.query_file import _cell, open_answer
from sync_tasks.sandbox import Sandbox
from tests.support.desk import MARK, Desk

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="files in memory are there on Linux")

QUERY = "SELECT id AS user_id, address AS email, newsletter AS newsletters, changed AS occurred_at FROM users"
ROWS = [
    ("anna", f"{MARK}@portal.org", "daily", "2026-01-02T10:00:00+00:00"),
    ("otto", "otto@portal.org", "weekly", "2026-01-02T10:00:00+00:00"),
]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A portal's database with two users."""
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    monkeypatch.setenv("SYNC_DATABASE_URL", url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE users (id text, address text, newsletter text, changed text)")
        connection.exec_driver_sql("INSERT INTO users VALUES (?, ?, ?, ?)", ROWS)
    yield engine
    engine.dispose()


@pytest.mark.usefixtures("engine")
def test_users_of_the_portals_own_tables_are_brought_in_without_an_export(desk: Desk, brevo: Sandbox) -> None:
    brevo.settings.import_seconds = 0.0
    desk.run("reconcile", "--from-database", QUERY)
    desk.pipeline.work()
    assert (desk.pipeline.lists("anna"), desk.pipeline.lists("otto")) == ({3}, {5})


@pytest.mark.usefixtures("engine")
def test_a_bad_row_is_reported_without_its_values(desk: Desk) -> None:
    said = desk.run("reconcile", "--from-database", f"{QUERY} UNION SELECT 'eva', '{MARK}', 'daily', NULL", exits=1)
    assert "email" in said
    assert "mend the bad rows" in said


FAULTS = {
    "SELECT id AS customer FROM users": (2, "the query: "),
    "DELETE FROM users": (2, "a SELECT is wanted"),
    "SELECT nonsense FROM nowhere": (1, "the database is away or in trouble: OperationalError"),
}


@pytest.mark.parametrize(("query", "reported"), FAULTS.items())
def test_a_query_that_does_not_fit_is_one_line_and_changes_nothing(
    engine: Engine, desk: Desk, query: str, reported: tuple[int, str]
) -> None:
    status, line = reported
    assert line in desk.run("reconcile", "--from-database", query, exits=status)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 2


@pytest.mark.usefixtures("engine")
def test_one_source_is_enough(desk: Desk, tmp_path: Path) -> None:
    said = desk.run("reconcile", "--from", str(tmp_path / "portal.csv"), "--from-database", QUERY, exits=2)
    assert "not both" in said


def test_the_answer_is_as_old_as_the_question_and_lies_on_no_disk(engine: Engine) -> None:
    before = datetime.now(UTC).timestamp() - 1
    with open_answer(engine, "SELECT 1 AS a, NULL AS b, 'x,\"y' AS c") as path:
        assert path.read_bytes() == b'a,b,c\r\n1,,"x,""y"\r\n'
        assert before <= path.stat().st_mtime <= datetime.now(UTC).timestamp()
        assert str(path).startswith("/proc/self/fd/")
    assert not path.exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006+00:00"),
        (["daily", "wöchentlich"], '["daily", "wöchentlich"]'),
        ({"daily": True}, '{"daily": true}'),
        (0, "0"),
        (1.5, "1.5"),
        ("", ""),
    ],
)
def test_a_cell_is_what_a_file_would_hold(value: object, text: str) -> None:
    assert _cell(value) == text


def test_where_no_file_can_be_in_memory_the_export_is_named(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.memfd_create")
    with pytest.raises(ConfigurationError, match="use --from"), open_answer(engine, QUERY):
        pass
