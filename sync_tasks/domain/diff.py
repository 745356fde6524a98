"""The difference between a desired and a remote contact, as the one change that removes it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sync_tasks.domain.contact import Block, RemoteContact, RemoteState
from sync_tasks.domain.desired import DesiredContact
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.opt_outs import standing
from sync_tasks.domain.stored_values import is_same

# Telephone numbers are attributes too, but Brevo refuses a text that is no number, and another contact's number. Seen
# by other projects until November 2026, not measured. If it ends, this set and its users go.
NUMBERS = frozenset({"SMS", "WHATSAPP", "LANDLINE_NUMBER"})
# Digests of contacts that we must not write to: anonymized by us; another system's, always or since lately.
ERASED, FOREIGN, TAKEN = "erased", "foreign", "taken"
FOREIGNERS = frozenset({FOREIGN, TAKEN})


@dataclass(frozen=True, slots=True, repr=False)
class NewContact:
    """A contact to be created, with everything that the portal wants."""

    address: str
    ext_id: str
    attributes: Mapping[str, Json]
    lists: frozenset[int]


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """The parts of a contact that one request changes; a part left out stays as it is.

    ``nulls``: attributes to clear by ``null``, because an empty text did not.
    """

    address: str | None = None
    ext_id: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    join: frozenset[int] = frozenset()
    leave: frozenset[int] = frozenset()
    blocklisted: bool | None = None
    nulls: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self != Change()


def difference(wanted: DesiredContact, seen: RemoteState, guarded: Block | None = None) -> Change:
    """Return the one change that makes an existing contact as it should be.

    Before a block is lifted, the contact leaves every list that the lift must not reopen. That is a request of its own,
    because Brevo may mail in between.
    """
    block = standing(seen.block or guarded, wanted.address, wanted.address_since, seen.bounced)
    renewed = {list_id for list_id, since in wanted.subscribed.items() if block and since > block.latest}
    lifted = block is not None and block.kind == "unsubscribed" and _is_fresh(wanted, renewed)
    ended_up_to = max(block.latest if block else "", seen.unblocked)
    held_back = {list_id for list_id, since in wanted.subscribed.items() if since <= ended_up_to}
    address = wanted.address if wanted.address not in (None, seen.address) else None
    leave = _to_leave(wanted, seen) | ((seen.lists | seen.former) - renewed if lifted else set())
    blocklisted = _blocklisting(seen, guarded, block, lifted=lifted, moves=address is not None)
    if blocklisted is False and leave:
        return Change(leave=leave)
    same = wanted.digest == seen.digest
    return Change(
        address=address,
        ext_id=None if same else wanted.ext_id,
        attributes={} if same else wanted.attributes,
        join=frozenset(wanted.subscribed) - seen.lists - held_back,
        leave=leave,
        blocklisted=blocklisted,
    )


def _is_fresh(wanted: DesiredContact, renewed: Iterable[int]) -> bool:
    return any(wanted.subscribed[list_id] > wanted.held for list_id in renewed)


def _to_leave(wanted: DesiredContact, seen: RemoteState) -> frozenset[int]:
    """Return the lists that the contact must leave.

    A list that Brevo skips for this contact takes it back only after it left the list. Other projects saw this until
    November 2026; it is not measured.
    """
    return seen.lists & (
        wanted.unsubscribed | (seen.foreign_lists - set(wanted.subscribed) - wanted.kept) | seen.skipped
    )


def _blocklisting(
    seen: RemoteState, guarded: Block | None, block: Block | None, *, lifted: bool, moves: bool
) -> bool | None:
    """Return the flag to send, or ``None`` to leave it alone.

    A confirmed subscription lifts the block of an older unsubscription; a new address lifts that of a bounce.
    """
    if lifted or block is None:
        return False if seen.block else None
    if seen.block:
        return True if moves else None  # Brevo lifts a block when the e-mail changes (its help): send it along
    return True if guarded else None


def essential(change: Change, mapping: AccountMapping) -> Change:
    """Return only the parts that end something: an opt-out must reach Brevo even if the rest is refused."""
    flags = {name: value for name, value in change.attributes.items() if name in mapping.flags and value is True}
    return Change(attributes=flags if change.leave else {}, leave=change.leave, blocklisted=change.blocklisted or None)


def differing(remote: RemoteContact, wanted: DesiredContact) -> tuple[str, ...]:
    """Return the names of the values that a contact just read holds otherwise than wanted."""
    names = sorted(name for name, value in wanted.attributes.items() if differs(remote, name, value))
    return (*(["ext_id"] if remote.ext_id != wanted.ext_id else []), *names)


def describe_drift(change: Change, names: Iterable[str]) -> str:
    """Return the difference between a contact and the portal's wish, in names and numbers alone."""
    return ", ".join(
        [
            *(f"not on list {number}" for number in sorted(change.join)),
            *(f"on list {number}" for number in sorted(change.leave)),
            *(["the address"] if change.address else []),
            *names,
        ]
    )


def describe_left(change: Change) -> str:
    """Return the names of what a refused change would have cleared or replaced."""
    parts = [
        *(["the address"] if change.address else []),
        *sorted(change.attributes),
        *(f"list {number}" for number in sorted(change.leave)),
    ]
    return ", ".join(parts) or "the block"


def describe_change(change: Change) -> str:
    """Return a change in words, with names and numbers alone."""
    parts = [
        *(f"joined list {number}" for number in sorted(change.join)),
        *(f"left list {number}" for number in sorted(change.leave)),
        *(["the address"] if change.address else []),
        *([", ".join(sorted(change.attributes))] if change.attributes else []),
        *(["blocklisted"] if change.blocklisted else ["no longer blocklisted"] if change.blocklisted is False else []),
    ]
    return ", ".join(parts)


def differs(remote: RemoteContact, name: str, value: Json) -> bool:
    """Return whether an attribute was read with another value; empty and absent are the same."""
    return not is_same(held_value(remote, name, value), value)


def held_value(remote: RemoteContact, name: str, wanted: Json) -> Json:
    """Return the value of an attribute: the one wanted if that is it, written otherwise.

    If ``False`` is wanted, an absent one counts as ``False``.

    Brevo drops booleans in imports (github.com/sendinblue/APIv3-python-library, issue 95, open in November 2026). No
    contact shows an attribute that was never set. If imports keep booleans one day, return the held value alone.
    """
    held = remote.attributes.get(name)
    if held is None and wanted is False:
        return False
    return wanted if is_same(held, wanted, phone=name in NUMBERS) else held
