"""Portal and relay in processes, killed at any moment, on real databases: nothing is lost, nothing is doubled."""

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, insert, text

from sync_tasks.domain.events import Event
from sync_tasks.portal import outbox
from sync_tasks.portal.database import open_database
from sync_tasks.portal.outbox_table import OUTBOX, find_heads, measure, read_rows
from sync_tasks.portal.relay import Relay, move
from sync_tasks.state.store import Store
from tests.support.databases import DATABASES, mariadb
from tests.support.processes import StartProgram, wait_until
from tests.support.station import ROOT

DONE_WITHIN = 300.0
PORTAL = ROOT / "tests" / "support" / "outbox_portal.py"


@pytest.fixture
def database(database: Engine) -> Engine:
    """A portal's database with its own table and an outbox, which is made only once."""
    with database.begin() as connection:
        outbox.create_table(connection)
        connection.execute(text("CREATE TABLE portal_users (id integer PRIMARY KEY)"))
    return database


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def count_users(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM portal_users")) or 0


def has_users(engine: Engine, number: int) -> bool:
    return count_users(engine) >= number


def count_waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return measure(connection)[0]


class Killed:
    """Keeps a process running that is killed again and again: each time a share more of the work is done."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._start = start
        self.process = start()
        self.kills = 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.process = self._start()


def play(engine: Engine, start: StartProgram, events: int, kills: int, relays: int = 1) -> None:
    """Write so many events and relay them, while both are killed so often, and return once the outbox is empty."""
    chance = random.Random(4)
    portal = Killed(lambda: start([sys.executable, PORTAL, url_of(engine), str(events)]).process)
    words = ("outbox", "relay", "--database", url_of(engine), "--poll", "0.1")
    relay = [Killed(lambda: start([sys.executable, "-m", "sync_tasks", *words]).process) for _ in range(relays)]
    marks = sorted(chance.sample(range(1, events), kills))
    for mark in marks:
        wait_until(partial(has_users, engine, mark), f"{mark} events are written", DONE_WITHIN)
        portal.kill()
        wait_until(lambda: count_waiting(engine) < count_users(engine), "some are relayed", DONE_WITHIN)
        chance.choice(relay).kill()
    wait_until(lambda: count_users(engine) == events, "all are written", DONE_WITHIN)
    wait_until(lambda: count_waiting(engine) == 0, "all are relayed", DONE_WITHIN)


def check_state(store: Store, events: int) -> None:
    """Check that the state holds each event once."""
    for user in range(events // 2):
        contact = store.peek(str(user))
        assert contact is not None, f"{user} is lost"
        assert sorted(str(key.newsletter) for key in contact.pending) == ["daily", "weekly"]


@pytest.mark.usefixtures("worker_environment")
def test_killed_portals_and_relays_lose_and_double_nothing(
    database: Engine, store: Store, start_program: StartProgram
) -> None:
    play(database, start_program, 400, 4, relays=2)
    check_state(store, 400)


@pytest.mark.slow
@pytest.mark.usefixtures("worker_environment")
def test_ten_thousand_events_survive_twenty_kills_of_each(
    database: Engine, store: Store, start_program: StartProgram
) -> None:
    play(database, start_program, 10_000, 20, relays=2)
    check_state(store, 10_000)


@pytest.mark.usefixtures("worker_environment")
def test_a_user_is_in_the_hands_of_one_relay_where_the_database_can_skip(database: Engine) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has one lock for all")
    for user in ("anna", "anna", "otto"):
        with database.begin() as connection:
            outbox.anonymize_contact(connection, user_id=user)
    with database.connect() as one, database.connect() as other:
        reported = {"isolation_level": "READ COMMITTED"}
        first = find_heads(one.execution_options(**reported), 1)
        assert find_heads(other.execution_options(**reported), 10) == ["otto"]
        assert [row.user_id for row in read_rows(one, first, 10)] == ["anna", "anna"]
        with database.begin() as portal:
            outbox.anonymize_contact(portal, user_id="anna")
            outbox.anonymize_contact(portal, user_id="eva")


@pytest.mark.usefixtures("worker_environment")
def test_the_database_keeps_microseconds_of_its_own(database: Engine) -> None:
    for _ in range(3):
        with database.begin() as connection:
            outbox.anonymize_contact(connection, user_id="anna")
    with database.connect() as connection:
        moments = [row.written_at for row in read_rows(connection, ["anna"], 10)]
    assert moments == sorted(set(moments))


def test_mariadb_knows_the_moment_in_the_hour_that_comes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    summer_ends = datetime(2025, 10, 26, 1, 0, tzinfo=UTC).timestamp()
    moments = [summer_ends + seconds for seconds in (-5400, -1800, -0.75, 0.25, 1800, 5400)]
    with mariadb(tmp_path) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            outbox.create_table(connection)
            for moment in moments:
                connection.exec_driver_sql(f"SET timestamp = {moment}")
                connection.execute(insert(OUTBOX).values(task="t", user_id="anna", event="{}"))
            written = [row.written_at / 1_000_000 for row in read_rows(connection, ["anna"], 10)]
        engine.dispose()
    assert written == moments


@pytest.mark.usefixtures("worker_environment")
def test_postgresql_wakes_the_relay(database: Engine, store: Store) -> None:
    if database.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL can say")
    relay = Relay(database, poll=60)
    running = threading.Thread(target=relay.run)
    running.start()
    wait_until(lambda: is_listening(database), "the relay listens")
    for user in ("anna", "otto"):
        with database.begin() as connection:
            outbox.subscribe_contact(connection, user_id=user, newsletter="daily", email="a@portal.org")
        wait_until(partial(store.peek, user), f"{user} is relayed", 20)
    relay.stop()
    with database.begin() as connection:
        connection.execute(text("NOTIFY sync_tasks_outbox"))
    running.join(20)
    assert not running.is_alive()


def is_listening(database: Engine) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"
    with database.connect() as connection:
        return bool(connection.scalar(text(query)))


@pytest.mark.usefixtures("worker_environment")
def test_a_database_of_postgresql_that_knows_no_encoding_is_read_as_utf_8(tmp_path: Path) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    with DATABASES["PostgreSQL"](folder) as url:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            words = "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
            connection.execute(text(f"CREATE DATABASE portal {words}"))
        engine.dispose()
        with open_database(engine.url.set(database="portal").render_as_string(hide_password=False)) as portal:
            with portal.begin() as connection:
                outbox.create_table(connection)
                for user in ("ren\u00e9", "anna"):
                    outbox.anonymize_contact(connection, user_id=user)
            reported: list[Event] = []
            move(portal, reported.append)
    assert [event.user_id for event in reported] == ["ren\u00e9", "anna"]
