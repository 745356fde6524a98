"""Whose contact stands in the way when Brevo refuses a duplicate."""

from sync_tasks.contacts import RemoteContact
from sync_tasks.errors import DuplicateContactError, TooEarlyError
from sync_tasks.gateway import Gateway


def find_holder(gateway: Gateway, error: DuplicateContactError, address: str, user_id: str) -> RemoteContact:
    """Return the contact that has the address or the ``ext_id`` already.

    Raises:
        DuplicateContactError: it is neither of them that another contact has.
        TooEarlyError: Brevo does not show that contact yet.
    """
    if "email" in error.identifiers and address:
        holder = gateway.find_address(address)
    elif "ext_id" in error.identifiers:
        holder = gateway.find_ext_id(user_id)
    else:
        raise error
    if holder is None:
        raise TooEarlyError("Brevo refuses a duplicate that it does not show yet")
    return holder
