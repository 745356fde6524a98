"""The outbox of a Django portal and ``manage.py relay_outbox`` in this process, on connections as Django's are."""

import io
import logging
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis import ConnectionError as RedisAwayError

from sync_tasks.domain.events import Event, Subscribe
from sync_tasks.errors import ConfigurationError, InvalidEventError
from sync_tasks.portal import outbox_sql, relay
from sync_tasks.portal.local_pipeline import lead_to
from sync_tasks.tasks import startup

pytest.importorskip("django", reason="django is not installed: pip install django")
from sync_tasks.portal.django import outbox
from sync_tasks.portal.django.management.commands import relay_outbox

ANNA = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}


class Cursor:
    """A cursor as Django has it: it is asked one thing after the other."""

    def __init__(self, wrapper: "Wrapper") -> None:
        self.wrapper = wrapper
        self.answer: Any = None

    def execute(self, statement: str, values: Sequence[object]) -> None:
        self.answer = self.wrapper.execute(statement, values)

    def fetchone(self) -> Any:  # noqa: ANN401 - a row
        return self.answer.fetchone()

    @property
    def lastrowid(self) -> Any:  # noqa: ANN401 - a number
        return self.answer.lastrowid


class Wrapper:
    """A connection as Django has it, on SQLite; ``vendor`` is what it says of itself."""

    def __init__(self, path: Path, vendor: str = "sqlite") -> None:
        self.vendor = vendor
        self.connection: Any = None
        self.asked: list[str] = []
        self.path = path
        for statement in outbox_sql.statements_for("sqlite"):
            self.execute(statement)

    def ensure_connection(self) -> None:
        self.connection = self.connection or sqlite3.connect(self.path, isolation_level=None)

    def get_connection_params(self) -> dict[str, object]:
        return {"database": self.path}

    def get_new_connection(self, params: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's
        return sqlite3.connect(**params, check_same_thread=False)

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        self.ensure_connection()
        self.asked.append(statement)
        found: sqlite3.Cursor = self.connection.execute(statement.replace("%s", "?"), values)
        return found

    @contextmanager
    def cursor(self) -> Iterator["Cursor"]:
        yield Cursor(self)

    def rows(self) -> list[Any]:
        return self.execute("SELECT id, user_id, error FROM sync_tasks_outbox").fetchall()


@pytest.fixture
def wrapper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wrapper]:
    """The database of a portal whose outbox is at ``letters``, and not at the default."""
    wrapper = Wrapper(tmp_path / "portal.db")
    for module in (outbox, relay_outbox):
        monkeypatch.setattr(module, "connections", {"letters": wrapper})
    monkeypatch.setattr(outbox, "settings", SimpleNamespace(NEWSLETTER_OUTBOX_DATABASE="letters"))
    with lead_to("redis://127.0.0.1:1/0"):
        yield wrapper


