"""The relay of the outbox, in this process, on SQLite: what reaches the state, in what order, and what stays."""

import json
import logging
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from sync_tasks.domain.events import EVENTS, Anonymize, Event, Subscribe
from sync_tasks.errors import InvalidEventError
from sync_tasks.portal import outbox, outbox_table, relay
from sync_tasks.portal.outbox_row import relay_event
from sync_tasks.state.consents import read_consents
from sync_tasks.state.relays import read_outbox
from sync_tasks.state.store import Store
from tests.support.processes import wait_until

pytestmark = pytest.mark.usefixtures("worker_environment", "ends_soon")


def subscribe(engine: Engine, user_id: str = "anna", newsletter: str = "daily") -> None:
    with engine.begin() as connection:
        outbox.subscribe_contact(connection, user_id=user_id, newsletter=newsletter, email=f"{user_id}@portal.org")


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return outbox_table.measure(connection)[0]


def test_what_is_committed_reaches_the_state_and_leaves_the_outbox(engine: Engine, store: Store) -> None:
    subscribe(engine)
    assert relay.Relay(engine).run(until_empty=True)
    contact = store.peek("anna")
    assert contact is not None
    assert "daily" in contact.subscriptions()
    assert waiting(engine) == 0


def test_what_is_rolled_back_never_was(engine: Engine, store: Store) -> None:
    with engine.connect() as connection:
        outbox.subscribe_contact(connection, user_id="anna", newsletter="daily", email="anna@portal.org")
        connection.rollback()
    assert relay.Relay(engine).run(until_empty=True)
    assert store.peek("anna") is None


def test_a_proof_of_consent_comes_along(engine: Engine, store: Store) -> None:
    with engine.begin() as connection:
        outbox.subscribe_contact(
            connection,
            user_id="anna",
            newsletter="daily",
            email="anna@portal.org",
            consent={"source": "form", "version": "1", "at": datetime.now(UTC)},
        )
    assert relay.Relay(engine).run(until_empty=True)
    assert [one.source for one in read_consents(store, "anna", store.peek("anna"))] == ["form"]


def test_bad_input_is_refused_before_anything_is_written(engine: Engine) -> None:
    with engine.begin() as connection:
        with pytest.raises(InvalidEventError, match="newsletter: missing"):
            outbox.unsubscribe_contact(connection, user_id="anna")  # type: ignore[call-arg]
        with pytest.raises(InvalidEventError, match="keyword arguments only"):
            outbox.anonymize_contact(connection, "anna")  # type: ignore[call-arg]
    assert waiting(engine) == 0


def test_an_event_holds_as_of_the_moment_it_was_written_or_reported(engine: Engine) -> None:
    moment = datetime(2026, 11, 23, 9, 30, 0, 250000, tzinfo=UTC)
    before = datetime.now(UTC)
    with engine.begin() as connection:
        outbox.anonymize_contact(connection, user_id="anna", occurred_at=moment)
        outbox.anonymize_contact(connection, user_id="otto", requested_by="ticket 4711")
    reported: list[Event] = []
    relay.move(engine, reported.append)
    assert reported[0].occurred_at == moment
    assert reported[1].occurred_at is not None
    assert before <= reported[1].occurred_at <= datetime.now(UTC)
    assert [event.requested_by for event in reported if isinstance(event, Anonymize)] == [None, "ticket 4711"]


def test_the_events_of_a_user_keep_their_order(engine: Engine) -> None:
    for newsletter in ("daily", "weekly", "daily"):
        subscribe(engine, "anna", newsletter)
        subscribe(engine, "otto", newsletter)
    reported: list[Event] = []
    relay.move(engine, reported.append)
    assert [event.about for event in reported if event.user_id == "anna"] == ["daily", "weekly", "daily"]
    moments = [event.occurred_at for event in reported if event.occurred_at]
    assert moments == sorted(moments)
    assert len(set(moments)) == len(reported) == 6


def test_while_redis_is_away_the_rows_wait(engine: Engine) -> None:
    def refuse(event: Event) -> None:
        if event.user_id == "otto":
            raise redis.ConnectionError
        reported.append(event)

    reported: list[Event] = []
    for user in ("anna", "otto", "eva"):
        subscribe(engine, user)
    moved = relay.move(engine, refuse)
    assert (len(reported), waiting(engine), moved.trouble) == (1, 2, "Redis is away or in trouble: ConnectionError")


