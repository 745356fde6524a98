"""Requests to Brevo: bodies, paths and queries. Pure.

An address is in a path only if it is safe there: Brevo's firewall refuses some. Texts for logs hold templates only.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sync_tasks.domain.diff import NUMBERS, Change, NewContact
from sync_tasks.domain.events import Json
from sync_tasks.domain.pauses import CREATING
from sync_tasks.providers.brevo import limits

_PATH_SAFE = re.compile(r"[A-Za-z0-9_:|~=+-]+")
# An address without slash, ``%`` and two dots in a row.
_PATH_SAFE_ADDRESS = re.compile(r"(?!.*\.\.)[^\s/%\\\"?#]+@[^\s/%\\\"?#]+")
_WALLED = (".zip", ".old", ".back", ".tar")
_UNQUOTABLE = frozenset('"\\')
IMPORT = "/contacts/import"
_CREATIONS = frozenset({"/contacts", IMPORT})


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One request; as text it is fit for a log: it shows the path's template and ids alone.

    ``personal`` calls carry data of a person. The firewall may refuse that although the account is fine. ``lists`` are
    those that must exist.
    """

    method: str
    path: str
    parts: Mapping[str, int | str] = field(default_factory=dict)
    query: Mapping[str, int | str | tuple[int, ...]] = field(default_factory=dict)
    body: Mapping[str, Json] | None = None
    about: str = ""
    personal: bool = False
    lists: frozenset[int] = frozenset()

    @property
    def writes(self) -> bool:
        """Whether the request may change something at Brevo."""
        return self.method != "GET"

    @property
    def has_number(self) -> bool:
        """Whether the request carries a telephone number, which is refused more often than anything else."""
        attributes = (self.body or {}).get("attributes")
        return isinstance(attributes, dict) and not NUMBERS.isdisjoint(attributes)

    @property
    def address(self) -> str:
        """The address that a contact shall have; empty if the request names none."""
        body = self.body or {}
        attributes = body.get("attributes")
        return str(body.get("email") or (attributes.get("EMAIL") if isinstance(attributes, dict) else None) or "")

    @property
    def bucket(self) -> str:
        """The limit of Brevo's in which the request counts."""
        return "contacts" if self.path.startswith("/contacts") else "other"

    @property
    def part(self) -> str:
        """The part of the account that the request needs; empty if it needs none."""
        return CREATING if self.method == "POST" and self.path in _CREATIONS else ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}{self.about}"

    __repr__ = __str__


def read_account() -> Call:
    """Return the call that shows whose account the key opens."""
    return Call("GET", "/account")


def create_contact(contact: NewContact) -> Call:
    """Return the call that creates a contact, answers with its id and leaves an existing one alone."""
    body: dict[str, Json] = {
        "email": contact.address,
        "ext_id": contact.ext_id,
        "attributes": _attributes_of(contact),
        "updateEnabled": False,
        "getId": True,
    }
    if contact.lists:
        body["listIds"] = [*sorted(contact.lists)]
    about = _about(contact.lists)
    return Call("POST", "/contacts", body=body, about=about, personal=True, lists=frozenset(contact.lists))


