"""From what is wished and what is known to the next request: as few as possible, opt-outs always. Pure.

``next_step`` looks at one contact on one account and returns the next request. The caller carries it out, records the
result in ``SyncView`` and asks again, until nothing is left to do.
"""

from dataclasses import dataclass, replace

from sync_tasks.domain.contact import Block, Contact, RemoteState
from sync_tasks.domain.diff import (
    ERASED,
    FOREIGN,
    FOREIGNERS,
    Change,
    DesiredContact,
    NewContact,
    desired_of,
    difference,
    leaving,
)
from sync_tasks.domain.identity import foreign_contact
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.opt_outs import end_block, settle_block
from sync_tasks.domain.remote_state import after_move, before_write
from sync_tasks.errors import ErasedAtBrevoError, UnknownContactError
from sync_tasks.texts import is_international


@dataclass(frozen=True, slots=True)
class Read:
    """Read the contact of this id; ``if_changed``: to know that nothing changed since the last read is enough."""

    contact_id: int
    if_changed: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Search:
    """Look for the user's contact by these addresses, and by its ``ext_id`` if we may have created it."""

    addresses: tuple[str, ...]
    by_ext_id: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Write:
    """Change the contact of this id."""

    contact_id: int
    change: Change


@dataclass(frozen=True, slots=True)
class Erase:
    """Anonymize the contact of this id: read it, write ``erasure``, and repeat until the erasure is empty.

    ``written``: it was anonymized, and is to be looked at.
    """

    contact_id: int
    written: bool = False


Step = Read | Search | NewContact | Write | Erase


@dataclass(frozen=True, slots=True, repr=False)
class SyncView:
    """The knowledge of one user's contact on one account during a push.

    Without ``seen`` nobody has looked yet. ``fresh``: read in this push. ``outcome_unknown``: to be read before
    anything else. ``guarded``: a block that a request of ours may have lifted, and that must be there at the end.
    """

    seen: RemoteState | None = None
    fresh: bool = False
    outcome_unknown: bool = False
    guarded: Block | None = None


def first_view(contact: Contact, account: str, absent: frozenset[int] = frozenset()) -> SyncView:
    """Return the view that a push starts from, without the ``absent`` lists that the account lacks.

    It is nearly empty after an unknown outcome or a change at Brevo. A push that was refused its next request may have
    looked a moment ago: that still holds.
    """
    return without_lists(_first_view(contact, account), absent)


def _first_view(contact: Contact, account: str) -> SyncView:
    seen = contact.seen.get(account)
    if seen is not None and contact.looked.get(account):
        return SyncView(seen, fresh=True)
    # Forms and files at Brevo create contacts, too: nothing ends because nobody was there at an earlier look.
    absent = seen is not None and seen.id is None and _ends_something(contact)
    if not (contact.unknown_since or absent or account in contact.looks):
        return SyncView(seen)
    if seen is None or seen.id is None:
        return SyncView(None, outcome_unknown=True)
    return SyncView(seen, outcome_unknown=True, guarded=seen.block if contact.unknown_since else None)


def view_of_nobody(contact: Contact, mapping: AccountMapping, seen: RemoteState) -> SyncView:
    """Return the view once Brevo has no contact of the id that we know; ``seen``: what holds all the same.

    The person may have another contact by now, and is searched for, unless it is created: that finds it, too.
    """
    created = not _ends_something(contact) and _is_creatable(contact, desired_of(contact, mapping, seen))
    return SyncView(seen, fresh=True) if created else SyncView(None, outcome_unknown=True)


def is_met_by_creation(contact: Contact, mapping: AccountMapping, seen: RemoteState) -> bool:
    """Return whether a creation comes next if the user's ``ext_id`` finds nobody; ``seen``: what holds all the same.

    Brevo refuses a creation at an address that somebody has. So it shows as much as a look by the address. Whoever is
    new to the state is created without a look, too. Of a domain beyond ASCII there are two forms.
    """
    wanted = desired_of(contact, mapping, seen)
    same = contact.addresses == (wanted.address,) and not is_international(wanted.address or "")
    return same and not _ends_something(contact) and _is_creatable(contact, wanted)


def _ends_something(contact: Contact) -> bool:
    return contact.erased or any(key.task == "unsubscribe_contact" for key in contact.pending)


