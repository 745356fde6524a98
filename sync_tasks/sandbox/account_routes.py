"""Requests about the account itself and the attributes it has."""

from typing import TypeGuard

from sync_tasks.sandbox.account import SandboxAccount
from sync_tasks.sandbox.attributes import CATEGORIES, TYPES, Attribute
from sync_tasks.sandbox.wire import ApiCall, JsonObject, Reply, answer, invalid, not_found, read_json


def show_account(account: SandboxAccount, _call: ApiCall) -> Reply:
    """Show whose account it is and what it may do."""
    email = account.settings.owner_email
    body: JsonObject = {
        "organization_id": account.organization,
        "user_id": 1,
        "enterprise": False,
        "companyName": "Sandbox",
        "email": email,
        "firstName": "Sand",
        "lastName": "Box",
        "address": {"street": "1 Beach Road", "city": "Sandtown", "zipCode": "00000", "country": "Nowhere"},
        "dateTimePreferences": {"timezone": "UTC", "timeFormat": "24", "dateFormat": "yyyy-mm-dd"},
        "plan": [{"type": "free", "creditsType": "sendLimit", "credits": 300}],
        "relay": {"enabled": False, "data": {"userName": email, "relay": "smtp.sandbox.example", "port": 587}},
    }
    return answer(200, body)


def show_attributes(account: SandboxAccount, _call: ApiCall) -> Reply:
    """Show the attributes contacts may have."""
    return answer(200, {"attributes": [attribute.show() for attribute in account.attributes.values()]})


def create_attribute(account: SandboxAccount, call: ApiCall) -> Reply:
    """Create an attribute."""
    category, name = call.params
    body = read_json(call.body)
    kind, options = body.get("type", "text"), body.get("multiCategoryOptions", [])
    if category not in CATEGORIES or kind not in TYPES or not _are_texts(options):
        raise invalid("Invalid category or type of attribute")
    if name.upper() in account.attributes:
        raise invalid("Attribute name must be unique")
    account.attributes[name.upper()] = Attribute(name.upper(), str(kind), category, options)
    return Reply(201)


def delete_attribute(account: SandboxAccount, call: ApiCall) -> Reply:
    """Delete an attribute, and what contacts hold of it."""
    category, name = call.params
    found = account.attributes.get(name)
    if found is None or found.category != category:
        raise not_found("Attribute not found")
    del account.attributes[name]
    for contact in account.contacts.values():
        contact.attributes.pop(name, None)
    return Reply(204)


def _are_texts(options: object) -> TypeGuard[list[str]]:
    return isinstance(options, list) and all(isinstance(option, str) for option in options)
