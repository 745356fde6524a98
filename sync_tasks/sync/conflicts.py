"""What stands in the way of a contact: another one has its address or its ``ext_id``, or a deleted user had it."""

from dataclasses import replace

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import Change, describe_change, describe_left
from sync_tasks.domain.erasure import inheritance
from sync_tasks.domain.identity import foreign_contact
from sync_tasks.errors import (
    AddressBusyError,
    AddressTakenError,
    DuplicateContactError,
    MissingContactError,
    RejectedContactError,
    TooEarlyError,
)
from sync_tasks.ext_ids import make_token
from sync_tasks.providers import Gateway
from sync_tasks.state.store import Sighting
from sync_tasks.sync.anonymize import clear_inheritance
from sync_tasks.sync.push import Push


def find_holder(gateway: Gateway, error: DuplicateContactError, address: str, ext_id: str) -> RemoteContact:
    """Return the contact that has the address or the ``ext_id`` already.

    Raises:
        DuplicateContactError: it is neither of them that another contact has.
        TooEarlyError: Brevo does not show that contact yet.
    """
    if "email" in error.identifiers and address:
        holder = gateway.find_address(address)
    elif "ext_id" in error.identifiers:
        holder = gateway.find_ext_id(ext_id)
    else:
        raise error
    if holder is None:
        raise TooEarlyError("Brevo refuses a duplicate that it does not show yet")
    return holder


def make_room(push: Push, error: DuplicateContactError, change: Change) -> None:
    """Another contact has what this one needs: it takes over, is anonymized, or is waited for."""
    by_address = "email" in error.identifiers and change.address is not None
    other = find_holder(push.gateway, error, change.address or "", push.mapping.ext_ids.of(push.lease.user_id))
    if other.id == push.known().id:
        raise TooEarlyError("Brevo refuses a duplicate that it does not show yet")
    if not push.ownership.is_mine(other):
        give_way(push, other)
    if push.ownership.is_foreign(other) or not push.ownership.is_proven(other):
        raise foreign_contact(other.id)
    if by_address:
        push.take_over(adopt(push, other) or other, push.known())
    else:
        push.remember_extra_contacts([other.id])


def give_way(push: Push, other: RemoteContact) -> None:
    """Another user has the address: wait if that one is about to give it up, refuse if not."""
    owner = push.ownership.owner(other)
    holder = push.store.peek(owner)
    if holder and not holder.erased and holder.address == other.address:
        raise address_taken(owner)
    push.blocked_by_user = owner
    here = push.known()
    if here.id is not None and here.address and push.store.claimant(here.address) not in (None, push.lease.user_id):
        _step_aside(push, here, here.id)
    raise AddressBusyError("waits until another user's contact has given up the address")


def find_heir(push: Push, remote: RemoteContact) -> Contact | None:
    """Return the living user whose contact it is by now. The ``ext_id`` or a known address shows that."""
    claimant = push.store.claimant(remote.address) if remote.address else None
    called = push.mapping.ext_ids.user_of(remote.ext_id)
    for user_id in {called, claimant} - {None, "", push.lease.user_id}:
        other = push.store.peek(user_id or "")
        known = other.seen.get(push.account) if other else None
        own = known and known.id == remote.id
        if other and not other.erased and (own or (user_id == called and remote.address in other.addresses)):
            return other
    return None


def leave_to(push: Push, heir: Contact, remote: RemoteContact) -> None:
    """Let another user have a contact that was the deleted one's, without what the deleted one left in it.

    A deleted user of whom we know another contact has left nothing here.
    """
    if push.known().id is None and _clear(push, remote, heir):
        push.store.mark_changed(push.account, [Sighting(user_id=heir.user_id)])
        push.users_to_nudge.add(heir.user_id)


def adopt(push: Push, remote: RemoteContact) -> RemoteContact | None:
    """Return a contact that becomes the user's, without what a deleted user left in it."""
    called = push.mapping.ext_ids.user_of(remote.ext_id)
    inherited = called not in {"", push.lease.user_id} and push.store.is_erased(called)
    return push.read(remote.id) if inherited and _clear(push, remote, push.lease.contact) else remote


def _clear(push: Push, remote: RemoteContact, heir: Contact) -> bool:
    """Clear what an heir never set, note what that was, and return whether there was anything.

    Raises:
        RejectedContactError: Brevo keeps some of it.
    """
    left = inheritance(remote, heir, push.mapping, push.gateway.attribute_types(remote.attributes))
    if not left:
        return False
    note = f"cleared in contact {remote.id}: {describe_change(left)}"
    try:
        clear_inheritance(push, remote.id, heir)
    except MissingContactError:
        note = f"contact {remote.id} is gone"
    except RejectedContactError:
        what = f"contact {remote.id} is another user's by now, and of the deleted one Brevo keeps"
        raise RejectedContactError(f"{what}: {describe_left(left)}") from None
    push.notes.append(note)
    return True


def _step_aside(push: Push, here: RemoteState, contact_id: int) -> None:
    """Two contacts, or a circle of them, wait for each other's address: a placeholder breaks the circle."""
    address = push.mapping.erased_address.format(token=make_token())
    push.renew_lease()
    change = Change(address=address, blocklisted=True if here.block else None)
    push.noting(lambda: push.gateway.change(contact_id, change))
    push.view = replace(push.view, seen=replace(here, address=address), guarded=here.block)


def address_taken(owner: str | None) -> AddressTakenError:
    """Return the error that names whose address it is."""
    return AddressTakenError(f"the address belongs to another living user, {owner or 'unknown'}; nothing was changed")
