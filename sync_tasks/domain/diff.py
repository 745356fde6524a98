"""The contact that the portal wants on one account, and the one change that makes a remote contact agree. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sync_tasks.domain.contact import Block, Contact, RemoteContact, RemoteState
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.domain.opt_outs import standing
from sync_tasks.domain.timestamps import DATE

# Telephone numbers are attributes too, but Brevo refuses a text that is no number, and another contact's number. Seen
# by other projects until November 2026, not measured. If it ends, this set and its users go.
NUMBERS = frozenset({"SMS", "WHATSAPP", "LANDLINE_NUMBER"})
# Digests of contacts that we must not write to: anonymized by us; another system's, always or since lately.
ERASED, FOREIGN, TAKEN = "erased", "foreign", "taken"
FOREIGNERS = frozenset({FOREIGN, TAKEN})
# What a provider makes of a value: the same one, written otherwise. Brevo keeps telephone numbers as digits (seen by
# other projects until November 2026, not measured). It may add a time to a date, keep a number as text, or trim a text.
_MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?(Z|\+00:?00)?")
_NO_DIGITS = re.compile(r"^00|\D")


@dataclass(frozen=True, slots=True, repr=False)
class DesiredContact:
    """A contact as the portal wants it on one account; ``subscribed`` holds for each list since when.

    ``held``: subscriptions up to this moment lift no block. ``address_since``: when the portal last confirmed the
    address. ``kept``: lists that it neither joins nor leaves, because somebody at Brevo manages them by hand.
    """

    address: str | None
    ext_id: str
    attributes: Mapping[str, Json]
    subscribed: Mapping[int, str]
    unsubscribed: frozenset[int]
    held: str = ""
    address_since: str = ""
    kept: frozenset[int] = frozenset()

    @property
    def digest(self) -> str:
        """A short text that stands for the attributes and the ``ext_id``."""
        return digest(self.attributes, self.ext_id)


def digest(attributes: Mapping[str, Json], ext_id: str | None) -> str:
    """Return a short text that differs if any of these differ; an empty value counts as absent."""
    filled = {name: value for name, value in attributes.items() if value not in ("", None)}
    text = json.dumps([ext_id, {name: _plain(value) for name, value in filled.items()}], sort_keys=True)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]


def _plain(value: Json) -> Json:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def desired_of(contact: Contact, mapping: AccountMapping, seen: RemoteState | None = None) -> DesiredContact:
    """Return how a living user's contact should be, without the subscriptions that were ended at Brevo.

    If the state is on hold, nothing is wanted that would subscribe anybody anew, nor an address from before.
    """
    seen = seen or RemoteState()
    subscribed, unsubscribed, kept = dict[int, str](), _left_lists(contact, mapping), set[int]()
    attributes = _attributes_of(contact, mapping)
    for slug, (since, wished) in mapping.subscriptions(contact).items():
        newsletter = mapping.newsletters[slug]
        alive = wished and since > _ended_up_to(contact, newsletter, seen, mapping)
        if alive and since <= contact.held and newsletter.list_id not in seen.lists:
            continue
        # Nobody can join a list that is absent, and nobody is on it.
        if alive and newsletter.retired:
            kept.add(newsletter.list_id)
        elif alive and newsletter.list_id not in mapping.absent:
            subscribed[newsletter.list_id] = since
        elif newsletter.list_id not in mapping.absent:
            unsubscribed.add(newsletter.list_id)
        attributes |= newsletter.attributes(alive=alive)
    kept |= mapping.lists if contact.manual else mapping.manual
    left_alone, off = frozenset(kept - subscribed.keys() - unsubscribed), frozenset(unsubscribed)
    ext_id, (address, since) = mapping.ext_ids.of(contact.user_id), _address_of(contact, seen)
    return DesiredContact(address, ext_id, attributes, subscribed, off, contact.held, since, left_alone)


def _attributes_of(contact: Contact, mapping: AccountMapping) -> dict[str, Json]:
    """Return the attributes that are of no newsletter: what the portal said, and the tokens of links."""
    said = {
        mapping.attributes[name]: "" if value is None else value
        for name, value in contact.attributes().items()
        if name in mapping.attributes
    }
    return {**said, **mapping.links.values(contact.user_id)}


def _address_of(contact: Contact, seen: RemoteState) -> tuple[str | None, str]:
    """Return the address, and since when it is confirmed; an address from before the hold waits."""
    since, address = contact.wish("address") or ("", None)
    held_back = since <= contact.held and address != seen.address
    return None if held_back else address, since if since > contact.held else ""


def _left_lists(contact: Contact, mapping: AccountMapping) -> set[int]:
    """Return the lists on which nobody stays; while the state is on hold, a waiting subscriber is not taken off."""
    wishes = contact.subscriptions().items() if contact.held and mapping.earlier else ()
    waiting = (mapping.earlier.get(slug, frozenset()) for slug, (since, on) in wishes if on and since <= contact.held)
    return set(mapping.former.difference(*waiting))


def _ended_up_to(contact: Contact, newsletter: Subscribable, here: RemoteState, mapping: AccountMapping) -> str:
    """Return up to when subscriptions were ended on a newsletter's list or an earlier one: an opt-out moves along."""
    former = (_ended_at(contact, account, list_id, here, mapping) for account, list_id in newsletter.had)
    return max([here.list_ended_up_to(newsletter.list_id), *former])


