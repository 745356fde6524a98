"""A Brevo account: its contacts, lists and attributes, and what a change does to them."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sync_tasks.sandbox.attributes import Attribute, read_phone
from sync_tasks.sandbox.contact import AttributeValue, SandboxContact, note_unsubscription, show_contact, show_time
from sync_tasks.sandbox.history import History
from sync_tasks.sandbox.outbox import Outbox
from sync_tasks.sandbox.roll import Roll
from sync_tasks.sandbox.schedule import Schedule
from sync_tasks.sandbox.settings import IMPORT_SECONDS, Quirks, SandboxSettings
from sync_tasks.sandbox.wire import JsonObject


@dataclass(slots=True)
class ContactList:
    """A list contacts may be on; ``blocklisted`` counts those on it that are."""

    id: int
    name: str
    folder_id: int
    created: float
    members: Roll = field(default_factory=Roll)
    blocklisted: int = 0


@dataclass(slots=True)
class Process:
    """An import, or the emptying of a list, at work; it ends as ``outcome`` when it is due."""

    id: int
    started: float
    due: float
    outcome: str
    invalid_emails: int = 0
    duplicate_ext_ids: int = 0

    def status(self, now: float) -> str:
        """Return how far it is by now."""
        if now >= self.due:
            return self.outcome
        states = ("queued", "in_process", "processing")
        return states[min(int(3 * (now - self.started) / (self.due - self.started)), 2)]


@dataclass(slots=True, kw_only=True)
class ContactChange:
    """What is to become of a contact; None leaves a field as it is, an attribute of None is cleared."""

    email: str | None = None
    ext_id: str | None = None
    attributes: dict[str, AttributeValue | None] = field(default_factory=dict)
    blocklisted: bool | None = None
    sms_blocklisted: bool | None = None
    join: list[int] = field(default_factory=list)
    leave: list[int] = field(default_factory=list)

    @property
    def phone(self) -> str | None:
        """Return the new phone number, if one is set."""
        return read_phone(self.attributes.get("SMS") or "")


class SandboxAccount:
    """All that Brevo holds. Knows its rules about contacts, nothing of requests.

    ``owner_mails`` counts the mails about imports that the account's owner got.
    """

    def __init__(self, settings: SandboxSettings, clock: Callable[[], float], history: History, outbox: Outbox) -> None:
        self.settings = settings
        self.quirks: Quirks = settings.quirks
        self.clock = clock
        self.history = history
        self.outbox = outbox
        self.contacts: dict[int, SandboxContact] = {}
        self.emails: dict[str, SandboxContact] = {}
        self.ext_ids: dict[str, SandboxContact] = {}
        self.phones: dict[str, SandboxContact] = {}
        self.roll = Roll()
        self.lists = {number: ContactList(number, name, 1, clock()) for number, name in settings.lists.items()}
        self.folders = {1: "Lists"}
        types = {"FIRSTNAME": "text", "LASTNAME": "text", "SMS": "text", **settings.attributes}
        self.attributes = {name: Attribute(name, kind) for name, kind in types.items()}
        self.webhooks = outbox.webhooks
        self.processes: dict[int, Process] = {}
        self.schedule = Schedule()
        self.owner_mails = 0
        self.organization = settings.organization or secrets.token_hex(12)
        self._last_contact_id = 0
        self._chance = random.Random(settings.seed)  # noqa: S311 - chance, no secret

    def find_duplicates(self, change: ContactChange, contact: SandboxContact | None = None) -> list[str]:
        """Return which identifiers in a change are another contact's already."""
        holders = {
            "email": self.emails.get(change.email or ""),
            "SMS": self.phones.get(change.phone or ""),
            "ext_id": self.ext_ids.get(change.ext_id or ""),
        }
        return [kind for kind, holder in holders.items() if holder is not None and holder is not contact]

    def create(self, change: ContactChange) -> SandboxContact:
        """Return a new contact, made from a change without duplicates."""
        now = self.clock()
        self._last_contact_id += 1
        contact = SandboxContact(self._last_contact_id, now, now, {})
        self.contacts[contact.id] = contact
        self.roll.add(contact.id)
        if change.email is not None:
            self._address(contact, change.email)
        self._note(contact, "created")
        self._apply(contact, change, moved=False)
        return contact

    def update(self, contact: SandboxContact, change: ContactChange) -> None:
        """Change a contact; the change brings no duplicates."""
        contact.modified = self.clock()
        moved = change.email is not None and change.email != contact.email
        if moved and change.email is not None:
            self._address(contact, change.email)
            self._note(contact, "address_changed")
        self._apply(contact, change, moved=moved)
        attributes = {**change.attributes, "EMAIL": contact.email} if moved else change.attributes
        if attributes:
            self.outbox.report_update(contact.email, attributes)

    def delete(self, contact: SandboxContact) -> None:
        """Forget a contact, its opt-out included."""
        self._set_blocklisted(contact, value=False, noted=False)
        for list_id in contact.list_ids:
            self.lists[list_id].members.drop(contact.id)
        for index, key in ((self.emails, contact.email), (self.ext_ids, contact.ext_id)):
            index.pop(key or "", None)
        self.phones.pop(str(contact.attributes.get("SMS")), None)
        self.roll.drop(contact.id)
        del self.contacts[contact.id]
        self._note(contact, "deleted")
        self.outbox.report_deletion(contact.email)

    def join(self, contact: SandboxContact, list_ids: list[int]) -> None:
        """Put a contact on lists; those it is on already do not count."""
        joined = [number for number in dict.fromkeys(list_ids) if number not in contact.list_ids]
        for list_id in joined:
            self.lists[list_id].members.add(contact.id)
            self.lists[list_id].blocklisted += contact.blocklisted
            self._note(contact, "joined", list_id)
        if joined:
            contact.list_ids = (*contact.list_ids, *joined)
            contact.unsubscribed_ids = tuple(number for number in contact.unsubscribed_ids if number not in joined)
            contact.modified = self.clock()
            self.outbox.report_join(contact.email, joined)

    def leave(self, contact: SandboxContact, list_ids: list[int]) -> None:
        """Take a contact off lists; those it is not on do not count."""
        for list_id in [number for number in dict.fromkeys(list_ids) if number in contact.list_ids]:
            self.lists[list_id].members.drop(contact.id)
            self.lists[list_id].blocklisted -= contact.blocklisted
            contact.list_ids = tuple(number for number in contact.list_ids if number != list_id)
            contact.modified = self.clock()
            self._note(contact, "left", list_id)

    def skip(self, contact: SandboxContact, list_id: int) -> None:
        """Send a contact no campaign of a list any more, until it has left that list and joined it again."""
        contact.modified = self.clock()
        if list_id not in contact.unsubscribed_ids:
            contact.unsubscribed_ids = (*contact.unsubscribed_ids, list_id)
            self._note(contact, "skipped", list_id)

    def show(self, contact: SandboxContact) -> JsonObject:
        """Return a contact as Brevo shows it, in the way in which this account does."""
        quirks = self.quirks
        return show_contact(contact, ext_id_shown=quirks.ext_id_shown, per_list=quirks.unsubscription_per_list)

    def blocklist(self, contact: SandboxContact) -> None:
        """Block e-mail to a contact, account-wide."""
        contact.modified = self.clock()
        self._set_blocklisted(contact, value=True)

    def start_process(self, outcome: str = "completed") -> Process:
        """Return a new process, which ends when an import would."""
        now, number = self.clock(), len(self.processes) + 1
        seconds = self.settings.import_seconds
        takes = self._chance.uniform(*IMPORT_SECONDS) if seconds is None else seconds
        self.processes[number] = Process(number, now, now + takes, outcome)
        return self.processes[number]

    def create_folder(self, name: str) -> int:
        """Return the id of a new, empty folder."""
        number = max(self.folders, default=0) + 1
        self.folders[number] = name
        return number

    def create_list(self, name: str, folder_id: int) -> ContactList:
        """Return a new, empty list; a folder that is not there yet is made."""
        self.folders.setdefault(folder_id, f"Folder {folder_id}")
        number = max(self.lists, default=0) + 1
        self.lists[number] = ContactList(number, name, folder_id, self.clock())
        return self.lists[number]

    def delete_list(self, list_id: int) -> None:
        """Delete a list; whoever was on it is not any more, and stays otherwise."""
        for number in list(self.lists[list_id].members):
            self.leave(self.contacts[number], [list_id])
        del self.lists[list_id]

    def _apply(self, contact: SandboxContact, change: ContactChange, *, moved: bool) -> None:
        if change.ext_id is not None:
            self.ext_ids.pop(contact.ext_id or "", None)
            contact.ext_id = change.ext_id
            self.ext_ids[change.ext_id] = contact
        if change.attributes:
            self._set_attributes(contact, change.attributes)
        if change.sms_blocklisted is not None:
            contact.sms_blocklisted = change.sms_blocklisted
        self._settle_blocklisting(contact, change.blocklisted, moved=moved)
        self.leave(contact, change.leave)
        self.join(contact, change.join)

    def _address(self, contact: SandboxContact, email: str) -> None:
        self.emails.pop(contact.email or "", None)
        contact.email = email
        self.emails[email] = contact

    def _set_attributes(self, contact: SandboxContact, values: dict[str, AttributeValue | None]) -> None:
        if "SMS" in values:
            self.phones.pop(str(contact.attributes.get("SMS")), None)
        for name, value in values.items():
            if value is None:
                contact.attributes.pop(name, None)
            else:
                contact.attributes[name] = value
        if (phone := contact.attributes.get("SMS")) is not None:
            self.phones[str(phone)] = contact

    def _settle_blocklisting(self, contact: SandboxContact, wanted: bool | None, *, moved: bool) -> None:  # noqa: FBT001
        before = contact.blocklisted
        if moved and self.quirks.email_change_lifts_blocklist:
            kept = wanted is True and not self.quirks.email_change_lifts_blocklist_even_if_sent
            self._set_blocklisted(contact, value=kept)
        elif wanted is not None:
            self._set_blocklisted(contact, value=wanted)
        if contact.blocklisted and not before:
            note_unsubscription(contact, "adminUnsubscription", {"eventTime": show_time(self.clock())})
            if self.quirks.api_blocklisting_fires_unsubscribed:
                self.outbox.report_unsubscription(contact.email, list(contact.list_ids))

    def _set_blocklisted(self, contact: SandboxContact, *, value: bool, noted: bool = True) -> None:
        if contact.blocklisted == value:
            return
        contact.blocklisted = value
        for list_id in contact.list_ids:
            self.lists[list_id].blocklisted += 1 if value else -1
        if noted:
            self._note(contact, "blocklisted" if value else "unblocklisted")

    def _note(self, contact: SandboxContact, what: str, list_id: int | None = None) -> None:
        self.history.note(self.clock(), contact.id, what, list_id)