def concerns(contact: Contact, account: str, mapping: AccountMapping) -> bool:
    """Return whether this account may hold anything of the user."""
    known = contact.seen.get(account)
    wished = contact.subscriptions()
    return (
        contact.erased
        or (known is not None and known.id is not None)
        or any(mapping.find(newsletter) for newsletter in wished)
        or (known is None and not wished)
        or (known is None and any(newsletter in mapping.departed and not on for newsletter, (_, on) in wished.items()))
        or bool(contact.hints)
    )


def next_step(contact: Contact, mapping: AccountMapping, view: SyncView) -> Step | None:
    """Return the next step, or ``None`` if this account agrees with the portal.

    Raises:
        UnknownContactError: nothing shows which contact is meant.
        ErasedAtBrevoError: Brevo's contact is our anonymized one, but the state knows of no erasure.
    """
    seen = view.seen
    if seen is None:
        return _first_look(contact, mapping, view)
    if seen.extra_contact_ids:
        return Erase(min(seen.extra_contact_ids))
    if not contact.looked.get(mapping.account) and (hints := _to_look_for(contact, seen)):
        return Search(hints, by_ext_id=view.outcome_unknown and seen.id is None)
    if contact.erased:
        return _erased_step(mapping, view, seen)
    return _living_step(contact, mapping, view, seen)


def _to_look_for(contact: Contact, seen: RemoteState) -> tuple[str, ...]:
    """Return the addresses under which the user may have another contact than the one we know."""
    unknown = tuple(address for address in contact.hints if address != seen.address)
    if not unknown or _is_anothers(contact):
        return ()
    return contact.addresses if seen.id is None else unknown


def _erased_step(mapping: AccountMapping, view: SyncView, seen: RemoteState) -> Step | None:
    """Return the next step of an erasure; a contact that another system took over only leaves our lists."""
    if seen.id is None or (seen.digest == ERASED and not view.outcome_unknown):
        return None
    if seen.digest not in FOREIGNERS:
        return Erase(seen.id, written=seen.digest == ERASED)
    if view.outcome_unknown:
        return Read(seen.id)
    if seen.digest == FOREIGN:
        return None
    return (
        Write(seen.id, Change(leave=seen.lists, attributes=dict.fromkeys(mapping.flags, True))) if seen.lists else None
    )


def _is_anothers(contact: Contact) -> bool:
    """Return whether a look at the user's address would find another living user's contact."""
    return contact.address_taken and not contact.erased


def _living_step(contact: Contact, mapping: AccountMapping, view: SyncView, seen: RemoteState) -> Step | None:
    if seen.id is None:
        return _creation(desired_of(contact, mapping, seen), contact)
    if view.outcome_unknown:
        return Read(seen.id)
    if seen.digest == ERASED:
        raise ErasedAtBrevoError(
            f"Brevo's contact {seen.id} was anonymized by us, and the state knows of no erasure; nothing was changed: "
            "send an `anonymize_contact` if the user was deleted"
        )
    if seen.digest in FOREIGNERS:
        return _foreign_step(contact, mapping, view, seen)
    return _amendment(contact, mapping, view, seen)


def _foreign_step(contact: Contact, mapping: AccountMapping, view: SyncView, seen: RemoteState) -> Step | None:
    """Return the next step for another system's contact: it only ever leaves our lists."""
    wanted = desired_of(contact, mapping, seen)
    change = replace(leaving(difference(wanted, seen, view.guarded), mapping), blocklisted=None)
    if change:
        return Write(seen.id or 0, change)
    if wanted.subscribed:
        raise foreign_contact(seen.id or 0)
    return None


def _amendment(contact: Contact, mapping: AccountMapping, view: SyncView, seen: RemoteState) -> Read | Write | None:
    wanted, contact_id = desired_of(contact, mapping, seen), seen.id or 0
    change = difference(wanted, seen, view.guarded)
    if not view.fresh and _misses_lists(change, contact, seen, mapping):
        return Read(contact_id)
    if not view.fresh and _ended_lists(contact, mapping, since=seen.read_at) - seen.lists:
        # Somebody at Brevo may have put the contact on a list that it was not on.
        return Read(contact_id, if_changed=True)
    if contact.address_taken:
        change = leaving(change, mapping)
    elif not view.fresh and (_must_look(change, wanted, seen) or (change.ext_id and mapping.ext_ids.shared)):
        # On a shared account another system may have taken the contact over.
        return Read(contact_id, if_changed=change.address is None)
    return Write(contact_id, change) if change else None


