"""``sync-tasks outbox``: relay, and rows that are no events."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from sync_tasks.state import relays
from sync_tasks.state.audit import read_audit
from tests.support.desk import MARK, Desk

BAD = """INSERT INTO sync_tasks_outbox (task, user_id, event)
VALUES ('unsubscribe_contact', 'anna', '{"email": "zzmarked@m.org"}')"""
GOOD = """INSERT INTO sync_tasks_outbox (task, user_id, event)
VALUES ('subscribe_contact', 'otto', '{"newsletter": "daily", "email": "otto@portal.org"}')"""
WHY = "unsubscribe_contact refused: newsletter: missing"


@pytest.fixture
def database(tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> str:
    """A portal's database, named by the environment, with a row that is an event and one that is none."""
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    monkeypatch.setenv("SYNC_DATABASE_URL", url)
    desk.run("outbox", "create")
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (BAD, GOOD):
            connection.exec_driver_sql(statement)
    engine.dispose()
    return url


@pytest.mark.usefixtures("database")
def test_the_relay_moves_what_waits_and_shows_what_is_no_event(desk: Desk) -> None:
    assert "1 event accepted" in desk.run("outbox", "relay", "--until-empty")
    assert "daily" in desk.pipeline.state("otto").subscriptions()
    (row,) = desk.read("outbox", "failed", exits=1)
    assert (row["id"], row["user_id"], row["error"]) == (1, "anna", WHY)
    assert "outbox retry" in desk.run("outbox", "failed", exits=1)


@pytest.mark.usefixtures("database")
def test_a_row_is_tried_again_or_given_up(desk: Desk) -> None:
    desk.run("outbox", "relay", "--until-empty")
    assert "1 row will be tried again" in desk.run("outbox", "retry", "1")
    assert "0 rows removed" in desk.run("outbox", "discard", "--all", "--yes")
    desk.run("outbox", "relay", "--until-empty")
    assert "1 row removed" in desk.run("outbox", "discard", "--all", "--yes")
    desk.run("outbox", "failed")


ODD = """INSERT INTO sync_tasks_outbox (task, user_id, event, written_at, error) VALUES
('unsubscribe_contact', CAST(x'7bff' AS TEXT), '{}', 1, 'why'), ('unsubscribe_contact', 'zoe', '{}', 'soon', 'why')"""


def test_rows_that_nobody_can_read_are_listed_and_given_up(desk: Desk, database: str) -> None:
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql(ODD)
    engine.dispose()
    one, other = desk.read("outbox", "failed", exits=1)
    assert (one["id"], one["user_id"], one["error"]) == (3, "(unprintable)", "why")
    assert (other["user_id"], other["written_at"]) == ("zoe", "(unprintable)")
    left = desk.run("outbox", "discard", "--all", "--yes", exits=1)
    assert "1 row removed" in left
    assert "may be erasures: 3;" in left
    assert "1 row removed" in desk.run("outbox", "discard", "3", "--yes")


@pytest.mark.usefixtures("database")
def test_the_audit_says_who_gave_up_which_row(desk: Desk) -> None:
    desk.run("outbox", "relay", "--until-empty")
    desk.run("outbox", "discard", "1", "--yes", "--by", "ops")
    (deed,) = read_audit(desk.pipeline.store, "anna")
    assert (deed.who, deed.what, deed.about) == ("ops", "discard outbox row", "1 unsubscribe_contact")
    assert MARK not in str(desk.read("audit"))


ERASURES = """INSERT INTO sync_tasks_outbox (task, user_id, event, written_at, error) VALUES
('anonymize_contact', 'zoe', '{"newsletter": "daily"}', 1, 'why'), ('update_contact', 'zoe', '{}', 1, 'why')"""


def test_an_erasure_is_given_up_by_its_id_alone(desk: Desk, database: str) -> None:
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql(ERASURES)
    engine.dispose()
    left = desk.run("outbox", "discard", "--all", "--yes", exits=1)
    assert "1 row removed" in left
    assert "left, since they are or may be erasures: 3;" in left
    assert [row["id"] for row in desk.read("outbox", "failed", exits=1)] == [3]
    assert "1 row removed" in desk.run("outbox", "discard", "3", "--yes")


MAYBE = """INSERT INTO sync_tasks_outbox (task, user_id, event, written_at, error) VALUES
('sync_tasks.anonymize_contact', 'zoe', '{"newsletter": "daily"}', 1, 'why'),
('Anonymise_Contact', 'zoe', '{}', 1, 'why'),
(CAST(x'616eff' AS TEXT), 'zoe', '{}', 1, 'why'),
(7, 'zoe', '{}', 1, 'why'),
('sync_tasks.update_contact', 'zoe', '{}', 1, 'why')"""


def test_whatever_may_be_an_erasure_is_given_up_by_its_id_alone(desk: Desk, database: str) -> None:
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql(MAYBE)
    engine.dispose()
    left = desk.run("outbox", "discard", "--all", "--yes", exits=1)
    assert "1 row removed" in left
    assert "left, since they are or may be erasures: 3, 4, 5, 6;" in left
    assert "4 rows removed" in desk.run("outbox", "discard", "3", "4", "5", "6", "--yes")


@pytest.mark.usefixtures("database")
def test_rows_must_be_named(desk: Desk) -> None:
    assert "name rows" in desk.run("outbox", "retry", exits=2)
    assert "name rows" in desk.run("outbox", "retry", "1", "--all", exits=2)


FAULTS = {
    "": "no database is named",
    MARK: "no URL of SQLAlchemy's",
    f"nonsense://{MARK}@db/portal": "no URL of SQLAlchemy's",
    f"mariadb+pymysql://{MARK}@127.0.0.1:1/portal?no_such_option=1": "the driver refuses an option",
    f"mariadb+pymysql://{MARK}@127.0.0.1:1/portal?ssl_ca=/none": "the driver refuses an option or a file",
    f"oracle+cx_oracle://{MARK}@db/portal": "the driver of the database, is not installed",
}


@pytest.mark.parametrize(("url", "said"), FAULTS.items())
def test_a_database_that_is_none_is_one_line(desk: Desk, url: str, said: str) -> None:
    assert said in desk.run("outbox", "relay", "--database", url, exits=2)


def test_a_database_without_the_table_is_one_line(desk: Desk, tmp_path: Path) -> None:
    reported = desk.run("outbox", "failed", "--database", f"sqlite:///{tmp_path / 'empty.db'}", exits=1)
    assert "are its tables there?" in reported


@pytest.mark.usefixtures("database")
def test_status_shows_how_long_events_wait_and_what_needs_a_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert desk.read("status", exits=1)["outbox"] is None
    desk.run("outbox", "relay", "--until-empty")
    reported = desk.run("status", exits=1)
    assert "1 row that is no event" in reported
    assert "sync-tasks outbox failed" in reported
    assert desk.read("status", exits=1)["outbox"]["marked"] == 1
    monkeypatch.setattr(relays, "SEEN_WITHIN", -1)
    assert "start `sync-tasks outbox relay`" in desk.run("status", exits=1)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("number", ["0", "9223372036854775808", "99999999999999999999"])
def test_a_number_that_no_row_has_is_wrong_use(desk: Desk, number: str) -> None:
    for words in (("retry", number), ("discard", number, "--yes")):
        desk.run("outbox", *words, exits=2)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("poll", ["nan", "inf"])
def test_a_pause_that_is_no_number_of_seconds_is_wrong_use(desk: Desk, poll: str) -> None:
    desk.run("outbox", "relay", "--until-empty", "--poll", poll, exits=2)