def change_contact(contact_id: int, change: Change) -> Call:
    """Return the call that makes a whole change at once; values left out are not sent."""
    attributes: dict[str, Json] = {name: "" if value is None else value for name, value in change.attributes.items()}
    # Brevo documents that an empty text clears an attribute. Another project clears dates with null (November 2026, not
    # measured). So null is the second try, if an empty text did not clear. If one is sure one day, `nulls` goes.
    attributes |= dict.fromkeys(change.nulls)
    if change.address is not None:
        attributes["EMAIL"] = change.address
    wanted: dict[str, Json] = {
        "attributes": attributes or None,
        "ext_id": change.ext_id,
        "listIds": [*sorted(change.join)] or None,
        "unlinkListIds": [*sorted(change.leave)] or None,
        "emailBlacklisted": change.blocklisted,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    lists = change.join | change.leave
    about = _about(lists, contact_id)
    return Call("PUT", "/contacts/{id}", parts={"id": contact_id}, body=body, about=about, personal=True, lists=lists)


def read_contact(contact_id: int) -> Call:
    """Return the call that reads one contact with its statistics: they alone show the reason of a block."""
    query = {"identifierType": "contact_id"}
    return Call("GET", "/contacts/{id}", parts={"id": contact_id}, query=query, about=_about((), contact_id))


def read_ext_id(ext_id: str) -> Call | None:
    """Return the call that reads the contact of this ``ext_id``; ``None`` if the text is not safe in a path.

    Proxies resolve a slash or dots, and decode ``%`` once too often. Brevo's firewall refuses some paths with ``@`` or
    a file ending (seen by other projects, not measured).
    """
    if not _PATH_SAFE.fullmatch(ext_id):
        return None
    query = {"identifierType": "ext_id"}
    return Call("GET", "/contacts/{ext_id}", parts={"ext_id": ext_id}, query=query, personal=True)


def read_address(address: str) -> Call | None:
    """Return the call that reads the contact of this address; ``None`` if the address is not safe in a path.

    Brevo documents this look (``identifierType=email_id``), but no filter by ``EMAIL``
    (https://developers.brevo.com/reference/get-contact-info, November 2026). Its firewall answers 403 with a page for
    paths that end like a backup file (``.zip``, ``.old``; seen by other projects, not measured).
    """
    if not _PATH_SAFE_ADDRESS.fullmatch(address) or address.endswith(_WALLED):
        return None
    query = {"identifierType": "email_id"}
    return Call("GET", "/contacts/{address}", parts={"address": address}, query=query, personal=True)


def read_few() -> Call:
    """Return the call that reads any few contacts."""
    return Call("GET", "/contacts", query={"limit": 10, "sort": "asc"})


def read_several(ids: Collection[int]) -> Call:
    """Return the call that reads up to 20 contacts by their numeric ids, without statistics.

    https://developers.brevo.com/reference/get-contacts names ``ids``; Brevo's schema does not (November 2026).
    """
    query: dict[str, int | str | tuple[int, ...]] = {"ids": tuple(sorted(ids)), "limit": len(ids), "sort": "asc"}
    return Call("GET", "/contacts", query=query, about=f" ({len(ids)} ids)")


def search_contacts(attribute: str, value: str) -> Call | None:
    """Return the call that filters contacts by one attribute; ``None`` if the filter cannot quote the value."""
    if _UNQUOTABLE & set(value):
        return None
    query: dict[str, int | str] = {"filter": f'equals({attribute},"{value}")', "limit": limits.PAGE, "sort": "asc"}
    return Call("GET", "/contacts", query=query, personal=True)


def move_contacts(list_id: int, ids: Collection[int], verb: str) -> Call:
    """Return the call that puts contacts on a list (``add``) or takes them off it (``remove``)."""
    about = f" (list {list_id}; {len(ids)} contacts)"
    path = f"/contacts/lists/{{id}}/contacts/{verb}"
    return Call("POST", path, parts={"id": list_id}, body={"ids": [*sorted(ids)]}, about=about)


def import_contacts(lists: Collection[int], contacts: Iterable[NewContact]) -> Call:
    """Return the call that creates many contacts and changes nothing in those that exist.

    By default an import overwrites existing contacts, sends ``emailBlacklist: false`` and mails the account's owner
    (https://developers.brevo.com/reference/import-contacts). Whether it lifts blocks is not documented: assume so.
    """
    rows: list[Json] = [_row(contact) for contact in contacts]
    body: dict[str, Json] = {
        "jsonBody": rows,
        "listIds": [*sorted(lists)],
        "updateExistingContacts": False,
        "disableNotification": True,
    }
    about = f"{_about(lists)} {len(rows)} contacts"
    return Call("POST", IMPORT, body=body, about=about, personal=True, lists=frozenset(lists))


def _row(contact: NewContact) -> Json:
    return {"email": contact.address, "attributes": {**_attributes_of(contact), "EXT_ID": contact.ext_id}}


def _attributes_of(contact: NewContact) -> dict[str, Json]:
    """Return the attributes to send of a new contact; Brevo's schema allows no null, and absent means empty."""
    return {name: value for name, value in contact.attributes.items() if value not in (None, "") and value is not False}


def read_modified(since: datetime) -> Call:
    """Return the call that lists the contacts changed since a moment, the last created first."""
    moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return Call("GET", "/contacts", query={"modifiedSince": moment, "limit": limits.PAGE, "sort": "desc"})


def read_page() -> Call:
    """Return the call that lists all contacts, the first created first, so that a new one moves no page."""
    return Call("GET", "/contacts", query={"limit": limits.PAGE, "sort": "asc"})


def read_lists() -> Call:
    """Return the call that reads the account's lists, oldest first, so that a new one moves no page."""
    return Call("GET", "/contacts/lists", query={"limit": 50, "sort": "asc"})


def read_list(list_id: int) -> Call:
    """Return the call that reads one list."""
    return Call("GET", "/contacts/lists/{id}", parts={"id": list_id}, about=_about((list_id,)))


def read_attributes() -> Call:
    """Return the call that reads the account's contact attributes; nothing in it is personal."""
    return Call("GET", "/contacts/attributes")


def skip(call: Call, offset: int) -> Call:
    """Return the same call for a later page."""
    return replace(call, query={**call.query, "offset": offset})


def _about(lists: Iterable[int], contact_id: int | None = None) -> str:
    contact = [] if contact_id is None else [f"contact {contact_id}"]
    named = [f"lists {', '.join(str(one) for one in sorted(lists))}"] if lists else []
    return f" ({'; '.join(contact + named)})" if contact or named else ""
