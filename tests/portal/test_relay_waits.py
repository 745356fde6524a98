"""When the relay looks, waits, reports and listens: with clocks, engines and connections of the test's own."""

import logging
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis
from sqlalchemy import Engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError

from sync_tasks.domain.events import Event
from sync_tasks.portal import outbox, outbox_table, relay
from sync_tasks.portal.relay import MovedRows, Relay

pytestmark = pytest.mark.usefixtures("worker_environment", "ends_soon")
MINUTE = 60 * 1_000_000


class Waits:
    """An event that nobody waits for really: it is set after so many waits."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seconds: list[float] = []

    def is_set(self) -> bool:
        return len(self.seconds) >= self.most

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return self.is_set()


def write(engine: Engine, user_id: str = "anna") -> None:
    with engine.begin() as connection:
        outbox.unsubscribe_contact(connection, user_id=user_id, newsletter="daily")


def play(engine: Engine, monkeypatch: pytest.MonkeyPatch, *moves: MovedRows, waits: int) -> tuple[Relay, Waits]:
    """Let a relay meet these moves, and nothing more to do after them."""
    left, running = list(moves), Relay(engine, poll=7.0)
    waiting = Waits(waits)
    monkeypatch.setattr(running, "_stopped", waiting)
    monkeypatch.setattr(running, "_move", lambda: left.pop(0) if left else MovedRows())
    return running, waiting


def test_it_waits_only_if_there_was_nothing_to_do(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    running, waiting = play(engine, monkeypatch, MovedRows([1]), MovedRows(marked=1), MovedRows(), waits=2)
    assert running.run() is False
    assert waiting.seconds == [7.0, 7.0]


def test_trouble_makes_it_wait_longer_each_time_up_to_a_bound(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = [MovedRows(trouble="Redis is away") for _ in range(7)]
    running, waiting = play(engine, monkeypatch, *trouble, MovedRows([1]), MovedRows(trouble="again"), waits=8)
    assert running.run() is False
    assert waiting.seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 0.5]


@pytest.mark.parametrize(("moved", "empty"), [(MovedRows(), True), (MovedRows(trouble="away"), False)])
def test_until_all_is_moved_it_never_waits_for_more(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, moved: MovedRows, *, empty: bool
) -> None:
    running, waiting = play(engine, monkeypatch, MovedRows([1]), MovedRows(marked=2), moved, waits=9)
    assert running.run(until_empty=True) is empty
    assert [seconds for seconds in waiting.seconds if seconds == 7.0] == []


def test_one_that_is_stopped_moves_nothing_more(engine: Engine) -> None:
    write(engine)
    running = Relay(engine)
    running.stop()
    assert running.run() is False
    assert running.accepted == 0


@pytest.mark.parametrize(
    ("seconds", "at_once", "reports"),
    [([0.0], False, 1), ([0.0, 4.9], False, 1), ([0.0, 5.0], False, 2), ([0.0, 1.0], True, 2)],
)
def test_the_state_is_reported_to_every_few_seconds(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, seconds: list[float], *, at_once: bool, reports: int
) -> None:
    reported: list[tuple[object, ...]] = []
    monkeypatch.setattr(relay, "report_outbox", lambda _store, *numbers: reported.append(numbers))
    write(engine)
    running = Relay(engine)
    for now in seconds:
        monkeypatch.setattr(relay, "time", SimpleNamespace(monotonic=lambda now=now: 1000.0 + now))
        running._report(at_once=at_once)
    assert len(reported) == reports
    waiting, marked, *moments = reported[0]
    assert (waiting, marked, len(moments)) == (1, 0, 2)
    assert all(abs(int(cast("int", moment)) - time.time_ns() // 1000) < MINUTE for moment in moments)


def test_what_cannot_be_reported_is_logged_and_no_trouble(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise redis.ConnectionError("zz-marked")

    monkeypatch.setattr(relay, "report_outbox", refuse)
    assert Relay(engine).run(until_empty=True)
    assert [record.getMessage() for record in caplog.records] == ["outbox: cannot report: ConnectionError"]


def test_while_redis_is_asked_nobody_waits_for_the_lock_of_sqlite(engine: Engine, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "portal.db", timeout=0, isolation_level=None)

    def accept(_event: Event) -> None:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")

    write(engine)
    assert len(relay.move(engine, accept).accepted) == 1
    other.close()


def test_what_is_no_event_is_logged_with_its_row(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO sync_tasks_outbox (task, user_id, event) VALUES ('no', 'anna', '{}')"))
    with caplog.at_level(logging.ERROR):
        assert relay.move(engine, lambda _event: None).marked == 1
    (record,) = caplog.records
    assert record.getMessage().startswith("outbox: row 1 is no event: task: must be one of ")


def put_ahead(engine: Engine, seconds: float) -> None:
    written_at = int((datetime.now(UTC).timestamp() + seconds) * 1_000_000)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE sync_tasks_outbox SET written_at = {written_at}"))  # noqa: S608 - a number


@pytest.mark.parametrize(
    ("seconds", "accepted", "marked", "trouble"),
    [(200, 1, 0, False), (400, 0, 0, True), (86_400, 0, 0, True), (86_400 + 400, 0, 1, False)],
)
def test_how_far_the_clock_of_a_database_may_be_ahead(
    engine: Engine, seconds: float, accepted: int, marked: int, *, trouble: bool
) -> None:
    write(engine)
    put_ahead(engine, seconds)
    moved = relay.move(engine, lambda _event: None)
    assert (len(moved.accepted), moved.marked, bool(moved.trouble)) == (accepted, marked, trouble)


def test_while_redis_is_away_any_moment_is_left_to_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(relay, "portal_store", refuse)
    write(engine)
    put_ahead(engine, 3 * 86_400)
    assert len(relay.move(engine, lambda _event: None).accepted) == 1


def test_an_error_of_the_database_that_is_no_unreadable_row_is_raised(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("zz-marked", {}, sqlite3.OperationalError("zz-marked"))

    monkeypatch.setattr(relay, "_move", fail)
    with pytest.raises(OperationalError):
        relay.move(engine)


def test_heads_that_another_relay_holds_are_passed_over() -> None:
    asked: list[Any] = []

    def answer(statement: object) -> list[str]:
        asked.append(statement)
        return ["anna"]

    assert outbox_table.find_heads(cast("Any", SimpleNamespace(scalars=answer)), 5) == ["anna"]
    statement = str(asked[0].compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert statement.rstrip().endswith("FOR UPDATE OF sync_tasks_outbox SKIP LOCKED")


class Driver:
    """A connection of psycopg that hears of so many rows."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, int]] = []
        self.statements: list[str] = []
        self.given_back: list[str] = []
        self.error: Exception | None = None
        self.connection = SimpleNamespace(driver_connection=self)

    def connect(self) -> "Driver":
        return self

    def execution_options(self, *, isolation_level: str) -> "Driver":
        assert isolation_level == "AUTOCOMMIT"
        return self

    def exec_driver_sql(self, statement: str) -> None:
        self.statements.append(statement)

    def notifies(self, *, timeout: float, stop_after: int) -> list[object]:
        self.asked.append((timeout, stop_after))
        if self.error:
            raise self.error
        return [object()]

    def invalidate(self) -> None:
        self.given_back.append("invalidated")

    def close(self) -> None:
        self.given_back.append("closed")