def _first_look(contact: Contact, mapping: AccountMapping, view: SyncView) -> Step | None:
    if _is_anothers(contact):
        return Search((), by_ext_id=True) if view.outcome_unknown else None
    if not contact.addresses and not view.outcome_unknown:
        raise UnknownContactError(
            "the user was never seen and the event brings no address: send it again with `email` (or `previous_email`)"
        )
    wanted = desired_of(contact, mapping)
    foreign = is_international(wanted.address or "")
    if (
        contact.erased
        or view.outcome_unknown
        or not wanted.subscribed
        or contact.addresses != (wanted.address,)
        or foreign
    ):
        return Search(contact.addresses, by_ext_id=view.outcome_unknown)
    return _creation(wanted, contact)


def _creation(wanted: DesiredContact, contact: Contact) -> NewContact | None:
    if not _is_creatable(contact, wanted):
        return None
    if wanted.address is None:
        raise UnknownContactError("the contact must be created, but its address was given up: send an `update_contact`")
    return NewContact(wanted.address, wanted.ext_id, wanted.attributes, frozenset(wanted.subscribed))


def _is_creatable(contact: Contact, wanted: DesiredContact) -> bool:
    return bool(wanted.subscribed) and not contact.address_taken


def _misses_lists(change: Change, contact: Contact, seen: RemoteState, mapping: AccountMapping) -> bool:
    """Return whether a list must be left on which the contact may be although we do not know it.

    Nobody stays on a list that a newsletter had before, nor on one managed by hand after an opt-out. An opt-out at
    Brevo moves along to another account, so it must be known too.
    """
    ended = _ended_lists(contact, mapping)
    by_hand = ended if contact.manual else ended & mapping.manual
    unknown = (by_hand | (ended - seen.absent_lists)) - seen.lists or mapping.former - seen.lists - seen.absent_lists
    return bool(unknown or (mapping.departed and change.leave & mapping.former))


def _ended_lists(contact: Contact, mapping: AccountMapping, since: str = "") -> frozenset[int]:
    """Return the lists of the newsletters that opt-outs name which were accepted after a moment.

    A list that the account lacks has nobody.
    """
    ended = (
        mapping.find(key.newsletter)
        for key in contact.pending
        if key.task == "unsubscribe_contact" and (contact.accepted_at(key) or int(key.stamp)) > int(since or 0)
    )
    return frozenset(newsletter.list_id for newsletter in ended if newsletter) - mapping.absent


def _must_look(change: Change, wanted: DesiredContact, seen: RemoteState) -> bool:
    """Return whether to read first: a block at Brevo decides what a new subscription or address may do."""
    return change.address is not None or any(since >= seen.read_at for since in wanted.subscribed.values())


def without_lists(view: SyncView, lists: frozenset[int]) -> SyncView:
    """Return the view without lists that the account lacks: nobody is on them."""
    seen = view.seen
    if seen is None or not lists:
        return view
    names = ("lists", "foreign_lists", "absent_lists", "skipped", "former", "foreign")
    return replace(view, seen=replace(seen, **{name: getattr(seen, name) - lists for name in names}))


def after_write(view: SyncView, change: Change, wanted: DesiredContact) -> SyncView:
    """Return the view after Brevo accepted a change; a block that an e-mail change may have lifted is read back."""
    seen = before_write(view.seen or RemoteState(), change)
    block = seen.block or (view.guarded if change.blocklisted else None)
    after = replace(
        after_move(seen, change),
        address=change.address or seen.address,
        digest=wanted.digest if change.ext_id else seen.digest,
        block=block,
    )
    lifted = change.blocklisted is False
    after = end_block(after) if lifted else settle_block(after, wanted.address, wanted.address_since)
    moved_blocked = change.address is not None and after.block is not None
    return SyncView(
        after, fresh=not moved_blocked, outcome_unknown=moved_blocked, guarded=after.block if moved_blocked else None
    )
