"""Removing what a probe made, and nothing else: each thing is looked at before it is deleted.

One look may be wrong. A thing is gone if Brevo answers its deletion by 204, or if two rounds of looks miss it.
Whatever else was made is named and stays written down, and the next run looks for it again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from sync_tasks.domain.events import Json
from sync_tasks.errors import RejectedContactError
from sync_tasks.probe.journal import KINDS, Made, MadeJournal
from sync_tasks.providers.brevo.probe_desk import ProbeDesk, Row

# How long the end of an import is waited for, in seconds between two looks.
IMPORT_GAPS = (1.0, 2.0, 5.0, 10.0, 20.0)
# An import whose process nobody knows is over by then: Brevo says "usually within a minute".
IMPORT_OVER = 600.0
# So many seconds after the first round of looks comes the second one.
SECOND_ROUND = 3.0
_UNKNOWN = "a contact that it may have made"


def clean_up(
    desk: ProbeDesk, journal: MadeJournal, made: Made, *, now: float, rest: Callable[[float], None]
) -> list[str]:
    """Remove all that a run made, and forget it; return what is left, without anything personal.

    ``now`` in seconds since 1970, by the clock that wrote ``made.imported``.
    """
    if made.imported and not _import_is_over(desk, made, now, rest):
        return ["an import that Brevo has not ended, and all that the run made: run the probe again in ten minutes"]
    first = last = _Round(desk, journal, made).go()
    if first.missed or first.unconfirmed:
        rest(SECOND_ROUND)
        last = _Round(desk, journal, made, first.missed | first.unconfirmed).go()
    left = dict(last.left)
    left |= dict.fromkeys(sorted(last.unconfirmed), "whose deletion Brevo does not confirm")
    left |= dict.fromkeys(sorted(last.missed - last.before), "which is not found any more")
    if not left:
        journal.end()
    return [f"{name}, {why}" for name, why in left.items()]


def _import_is_over(desk: ProbeDesk, made: Made, now: float, rest: Callable[[float], None]) -> bool:
    """What an import creates after the clean-up, nobody would ever remove."""
    answers: list[bool | None] = []

    def look() -> bool:
        answers.append(None if made.process is None else desk.is_over(made.process))
        return answers[-1] is True

    if made.process is not None and wait_for(look, IMPORT_GAPS, rest):
        return True
    return not any(answer is not None for answer in answers) and now > made.imported + IMPORT_OVER


def wait_for(look: Callable[[], bool], gaps: Iterable[float], rest: Callable[[float], None]) -> bool:
    """Return whether a look finds what is waited for, now or after one of these gaps."""
    for gap in gaps:
        if look():
            return True
        rest(gap)
    return look()


@dataclass(slots=True, repr=False)
class _Round:
    """One round of looks and deletions, of all that is not confirmed as deleted.

    ``left``: what is there still, and why. ``missed``: what no look found. ``unconfirmed``: what Brevo was
    asked to delete and did not confirm by a 204. ``before``: what an earlier round missed.
    """

    desk: ProbeDesk
    journal: MadeJournal
    made: Made
    before: set[str] = field(default_factory=set)
    left: dict[str, str] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    unconfirmed: set[str] = field(default_factory=set)

    def go(self) -> "_Round":
        """Look for everything, and delete it."""
        for contact_id in [one for one in self.made.ids if _contact(one) not in self.made.removed]:
            self._remove_known(contact_id)
        self._remove_unknown()
        # A contact that is there may have no other mark.
        marks = {"run"} if {*self.left, *self.unconfirmed, *self.missed - self.before} else set[str]()
        if _list(self.made) not in self.made.removed:
            self._remove_list()
        self._remove_attributes(KINDS.keys() - marks)
        return self

    def _remove_known(self, contact_id: int) -> None:
        found = self.desk.show(contact_id)
        if found is None:
            self.missed.add(_contact(contact_id))
        elif is_ours(found, self.made):
            self._delete(_contact(contact_id), lambda: self.desk.remove_contact(contact_id))
        else:
            self.left[_contact(contact_id)] = "which does not show that the probe made it"

    def _remove_unknown(self) -> None:
        """Look in other ways for contacts whose id nobody knows, or that no look by id found."""
        unreadable = False
        for look in _other_looks(self.desk, self.made, moved=bool(self.missed) or not self.made.ids):
            if self._open == 0:
                return
            found = look()
            unreadable |= found is not None and not self._remove_found(found)
        for found in self.desk.show_newest() if self._open else ():
            unreadable |= is_ours(found, self.made) and not self._remove_found(found)
        if unreadable:
            self.left[_UNKNOWN] = "since an answer cannot be read"
        elif self._open > len(self.missed):
            self.missed.add(_UNKNOWN)

    def _remove_found(self, found: Row) -> bool:
        """Delete a contact that a look found, if it is the run's; return whether what was shown can be read."""
        contact_id, ours = found.get("id"), is_ours(found, self.made)
        if not isinstance(contact_id, int) or not (ours or isinstance(found.get("attributes"), dict)):
            return False
        name = _contact(contact_id)
        if ours and name not in {*self.made.removed, *self.left, *self.unconfirmed}:
            if contact_id not in self.made.ids:
                self.made.ids.append(contact_id)
                self.journal.note(self.made)
            self._delete(name, lambda: self.desk.remove_contact(contact_id))
        return True

    @property
    def _open(self) -> int:
        """How many contacts may be there that this round has not come to."""
        ids = self.made.ids
        met = {*self.made.removed, *self.left, *self.unconfirmed} & set(map(_contact, ids))
        return max(self.made.expected, len(ids)) - len(met)

    def _remove_list(self) -> None:
        made, number = self.made, self.made.list_id
        name = None if number is None else self.desk.name_of_list(number)
        if name not in {None, made.list_name}:
            self.left[_list(made)] = "which has another name by now"
            return
        found = number if name else self.desk.list_named(made.list_name)
        if found is None:
            self.missed.add(_list(made))
            return
        made.list_id = found
        self._delete(_list(made), lambda: self.desk.remove_list(found))

    def _remove_attributes(self, kinds: Iterable[str]) -> None:
        names = [name for name in sorted(map(self.made.attribute, kinds)) if _attribute(name) not in self.made.removed]
        there = self.desk.names_of_attributes() if names else frozenset()
        self.missed.update(_attribute(name) for name in names if name not in there)
        for name in filter(there.__contains__, names):
            self._delete(_attribute(name), partial(self.desk.remove_attribute, name))

    def _delete(self, name: str, remove: Callable[[], bool]) -> None:
        self.missed.discard(name)
        try:
            done = remove()
        except RejectedContactError:
            self.left[name] = "which Brevo does not delete"
            return
        if done:
            self.made.removed.append(name)
            self.journal.note(self.made)
        else:
            self.unconfirmed.add(name)


def _contact(contact_id: int) -> str:
    return f"contact {contact_id}"


def _list(made: Made) -> str:
    return "its list" if made.list_id is None else f"list {made.list_id}"


def _attribute(name: str) -> str:
    return f"attribute {name}"


def _other_looks(desk: ProbeDesk, made: Made, *, moved: bool) -> Iterator[Callable[[], Row | None]]:
    yield from (
        lambda address=address: desk.show_address(address)
        for address in (made.addresses if moved else made.addresses[:2])
    )
    yield from (lambda number=number: desk.show_ext_id(made.ext_id(number)) for number in (1, 2))


def attributes_of(contact: Row) -> Mapping[str, Json]:
    """Return the attributes that Brevo shows of a contact."""
    found = contact.get("attributes")
    return found if isinstance(found, dict) else {}


def is_ours(contact: Row, made: Made) -> bool:
    """Return whether a contact carries the marks of the run: another person may have the address by now."""
    attributes = attributes_of(contact)
    ours = (made.ext_id(1), made.ext_id(2))
    return attributes.get(made.attribute("run")) == made.token or any(
        shown in ours for shown in (contact.get("ext_id"), attributes.get("EXT_ID"))
    )