def test_a_listener_hears_on_one_connection_that_it_gives_back_in_trouble(caplog: pytest.LogCaptureFixture) -> None:
    driver = Driver()
    listener = relay._Listener(cast("Any", driver))
    assert listener.wait(3.0)
    assert (driver.statements, driver.asked) == ([f"LISTEN {outbox.CHANNEL}"], [])
    assert listener.wait(3.0)
    assert (driver.asked, len(driver.statements)) == ([(3.0, 1)], 1)
    driver.error = OSError("zz-marked")
    assert not listener.wait(2.0)
    assert driver.given_back == ["invalidated", "closed"]
    listener.close()
    assert driver.given_back == ["invalidated", "closed"]
    assert [record.getMessage() for record in caplog.records] == ["outbox: cannot listen, looks every 2.0 s: OSError"]
    assert listener.wait(3.0)
    assert len(driver.statements) == 2


@pytest.mark.parametrize(
    ("name", "driver", "listens"),
    [("postgresql", "psycopg", True), ("postgresql", "psycopg2", False), ("mysql", "psycopg", False)],
)
def test_only_psycopg_wakes_it(monkeypatch: pytest.MonkeyPatch, name: str, driver: str, *, listens: bool) -> None:
    heard: list[float] = []
    answers = [True, False]

    class Listening:
        def __init__(self, engine: object) -> None:
            self.engine = engine

        def wait(self, seconds: float) -> bool:
            heard.append(seconds)
            return answers.pop(0)

        def close(self) -> None:
            heard.append(-1.0)

    monkeypatch.setattr(relay, "_Listener", Listening)
    running = Relay(cast("Any", SimpleNamespace(dialect=SimpleNamespace(name=name, driver=driver))))
    waiting = Waits(9)
    monkeypatch.setattr(running, "_stopped", waiting)
    with running._listening() as wait:
        wait(2.0)
        wait(3.0)
    assert heard == ([2.0, 3.0, -1.0] if listens else [])
    assert waiting.seconds == ([3.0] if listens else [2.0, 3.0])
