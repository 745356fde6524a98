"""A campaign: mails to a list, each with the values of its contact. None leaves the sandbox."""

import re

from sync_tasks.sandbox.account import SandboxAccount
from sync_tasks.sandbox.contact import SandboxContact
from sync_tasks.sandbox.wire import JsonObject

_PLACE = re.compile(r"\{\{\s*contact\.([A-Za-z0-9_]+)\s*\}\}")


def write_mails(account: SandboxAccount, list_id: int, text: str) -> list[JsonObject]:
    """Return a mail for everybody on a list whom Brevo would write to: ``to``, and the ``text`` with its places filled.

    ``{{ contact.FIRSTNAME }}`` is an attribute. What a contact lacks is empty, as at Brevo.
    """
    readers = (
        contact
        for contact in account.contacts.values()
        if contact.email
        and list_id in contact.list_ids
        and not contact.blocklisted
        and list_id not in contact.unsubscribed_ids
    )
    return [{"to": contact.email, "text": _fill(text, contact)} for contact in readers]


def _fill(text: str, contact: SandboxContact) -> str:
    values = {**contact.attributes, "EMAIL": contact.email or ""}
    return _PLACE.sub(lambda place: str(values.get(place[1].upper(), "")), text)
