"""What the columns of a file say: by their own names, by the names the configuration knows, or by options.

A meaning is a word of ``MEANINGS``, a portal field, or one of three forms. ``newsletters.<slug>`` says yes or no for
one newsletter, ``not newsletters.<slug>`` its opposite. ``-`` says nothing.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sync_tasks.domain.events import printable
from sync_tasks.errors import ConfigurationError
from sync_tasks.texts import UNPRINTABLE

NOTHING = "-"
PERSON = frozenset({"user_id", "email"})
MEANINGS = PERSON | {"newsletters", "subscribed", "unsubscribed", "occurred_at", "first_name", "last_name"}
# Several columns may say this: one that says no is enough.
GENERAL = frozenset({"subscribed", "unsubscribed"})
_OTHER_NAMES = {"newsletter": "newsletters", "e_mail": "email"}
_OF_ONE = re.compile(r"(not )?newsletters\.(.+)")
_OPTIONS = 'say what it means with --map "COLUMN=NAME", or leave it out with --ignore-unknown-columns'


@dataclass(frozen=True, slots=True)
class Words:
    """Which newsletters and further portal fields the configuration knows, and what they are called in a file.

    ``attributes``: Brevo's names of the portal fields. ``columns`` and ``names``: what options say of this file's
    columns and of its names of newsletters; ``usual``: the columns of all files. ``values``: what each row says that
    has nothing of its own to say there.
    """

    newsletters: frozenset[str]
    fields: frozenset[str]
    attributes: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    ignore_unknown: bool = False

    def faults(self) -> Iterator[str]:
        """Yield the options that make no sense, whatever the file holds."""
        for meaning in {**self.usual, **self.columns}.values():
            if not self._is_meaning(meaning):
                yield f"--map: {_shown(meaning)} is not known{self._nearest(meaning)}"
        for name in self.values:
            if name in PERSON or not self._is_meaning(name):
                yield f"--set: {_shown(name)} is not known{self._nearest(name)}"
        for slug in self.names.values():
            if slug not in self.newsletters | {NOTHING}:
                yield f"--name: newsletter {_shown(slug)} is not in the configuration"

    def meaning_of(self, column: str) -> str | None:
        """Return what a column means, or nothing if that is not known."""
        meaning = _find(column, self.columns) or _find(column, self.usual)
        if meaning:
            return meaning
        plain = _OTHER_NAMES.get(_plain(column), _plain(column))
        if plain in MEANINGS:
            return plain
        mapped = (name for name in self.fields if plain == name.lower() or column == self.attributes.get(name))
        if field_name := next(mapped, None):
            return field_name
        if slug := next((slug for slug in sorted(self.newsletters) if slug.lower() == column.strip().lower()), None):
            return f"newsletters.{slug}"
        return column if self._is_meaning(column) else NOTHING if self.ignore_unknown else None

    def meanings(self, header: list[str]) -> list[str]:
        """Return what the columns of a header mean.

        Raises:
            ConfigurationError: with one argument for each column that makes no sense.
        """
        if any("@" in name for name in header):
            raise ConfigurationError("the first line looks like a row: a header with user_id and email is wanted")
        meanings = [self.meaning_of(name) if name else NOTHING for name in header]
        known = PERSON & set(meanings)
        faults = [f'no column {name}: name it so, or add --map "COLUMN={name}"' for name in sorted(PERSON - known)]
        faults += self._repeated(header, meanings)
        for number, (name, meaning) in enumerate(zip(header, meanings, strict=True), start=1):
            if meaning is None:
                shown = f" ({name})" if known and printable(name) == name else ""
                faults.append(f"column {number}{shown} is not known{self._nearest(name)}; {_OPTIONS}")
        there = {name: name for name in header if name}
        faults += [f"--map: there is no column {_shown(name)}" for name in self.columns if not _find(name, there)]
        if faults:
            raise ConfigurationError(*faults)
        return [meaning or NOTHING for meaning in meanings]

    def explain(self, key: str) -> str:
        """Return why a row is refused that says something of a key nobody knows."""
        return f"attributes: {printable(key)}: mapped to no Brevo attribute{self._nearest(key)}; {_OPTIONS}"

    def _repeated(self, header: list[str], meanings: list[str | None]) -> Iterator[str]:
        numbers: dict[str, list[int]] = {}
        for number, (name, meaning) in enumerate(zip(header, meanings, strict=True), start=1):
            if meaning != NOTHING:
                numbers.setdefault(meaning or f" {name}", []).append(number)
        for meaning, found in numbers.items():
            if len(found) > 1 and meaning not in GENERAL:
                what = "have the same name" if meaning.startswith(" ") else f"both say {meaning}"
                yield f"columns {' and '.join(map(str, found[:2]))} {what}"

    def _is_meaning(self, name: str) -> bool:
        one = _OF_ONE.fullmatch(name)
        return one[2] in self.newsletters if one else name in MEANINGS | self.fields | {NOTHING}

    def _nearest(self, name: str) -> str:
        known = MEANINGS | self.fields | {f"newsletters.{slug}" for slug in self.newsletters}
        near = difflib.get_close_matches(_plain(name), sorted(known), 1)
        return f"; the nearest known name is {near[0]}" if near else ""


def newsletter_of(meaning: str) -> tuple[str, bool] | None:
    """Return the newsletter of which a column says yes or no, and what a yes means there."""
    one = _OF_ONE.fullmatch(meaning)
    return (one[2], not one[1]) if one else None


def parse_pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """Return what ``LEFT=RIGHT`` said, as often as it was given; a column's name may hold the sign too.

    Raises:
        ConfigurationError: one has no sign of equality, or nothing beside it.
    """
    pairs = [(left.strip(), right.strip()) for left, _, right in (text.rpartition("=") for text in texts or [])]
    if not all(left and right for left, right in pairs):
        raise ConfigurationError(f"{option}: a name, =, and what it means are wanted")
    return dict(pairs)


def _find(column: str, meanings: Mapping[str, str]) -> str | None:
    """Return what is known of a column, however it is written in capitals."""
    plain = column.strip().lower()
    return next((meaning for name, meaning in meanings.items() if name.strip().lower() == plain), None)


def _plain(column: str) -> str:
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def _shown(name: str) -> str:
    """Return what an operator typed, unless it may be a person's data."""
    return repr(name) if name.isprintable() and "@" not in name and len(name) <= 60 else UNPRINTABLE  # noqa: PLR2004
