"""Logging: one line per outcome, JSON if wanted (``SYNC_LOG_JSON=1``), and nothing personal in any line.

Other libraries' loggers stay at INFO even if ours are at DEBUG, because at DEBUG they print requests and arguments.
"""

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from sync_tasks.errors import ConfigurationError, PermanentError, SyncError
from sync_tasks.texts import escaped

log = logging.getLogger("sync_tasks")
_output = logging.getLogger("sync_tasks.output")
current_task: ContextVar[str] = ContextVar("current_task", default="")

# Celery logs the whole body of a message that it cannot read, after one of these texts (celery/worker/consumer).
_BODIES = re.compile(r"(The full contents of the message|body: ).*", re.DOTALL)
_HANDLE_PAYLOADS = ("celery.worker.consumer", "kombu")
# Names, hosts, routes and numbers. A quote or a bracket may hold a value of a message.
_PLAIN = re.compile(r"[\w.:/ *,+∞()-]{0,200}")
# What is wrong between two machines; of any other error the class alone is shown, for it may quote a message.
_OF_THE_NETWORK = frozenset({"OSError", "ConnectionError", "TimeoutError", "OperationalError", "AMQPError"})
_NETWORK_TEXT = re.compile(r"[\w.:/ *,+()'\[\]-]{0,300}")
_TRANSPORT = re.compile(r"sync_tasks\.tasks\.patches\.transport:(?:Sentinel)?Transport")
_USER_OF_URL = re.compile(r"(?<=//)[^/\s@]*@")
# The left edge of Celery's banners, and colours.
_ART = re.compile(r"^[\s*_.-]+(?=\s|$)|\x1b\[[0-9;]*m")
_FIELDS = ("task", "task_id", "user_id", "newsletter", "occurred_at", "outcome", "error")


class TextLine(logging.Formatter):
    """A formatter for readable lines; of a foreign exception it shows only the class and the places."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = f"{_moment(record)} {record.levelname.lower():<7} {self.message(record)}"
        fields = " ".join(f"{name}={_field(getattr(record, name))}" for name in _FIELDS if getattr(record, name, None))
        return f"{line} {fields}".rstrip()

    def message(self, record: logging.LogRecord) -> str:
        """Return the text of a record, without message bodies and without values in tracebacks.

        Foreign text is escaped, so that it can forge no line and no field of the log.
        """
        said = _BODIES.sub(r"\1(withheld)", _escaped(_without_payloads(record)).getMessage())
        return f"{said}\n{describe(record.exc_info[1])}" if record.exc_info and record.exc_info[1] else said


def _without_payloads(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record; if its logger handles raw messages, names, hosts and routes are left of its arguments."""
    if not record.args or not record.name.startswith(_HANDLE_PAYLOADS):
        return record
    given = record.args if isinstance(record.args, tuple) else (record.args,)
    plain = tuple(map(_plain, given))
    bare = logging.makeLogRecord(vars(record))
    bare.msg, bare.args = re.sub(r"%[-+.\d]*[a-z]", "%s", str(record.msg)), plain
    return bare


def _plain(argument: object) -> str:
    """Return an argument without what may be of a message: other errors than those of the network, addresses."""
    text, allowed = str(argument), _PLAIN
    if isinstance(argument, BaseException):
        allowed = _NETWORK_TEXT
        if _OF_THE_NETWORK.isdisjoint(kind.__name__ for kind in type(argument).__mro__):
            return type(argument).__name__
    text = _TRANSPORT.sub("redis", _USER_OF_URL.sub("", text))
    return text if allowed.fullmatch(text.strip()) else "(withheld)"


class Places(str):
    """Lines of our own that a log line may hold unescaped."""

    __slots__ = ()


class _Shown:
    """An argument of a log line, printed as one line."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return escaped(str(self._value))

    def __repr__(self) -> str:
        return escaped(repr(self._value))


def _escaped(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record with its arguments on one line; a foreign record without arguments is escaped as a whole."""
    bare = logging.makeLogRecord(vars(record))
    if isinstance(record.args, Mapping):
        bare.args = {name: _one_line(value) for name, value in record.args.items()}
    elif record.args:
        bare.args = tuple(map(_one_line, record.args))
    elif not record.name.startswith(log.name):
        bare.msg = escaped(str(record.msg))
    return bare


