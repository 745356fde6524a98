"""The rows of a file: CSV or JSON Lines, one for each user or for each subscription, read as a stream.

What is wrong with a row is told without a value of it.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from sync_tasks.contacts import SUBSCRIBED, UNSUBSCRIBED, values_of
from sync_tasks.errors import ConfigurationError, InvalidEventError
from sync_tasks.events import (
    MAX_AHEAD,
    Address,
    Event,
    Slug,
    Subscribe,
    Unsubscribe,
    Update,
    parse_event,
    printable,
    stamp_of,
)

JSON_LINES = frozenset({".jsonl", ".ndjson", ".json"})
_OWN = frozenset({"user_id", "email", "newsletters", "subscribed", "first_name", "last_name", "occurred_at"})
_COLUMNS = _OWN | {"newsletter", "unsubscribed"}
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_SHOWN_AT_MOST = 1000


class Row(Update):
    """What one row says of one user, as of one moment."""

    task = "row"

    email: Address
    newsletters: list[Slug] = Field(default_factory=list)
    subscribed: bool = True

    @property
    def values(self) -> dict[str, str]:
        """What the row says, register by register, without the moment."""
        wish = SUBSCRIBED if self.subscribed else UNSUBSCRIBED
        return values_of(self) | {f"n:{newsletter}": wish for newsletter in self.newsletters}

    def events(self, moment: datetime) -> Iterator[Event]:
        """Yield the events that say the same."""
        about = {"user_id": self.user_id, "occurred_at": moment, "email": self.email}
        person = {"first_name": self.first_name, "last_name": self.last_name, "attributes": self.attributes}
        if not (self.newsletters and self.subscribed):
            yield parse_event(Update, about | person)
        for newsletter in self.newsletters:
            wish = {**about, "newsletter": newsletter}
            yield parse_event(Subscribe, wish | person) if self.subscribed else parse_event(Unsubscribe, wish)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is refused; ``reason`` quotes nothing of it."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Words:
    """Which newsletters and further portal fields the configuration knows."""

    newsletters: frozenset[str]
    fields: frozenset[str]


@dataclass(slots=True)
class Checked:
    """What a file holds; of very many bad rows only the first are named."""

    rows: int = 0
    subscriptions: int = 0
    unsubscriptions: int = 0
    bad: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)


class Source:
    """A file of rows that knows how far it was read."""

    def __init__(self, path: Path, words: Words) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.position = 0
        self._words = words

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield every row, checked.

        Raises:
            ConfigurationError: a CSV's header makes no sense.
        """
        read = _read_json if self.path.suffix.lower() in JSON_LINES else _read_csv
        return (_check(line, told, self._words) for line, told in read(self._lines(), self._check_header))

    def _lines(self) -> Iterator[str]:
        """What is no UTF-8 becomes what no text of a row may hold, so that only its row is refused."""
        with self.path.open("rb") as opened:
            self.position = 0
            for line in opened:
                text = line.decode("utf-8", "surrogateescape")
                yield text if self.position else text.removeprefix("\ufeff")
                self.position += len(line)

    def _check_header(self, header: list[str]) -> None:
        times = Counter(header)
        faults = [f"no column {name}" for name in ("user_id", "email") if name not in times]
        faults += [f"column {printable(name)} stands there {count} times" for name, count in times.items() if count > 1]
        unknown = times.keys() - _COLUMNS - self._words.fields
        faults += [f"column {printable(name)}: mapped to no Brevo attribute" for name in sorted(unknown)]
        if faults:
            raise ConfigurationError(*(f"{self.path}: {fault}" for fault in faults))


def check(source: Source, tell: Callable[[int], None] = lambda _rows: None) -> Checked:
    """Return what a file holds, without any effect; ``tell`` hears how many rows were read so far."""
    checked = Checked()
    for number, row in enumerate(source.rows(), start=1):
        if isinstance(row, BadRow):
            checked.bad += 1
            checked.bad_rows += [row] if checked.bad <= _SHOWN_AT_MOST else []
        else:
            checked.rows += 1
            checked.subscriptions += row.subscribed * len(row.newsletters)
            checked.unsubscriptions += (not row.subscribed) * len(row.newsletters)
        tell(number)
    return checked


Told = tuple[int, Mapping[str, Any] | str]


def _read_json(lines: Iterable[str], _check_header: Callable[[list[str]], None]) -> Iterator[Told]:
    """Yield line number and object, or what is wrong with it; empty lines hold none."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        yield number, told if isinstance(told, dict) else "not a JSON object"


def _read_csv(lines: Iterator[str], check_header: Callable[[list[str]], None]) -> Iterator[Told]:
    """Yield line number and what stands under each column, empty cells left out, or what is wrong with it."""
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    check_header(header)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num + 1, "not CSV"
            continue
        if len(cells) == len(header):
            yield reader.line_num + 1, {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
        elif cells:
            yield reader.line_num + 1, f"{len(cells)} cells under {len(header)} columns"


def _check(line: int, told: Mapping[str, Any] | str, words: Words) -> Row | BadRow:
    if isinstance(told, str):
        return BadRow(line, told)
    try:
        row = parse_event(Row, _arguments(told))
    except InvalidEventError as error:
        return BadRow(line, str(error).removeprefix("row refused: "))
    assert isinstance(row, Row)  # noqa: S101 - what was asked for
    return _check_words(line, row, words)


def _check_words(line: int, row: Row, words: Words) -> Row | BadRow:
    if unknown := sorted(set(row.newsletters) - words.newsletters):
        return BadRow(line, f"newsletters: {', '.join(unknown)}: not in the configuration")
    if unmapped := sorted(row.fields.keys() - words.fields):
        return BadRow(line, f"attributes: {', '.join(unmapped)}: mapped to no Brevo attribute")
    if row.occurred_at and is_ahead(row.occurred_at):
        return BadRow(line, "occurred_at: lies more than 5 minutes in the future by this machine's clock")
    return row


def _arguments(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row says by the names of ``Row``: further columns are attributes."""
    arguments = {name: value for name, value in told.items() if name in _OWN}
    arguments["newsletters"] = _newsletters(told)
    for name in ("subscribed", "unsubscribed"):
        if name in told:
            truth = _truth(told[name])
            arguments["subscribed"] = not truth if name == "unsubscribed" and isinstance(truth, bool) else truth
    if "subscribed" in told and "unsubscribed" in told:
        arguments["subscribed"] = None
    further = {name: value for name, value in told.items() if name not in _COLUMNS | {"attributes"}}
    attributes = told.get("attributes", {})
    arguments["attributes"] = {**attributes, **further} if isinstance(attributes, dict) else attributes
    return arguments


def _newsletters(told: Mapping[str, Any]) -> object:
    """Return the newsletters of a row; a text may name several, set off by white space or commas."""
    named = told.get("newsletters", told.get("newsletter", []))
    return list(dict.fromkeys(named.replace(",", " ").split())) if isinstance(named, str) else named


def _truth(value: object) -> object:
    """Return what a text says of yes or no; anything else is for the model to refuse."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if text in _TRUE | _FALSE:
        return text in _TRUE
    return value


def is_ahead(moment: datetime) -> bool:
    """Tell whether a moment lies in the future by this machine's clock; what is loaded is judged by Redis' clock."""
    return moment > datetime.now(UTC) + MAX_AHEAD


def moment_of_row(row: Row, as_of: datetime) -> tuple[datetime, str]:
    """Return the moment as of which a row is true, and its stamp."""
    moment = row.occurred_at or as_of
    return moment, stamp_of(moment)
