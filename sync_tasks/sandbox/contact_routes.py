"""Requests about single contacts, and about all of them."""

from sync_tasks.sandbox.account import ContactChange, SandboxAccount
from sync_tasks.sandbox.changes import read_change, read_sent_address
from sync_tasks.sandbox.contact import SandboxContact
from sync_tasks.sandbox.searching import find_contact, show_page
from sync_tasks.sandbox.wire import ApiCall, ApiRefusal, JsonObject, Reply, answer, missing, read_json


def create_contact(account: SandboxAccount, call: ApiCall) -> Reply:
    """Create a contact, or update the one with that address if the request allows it."""
    body = read_json(call.body)
    change = read_change(body, account)
    named = read_sent_address(body["email"], account) if body.get("email") is not None else None
    existing = _find_existing(account, named, change)
    if existing is not None and body.get("updateEnabled") is True:
        call.contact_ids.append(existing.id)
        _update(account, existing, change)
        shows_id, status = body.get("getId") is True, account.quirks.get_id_status_on_update
        return answer(status, {"id": existing.id}) if shows_id else Reply(204)
    change.email = named or change.email
    if change.email is None and change.ext_id is None and change.phone is None:
        raise missing("One of email, ext_id or SMS is required")
    _refuse_duplicates(account, change, None, verb="create")
    contact = account.create(change)
    call.contact_ids.append(contact.id)
    return answer(201, {"id": contact.id})


def update_contact(account: SandboxAccount, call: ApiCall) -> Reply:
    """Change a contact in any mixture of its fields."""
    contact = find_contact(account, call)
    _update(account, contact, read_change(read_json(call.body), account))
    return Reply(204)


def show_one(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a contact with its statistics."""
    contact = find_contact(account, call)
    statistics: JsonObject = {} if account.quirks.statistics_left_out else {"statistics": contact.statistics or {}}
    return answer(200, account.show(contact) | statistics)


def show_all(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of all contacts."""
    return answer(200, show_page(account, call, account.roll, 1000))


def delete_contact(account: SandboxAccount, call: ApiCall) -> Reply:
    """Delete a contact, unless it is the account's owner."""
    contact = find_contact(account, call)
    if contact.email == account.settings.owner_email:
        raise ApiRefusal(405, "method_not_allowed", "You're not allowed to delete registered email contact with Brevo")
    account.delete(contact)
    return Reply(204)


def _find_existing(account: SandboxAccount, email: str | None, change: ContactChange) -> SandboxContact | None:
    if email is not None:
        return account.emails.get(email)
    return account.ext_ids.get(change.ext_id or "") or account.phones.get(change.phone or "")


def _update(account: SandboxAccount, contact: SandboxContact, change: ContactChange) -> None:
    if account.clock() - contact.created < account.quirks.too_early_seconds:
        raise ApiRefusal(425, "account_in_process", "Contact is being processed, try again later")
    _refuse_duplicates(account, change, contact, verb="update")
    outsider = any(number not in contact.list_ids for number in change.leave)
    if outsider and account.quirks.unlink_non_member_is_refused:
        raise ApiRefusal(400, "invalid_parameter", "Contact already removed from list and/or does not exist")
    account.update(contact, change)


def _refuse_duplicates(
    account: SandboxAccount, change: ContactChange, contact: SandboxContact | None, *, verb: str
) -> None:
    duplicates = account.find_duplicates(change, contact)
    if duplicates:
        code = account.quirks.duplicate_code_on_create if verb == "create" else "invalid_parameter"
        raise _duplicate(account, duplicates, code, verb)


def _duplicate(account: SandboxAccount, duplicates: list[str], code: str, verb: str) -> ApiRefusal:
    """Return the refusal; Brevo may name ``SMS`` and ``EXT_ID`` together, whichever of them it is."""
    named = account.quirks.duplicates_named
    if named == "exactly" or "email" in duplicates:
        message = f"Unable to {verb} contact, {duplicates[0]} is already associated with another Contact"
        return ApiRefusal(400, code, message, duplicates=duplicates)
    message = f"Unable to {verb} contact, SMS or EXT_ID are already associated with another Contact"
    return ApiRefusal(400, code, message, duplicates=["SMS", "ext_id"] if named == "together" else None)
