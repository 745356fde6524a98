"""One contact as Brevo holds it, and how Brevo shows it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from sync_tasks.sandbox.wire import JsonObject

AttributeValue: TypeAlias = str | int | float | bool | list[str]


@dataclass(slots=True, eq=False, repr=False)
class SandboxContact:
    """A person at Brevo; times are seconds since the epoch."""

    id: int
    created: float
    modified: float
    attributes: dict[str, AttributeValue]
    email: str | None = None
    ext_id: str | None = None
    list_ids: tuple[int, ...] = ()
    unsubscribed_ids: tuple[int, ...] = ()
    blocklisted: bool = False
    sms_blocklisted: bool = False
    statistics: JsonObject | None = None


def show_contact(contact: SandboxContact, *, ext_id_shown: str, per_list: bool = False) -> JsonObject:
    """Return the contact as it stands in Brevo's lists of contacts.

    ``ext_id_shown``: as an ``attribute``, as a ``field``, or ``nowhere``. ``per_list``: with what it unsubscribed from.
    """
    shown: JsonObject = {} if contact.email is None else {"email": contact.email}
    shown |= {
        "id": contact.id,
        "emailBlacklisted": contact.blocklisted,
        "smsBlacklisted": contact.sms_blocklisted,
        "whatsappBlacklisted": False,
        "createdAt": show_time(contact.created),
        "modifiedAt": show_time(contact.modified),
        "listIds": list(contact.list_ids),
        "listUnsubscribed": list(contact.unsubscribed_ids) if per_list else None,
        "attributes": contact.attributes,
    }
    if contact.ext_id is not None and ext_id_shown == "attribute":
        shown["attributes"] = {**contact.attributes, "EXT_ID": contact.ext_id}
    if contact.ext_id is not None and ext_id_shown == "field":
        shown["ext_id"] = contact.ext_id
    return shown


def show_time(seconds: float) -> str:
    """Return a time as Brevo writes it: UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def note_statistic(contact: SandboxContact, kind: str, happening: JsonObject) -> None:
    """Add a happening to the statistics Brevo shows with a single contact."""
    statistics = contact.statistics = contact.statistics or {}
    entries = statistics.setdefault(kind, [])
    if isinstance(entries, list):
        entries.append(happening)


def note_unsubscription(contact: SandboxContact, side: str, happening: JsonObject) -> None:
    """Add an opt-out to the statistics: ``userUnsubscription`` or ``adminUnsubscription``."""
    statistics = contact.statistics = contact.statistics or {}
    sides = statistics.setdefault("unsubscriptions", {"userUnsubscription": [], "adminUnsubscription": []})
    if isinstance(sides, dict):
        sides[side].append(happening)
