"""Requests about the folders that hold lists, and about segments, of which the sandbox has none."""

from sync_tasks.sandbox.account import ContactList, SandboxAccount
from sync_tasks.sandbox.list_routes import show_list
from sync_tasks.sandbox.searching import read_page
from sync_tasks.sandbox.wire import ApiCall, JsonObject, Reply, answer, missing, not_found, read_json, read_number


def show_folders(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the folders."""
    offset, size, newest_first = read_page(call, default=10, limit=50)
    numbers = sorted(account.folders, reverse=newest_first)[offset : offset + size]
    return answer(200, {"folders": [_show(account, number) for number in numbers], "count": len(account.folders)})


def show_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a folder."""
    return answer(200, _show(account, _find(account, call)))


def show_lists_of_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the lists in a folder."""
    offset, size, newest_first = read_page(call, default=10, limit=50)
    lists = _lists_in(account, _find(account, call))
    page = sorted(lists, key=lambda each: each.id, reverse=newest_first)[offset : offset + size]
    return answer(200, {"lists": [show_list(each) for each in page], "count": len(lists)})


def create_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Create a folder."""
    return answer(201, {"id": account.create_folder(_read_name(call))})


def update_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Rename a folder."""
    account.folders[_find(account, call)] = _read_name(call)
    return Reply(204)


def delete_folder(account: SandboxAccount, call: ApiCall) -> Reply:
    """Delete a folder and the lists in it; the contacts stay."""
    number = _find(account, call)
    for each in _lists_in(account, number):
        account.delete_list(each.id)
    del account.folders[number]
    return Reply(204)


def show_segments(_account: SandboxAccount, call: ApiCall) -> Reply:
    """Show that there are no segments."""
    read_page(call, default=10, limit=50)
    return answer(200, {"segments": [], "count": 0})


def _find(account: SandboxAccount, call: ApiCall) -> int:
    number = read_number(call.params[0])
    if number is None or number not in account.folders:
        raise not_found("Folder ID does not exist")
    return number


def _lists_in(account: SandboxAccount, number: int) -> list[ContactList]:
    return [each for each in account.lists.values() if each.folder_id == number]


def _read_name(call: ApiCall) -> str:
    name = read_json(call.body).get("name")
    if not isinstance(name, str) or not name:
        raise missing("Folder name is missing")
    return name


def _show(account: SandboxAccount, number: int) -> JsonObject:
    # Brevo no longer counts in folders: its numbers are 0.
    counts: JsonObject = dict.fromkeys(("uniqueSubscribers", "totalSubscribers", "totalBlacklisted"), 0)
    return {"id": number, "name": account.folders[number], **counts}
