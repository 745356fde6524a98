"""The parts of a refused request: what is sound of it, and which event brought the rest. Pure.

Brevo refuses a request as a whole for one of its parts, and mostly does not say for which.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.diff import NUMBERS, Change, NewContact
from sync_tasks.domain.mapping import PortalMapping
from sync_tasks.domain.registers import ADDRESS
from sync_tasks.errors import DuplicateContactError, RejectedAddressError, RejectedNumberError, RejectedPartError

# The address, as one part among attributes: this is Brevo's name for it there.
EMAIL = "EMAIL"
# The end of a block, as one part: it goes with the address, for it may only hold there.
LIFT = "emailBlacklisted"
_NUMBER_KINDS = frozenset(name.lower() for name in NUMBERS)
_Written = TypeVar("_Written", NewContact, Change)


@dataclass(frozen=True, slots=True, repr=False)
class Rest:
    """Less of a refused change, and the names of the parts that it leaves out."""

    change: Change
    left_out: frozenset[str] = frozenset()


def sound_rests(
    change: Change, identifiers: Collection[str], *, sure: bool, with_address: frozenset[int] = frozenset()
) -> Iterator[Rest]:
    """Yield ever less of a refused change, the likeliest first; an empty one need not be sent.

    ``identifiers``: the kinds that Brevo says another contact has. ``sure``: no list to be left can be the reason.
    ``with_address``: lists that the event which brought the address asked for.
    """
    numbers = NUMBERS.intersection(change.attributes)
    if identifiers and _NUMBER_KINDS.isdisjoint(identifiers):
        return
    empty = frozenset(name for name in numbers if change.attributes[name] in ("", None)) - change.nulls
    if empty and not identifiers:
        yield Rest(replace(change, nulls=change.nulls | empty))
    if numbers:
        yield _without(change, numbers, with_address)
    if identifiers or not sure:
        return
    address, attributes = frozenset({EMAIL} if change.address else ()), frozenset(change.attributes)
    # A truth value is seldom the reason, and it may record an unsubscription.
    values = frozenset(name for name in attributes if not isinstance(change.attributes[name], bool))
    tries = (address, numbers | address, values, values | address, attributes, attributes | address)
    for names in dict.fromkeys(tries):
        rest = _without(change, names, with_address)
        if rest.change and names not in (frozenset(), numbers):
            yield rest


def _without(change: Change, names: frozenset[str], with_address: frozenset[int]) -> Rest:
    rest = without_parts(change, names)
    if EMAIL not in names:
        return Rest(rest, names)
    # A bounce or an opt-out of the address before stands as long as the contact has that address.
    lifts = change.blocklisted is False
    rest = replace(rest, join=rest.join - with_address, blocklisted=None if lifts else rest.blocklisted)
    return Rest(rest, names | {LIFT} if lifts else names)


def without_parts(change: Change, names: Collection[str]) -> Change:
    """Return a change without some of its attributes, or without the address."""
    return replace(
        change,
        address=None if EMAIL in names else change.address,
        attributes={name: value for name, value in change.attributes.items() if name not in names},
        nulls=change.nulls.difference(names),
    )


def without_numbers(wanted: _Written) -> _Written:
    """Return the same without telephone numbers, so that a refused or taken number does not spoil the rest."""
    rest = {name: value for name, value in wanted.attributes.items() if name not in NUMBERS}
    return replace(wanted, attributes=rest)


def may_be_a_number(error: DuplicateContactError) -> bool:
    """Return whether another contact may have the telephone number, and has not the address."""
    return not _NUMBER_KINDS.isdisjoint(error.identifiers) and EMAIL.lower() not in error.identifiers


def without_number(error: DuplicateContactError) -> DuplicateContactError:
    """Return the same refusal of a request without telephone numbers: it is about something else.

    Brevo says "SMS or EXT_ID are already associated with another Contact", with or without ``metadata``. Other projects
    saw that until November 2026; it is not measured.
    """
    kinds = tuple(kind for kind in error.identifiers if kind not in _NUMBER_KINDS)
    return DuplicateContactError(str(error), kinds or error.identifiers)


def rejected(names: Iterable[str], refused: Change | NewContact) -> RejectedPartError:
    """Return the error of a refused request of which Brevo has taken all but some parts."""
    shown = ", ".join("the address" if name == EMAIL else name for name in sorted(names) if name != LIFT)
    if EMAIL in names:
        return RejectedAddressError(f"Brevo refuses {shown}; all else is done", tuple(names))
    if not NUMBERS.issuperset(names):
        return RejectedPartError(f"Brevo refuses one of {shown}; all else is done", tuple(names))
    if all(refused.attributes.get(name) in ("", None) for name in names):
        return RejectedNumberError(f"Brevo refuses to empty {shown}; all else is done", tuple(names))
    why = "no such number, or another contact has it"
    return RejectedNumberError(f"Brevo refuses {shown}: {why}; all else is done", tuple(names))


def concerns_part(key: EventKey, contact: Contact, mapping: PortalMapping, error: RejectedPartError) -> bool:
    """Return whether an event brought a refused part; the event of an address asked for its list at that address.

    A sign-up waits for the end of a block, whoever brought the address.
    """
    if contact.erased or (LIFT in error.parts and key.task == "subscribe_contact"):
        return True
    names = {mapping.attributes.get(name) for name in contact.attributes_of(key)}
    return not names.isdisjoint(error.parts) or (EMAIL in error.parts and ADDRESS in contact.registers_of(key))
