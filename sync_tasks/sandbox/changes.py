"""From the body of a contact write to the change it asks for."""

import re
from collections.abc import Mapping

from sync_tasks.sandbox.account import ContactChange, SandboxAccount
from sync_tasks.sandbox.attributes import Attribute, read_phone
from sync_tasks.sandbox.contact import AttributeValue
from sync_tasks.sandbox.wire import invalid, not_found

ADDRESS = re.compile(r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s.,;<>\"]{2,}$")
REFUSED_EXAMPLES = re.compile(r"@(.+\.)?(example\.(com|net|org)|invalid|example)$")


def read_change(body: Mapping[str, object], account: SandboxAccount) -> ContactChange:
    """Return what a POST or PUT of a contact asks for; what Brevo ignores is left out.

    Raises:
        Refusal: A field Brevo does check makes no sense.
    """
    attributes = body.get("attributes", {})
    if not isinstance(attributes, dict):
        raise invalid("attributes should be an object")
    return ContactChange(
        email=read_sent_address(attributes["EMAIL"], account) if attributes.get("EMAIL") else None,
        ext_id=read_ext_id(body.get("ext_id")),
        attributes=read_attributes(attributes, account),
        blocklisted=_read_flag(body, "emailBlacklisted"),
        sms_blocklisted=_read_flag(body, "smsBlacklisted"),
        join=read_list_ids(body.get("listIds"), account),
        leave=read_list_ids(body.get("unlinkListIds"), account),
    )


def read_sent_address(value: object, account: SandboxAccount) -> str:
    """Return an address from a request: it must be in ASCII, as Brevo's schema wants it (``format: email``)."""
    address = read_address(value, account)
    local, _, domain = address.rpartition("@")
    quirks = account.quirks
    if (quirks.unicode_domains_refused and not domain.isascii()) or (
        quirks.unicode_local_parts_refused and not local.isascii()
    ):
        raise invalid("Invalid email address")
    return address


def read_address(value: object, account: SandboxAccount) -> str:
    """Return an address the way Brevo keeps it, in lower case."""
    if not isinstance(value, str) or not ADDRESS.match(value):
        raise invalid("Invalid email address")
    address = value.lower()
    if account.quirks.example_addresses_refused and REFUSED_EXAMPLES.search(address):
        raise invalid("Invalid email address")
    return address


def read_ext_id(value: object) -> str | None:
    """Return an ext_id, None if none is sent."""
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise invalid("ext_id should be a non-empty string")
    return value


def read_attributes(values: Mapping[str, object], account: SandboxAccount) -> dict[str, AttributeValue | None]:
    """Return the attributes that take effect, None for one to be cleared."""
    taken: dict[str, AttributeValue | None] = {}
    for name, value in values.items():
        attribute = account.attributes.get(name)
        if attribute is None:
            continue
        if value == "" and name == "SMS" and account.quirks.empty_number_refused:
            raise invalid("Invalid phone number")
        quirks = account.quirks
        empty_clears = quirks.empty_clears_texts if attribute.type == "text" else quirks.empty_clears_all
        if (value == "" and empty_clears) or (value is None and account.quirks.null_clears):
            taken[attribute.name] = None
        elif value != "" and attribute.accepts(value):
            kept = _read_sms(value, account) if name == "SMS" else _keep(attribute, value, account)
            taken[attribute.name] = kept  # type: ignore[assignment]
    return taken


def _keep(attribute: Attribute, value: object, account: SandboxAccount) -> object:
    if account.quirks.values_kept != "otherwise" or isinstance(value, bool):
        return value
    if value in attribute.options:
        return attribute.options.index(str(value)) + 1
    if attribute.type == "date":
        return f"{value}T00:00:00.000Z"
    return value.strip() if isinstance(value, str) else str(value)


def read_list_ids(value: object, account: SandboxAccount) -> list[int]:
    """Return the ids of known lists."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise invalid("List ids should be an array of integers")
    if any(each not in account.lists for each in value):
        message = "List ID does not exist"
        raise invalid(message) if account.quirks.missing_list_status == 400 else not_found(message)  # noqa: PLR2004
    return value


def _read_sms(value: object, account: SandboxAccount) -> str:
    phone = read_phone(str(value))
    if phone is None and account.quirks.phone_numbers_checked:
        raise invalid("Invalid phone number")
    return str(value) if account.quirks.values_kept == "as_sent" else phone or str(value)


def _read_flag(body: Mapping[str, object], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"{name} should be boolean")
    return value
