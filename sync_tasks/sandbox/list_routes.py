"""Requests about lists and who is on them."""

from collections.abc import Callable

from sync_tasks.sandbox.account import ContactList, SandboxAccount
from sync_tasks.sandbox.contact import SandboxContact, show_time
from sync_tasks.sandbox.searching import answer_page, show_page
from sync_tasks.sandbox.wire import (
    ApiCall,
    ApiRefusal,
    JsonObject,
    Reply,
    answer,
    invalid,
    missing,
    not_found,
    read_json,
    read_number,
)

BATCH = 150


def show_lists(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the lists."""
    return answer_page(call, "lists", account.lists, lambda number: show_list(account.lists[number]))


def show_one_list(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a list."""
    found = find_list(account, call)
    more: JsonObject = {"createdAt": show_time(found.created), "campaignStats": [], "dynamicList": False}
    return answer(200, show_list(found) | more)


def show_members(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the contacts on a list."""
    return answer(200, show_page(account, call, find_list(account, call).members, 500))


def create_list(account: SandboxAccount, call: ApiCall) -> Reply:
    """Create a list in a folder."""
    name, folder_id = _read_name(call, "List"), read_json(call.body).get("folderId")
    if type(folder_id) is not int:
        raise missing("folderId is missing")
    return answer(201, {"id": account.create_list(name, folder_id).id})


def update_list(account: SandboxAccount, call: ApiCall) -> Reply:
    """Rename a list, or move it to another folder."""
    found = find_list(account, call)
    body = read_json(call.body)
    name, folder_id = body.get("name", found.name), body.get("folderId", found.folder_id)
    if not isinstance(name, str) or not name:
        raise invalid("Invalid list name")
    if not isinstance(folder_id, int) or folder_id not in account.folders:
        raise invalid("Folder ID does not exist")
    found.name, found.folder_id = name, folder_id
    return Reply(204)


def delete_list(account: SandboxAccount, call: ApiCall) -> Reply:
    """Delete a list; its contacts stay."""
    account.delete_list(find_list(account, call).id)
    return Reply(204)


def add_to_list(account: SandboxAccount, call: ApiCall) -> Reply:
    """Put contacts on a list: some failed is a success, all failed an error."""
    found = find_list(account, call)
    contacts = _name_contacts(account, call)
    blind = account.clock() - account.quirks.list_add_blind_seconds
    joining = {
        name: contact
        for name, contact in contacts.items()
        if contact and found.id not in contact.list_ids and contact.created <= blind
    }
    if not joining:
        raise invalid("Contact already in list and/or does not exist")
    return _move(call, contacts, joining, lambda contact: account.join(contact, [found.id]))


def remove_from_list(account: SandboxAccount, call: ApiCall) -> Reply:
    """Take contacts off a list: some failed is a success, all failed an error."""
    found = find_list(account, call)
    if read_json(call.body) == {"all": True}:
        return _empty(account, call, found)
    contacts = _name_contacts(account, call)
    leaving = {name: contact for name, contact in contacts.items() if contact and found.id in contact.list_ids}
    if not leaving:
        raise invalid("Contact already removed from list and/or does not exist")
    return _move(call, contacts, leaving, lambda contact: account.leave(contact, [found.id]))


def _empty(account: SandboxAccount, call: ApiCall, found: ContactList) -> Reply:
    process, members = account.start_process(), list(found.members)

    def run() -> None:
        account.history.request = call.number
        for contact in [account.contacts[number] for number in members if number in account.contacts]:
            account.leave(contact, [found.id])
            call.contact_ids.append(contact.id)
        account.history.request = None

    account.schedule.add(process.due, run)
    return answer(201, {"contacts": {"processId": process.id, "total": len(members)}})


def find_list(account: SandboxAccount, call: ApiCall) -> ContactList:
    """Return the list a path names."""
    found = account.lists.get(read_number(call.params[0]) or 0)
    if found is None:
        raise not_found("List ID does not exist")
    return found


def show_list(found: ContactList) -> JsonObject:
    """Return a list as Brevo shows it."""
    return {
        "id": found.id,
        "name": found.name,
        "folderId": found.folder_id,
        "uniqueSubscribers": len(found.members),
        "totalSubscribers": len(found.members) - found.blocklisted,
        "totalBlacklisted": found.blocklisted,
    }


def _move(
    call: ApiCall,
    contacts: dict[str | int, SandboxContact | None],
    moving: dict[str | int, SandboxContact],
    move: Callable[[SandboxContact], None],
) -> Reply:
    for contact in moving.values():
        move(contact)
        call.contact_ids.append(contact.id)
    failure = [name for name in contacts if name not in moving]
    return answer(201, {"contacts": {"success": list(moving), "failure": failure}})


def _name_contacts(account: SandboxAccount, call: ApiCall) -> dict[str | int, SandboxContact | None]:
    body = read_json(call.body)
    kinds = [kind for kind in ("emails", "ids", "extIds") if kind in body]
    names = body[kinds[0]] if len(kinds) == 1 else None
    if not isinstance(names, list) or not names:
        raise invalid("Pass exactly one of emails, ids or extIds")
    if not all(isinstance(name, str | int) for name in names):
        raise invalid(f"{kinds[0]} should name contacts")
    if len(names) > BATCH:
        raise ApiRefusal(400, "out_of_range", f"At most {BATCH} contacts can be passed")
    match kinds[0]:
        case "emails":
            return {name: account.emails.get(str(name).lower()) for name in names}
        case "ids":
            return {name: account.contacts.get(name) for name in names}
        case _:
            return {name: account.ext_ids.get(name) for name in names}


def show_folders(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the folders."""
    return answer_page(call, "folders", account.folders, lambda number: _show(account, number))


def show_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a folder."""
    return answer(200, _show(account, _find(account, call)))


def show_lists_of_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the lists in a folder."""
    numbers = _lists_in(account, _find(account, call))
    return answer_page(call, "lists", numbers, lambda number: show_list(account.lists[number]))


def create_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Create a folder."""
    return answer(201, {"id": account.create_folder(_read_name(call, "Folder"))})


def update_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Rename a folder."""
    account.folders[_find(account, call)] = _read_name(call, "Folder")
    return Reply(204)


def delete_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Delete a folder and the lists in it; the contacts stay."""
    number = _find(account, call)
    for each in _lists_in(account, number):
        account.delete_list(each)
    del account.folders[number]
    return Reply(204)


def show_segments(_account: SandboxAccount, call: ApiCall) -> Reply:
    """Show that there are no segments."""
    return answer_page(call, "segments", (), lambda _number: {})


def _find(account: SandboxAccount, call: ApiCall) -> int:
    number = read_number(call.params[0])
    if number is None or number not in account.folders:
        raise not_found("Folder ID does not exist")
    return number


def _lists_in(account: SandboxAccount, number: int) -> list[int]:
    return [each.id for each in account.lists.values() if each.folder_id == number]


def _read_name(call: ApiCall, what: str) -> str:
    name = read_json(call.body).get("name")
    if not isinstance(name, str) or not name:
        raise missing(f"{what} name is missing")
    return name


def _show(account: SandboxAccount, number: int) -> JsonObject:
    # Brevo no longer counts in folders: its numbers are 0.
    counts: JsonObject = dict.fromkeys(("uniqueSubscribers", "totalSubscribers", "totalBlacklisted"), 0)
    return {"id": number, "name": account.folders[number], **counts}