def test_a_row_that_redis_refuses_for_good_holds_nobody_up(engine: Engine) -> None:
    def refuse(event: Event) -> None:
        if event.user_id == "otto":
            raise redis.ResponseError("WRONGTYPE zz-marked")
        reported.append(event)

    reported: list[Event] = []
    for user in ("anna", "otto", "eva"):
        subscribe(engine, user)
    moved = relay.move(engine, refuse)
    assert ([event.user_id for event in reported], moved.marked, moved.trouble) == (["anna", "eva"], 1, "")
    with engine.connect() as connection:
        (error,) = outbox_table.find_marked(connection, 10).values()
    assert error == "Redis cannot accept it (ResponseError); the place is in the relay's log"


BAD = {
    "no task": ("resubscribe_contact", "{}", f"task: must be one of {', '.join(EVENTS)}"),
    "no object": ("unsubscribe_contact", "[]", "event: must be a JSON object"),
    "no JSON": ("unsubscribe_contact", "zz-marked", "event: must be a JSON object"),
    "another user": ("anonymize_contact", '{"user_id": "eva"}', "user_id: the event names another than its row"),
    "an unknown field": ("anonymize_contact", '{"reason": "zz-marked"}', "reason: unknown argument"),
    "a field missing": ("subscribe_contact", '{"newsletter": "daily"}', "email: missing"),
}


@pytest.mark.parametrize(("task", "event", "why"), BAD.values(), ids=BAD)
def test_a_row_that_is_no_event_is_marked_and_holds_nobody_up(engine: Engine, task: str, event: str, why: str) -> None:
    write_row(engine, task, event)
    subscribe(engine)
    reported: list[Event] = []
    assert relay.move(engine, reported.append).marked == 1
    assert [type(each) for each in reported] == [Subscribe]
    with engine.connect() as connection:
        ((number, error),) = outbox_table.find_marked(connection, 10).items()
    # What is before the reason names the task alone.
    assert error.removeprefix(f"{task} refused: ").startswith(why)
    assert "zz-marked" not in error
    assert relay.move(engine, reported.append).accepted == []
    with engine.begin() as connection:
        assert outbox_table.release_rows(connection, [number]) == 1
    assert waiting(engine) == 1


def test_a_row_that_was_mended_meanwhile_is_not_discarded(engine: Engine) -> None:
    write_row(engine, *next(iter(BAD.values()))[:2])
    relay.move(engine, lambda _: None)
    with engine.begin() as connection:
        (number,) = outbox_table.find_marked(connection, 10)
        outbox_table.release_rows(connection, [number])
        assert outbox_table.discard_rows(connection, [number]) == 0
        outbox_table.mark_row(connection, number, "why")
        assert outbox_table.discard_rows(connection, [number]) == 1


NOW = int(datetime.now(UTC).timestamp())
NO_MOMENTS = {
    "seconds": NOW,
    "milliseconds": NOW * 1000,
    "nanoseconds": NOW * 10**9,
    "before all clocks": -(2**63),
    "after all clocks": 2**63 - 1,
    "two days ahead": (NOW + 2 * 86_400) * 10**6,
    "a date": "2026-03-01 12:00:00",
}


@pytest.mark.parametrize("written_at", NO_MOMENTS.values(), ids=NO_MOMENTS)
def test_a_row_with_no_moment_of_a_clock_is_marked_and_holds_nobody_up(engine: Engine, written_at: object) -> None:
    write_row(engine, "unsubscribe_contact", '{"newsletter": "daily"}', written_at=written_at)
    subscribe(engine, "eva")
    handed: list[Event] = []
    assert relay.move(engine, handed.append).marked == 1
    assert [event.user_id for event in handed] == ["eva"]
    with engine.connect() as connection:
        (error,) = outbox_table.find_marked(connection, 10).values()
    assert error.startswith("written_at: must be when the row was written, in microseconds")


# SQLite keeps whatever it is given.
UNREADABLE = {
    "a text that is not UTF-8": "('unsubscribe_contact', 'otto', CAST(x'7bff' AS TEXT))",
    "an id that is not UTF-8": "('unsubscribe_contact', CAST(x'7bff' AS TEXT), '{}')",
    "an id of bytes": "('unsubscribe_contact', x'7bff', '{}')",
    "an event of bytes": """('unsubscribe_contact', 'otto', CAST('{"newsletter": "daily"}' AS BLOB))""",
    "a task of bytes": """(x'ff', 'otto', '{"newsletter": "daily"}')""",
}


