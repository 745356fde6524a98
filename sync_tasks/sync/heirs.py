"""Whose a deleted user's contact is by now, and what of the deleted one is still in it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sync_tasks.domain.contact import Contact, RemoteContact
from sync_tasks.domain.diff import Change, describe_change, describe_left
from sync_tasks.domain.erasure import inheritance
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.errors import MissingContactError, RejectedContactError
from sync_tasks.providers import Gateway
from sync_tasks.state.store import Store
from sync_tasks.sync.anonymize import clear_inheritance


@dataclass(frozen=True, slots=True, repr=False)
class Heirs:
    """Looks after contacts that go from a deleted user to another; ``read`` and ``send`` as the push of ``user_id``."""

    user_id: str
    mapping: AccountMapping
    gateway: Gateway
    store: Store
    read: Callable[[int], RemoteContact | None]
    send: Callable[[int, Change], None]

    def find(self, remote: RemoteContact) -> Contact | None:
        """Return the living user whose contact it is, by its ``ext_id`` or by what we know of its address."""
        claimant = self.store.claimant(remote.address) if remote.address else None
        called = self.mapping.ext_ids.user_of(remote.ext_id)
        for user_id in {called, claimant} - {None, "", self.user_id}:
            other = self.store.peek(user_id or "")
            known = other.seen.get(self.mapping.account) if other else None
            own = known and known.id == remote.id
            if other and not other.erased and (own or (user_id == called and remote.address in other.addresses)):
                return other
        return None

    def clear(self, remote: RemoteContact, heir: Contact) -> str:
        """Clear what an heir never set, and return what that was, for the history; nothing if there was nothing.

        Raises:
            RejectedContactError: Brevo keeps some of it.
        """
        left = inheritance(remote, heir, self.mapping, self.gateway.attribute_types())
        if not left:
            return ""
        read, send = partial(self.read, remote.id), partial(self.send, remote.id)
        try:
            clear_inheritance(remote.id, heir, self.mapping, self.gateway, read=read, send=send)
        except MissingContactError:
            return f"contact {remote.id} is gone"
        except RejectedContactError:
            what = f"contact {remote.id} is another user's by now, and of the deleted one Brevo keeps"
            raise RejectedContactError(f"{what}: {describe_left(left)}") from None
        return f"cleared in contact {remote.id}: {describe_change(left)}"

    def is_inherited(self, remote: RemoteContact) -> bool:
        """Return whether a contact that becomes the user's was a deleted user's before."""
        called = self.mapping.ext_ids.user_of(remote.ext_id)
        return called not in {"", self.user_id} and self.store.is_erased(called)