def _ended_at(contact: Contact, account: str, list_id: int, here: RemoteState, mapping: AccountMapping) -> str:
    if account == mapping.account:
        return here.list_ended_up_to(list_id)
    moments = [*contact.opt_outs(account).values(), contact.list_opt_outs(account).get(list_id, "")]
    seen = contact.seen.get(account, RemoteState())
    return max(*moments, seen.list_ended_up_to(list_id), seen.unblocked, seen.block.latest if seen.block else "")


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
    flags = dict.fromkeys(ended_flags(change.attributes, mapping), True)
    return Change(attributes=flags, leave=change.leave, blocklisted=change.blocklisted or None)


def leaving(change: Change, mapping: AccountMapping) -> Change:
    """Return the same for a contact whose other values cannot be written: flags only go along with a list call.

    Whether Brevo has a flag already is not known of such a contact.
    """
    return essential(change if change.leave else replace(change, attributes={}), mapping)


def ended_flags(attributes: Mapping[str, object], mapping: AccountMapping) -> frozenset[str]:
    """Return the attributes that record an unsubscription."""
    return frozenset(name for name in mapping.flags if attributes.get(name) is True)


def owed_flags(contact: Contact, mapping: AccountMapping, seen: RemoteState | None) -> frozenset[str]:
    """Return which of them Brevo's contact may lack, if they are written without a list call (see ``leaving``)."""
    if not mapping.flags or seen is None or seen.id is None:
        return frozenset()
    if contact.address_taken or seen.digest in {ERASED, *FOREIGNERS}:
        return frozenset()
    wanted = desired_of(contact, mapping, seen)
    return frozenset() if wanted.digest == seen.digest else ended_flags(wanted.attributes, mapping)


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


def is_same(held: Json, wanted: Json, *, phone: bool = False) -> bool:
    """Return whether a value read is the one wanted, written otherwise; empty and absent are the same."""
    held, wanted = ("" if value is None else value for value in (held, wanted))
    if held == wanted:
        return True
    if held == "" or wanted == "" or isinstance(held, bool) or isinstance(wanted, bool):
        return False
    if phone:
        return bool(digits := _digits(wanted)) and _digits(held) == digits
    if isinstance(held, str) and isinstance(wanted, str):
        return held.strip() == wanted.strip() or _is_same_date(held, wanted)
    return _is_same_number(held, wanted)


def _digits(value: Json) -> str:
    return _NO_DIGITS.sub("", str(value).strip())


def _is_same_date(held: str, wanted: str) -> bool:
    rest = held.removeprefix(wanted)
    return bool(DATE.fullmatch(wanted) and rest != held and _MIDNIGHT.fullmatch(rest))


def _is_same_number(held: Json, wanted: Json) -> bool:
    with suppress(ValueError, OverflowError):
        if isinstance(held, str | int | float) and isinstance(wanted, str | int | float):
            return str(held) == str(wanted) or float(held) == float(wanted)
    return False
