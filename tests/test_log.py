"""The log: one line per outcome, and nothing of a person in any line, whoever writes it."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError

from sync_tasks.errors import RejectedContactError, SyncError, TooEarlyError
from sync_tasks.log import JsonLine, Lines, TextLine, current_task, describe, log, log_outcome, set_up_logging
from tests.support.processes import StartProgram, wait_until
from tests.support.station import SETTLED_WITHIN, Station

READY_TO_END = re.compile(r" ready\.|maxinterval|\"kombu\.mixins\"")
SECRET = "marked@portal.example"
AT = 1_772_323_200.25


def record(message: str, *args: object, name: str = "sync_tasks", **reported: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, __file__, 1, message, args, None)
    made.created = AT
    vars(made).update(reported)
    return made


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    names = ["", "sync_tasks", "celery", "kombu", "amqp", "redis", "urllib3", "asyncio", "tornado"]
    names += ["celery.app.trace", "celery.worker.strategy", "celery.beat"]
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_line_says_when_what_and_about_whom() -> None:
    reported = {
        "task": "unsubscribe_contact",
        "user_id": "u1",
        "newsletter": "daily",
        "outcome": "synced",
        "task_id": "",
    }
    line = TextLine().format(record("%s", "synced", **reported))
    about = "task=unsubscribe_contact user_id=u1 newsletter=daily outcome=synced"
    assert line == f"2026-03-01T00:00:00.250+00:00 info    synced {about}"


def test_a_line_as_json_says_the_same() -> None:
    reported = json.loads(JsonLine().format(record("sync%s", "ed", user_id="u1", error="")))
    assert reported == {
        "at": "2026-03-01T00:00:00.250+00:00",
        "level": "info",
        "logger": "sync_tasks",
        "message": "synced",
        "user_id": "u1",
    }


@pytest.mark.parametrize("formatter", [TextLine(), JsonLine()])
@pytest.mark.parametrize(
    "message", [f"Received bad message. The full contents of the message: {SECRET}\nmore", f"body: {SECRET!r}"]
)
def test_a_message_that_celery_cannot_make_sense_of_is_withheld(formatter: TextLine, message: str) -> None:
    line = formatter.format(record(message, name="celery.worker.consumer.consumer"))
    assert SECRET not in line
    assert "(withheld)" in line


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("sync_tasks.sweep",), "got sync_tasks.sweep"),
        ((f"<{SECRET}>",), "got (withheld)"),
        (({"email": SECRET},), "got (withheld)"),
        ((f"[[], {{'email': '{SECRET}'}}]",), "got (withheld)"),
        (("redis://me:**@127.0.0.1:6379/0",), "got redis://127.0.0.1:6379/0"),
        (("sync_tasks.tasks.patches.transport:Transport://127.0.0.1:6379/0",), "got redis://127.0.0.1:6379/0"),
        (("amqp://guest:**@rabbit.internal:5672//",), "got amqp://rabbit.internal:5672//"),
        ((ConnectionRefusedError(111, "Connection refused"),), "got [Errno 111] Connection refused"),
        ((ConnectionError("Error 111 connecting to 10.0.0.7:6379."),), "got Error 111 connecting to 10.0.0.7:6379."),
        ((redis.ConnectionError("Error 111 connecting to h:6379."),), "got Error 111 connecting to h:6379."),
        ((OSError(-2, "Name or service not known"),), "got [Errno -2] Name or service not known"),
        ((redis.TimeoutError("Timeout reading from socket"),), "got Timeout reading from socket"),
        ((OperationalError("[Errno 111] Connection refused"),), "got [Errno 111] Connection refused"),
        ((AMQPError("no access to vhost"),), "got no access to vhost"),
        ((redis.ResponseError(f"WRONGTYPE {SECRET}"),), "got ResponseError"),
        ((ConnectionError(f"<{SECRET}>"),), "got (withheld)"),
        ((KeyError(SECRET),), "got KeyError"),
    ],
)
@pytest.mark.parametrize("name", ["celery.worker.consumer.consumer", "kombu.transport"])
def test_of_those_who_handle_raw_messages_only_plain_words_are_reported(
    name: str, args: tuple[object, ...], said: str
) -> None:
    assert TextLine().message(record("got %r", *args, name=name)) == said


def test_others_may_say_what_they_like() -> None:
    assert TextLine().message(record("got %r", {"a": 1}, name="uvicorn")) == "got {'a': 1}"


def test_an_error_of_others_is_reported_by_its_class_and_place_alone() -> None:
    error = raised(ValueError(SECRET))
    made = record("crashed")
    made.exc_info = (type(error), error, error.__traceback__)
    line = TextLine().format(made)
    assert SECRET not in line
    assert "ValueError" in line
    assert f"{__file__}:" in line
    assert line.endswith(" raised")


def test_what_our_own_errors_say_is_reported() -> None:
    assert describe(TooEarlyError("PUT /contacts: 425")) == "  TooEarlyError: PUT /contacts: 425"


@pytest.mark.parametrize(
    ("error", "level", "said"),
    [
        (None, logging.INFO, "synced"),
        (TooEarlyError("425"), logging.WARNING, "synced: 425"),
        (RejectedContactError("400"), logging.ERROR, "synced: 400"),
    ],
)
def test_an_outcome_is_one_line_as_loud_as_it_is_grave(
    caplog: pytest.LogCaptureFixture, error: SyncError | None, level: int, said: str
) -> None:
    token = current_task.set("task-1")
    with caplog.at_level(logging.DEBUG, "sync_tasks"):
        log_outcome("synced", {"user_id": "u1"}, error=error)
    current_task.reset(token)
    (line,) = caplog.records
    assert (line.levelno, line.getMessage()) == (level, said)
    reported = vars(line)
    assert (reported["user_id"], reported["outcome"], reported["task_id"]) == ("u1", "synced", "task-1")
    assert reported.get("error") == (type(error).__name__ if error else None)


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(
    ("level", "ours", "others"),
    [
        ("", logging.INFO, logging.INFO),
        ("debug", logging.DEBUG, logging.INFO),
        ("ERROR", logging.ERROR, logging.ERROR),
        ("loud", logging.INFO, logging.INFO),
    ],
)
def test_others_are_never_asked_to_print_their_arguments(
    monkeypatch: pytest.MonkeyPatch, level: str, ours: int, others: int
) -> None:
    monkeypatch.setenv("SYNC_LOG_LEVEL", level)
    set_up_logging()
    assert log.getEffectiveLevel() == ours
    assert {logging.getLogger(name).getEffectiveLevel() for name in ("celery", "kombu", "redis", "urllib3")} == {others}
    assert logging.getLogger("celery.app.trace").getEffectiveLevel() == max(others, logging.WARNING)


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(("wanted", "kind"), [("", TextLine), ("1", JsonLine)])
def test_lines_are_json_where_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch, wanted: str, kind: type[TextLine]
) -> None:
    monkeypatch.setenv("SYNC_LOG_JSON", wanted)
    set_up_logging()
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    assert handler.stream is sys.stderr
    assert type(handler.formatter) is kind


def test_what_a_process_prints_becomes_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    lines = Lines(logging.INFO)
    with caplog.at_level(logging.INFO, "sync_tasks"):
        assert lines.write(" -------------- one@host v5\n--- ***** ----- \n- ** ---------- [config]\n- half a") == 78
        lines.flush()
        lines.write(" line\n")
    assert [line.getMessage() for line in caplog.records] == ["one@host v5", "[config]", "half a line"]
    assert not hasattr(lines, "fileno")
    assert lines.isatty() is False


@pytest.mark.parametrize("command", [["worker"], ["beat"], ["flower", "--port=0"], ["worker", "--no-such-option"]])
def test_each_line_of_each_process_is_json(station: Station, command: list[str]) -> None:
    program = station.celery(*command)
    wait_until(lambda: not program.running or READY_TO_END.search(program.output), "it runs", SETTLED_WITHIN)
    program.stop()
    lines = [json.loads(line) for line in program.output.splitlines()]
    assert {"at", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    assert "Traceback" not in program.output


def test_what_ends_a_process_is_one_line_without_its_text(tmp_path: Path, start_program: StartProgram) -> None:
    script = tmp_path / "ends.py"
    script.write_text(f"from sync_tasks.log import log_all_output\nlog_all_output()\nraise ValueError('{SECRET}')\n")
    program = start_program([sys.executable, script], env={"SYNC_LOG_JSON": "1", "PYTHONPATH": str(Path.cwd())})
    assert program.process.wait(30) == 1
    (line,) = map(json.loads, program.output.splitlines())
    assert (line["level"], line["message"].split("\n")[1]) == ("critical", "  ValueError")
    assert SECRET not in program.output


FORGED = "x\n2026-03-01T00:00:00.250+00:00 error   forged\x1b[2J\u202e"
ONE_LINE = r"x\n2026-03-01T00:00:00.250+00:00 error   forged\x1b[2J\u202e"


@pytest.mark.parametrize("name", ["task_id", "user_id", "newsletter", "occurred_at"])
def test_a_field_from_elsewhere_is_one_line_and_obeyed_by_no_terminal(name: str) -> None:
    assert TextLine().format(record("%s", "synced", **{name: FORGED})).endswith(f" synced {name}={ONE_LINE}")


def test_a_field_cannot_look_like_another() -> None:
    line = TextLine().format(record("%s", "synced", task_id="1 user_id=eve outcome=synced"))
    assert line.endswith('task_id="1 user_id=eve outcome=synced"')


@pytest.mark.parametrize("name", ["sync_tasks", "celery.app.trace", "uvicorn.error"])
@pytest.mark.parametrize("args", [(FORGED,), ({"id": FORGED},), (ValueError(FORGED),)])
def test_what_a_line_is_given_is_on_that_line(name: str, args: tuple[object, ...]) -> None:
    message = "Task %(id)s failed" if isinstance(args[0], dict) else "Task %s failed"
    assert TextLine().message(record(message, *args, name=name)) == f"Task {ONE_LINE} failed"


def test_what_another_logger_puts_together_by_itself_is_one_line() -> None:
    assert TextLine().message(record(f"Task {FORGED} failed", name="celery.app.trace")) == f"Task {ONE_LINE} failed"


def test_the_places_of_an_error_keep_their_lines() -> None:
    made = TextLine().message(record("unexpected error in %s\n%s", FORGED, describe(raised(TooEarlyError(FORGED)))))
    assert len(made.split("\n")) == 3
    assert made.split("\n")[1] == f"  TooEarlyError: {ONE_LINE}"
