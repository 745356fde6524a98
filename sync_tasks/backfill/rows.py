"""The rows of a file: CSV or JSON Lines, one for each user or for each subscription, read as a stream.

What is wrong with a row is reported without its values.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import Field

from sync_tasks.backfill.cells import PLAIN, Manner
from sync_tasks.backfill.columns import GENERAL, NOTHING, Words
from sync_tasks.backfill.records import Sheet, check_first_object, parse_object
from sync_tasks.backfill.statements import Grammar, RefusedError, Types
from sync_tasks.backfill.text import Text
from sync_tasks.domain.events import MAX_AHEAD, Address, Event, Slug, Subscribe, Unsubscribe, Update, parse_event
from sync_tasks.domain.merge import values_of
from sync_tasks.domain.registers import SUBSCRIBED, UNSUBSCRIBED, subscription
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.errors import ConfigurationError, InvalidEventError

JSON_LINES = frozenset({".jsonl", ".ndjson", ".json"})
_SHOWN_AT_MOST = 1000
_ADDRESS_BITS = 24
_USER_BITS = 64 - _ADDRESS_BITS


class Row(Update):
    """What one row says of one user, as of one moment; ``newsletters``: whether each is subscribed."""

    task = "row"

    email: Address
    newsletters: dict[Slug, bool] = Field(default_factory=dict)

    @property
    def values(self) -> dict[str, str]:
        """What the row says, register by register, without the moment."""
        wishes = self.newsletters.items()
        return values_of(self) | {subscription(slug): SUBSCRIBED if wished else UNSUBSCRIBED for slug, wished in wishes}

    def events(self, moment: datetime) -> Iterator[Event]:
        """Yield the events that say the same."""
        about = {"user_id": self.user_id, "occurred_at": moment, "email": self.email}
        person = {"first_name": self.first_name, "last_name": self.last_name, "attributes": self.attributes}
        if not any(self.newsletters.values()):
            yield parse_event(Update, about | person)
        for slug, wished in self.newsletters.items():
            wish = {**about, "newsletter": slug}
            yield parse_event(Subscribe, wish | person) if wished else parse_event(Unsubscribe, wish)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is refused; ``reason`` quotes nothing of it."""

    line: int
    reason: str


@dataclass(slots=True)
class Checked:
    """What a file holds; of very many bad rows only the first are named."""

    rows: int = 0
    subscriptions: int = 0
    unsubscriptions: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)


class Source:
    """A file of rows that knows how far it was read.

    ``types`` gives for portal fields what Brevo keeps for them; it is asked once a row says something of one.
    ``conflicts``: users who have two addresses, first named on these lines; all their rows are refused.
    """

    def __init__(
        self,
        path: Path,
        words: Words,
        manner: Manner = PLAIN,
        *,
        encoding: str = "",
        types: Types = dict,
    ) -> None:
        self.path = path
        self._version = _version(path)
        self.size = self._version[0] if self._version else 0
        self.words = words
        self._manner, self._encoding, self._types = manner, encoding, types
        self._text: Text | None = None
        self.conflicts: Mapping[str, tuple[int, int]] = {}

    @property
    def changed(self) -> bool:
        """Whether somebody wrote into the file since, put another in its place or took it away."""
        return _version(self.path) != self._version

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._text.position if self._text else 0

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield every row, checked.

        Raises:
            ConfigurationError: the file or a CSV's header makes no sense.
        """
        return (row for _, row in self.numbered())

    def numbered(self) -> Iterator[tuple[int, Row | BadRow]]:
        """Yield the same, each with its line.

        Raises:
            ConfigurationError: as above, one argument for each fault.
        """
        try:
            with self.path.open("rb") as opened:
                self._text = Text(opened, self._encoding)
                read_lines = self._read_json if self.path.suffix.lower() in JSON_LINES else self._read_csv
                for line, row in read_lines(self._text):
                    yield line, self._check_user(line, row)
        except ConfigurationError as error:
            raise ConfigurationError(*(f"{self.path}: {fault}" for fault in error.args)) from None
        except OSError as error:
            raise ConfigurationError(f"{self.path}: cannot be read ({error.strerror})") from None

    def _check_user(self, line: int, row: Row | BadRow) -> Row | BadRow:
        if isinstance(row, Row) and (lines := self.conflicts.get(row.user_id)):
            return BadRow(line, f"user_id: two addresses for one user, on lines {lines[0]} and {lines[1]}")
        return row

    def _read_csv(self, text: Text) -> Iterator[tuple[int, Row | BadRow]]:
        sheet = Sheet(text)
        if fault := text.fault("".join(sheet.header)):
            raise ConfigurationError(f"the header is {fault}")
        meanings = self.words.meanings(sheet.header)
        numbers = {meaning: number for number, meaning in enumerate(meanings, start=1)}
        grammar = Grammar(self.words, replace(self._manner, semicolons=sheet.delimiter == ";"), self._types, numbers)
        for line, cells in sheet.records():
            yield line, _build(line, partial(_read_cells, cells, sheet.header, meanings, text, grammar))

    def _read_json(self, text: Text) -> Iterator[tuple[int, Row | BadRow]]:
        grammar = Grammar(self.words, self._manner, self._types)
        filled = ((number, line) for number, line in enumerate(text, start=1) if line.strip())
        for count, (number, line) in enumerate(filled):
            if not count:
                _check_braces(line)
            yield number, _build(number, partial(_read_object, line, text, grammar))


def _version(path: Path) -> tuple[int, ...]:
    """Return a value that changes with the file and the text in it; it is empty if the file is gone."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_dev