@pytest.mark.parametrize("values", UNREADABLE.values(), ids=UNREADABLE)
def test_a_row_that_nobody_can_read_is_marked_and_holds_nobody_up(engine: Engine, values: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO sync_tasks_outbox (task, user_id, event) VALUES {values}")  # noqa: S608 - ours
    subscribe(engine, "eva")
    assert relay.Relay(engine).run(until_empty=True)
    with engine.connect() as connection:
        (error,) = outbox_table.find_marked(connection, 10).values()
    assert error in {relay.UNREADABLE, "task, user_id, event: must be texts"}


def write_row(engine: Engine, task: str, event: str, **columns: object) -> None:
    """Write a row as a portal in another language does."""
    names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    insert = f"INSERT INTO sync_tasks_outbox (task, user_id, event{names and ', '}{names})"
    with engine.begin() as connection:
        reported = {"task": task, "event": event, **columns}
        connection.execute(text(f"{insert} VALUES (:task, 'anna', :event{values and ', '}{values})"), reported)


def test_a_row_of_another_language_needs_no_more_than_three_columns(engine: Engine) -> None:
    write_row(engine, "sync_tasks.unsubscribe_contact", json.dumps({"newsletter": "daily"}))
    reported: list[Event] = []
    relay.move(engine, reported.append)
    (event,) = reported
    assert event.occurred_at is not None
    assert abs(datetime.now(UTC) - event.occurred_at) < timedelta(seconds=30)


def test_rows_of_a_database_whose_clock_is_ahead_wait(engine: Engine) -> None:
    ahead = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1_000_000)
    write_row(engine, "unsubscribe_contact", '{"newsletter": "daily"}', written_at=ahead)
    assert not relay.Relay(engine).run(until_empty=True)
    assert waiting(engine) == 1


def test_a_row_that_is_moved_twice_changes_nothing(engine: Engine, store: Store) -> None:
    subscribe(engine)
    with engine.connect() as connection:
        (row,) = outbox_table.read_rows(connection, ["anna"], 10)
    relay_event(row.read(), timedelta())
    before = store.peek("anna")
    assert relay.Relay(engine).run(until_empty=True)
    after = store.peek("anna")
    assert before is not None
    assert after is not None
    assert (after.pending, after.subscriptions()) == (before.pending, before.subscriptions())


def test_the_state_knows_how_long_events_wait(engine: Engine, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_outbox(store) is None
    monkeypatch.setattr(relay, "REPORT_EVERY", 0)
    write_row(engine, "nonsense", "{}")
    subscribe(engine)
    relay.Relay(engine).run(until_empty=True)
    reported = read_outbox(store)
    assert reported is not None
    assert (reported.waiting, reported.marked, reported.oldest_seconds) == (0, 1, None)


def test_a_row_of_a_locked_database_is_not_unreadable(engine: Engine, tmp_path: Path) -> None:
    subscribe(engine)
    hurried = create_engine(f"sqlite:///{tmp_path / 'portal.db'}", connect_args={"timeout": 0})
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(DBAPIError):
            outbox_table.read_row(hurried, 1)
    hurried.dispose()
    assert outbox_table.find_unreadable(engine) == []


def test_a_database_in_trouble_is_tried_again_ever_later_and_then_as_soon_as_before(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    really_move, tries = relay.move, list[bool]()
    troubles = [True, True, True, False, True, False]

    def move(of: Engine) -> relay.MovedRows:
        tries.append(troubles[len(tries)] if len(tries) < len(troubles) else False)
        if tries[-1]:
            raise OperationalError("zz-marked", {}, sqlite3.OperationalError("zz-marked"))
        return really_move(of)

    monkeypatch.setattr(relay, "_PAUSES", (0.1, 0.2))
    monkeypatch.setattr(relay, "move", move)
    running = relay.Relay(engine, poll=0.01)
    thread = threading.Thread(target=running.run, daemon=True)
    subscribe(engine)
    with caplog.at_level(logging.ERROR):
        thread.start()
        wait_until(lambda: len(tries) > len(troubles), "all is tried")
        running.stop()
        thread.join(20)
    assert not thread.is_alive()
    trouble = "outbox: the database is away or in trouble: OperationalError; next try in"
    pauses = [record.getMessage().removeprefix(trouble) for record in caplog.records]
    assert pauses == [" 0.1 s", " 0.2 s", " 0.2 s", " 0.1 s"]
    assert (running.accepted, waiting(engine)) == (1, 0)


def test_a_relay_that_is_to_end_when_all_is_moved_says_that_it_could_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_PAUSES", (0.0, 0.0))
    subscribe(engine)
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {outbox_table.OUTBOX.name} RENAME TO elsewhere"))
    assert relay.Relay(engine).run(until_empty=True) is False
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE elsewhere RENAME TO {outbox_table.OUTBOX.name}"))
    assert relay.Relay(engine).run(until_empty=True) is True