@pytest.fixture
def committed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is to happen after COMMIT, and how."""
    asked: list[Any] = []
    monkeypatch.setattr(outbox, "transaction", SimpleNamespace(on_commit=lambda then, **how: asked.append((then, how))))
    return asked


def test_the_database_is_the_default_unless_the_settings_name_another(
    wrapper: Wrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrapper.vendor == "sqlite"
    assert outbox.database() == "letters"
    monkeypatch.setattr(outbox, "settings", SimpleNamespace())
    assert outbox.database() == "default"


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql", "mysql"])
def test_an_event_is_a_row_whose_number_is_relayed_after_commit(
    wrapper: Wrapper, committed: list[Any], vendor: str
) -> None:
    wrapper.vendor = vendor
    for _ in range(2):
        outbox.subscribe_contact(**ANNA)  # type: ignore[arg-type]
    assert [(row[:2]) for row in wrapper.rows()] == [(1, "anna"), (2, "anna")]
    (then, how), (later, _) = committed
    assert how == {"using": "letters", "robust": True}
    assert (then.func, then.args, later.args) == (outbox.relay_now, ("letters", 1), ("letters", 2))
    inserts = [statement for statement in wrapper.asked if statement.startswith("INSERT")]
    assert all(("RETURNING id" in statement) == (vendor == "postgresql") for statement in inserts)
    assert all(("written_at" in statement) == (vendor == "sqlite") for statement in inserts)


def test_each_door_is_called_as_its_task_and_refuses_what_is_no_event(wrapper: Wrapper) -> None:
    names = ("subscribe_contact", "update_contact", "unsubscribe_contact", "anonymize_contact")
    for name in names:
        door = getattr(outbox, name)
        assert (door.__name__, door.__qualname__) == (name, name)
        with pytest.raises(InvalidEventError, match=name):
            door(nothing="x")
    assert wrapper.rows() == []


@pytest.mark.parametrize(
    "failing",
    [
        (None, []),
        (RedisAwayError("zz-marked"), [(1, "anna", None)]),
        (InvalidEventError("zz"), [(1, "anna", None)]),
        (sqlite3.OperationalError("zz"), [(1, "anna", None)]),
        (RuntimeError("zz"), [(1, "anna", None)]),
    ],
)
def test_what_the_pipeline_accepts_leaves_and_what_it_cannot_waits(
    wrapper: Wrapper,
    committed: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failing: tuple[Exception | None, list[Any]],
) -> None:
    accepted: list[Event] = []
    error, left = failing

    def accept(event: Event, _skew: timedelta) -> None:
        accepted.append(event)
        if error:
            raise error

    monkeypatch.setattr(outbox, "relay_event", accept)
    outbox.subscribe_contact(**ANNA)  # type: ignore[arg-type]
    (then, _) = committed[0]
    with caplog.at_level(logging.WARNING):
        then()
    assert [type(event) for event in accepted] == [Subscribe]
    assert wrapper.rows() == left
    said = [f"outbox: row 1 waits for the relay: {type(error).__name__}"] if error else []
    assert [record.getMessage() for record in caplog.records] == said
    if not error:
        then()
        assert len(accepted) == 1


@pytest.mark.parametrize("statement", ["SELECT", "DELETE"])
def test_trouble_of_the_database_after_commit_reaches_no_log_of_django(
    wrapper: Wrapper,
    committed: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    statement: str,
) -> None:
    """Django would show all variables of our frames in a mail to its admins."""
    monkeypatch.setattr(outbox, "relay_event", lambda *_: None)
    outbox.subscribe_contact(**ANNA)  # type: ignore[arg-type]
    really = wrapper.execute

    def execute(text: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 - as above
        if text.startswith(statement):
            raise sqlite3.OperationalError("zz")
        return really(text, values)

    monkeypatch.setattr(wrapper, "execute", execute)
    with caplog.at_level(logging.WARNING):
        committed[0][0]()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["outbox: row 1 waits for the relay: OperationalError"]


def test_a_row_that_is_marked_is_not_relayed(wrapper: Wrapper, committed: list[Any]) -> None:
    outbox.subscribe_contact(**ANNA)  # type: ignore[arg-type]
    wrapper.execute("UPDATE sync_tasks_outbox SET error = 'why'")
    committed[0][0]()
    assert wrapper.rows() == [(1, "anna", "why")]


def test_sqlalchemy_uses_the_connections_that_django_makes(wrapper: Wrapper) -> None:
    engine = relay_outbox.make_engine("letters")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sync_tasks_outbox").scalar() == 0
    assert (engine.dialect.name, engine.hide_parameters, engine.pool._pre_ping) == ("sqlite", True, True)
    engine.dispose()
    assert wrapper.connection is not None


def test_a_database_that_the_outbox_does_not_know_is_refused(wrapper: Wrapper) -> None:
    wrapper.vendor = "oracle"
    said = r"^the outbox knows postgresql, mysql, sqlite, and not oracle$"
    with pytest.raises(ConfigurationError, match=said):
        relay_outbox.make_engine("letters")


@pytest.mark.parametrize(
    ("module", "driver"), [("psycopg", "psycopg"), ("psycopg2.extensions", "psycopg2"), ("other", "psycopg")]
)
def test_the_driver_is_the_one_that_django_uses(
    wrapper: Wrapper, monkeypatch: pytest.MonkeyPatch, module: str, driver: str
) -> None:
    wrapper.vendor = "postgresql"
    wrapper.connection = type("Connection", (), {"__module__": module})()
    made: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr("sqlalchemy.create_engine", lambda url, **how: made.append((url, how)))
    relay_outbox.make_engine("letters")
    assert made[0][0] == f"postgresql+{driver}://"


class Relaying:
    """A relay that is over at once; ``empty`` is what it found."""

    empty, accepted = True, 3
    made: "list[Relaying]" = []  # noqa: RUF012 - of this module's tests

    def __init__(self, engine: object, *, poll: float) -> None:
        self.engine, self.poll, self.stopped = engine, poll, 0
        self.until_empty: bool | None = None
        Relaying.made.append(self)

    def run(self, *, until_empty: bool) -> bool:
        self.until_empty = until_empty
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        return Relaying.empty

    def stop(self) -> None:
        self.stopped += 1


@pytest.mark.parametrize(
    ("until_empty", "empty", "status"), [(True, True, 0), (True, False, 1), (False, False, 0), (False, True, 0)]
)
def test_the_command_relays_until_it_is_stopped_and_says_how_much(
    monkeypatch: pytest.MonkeyPatch, *, until_empty: bool, empty: bool, status: int
) -> None:
    checked: list[str] = []
    disposed: list[str] = []
    Relaying.made.clear()
    monkeypatch.setattr(Relaying, "empty", empty)
    monkeypatch.setattr(relay, "Relay", Relaying)
    monkeypatch.setattr(startup, "check_portal", lambda: checked.append("portal"))
    monkeypatch.setattr(relay_outbox, "database", lambda: "letters")
    engine = SimpleNamespace(dispose=lambda: disposed.append("engine"))
    monkeypatch.setattr(relay_outbox, "make_engine", lambda alias: engine if alias == "letters" else None)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    said = io.StringIO()
    command = relay_outbox.Command(stdout=said)
    ended = 0
    try:
        command.handle(poll=0.5, until_empty=until_empty)
    except SystemExit as error:
        ended = int(error.code or 0)
    (made,) = Relaying.made
    assert (made.engine, made.poll, made.until_empty, made.stopped) == (engine, 0.5, until_empty, 2)
    assert (ended, said.getvalue(), checked, disposed) == (status, "3 events accepted\n", ["portal"], ["engine"])
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_the_command_looks_every_second_and_goes_on_unless_asked_otherwise() -> None:
    parser = relay_outbox.Command().create_parser("manage.py", "relay_outbox")
    usual, asked = parser.parse_args([]), parser.parse_args(["--poll", "3", "--until-empty"])
    assert (usual.poll, usual.until_empty) == (1.0, False)
    assert (asked.poll, asked.until_empty) == (3.0, True)
