"""``sync-tasks send``: hand events from JSON Lines to the tasks, as a portal does."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from sync_tasks.cli.files import Encoding
from sync_tasks.cli.options import AsJson
from sync_tasks.cli.output import complain, give_up, open_console, print_json, say
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.backfill.text import Text
    from sync_tasks.tasks.base import EventTask

STDIN = Path("-")
# The exit code of who was interrupted by Ctrl-C.
INTERRUPTED = 130
WRONG_USE = 2


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that was not accepted and never will be; ``reason`` quotes nothing of it."""

    line: int
    reason: str


@dataclass(slots=True)
class Sent:
    """What became of the lines, of which so many were read to their end.

    ``stopped_at``: the first line not accepted because Redis was away, the command was interrupted, or what follows
    is no text.
    """

    accepted: int = 0
    refused: list[RefusedLine] = field(default_factory=list)
    stopped_at: int | None = None
    why: str = ""
    lines: int = 0

    def stop(self, why: str) -> None:
        """Say that the next line was not accepted, nor what follows."""
        self.stopped_at, self.why = self.lines + 1, why

    @property
    def troubled(self) -> bool:
        """Whether anything was not accepted."""
        return bool(self.refused) or self.stopped_at is not None


class _BadLineError(Exception):
    """A line is no event; the text says why and quotes nothing."""


def send(
    file: Annotated[Path, typer.Argument(help="JSON Lines; `-` is standard input.", metavar="FILE")],
    *,
    rate: Annotated[float | None, typer.Option(min=0.01, help="At most so many events a second.", metavar="N")] = None,
    encoding: Encoding = "",
    as_json: AsJson = False,
) -> None:
    """Accept events from JSON Lines: `{"task": "subscribe_contact", "user_id": …}`, one object a line.

    Each goes through the task's own `apply_async`, so what is reported as accepted is in the state in Redis. A bad line
    is reported with its number, the others go. If Redis is away it stops and names the first line not accepted.
    """
    from sync_tasks.backfill.text import Text
    from sync_tasks.tasks import startup

    startup.check_portal()
    startup.check_state()
    with _open(file) as opened:
        text, sent, refuse = Text(opened, encoding), Sent(), _ignore if as_json else _report_refusal
        size = file.stat().st_size if file != STDIN and file.is_file() else None
        code = _send_until_stopped(text, sent, rate=rate, refuse=refuse, size=size)
    if as_json:
        print_json(asdict(sent))
    else:
        report_sent(sent, text.encoding, named=bool(encoding))
    raise typer.Exit(int(code or sent.troubled))


def _send_until_stopped(
    text: "Text", sent: Sent, *, rate: float | None, refuse: Callable[[RefusedLine], None], size: int | None
) -> int:
    """Send all lines; return the exit code of what stopped it, if that has one of its own."""
    from sync_tasks.errors import ConfigurationError
    from sync_tasks.local.processes import ending_on_signals

    try:
        with ending_on_signals():
            send_lines(text, rate=rate, refuse=refuse, size=size, sent=sent)
    except (KeyboardInterrupt, SystemExit) as error:
        # The line under way may be accepted by now; that it is sent once more does no harm.
        sent.stop("the command was interrupted")
        return int(error.code or 0) if isinstance(error, SystemExit) else INTERRUPTED
    except ConfigurationError as error:
        if not sent.lines:
            raise
        sent.stop(str(error))
        return WRONG_USE
    except BrokenPipeError:
        raise
    except OSError as error:
        sent.stop(f"the file cannot be read: {error.strerror}")
    return 0


@contextmanager
def _open(file: Path) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        give_up(f"{file}: {error.strerror}", code=2)
    with opened:
        yield opened


