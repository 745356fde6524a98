"""Whose contact is found at Brevo."""

from dataclasses import dataclass

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.erasure import is_anonymized
from sync_tasks.domain.identity import is_proven, is_stranger
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.errors import DuplicateContactError
from sync_tasks.providers import Gateway
from sync_tasks.state.store import Store
from sync_tasks.texts import is_international


def is_somebodys(remote: RemoteContact, mapping: AccountMapping, store: Store) -> bool:
    """Return whether the state holds a user who claims a contact's address, or whom its ``ext_id`` names."""
    called = mapping.ext_ids.user_of(remote.ext_id)
    return bool(store.claimant(remote.address or "") or (called and store.peek(called)))


@dataclass(frozen=True, slots=True, repr=False)
class ContactOwnership:
    """Finds out whose a contact is that is found at Brevo; ``addresses`` are all that the ``contact`` ever had."""

    gateway: Gateway
    mapping: AccountMapping
    store: Store
    contact: Contact
    addresses: frozenset[str]

    def owner(self, remote: RemoteContact) -> str:
        """Return the other user whose contact it is, as far as the pipeline knows one by more than the ``ext_id``."""
        owner = self.mapping.ext_ids.user_of(remote.ext_id)
        holder = self.store.peek(owner) if owner not in {"", self.contact.user_id} else None
        if holder is None:
            return ""
        seen = holder.seen.get(self.mapping.account)
        held = seen.id == remote.id if seen and seen.id is not None else remote.address in holder.addresses
        return owner if held else ""

    def is_mine(self, remote: RemoteContact) -> bool:
        """A contact that nobody else of the portal stands behind is the user's: the portal leads."""
        stepped_aside = remote.ext_id in self.mapping.ext_ids.all_of(self.contact.user_id)
        living = stepped_aside or not is_anonymized(remote)
        return not self.owner(remote) and (self.contact.erased or living) and not self._may_be_given_up(remote)

    def is_disputed(self, remote: RemoteContact) -> bool:
        """Return whether another user may have the contact, who has its address, or gave it up and has not moved.

        If Brevo shows no ``ext_id``, only a look by the user's own distinguishes them.
        """
        before = self.contact.seen.get(self.mapping.account)
        if remote.ext_id is not None or self.gateway.shows_ext_ids or self.contact.erased:
            return False
        if before and before.id == remote.id:
            return False
        address, user_id = remote.address or "", self.contact.user_id
        has_another = self.store.claimant(address) not in {None, user_id}
        return has_another or self.store.is_vacated(address, by_other_than=user_id)

    def _may_be_given_up(self, remote: RemoteContact) -> bool:
        """Return whether a contact that may be another user's is not found by the user's own ``ext_id``."""
        if not self.is_disputed(remote):
            return False
        mine = self.find_by_ext_id()
        return mine is None or mine.id != remote.id

    def is_proven(self, remote: RemoteContact) -> bool:
        """Return whether a contact with the user's ``ext_id`` is the user's; an address may be given up by now."""
        if is_proven(remote, self.contact, self.mapping, self.addresses | {*self.contact.addresses}):
            return True
        return self.contact.erased and self.store.is_vacated(remote.address or "")

    def is_foreign(self, remote: RemoteContact) -> bool:
        """Return whether another system has made a contact its own."""
        return self.mapping.ext_ids.is_foreign(remote.ext_id)

    def is_stranger(self, remote: RemoteContact, known: RemoteState) -> bool:
        """Return whether somebody else is found under the id of a contact that we know."""
        return is_stranger(remote, self.contact, self.mapping, known)

    def find_by_ext_id(self) -> RemoteContact | None:
        """Return the user's contact by the pattern of today or a former one; one that is only called so is nobody's."""
        found = (self.gateway.find_ext_id(ext_id) for ext_id in self.mapping.ext_ids.all_of(self.contact.user_id))
        return next((remote for remote in found if remote and self.is_proven(remote)), None)

    def refuse_twin(self, contact_id: int, address: str) -> None:
        """Of the two forms of a domain beyond ASCII Brevo makes two addresses, and refuses no duplicate."""
        twin = self.gateway.find_address(address) if is_international(address) else None
        if twin and twin.id != contact_id:
            raise DuplicateContactError("another contact has the address in its other form", ("email",))