def _check_braces(line: str) -> None:
    check_first_object(line)
    if line.lstrip()[0] != "{":
        raise ConfigurationError("not JSON Lines, an object in braces on each line; the name of a CSV ends on .csv")


def _read_object(line: str, text: Text, grammar: Grammar) -> dict[str, Any]:
    if fault := text.fault(line):
        raise RefusedError(fault)
    try:
        parsed = parse_object(line)
    except ValueError as error:
        raise RefusedError(str(error)) from None
    return grammar.from_object(parsed)


def _read_cells(
    cells: list[str] | str, header: list[str], meanings: list[str], text: Text, grammar: Grammar
) -> dict[str, Any]:
    """Return what the filled cells of a record state; whether a row subscribes counts even if that is empty."""
    if isinstance(cells, str):
        raise RefusedError(cells)
    if fault := text.fault("".join(cells)):
        raise RefusedError(fault)
    for number, (name, cell) in enumerate(zip(header, cells, strict=True), start=1):
        if cell.strip() and not name:
            raise RefusedError(f"column {number} has a value and no name")
    stated = zip(meanings, cells, strict=True)
    filled = [(meaning, cell) for meaning, cell in stated if cell.strip() or meaning == "subscribed"]
    said: dict[str, Any] = {meaning: cell for meaning, cell in filled if meaning != NOTHING}
    said |= {
        general: tuple(cell for meaning, cell in filled if meaning == general) for general in GENERAL & said.keys()
    }
    return grammar.arguments(said)


def _build(line: int, arguments: Callable[[], dict[str, Any]]) -> Row | BadRow:
    try:
        row = parse_event(Row, arguments())
    except RefusedError as error:
        return BadRow(line, str(error))
    except InvalidEventError as error:
        return BadRow(line, str(error).removeprefix("row refused: "))
    assert isinstance(row, Row)  # noqa: S101 - what was asked for
    if row.occurred_at and is_ahead(row.occurred_at):
        return BadRow(line, "occurred_at: lies more than 5 minutes in the future by this machine's clock")
    return row


def check(source: Source, report: Callable[[int], None] = lambda _rows: None) -> Checked:
    """Return what a file holds, without any effect; ``report`` gets how many rows were read so far.

    From then on the source refuses all rows of users for whom it names two addresses.
    """
    names = array("Q")
    checked = _count(source, report, names)
    source.conflicts = _find_conflicts(source, names)
    return _count(source, report, array("Q")) if source.conflicts else checked


def _count(source: Source, report: Callable[[int], None], names: "array[int]") -> Checked:
    """Count what a file holds; ``names`` takes of each row eight bytes that stand for its user and its address."""
    checked = Checked()
    for number, row in enumerate(source.rows(), start=1):
        if isinstance(row, BadRow):
            checked.bad += 1
            checked.bad_rows += [row] if checked.bad <= _SHOWN_AT_MOST else []
        else:
            subscribed = sum(row.newsletters.values())
            checked.rows += 1
            checked.subscriptions += subscribed
            checked.unsubscriptions += len(row.newsletters) - subscribed
            names.append(_user_key(row.user_id) << _ADDRESS_BITS | hash(row.email) % (1 << _ADDRESS_BITS))
        report(number)
    return checked


def _user_key(user_id: str) -> int:
    return hash(user_id) % (1 << _USER_BITS)


def _find_conflicts(source: Source, names: "array[int]") -> dict[str, tuple[int, int]]:
    """Return the users with two addresses, and the lines that name them; the file is only read again on a suspicion."""
    users = sorted(set(names))
    suspects = {
        one >> _ADDRESS_BITS for one, other in pairwise(users) if one >> _ADDRESS_BITS == other >> _ADDRESS_BITS
    }
    first, conflicts = dict[str, tuple[str, int]](), dict[str, tuple[int, int]]()
    for line, row in source.numbered() if suspects else ():
        if isinstance(row, Row) and _user_key(row.user_id) in suspects:
            address, before = first.setdefault(row.user_id, (row.email, line))
            if address != row.email:
                conflicts.setdefault(row.user_id, (before, line))
    return conflicts


def is_ahead(moment: datetime) -> bool:
    """Return whether a moment lies in the future by this machine's clock; for what is loaded Redis' clock decides."""
    return moment > datetime.now(UTC) + MAX_AHEAD


def stamp_of_row(row: Row, as_of: datetime) -> str:
    """Return the stamp of the moment as of which a row is true."""
    return stamp_of(row.occurred_at or as_of)
