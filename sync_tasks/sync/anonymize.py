"""One contact is anonymized, and looked at until nothing personal is left."""

from collections.abc import Callable

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import Change, describe_left
from sync_tasks.domain.erasure import blind_erasure, erasure, inheritance
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.errors import RejectedContactError
from sync_tasks.providers import Gateway
from sync_tasks.tokens import make_token

ROUNDS = 4


def erase_seen(seen: RemoteState, mapping: AccountMapping, gateway: Gateway) -> Change:
    """Return what to anonymize in a contact that we know well enough not to read it first."""
    return blind_erasure(seen, mapping, gateway.attribute_types(), make_token())


def erase_contact(
    contact_id: int,
    mapping: AccountMapping,
    gateway: Gateway,
    *,
    read: Callable[[], RemoteContact | None],
    send: Callable[[Change], None],
) -> None:
    """Read the contact and write what is left to anonymize, until nothing is; ``read`` nothing where it is not ours.

    Raises:
        RejectedContactError: Brevo keeps something after all.
    """

    def find_left(remote: RemoteContact) -> Change:
        return erasure(remote, mapping, gateway.attribute_types(), make_token())

    _repeat(contact_id, find_left, read, send)


def clear_inheritance(
    contact_id: int,
    heir: Contact,
    mapping: AccountMapping,
    gateway: Gateway,
    *,
    read: Callable[[], RemoteContact | None],
    send: Callable[[Change], None],
) -> None:
    """Clear what a deleted user left in the contact of another one, the heir, until nothing of it is there.

    Raises:
        RejectedContactError: Brevo keeps something after all.
    """
    _repeat(contact_id, lambda remote: inheritance(remote, heir, mapping, gateway.attribute_types()), read, send)


def _repeat(
    contact_id: int,
    find_left: Callable[[RemoteContact], Change],
    read: Callable[[], RemoteContact | None],
    send: Callable[[Change], None],
) -> None:
    left = Change()
    for _ in range(ROUNDS):
        remote = read()
        if remote is None:
            return
        left = find_left(remote)
        if not left:
            return
        send(left)
    names = describe_left(left)
    raise RejectedContactError(
        f"Brevo keeps data of contact {contact_id} after its erasure: {names or 'the address or the block'}"
    )