def send_lines(
    lines: "Text",
    *,
    rate: float | None = None,
    refuse: Callable[[RefusedLine], None] | None = None,
    size: int | None = None,
    sent: Sent | None = None,
) -> Sent:
    """Send all lines, showing progress on a terminal, and return what became of them; ``sent`` is filled meanwhile.

    Raises:
        ConfigurationError: these are no lines of JSON.
    """
    from redis import RedisError

    from sync_tasks.backfill.records import check_first_object

    sent = sent or Sent()
    for number, line in enumerate(_with_progress(_paced(lines, rate), lines, size), start=1):
        if not sent.troubled and not sent.accepted:
            check_first_object(line)
        try:
            sent.accepted += _send_line(line, lines.fault(line))
        except _BadLineError as error:
            sent.refused.append(RefusedLine(number, str(error)))
            (refuse or _ignore)(sent.refused[-1])
        except RedisError as error:
            sent.stop(f"Redis is away or in trouble: {type(error).__name__}")
            break
        sent.lines = number
    return sent


def _ignore(_refusal: RefusedLine) -> None:
    """The report at the end says it all."""


def _report_refusal(refusal: RefusedLine) -> None:
    complain(f"line {refusal.line}: {refusal.reason}")


def _paced(lines: Iterable[str], rate: float | None) -> Iterator[str]:
    """Yield the lines, none earlier than its turn."""
    start = time.monotonic()
    for number, line in enumerate(lines):
        if rate:
            time.sleep(max(start + number / rate - time.monotonic(), 0.0))
        yield line


def _with_progress(lines: Iterable[str], text: "Text", size: int | None) -> Iterator[str]:
    """Yield the lines while a bar on the terminal shows how far they are; in a pipe there is no bar."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = open_console(stderr=True)
    how_far = (BarColumn(), TaskProgressColumn()) if size else ()
    columns = (TextColumn("sending"), *how_far, TextColumn("{task.fields[lines]:,} lines"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=size, lines=0)
        for number, line in enumerate(lines, start=1):
            yield line
            progress.update(task, completed=text.position, lines=number)


def _send_line(line: str, fault: str) -> int:
    """Send the event on one line and return how many were accepted; an empty line holds none."""
    from redis import RedisError

    from sync_tasks.errors import InvalidEventError
    from sync_tasks.state.trouble import concerns_all

    if not line.strip():
        return 0
    if fault:
        raise _BadLineError(fault)
    task, arguments = _read(line)
    try:
        task.apply_async(kwargs=arguments)
    except InvalidEventError as error:
        raise _BadLineError(str(error)) from None
    except RedisError as error:
        if concerns_all(error):
            raise
        raise _BadLineError(f"Redis cannot accept it ({type(error).__name__})") from None
    return 1


def _read(line: str) -> "tuple[EventTask, dict[str, Any]]":
    from sync_tasks.backfill.records import parse_object

    try:
        parsed = parse_object(line)
    except ValueError as error:
        raise _BadLineError(str(error)) from None
    return _find_task(parsed.pop("task", None)), parsed


def _find_task(name: object) -> "EventTask":
    from sync_tasks import tasks
    from sync_tasks.domain.events import EVENTS

    known = name.removeprefix("sync_tasks.") if isinstance(name, str) else ""
    if known not in EVENTS:
        raise _BadLineError(f"task: must be one of {', '.join(EVENTS)}")
    found: EventTask = getattr(tasks, known)
    return found


def report_sent(sent: Sent, encoding: str = "utf-8", *, named: bool = False) -> None:
    """Say how many events were accepted, and from which line on none; ``named``: an option said the encoding."""
    refused = f", {count(len(sent.refused), 'line')} refused" if sent.refused else ""
    say(f"{count(sent.accepted, 'event')} accepted{refused}")
    if sent.stopped_at is not None:
        complain(f"line {sent.stopped_at} and what follows was not accepted: {sent.why}")
        complain(f"go on later with: {_name_rest(sent.stopped_at, encoding, named=named)}")


def _name_rest(line: int, encoding: str, *, named: bool) -> str:
    """Return the command that sends the rest, from a line on; ``tail`` knows no line ends of two or four bytes."""
    if encoding.startswith(("utf-16", "utf-32")):
        name = encoding.replace("-le", "le").replace("-be", "be")
        return f"iconv -f {name} -t utf-8 FILE | tail -n +{line} | sync-tasks send -"
    return f"tail -n +{line} FILE | sync-tasks send -{f' --encoding {encoding}' if named else ''}"
