"""The records of a file: the cells under a header of CSV, or the objects of JSON Lines.

Pure text: what a cell means is for ``columns`` and ``rows``.
"""

import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sync_tasks.errors import ConfigurationError

_DELIMITERS = ",;\t|"
_SEPARATOR = "sep="
# No cell of a person's data has so many lines; an unbalanced quotation mark would take everything that follows.
_MOST_LINES = 100
# Python reads no more.
_MOST_DIGITS = 4_300
# What PostgreSQL and MySQL write for nothing.
_NOTHING = frozenset({"", "\\N", "NULL"})
_NO_CSV = "not CSV: write a quotation mark within a cell twice, and quote the whole cell"
TOO_LONG = "a cell is longer than 131,072 characters"
UNBALANCED = 'a quotation mark opens here and takes in the rows below: close it, or write it twice ("")'


@dataclass(slots=True)
class Sheet:
    """A CSV: its first line names the columns, and each record has as many cells; empty ones are empty texts.

    Records come with the line on which they begin, or with what is wrong with them.
    """

    lines: Iterable[str]
    header: list[str] = field(default_factory=list)
    delimiter: str = ","
    _waiting: deque[tuple[int, str]] = field(default_factory=deque)
    _numbered: Iterator[tuple[int, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Read the header.

        Raises:
            ConfigurationError: there is none, or it is JSON.
        """
        self._numbered = enumerate(self.lines, start=1)
        first = self._next_filled_line()
        if first and first[1].lower().startswith(_SEPARATOR):
            self.delimiter = first[1][len(_SEPARATOR) :][:1] or self.delimiter
            first = self._next_filled_line()
        elif first:
            self.delimiter = max(_DELIMITERS, key=lambda each: len(_split(first[1], each) or []))
        if not first:
            raise ConfigurationError("the file is empty: a header is wanted, with no column user_id there is no row")
        if first[1].lstrip()[:1] in {"{", "["}:
            raise ConfigurationError("this is JSON, not CSV: one object a line, in a file that ends on .jsonl")
        self._waiting.append(first)
        record = self._gather()
        cells = _split("\n".join(record[1]), self.delimiter) if isinstance(record, tuple) else None
        if cells is None:
            raise ConfigurationError("the first line is not CSV: a quotation mark in it is not closed")
        self.header = _without_empty_end([name.strip() for name in cells])

    def records(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yield line number and cells, or what is wrong with them; records of nothing but empty cells are none."""
        while record := self._gather():
            number, lines = record
            if isinstance(lines, str):
                yield number, lines
                continue
            cells = _split("\n".join(lines), self.delimiter)
            if cells is None:
                too_long = max(map(len, lines)) > csv.field_size_limit()
                yield number, TOO_LONG if too_long else _NO_CSV
            elif cells := _without_empty_end(cells, full := len(self.header)):
                yield number, cells if len(cells) == full else f"{len(cells)} cells under {full} columns"

    def _next_line(self) -> tuple[int, str] | None:
        return self._waiting.popleft() if self._waiting else next(self._numbered, None)

    def _next_filled_line(self) -> tuple[int, str] | None:
        return next((line for line in self._numbered if line[1].strip(_DELIMITERS + " ")), None)

    def _gather(self) -> tuple[int, list[str] | str] | None:
        """Return the lines of one record; in a sound one, quotation marks come in pairs.

        Of one that swallows others only the first line is gone: those below are read by themselves.
        """
        record, marks = list[tuple[int, str]](), 0
        while (marks % 2 or not record) and len(record) < _MOST_LINES and (line := self._next_line()):
            record.append(line)
            marks += line[1].count('"')
        if not record:
            return None
        lines = [text for _, text in record]
        if marks % 2 == 0 and not self._swallows(lines):
            return record[0][0], lines
        self._waiting.extendleft(reversed(record[1:]))
        return record[0][0], UNBALANCED

    def _swallows(self, lines: list[str]) -> bool:
        """Return whether further lines of a record look like rows: as many cells, or one more address."""
        if len(lines) == 1 or not self.header:
            return False
        full = max(len(self.header) - 1, 1)
        addresses = sum("@" in line and self.delimiter in line for line in lines)
        return addresses > 1 or any(line.count(self.delimiter) >= full for line in lines[1:])


def _split(text: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _without_empty_end(cells: list[str], wanted: int = 0) -> list[str]:
    """Return the cells without surplus empty ones at the end; nothing if all are empty."""
    cells = [cell if cell.strip() not in _NOTHING else "" for cell in cells]
    if not any(cells):
        return []
    while len(cells) > wanted and not cells[-1]:
        cells.pop()
    return cells


def check_first_object(line: str) -> None:
    """Look at the first line of JSON Lines.

    Raises:
        ConfigurationError: it is the beginning of JSON of another kind.
    """
    if line.lstrip()[:1] == "[":
        raise ConfigurationError("a JSON array, not JSON Lines: write one object a line, as jq -c '.[]' does")
    if line.strip() == "{":
        raise ConfigurationError("a JSON object over several lines: write one object a line, as jq -c . does")


def parse_object(line: str) -> dict[str, Any]:
    """Return the JSON object on a line.

    Raises:
        ValueError: there is none, or not only one; the text quotes nothing of it.
    """
    try:
        parsed = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_number, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise ValueError(_explain(line, error)) from None
    except RecursionError:
        raise ValueError("not JSON: nested too deeply") from None
    if isinstance(parsed, list):
        raise ValueError("not a JSON object: one object a line is wanted, as jq -c '.[]' writes them")  # noqa: TRY004
    if not isinstance(parsed, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one error for one kind of trouble
    return parsed


def _explain(line: str, error: json.JSONDecodeError) -> str:
    if error.msg == "Extra data":
        return "more than one JSON object, or something behind it"
    if line.strip() in {"[", "{", "]", "}", "[{", "},", "}]"}:
        return "not a JSON object: one object a line is wanted, as jq -c '.[]' writes them from an array"
    return f"not a JSON object: {error.msg} (column {error.colno})"


def _unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a JSON object that names a key twice")
    return fields


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number of more than 4,300 digits")
    return int(digits)


def _no_number(_name: str) -> None:
    raise ValueError("NaN and Infinity are no numbers of JSON")
