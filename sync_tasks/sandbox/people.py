"""What people do at Brevo without any request: readers of mails, and staff at Brevo's web page."""

import re
from collections.abc import Mapping

from sync_tasks.sandbox.account import SandboxAccount
from sync_tasks.sandbox.changes import read_change
from sync_tasks.sandbox.contact import SandboxContact, note_statistic, note_unsubscription, show_time
from sync_tasks.sandbox.outbox import CAMPAIGN
from sync_tasks.sandbox.wire import JsonObject, invalid

READER = "192.0.2.1"
_PLACE = re.compile(r"\{\{\s*contact\.([A-Za-z0-9_]+)\s*\}\}")


def unsubscribe(account: SandboxAccount, contact: SandboxContact) -> None:
    """The reader uses Brevo's unsubscribe link: blocklisted account-wide, still on the lists."""
    note_unsubscription(contact, "userUnsubscription", _happening(account) | {"ip": READER})
    account.blocklist(contact)
    account.outbox.report_unsubscription(contact.email, list(contact.list_ids))


def unsubscribe_from_list(account: SandboxAccount, contact: SandboxContact, list_id: int) -> None:
    """The reader unsubscribes from one list: the contact stays on it, and Brevo skips it."""
    if not account.quirks.unsubscription_per_list:
        raise invalid("unsubscription per list is not activated: switch on the quirk unsubscription_per_list")
    if list_id not in contact.list_ids:
        raise invalid("the contact is not on this list")
    note_unsubscription(contact, "userUnsubscription", _happening(account) | {"ip": READER})
    account.skip(contact, list_id)
    account.outbox.report_unsubscription(contact.email, [list_id])


def bounce(account: SandboxAccount, contact: SandboxContact) -> None:
    """A mail comes back permanently."""
    note_statistic(contact, "hardBounces", _happening(account))
    account.blocklist(contact)
    account.outbox.report_bounce(contact.email)


def complain(account: SandboxAccount, contact: SandboxContact) -> None:
    """The reader calls a mail spam."""
    note_statistic(contact, "complaints", _happening(account))
    account.blocklist(contact)
    account.outbox.report_complaint(contact.email)


def edit(account: SandboxAccount, contact: SandboxContact, body: Mapping[str, object]) -> None:
    """Somebody changes the contact at Brevo's web page; ``body`` is as in a PUT."""
    change = read_change(body, account)
    if account.find_duplicates(change, contact):
        raise invalid("Another contact has one of the identifiers")
    account.update(contact, change)


def _happening(account: SandboxAccount) -> JsonObject:
    return {"campaignId": CAMPAIGN, "eventTime": show_time(account.clock())}


# Somebody deletes the contact at Brevo's web page: that is all there is to it.
ACTS = {"unsubscribe": unsubscribe, "bounce": bounce, "complain": complain, "delete": SandboxAccount.delete}


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
