"""The proof that a contact is this user's. Pure.

An ``ext_id`` alone proves nothing: a shop fills it with 1, 2, 3. Proofs are the numeric id that we know, an address of
the user, and a token that we made. An ``ext_id`` proves it if its pattern has a fixed part.
"""

from collections.abc import Collection

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import ERASED
from sync_tasks.domain.erasure import is_anonymized
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.errors import ForeignContactError


def is_stranger(remote: RemoteContact, contact: Contact, mapping: AccountMapping, before: RemoteState) -> bool:
    """Return whether the id that we know is somebody else's by now: neither address nor ``ext_id`` is the user's.

    A contact that we anonymized is ours by its id: a slow old write may have restored a person's data.
    """
    if before.id != remote.id or before.digest == ERASED:
        return False
    known = remote.address in {before.address, *contact.addresses} or is_anonymized(remote)
    return not (known or remote.ext_id in mapping.ext_ids.all_of(contact.user_id))


def is_proven(remote: RemoteContact, contact: Contact, mapping: AccountMapping, addresses: Collection[str]) -> bool:
    """Return whether a contact with the user's ``ext_id`` is the user's; ``addresses`` are the user's."""
    before = contact.seen.get(mapping.account)
    if remote.address in addresses or is_anonymized(remote) or (before and before.id == remote.id):
        return True
    return mapping.ext_ids.proves(remote.ext_id, contact.user_id)


def foreign_contact(contact_id: int) -> ForeignContactError:
    """Return the error of a contact whose owner only a person can know."""
    return ForeignContactError(
        f"Brevo's contact {contact_id} has this user's ext_id, but an address that the portal never named, or another "
        "system's ext_id; nothing was changed: make one of them right at Brevo, or set [contacts] ext_id, then replay"
    )