def _one_line(value: object) -> Any:  # noqa: ANN401 - whatever a log line takes
    return value if isinstance(value, int | float | Places) else _Shown(value)


def _field(value: object) -> str:
    """Return a field's value so that it cannot look like another field."""
    text = escaped(str(value))
    return json.dumps(text, ensure_ascii=False) if " " in text and "=" in text else text


class JsonLine(TextLine):
    """A formatter for JSON objects, one a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as text."""
        fields = {"at": _moment(record), "level": record.levelname.lower(), "logger": record.name}
        fields["message"] = self.message(record)
        fields |= {name: getattr(record, name) for name in _FIELDS if getattr(record, name, None)}
        return json.dumps(fields)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def describe(error: BaseException) -> Places:
    """Return an error's class and place; its text only if it is one of ours."""
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    said = f": {escaped(str(error))}" if isinstance(error, SyncError) else ""
    return Places("\n".join([f"  {type(error).__name__}{said}", *(f"    {place}" for place in places)]))


def log_level() -> int:
    """Return the lowest level of our own lines (``SYNC_LOG_LEVEL``; INFO by default).

    Raises:
        ConfigurationError: there is no such level.
    """
    level = logging.getLevelNamesMapping().get((os.environ.get("SYNC_LOG_LEVEL") or "INFO").strip().upper())
    if level is None:
        raise ConfigurationError("SYNC_LOG_LEVEL: one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    return level


def wants_json() -> bool:
    """Return whether each line shall be a JSON object (``SYNC_LOG_JSON=1``)."""
    return bool(os.environ.get("SYNC_LOG_JSON"))


class Lines:
    """A stream whose lines become lines of the log, so that each line of a process is JSON.

    It has no ``fileno``: Celery's signal handlers would write to that directly.
    """

    encoding, errors = "utf-8", "replace"

    def __init__(self, level: int) -> None:
        self._level = level
        self._rest = ""

    def write(self, text: str) -> int:
        """Log each line that is complete by now, without the edge of a banner."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if plain := _ART.sub("", line).strip():
                _output.log(self._level, "%s", plain)
        return len(text)

    def flush(self) -> None:
        """Leave a line that is not complete for later."""

    def isatty(self) -> bool:
        return False


def log_all_output() -> None:
    """Make a line of the log of all that this process prints, and of the error that ends it."""
    set_up_logging()
    logging.captureWarnings(True)  # noqa: FBT003 - its only argument
    lines: Any = Lines(logging.INFO)
    # Celery writes to the latter.
    sys.stdout = sys.__stdout__ = lines  # type: ignore[misc]
    errors: Any = Lines(logging.ERROR)
    sys.stderr = errors
    sys.excepthook = _log_last


def _log_last(_kind: type[BaseException], error: BaseException, _places: object) -> None:
    log.critical("ended by\n%s", describe(error))


def set_up_logging() -> None:
    """Send all lines to standard error, ours from ``SYNC_LOG_LEVEL`` on; INFO if there is no such level."""
    try:
        level = log_level()
    except ConfigurationError:
        level = logging.INFO
    handler = logging.StreamHandler(sys.__stderr__ if isinstance(sys.stderr, Lines) else sys.stderr)
    handler.setFormatter(JsonLine() if wants_json() else TextLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))
    log.setLevel(level)
    for name in ("celery", "kombu", "amqp", "redis", "urllib3", "asyncio", "tornado"):
        logging.getLogger(name).setLevel(max(level, logging.INFO))
    # Celery logs "received" and "succeeded" for each message: two more lines for each outcome of ours.
    for name in ("celery.app.trace", "celery.worker.strategy", "celery.beat"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def log_outcome(outcome: str, about: Mapping[str, str], *, error: SyncError | None = None) -> None:
    """Write the one line about an event's outcome; ``about`` names the event."""
    level = logging.INFO if error is None else logging.ERROR if isinstance(error, PermanentError) else logging.WARNING
    fields = {**about, "outcome": outcome, "task_id": current_task.get()}
    if error:
        fields["error"] = type(error).__name__
    log.log(level, "%s", f"{outcome}: {error}" if error else outcome, extra=fields)
