"""Contacts and answers the gateway's tests share; ``example.com`` addresses stand for people."""

from typing import Any

from sync_tasks.domain.diff import Change, NewContact

ADDRESS = "peggy.rain@example.com"
NAME = "Peggy-Marker"

NEW = NewContact(ADDRESS, "user-1", {"FIRSTNAME": NAME, "AGE": 0, "OPEN": False}, frozenset({7, 3}))
RENAMED = Change(attributes={"FIRSTNAME": NAME})

MISSING = {"code": "document_not_found", "message": "Contact does not exist"}
NO_LIST = {"code": "document_not_found", "message": "List ID does not exist"}
WRONG_PATH = {"code": "not_found", "message": "Invalid route/ method passed"}
TAKEN = {
    "code": "invalid_parameter",
    "message": f"Unable to update contact, email {ADDRESS} is already associated with another Contact",
    "metadata": {"duplicate_identifiers": ["email"]},
}
HTML = f"<html><body>Forbidden: {ADDRESS}</body></html>".encode()
LATIN = "<html>Zugriff verweigert für ".encode("latin-1") + ADDRESS.encode() + b"</html>"


def remote(contact_id: int = 42, **changed: object) -> dict[str, Any]:
    """A contact as ``GET /contacts/{id}`` shows it."""
    contact: dict[str, Any] = {
        "id": contact_id,
        "email": ADDRESS,
        "emailBlacklisted": False,
        "smsBlacklisted": False,
        "createdAt": "2026-01-02T10:00:00Z",
        "modifiedAt": "2026-05-02T16:40:31Z",
        "listIds": [40, 3],
        "listUnsubscribed": None,
        "attributes": {"FIRSTNAME": NAME, "EMAIL": ADDRESS},
        "statistics": {},
        "ext_id": "user-1",
    }
    return {name: value for name, value in (contact | changed).items() if value is not ...}


def page(*contacts: dict[str, Any], count: int | None = None) -> dict[str, Any]:
    """A page of ``GET /contacts``, whose rows have no statistics."""
    rows = [{name: value for name, value in contact.items() if name != "statistics"} for contact in contacts]
    return {"contacts": rows, "count": len(rows) if count is None else count}
