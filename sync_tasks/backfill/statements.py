"""What a row states: its cells by their meaning become the arguments of an event. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sync_tasks.backfill.cells import (
    Kept,
    Manner,
    both_of_hour,
    convert,
    find_damage,
    last_of_day,
    read_moment,
    read_truth,
)
from sync_tasks.backfill.columns import GENERAL, NOTHING, PERSON, Words, newsletter_of
from sync_tasks.domain.events import printable
from sync_tasks.texts import SLUG, UNPRINTABLE

Types = Callable[[], Mapping[str, Kept]]
_TEXT, _ANYTHING = Kept("text"), Kept()
_APART = re.compile(r"[,;|\n]")
# Arrays of PostgreSQL and JSON in a cell.
_AROUND = " {}[]\"'"
_MOST_KEYS = 10_000
_NAMES = ("first_name", "last_name")
# Each account has them, and nobody can change their type: there is nothing to ask.
_ALWAYS_TEXT = frozenset({"FIRSTNAME", "LASTNAME"})


class RefusedError(Exception):
    """A row makes no sense; the text says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the rows of one file are understood; ``numbers`` are those of the columns, if it has columns."""

    words: Words
    manner: Manner
    types: Types
    numbers: Mapping[str, int] = field(default_factory=dict)
    _meanings: dict[str, str | None] = field(default_factory=dict)

    def from_object(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments that an object states.

        Raises:
            RefusedError: it makes no sense.
        """
        stated: dict[str, Any] = {}
        for key, value in given.items():
            meaning = self._meaning(key)
            if meaning is None:
                raise RefusedError(self.words.explain(key))
            if meaning in stated:
                raise RefusedError(f"{printable(meaning)}: said twice")
            if meaning != NOTHING:
                stated[meaning] = value
        return self.arguments(stated)

    def _meaning(self, key: str) -> str | None:
        """Return what a key means; the rows of a file have the same few keys."""
        if key in self._meanings:
            return self._meanings[key]
        meaning = "attributes" if key == "attributes" else self.words.meaning_of(key)
        if len(self._meanings) < _MOST_KEYS:
            self._meanings[key] = meaning
        return meaning

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of what is said by meaning.

        Raises:
            RefusedError: it makes no sense.
        """
        own = given.get("attributes")
        usual = self.words.values.items()
        given = {name: value for name, value in usual if not (isinstance(own, dict) and name in own)} | {**given}
        for meaning, value in given.items():
            if isinstance(value, str) and (damage := find_damage(value, is_id=meaning == "user_id")):
                raise RefusedError(f"{self._place(meaning)}: {damage}")
        arguments = {name: given[name] for name in PERSON if name in given}
        arguments["newsletters"] = self._wishes(given)
        if "occurred_at" in given:
            arguments["occurred_at"] = self._moment(given["occurred_at"], arguments["newsletters"].values())
        return arguments | self._person(given)

    def _person(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return names and further attributes, each of the type that Brevo keeps for it."""
        further = given.get("attributes", {})
        if not isinstance(further, dict):
            return {"attributes": further}
        known = {name: value for name, value in given.items() if name in self.words.fields or name in _NAMES}
        if further and (unmapped := further.keys() - self.words.fields):
            raise RefusedError(self.words.explain(min(unmapped)))
        if further and (twice := further.keys() & known.keys()):
            raise RefusedError(f"{printable(min(twice))}: said twice, also in attributes")
        values = {name: self._convert(name, value) for name, value in {**further, **known}.items()}
        attributes = {name: value for name, value in values.items() if name not in _NAMES}
        return {name: values[name] for name in _NAMES if name in known} | {"attributes": attributes}

    def _convert(self, name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
        try:
            known = self.words.attributes.get(name) in _ALWAYS_TEXT
            return convert(value, _TEXT if known else self.types().get(name, _ANYTHING), self.manner)
        except ValueError as error:
            raise RefusedError(f"{self._place(name)}: {error}") from None

    def _moment(self, text: object, wishes: Iterable[bool]) -> object:
        """Return when something was so; of several moments that it may mean, an opt-out takes the last one."""
        if not isinstance(text, str):
            return text
        try:
            moment, whole_day = read_moment(text, self.manner)
        except ValueError as error:
            raise RefusedError(f"{self._place('occurred_at')}: {error}") from None
        return _of_day(moment, set(wishes)) if whole_day else self._of_hour(moment, set(wishes))

    def _of_hour(self, moment: datetime, wishes: set[bool]) -> datetime:
        """Return the moment; of two that it may mean, an opt-out takes the later one, unless it lies ahead."""
        earlier, later = both_of_hour(moment)
        if earlier == later:
            return moment
        if len(wishes) > 1:
            place = self._place("occurred_at")
            raise RefusedError(f"{place}: the clocks were changed then: add the offset, such as +01:00")
        return min(later, max(datetime.now(UTC), earlier)) if False in wishes else earlier

    def _wishes(self, given: Mapping[str, Any]) -> dict[str, bool]:
        """Return which newsletters are subscribed and which are not; if a row says both, it is not."""
        named, own = self._named(given.get("newsletters", [])), self._own(given)
        general = self._general(given, named=bool(named))
        if general is False:
            return dict.fromkeys([*(named or sorted(self.words.newsletters)), *own], False)
        wishes = {slug: wished for slug, wished in {**named, **own}.items() if wished is not None}
        wishes |= {slug: False for slug, wished in named.items() if wished is False}
        return wishes if general else {slug: False for slug, wished in wishes.items() if not wished}

    def _general(self, given: Mapping[str, Any], *, named: bool) -> bool | None:
        """Return whether a row subscribes at all, which it does if it says nothing of it; or that this is not known."""
        said = {name: given[name] for name in GENERAL if name in given}
        if not said:
            return True
        if not named and all(value == "" for value in _several(said.get("subscribed", ""))):
            said.pop("subscribed", None)
        subscribed = {self._truth("subscribed", value) for value in _several(said.get("subscribed", ()))}
        unsubscribed = {self._truth("unsubscribed", value) for value in _several(said.get("unsubscribed", ()))}
        if subscribed == {True} and True in unsubscribed:
            raise RefusedError("subscribed: unsubscribed says the opposite")
        if False in subscribed or True in unsubscribed:
            return False
        return None if None in subscribed else True

    def _own(self, given: Mapping[str, Any]) -> dict[str, bool | None]:
        """Return what columns of single newsletters say."""
        own: dict[str, bool | None] = {}
        for meaning, value in given.items():
            if "." in meaning and (one := newsletter_of(meaning)):
                slug, positive = one
                truth = self._truth(meaning, value)
                wished = truth if positive or truth is None else not truth
                own[slug] = False if own.get(slug) is False else wished
        return own

    def _truth(self, meaning: str, value: object) -> bool | None:
        try:
            return read_truth(value, status=meaning != "unsubscribed")
        except ValueError as error:
            raise RefusedError(f"{self._place(meaning)}: {error}") from None

    def _named(self, given: object) -> dict[str, bool | None]:
        """Return the newsletters of a cell or a list, or what an object says of each."""
        if isinstance(given, dict):
            named = {slug: self._truth(f"newsletters.{slug}", value) for slug, value in given.items()}
        elif isinstance(given, str):
            named = dict.fromkeys(self._split(given), True)
        elif isinstance(given, list) and all(isinstance(one, str) for one in given):
            named = dict.fromkeys((self._renamed(one.strip()) for one in given), True)
        else:
            raise RefusedError(f"{self._place('newsletters')}: a list of newsletters is wanted")
        if unknown := sorted(named.keys() - self.words.newsletters - {NOTHING}):
            shown = ", ".join(slug if re.fullmatch(SLUG, slug) else UNPRINTABLE for slug in unknown)
            raise RefusedError(f"{self._place('newsletters')}: {shown}: not in the configuration")
        return {slug: wished for slug, wished in named.items() if slug != NOTHING}

    def _split(self, cell: str) -> list[str]:
        """Return the newsletters that a cell names, set off by commas, semicolons, bars or white space."""
        pieces = (piece.strip(_AROUND) for piece in _APART.split(cell.strip(_AROUND)))
        if not self.words.names:
            return [name for piece in pieces for name in piece.split()]
        known = {name.lower() for name in self.words.names}
        names = (name for piece in pieces for name in ([piece] if piece.lower() in known else piece.split()))
        return [self._renamed(name) for name in names]

    def _renamed(self, name: str) -> str:
        return next((slug for left, slug in self.words.names.items() if left.lower() == name.lower()), name)

    def _place(self, meaning: str) -> str:
        """Return what a cell is called in a message: its meaning, and the number of its column."""
        name = meaning if newsletter_of(meaning) else printable(meaning)
        return f"{name} (column {self.numbers[meaning]})" if meaning in self.numbers else name


def _several(value: object) -> tuple[object, ...]:
    """Return what several columns say, or the one value that there is."""
    return value if isinstance(value, tuple) else (value,)


def _of_day(moment: datetime, wishes: set[bool]) -> datetime:
    if len(wishes) > 1:
        raise RefusedError("occurred_at: a day alone does not show which came last: add the time")
    return last_of_day(moment) if False in wishes else moment
