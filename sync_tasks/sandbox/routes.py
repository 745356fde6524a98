"""Which request goes where: the part of Brevo's API that the sandbox plays."""

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote

from sync_tasks.sandbox.account import SandboxAccount
from sync_tasks.sandbox.account_routes import create_attribute, delete_attribute, show_account, show_attributes
from sync_tasks.sandbox.contact_routes import create_contact, delete_contact, show_all, show_one, update_contact
from sync_tasks.sandbox.imports import show_process, show_processes, start_import
from sync_tasks.sandbox.list_routes import (
    add_to_list,
    create_folder,
    create_list,
    delete_folder,
    delete_list,
    remove_from_list,
    show_folder,
    show_folders,
    show_lists,
    show_lists_of_folder,
    show_members,
    show_one_list,
    show_segments,
    update_folder,
    update_list,
)
from sync_tasks.sandbox.webhook_routes import (
    create_webhook,
    delete_webhook,
    show_webhook,
    show_webhooks,
    update_webhook,
)
from sync_tasks.sandbox.wire import ApiCall, ApiRefusal, Reply

Handler: TypeAlias = Callable[[SandboxAccount, ApiCall], Reply]

# The first match counts: a fixed word must stand before the identifier that would swallow it.
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/contacts", create_contact),
    ("POST", "/contacts/lists/*/contacts/add", add_to_list),
    ("POST", "/contacts/lists/*/contacts/remove", remove_from_list),
    ("POST", "/contacts/lists", create_list),
    ("POST", "/contacts/folders", create_folder),
    ("POST", "/contacts/import", start_import),
    ("POST", "/contacts/attributes/*/*", create_attribute),
    ("POST", "/webhooks", create_webhook),
    ("GET", "/contacts", show_all),
    ("GET", "/contacts/lists", show_lists),
    ("GET", "/contacts/attributes", show_attributes),
    ("GET", "/contacts/folders", show_folders),
    ("GET", "/contacts/segments", show_segments),
    ("GET", "/contacts/*", show_one),
    ("GET", "/contacts/lists/*", show_one_list),
    ("GET", "/contacts/lists/*/contacts", show_members),
    ("GET", "/contacts/folders/*", show_folder),
    ("GET", "/contacts/folders/*/lists", show_lists_of_folder),
    ("GET", "/processes", show_processes),
    ("GET", "/processes/*", show_process),
    ("GET", "/account", show_account),
    ("GET", "/webhooks", show_webhooks),
    ("GET", "/webhooks/*", show_webhook),
    ("PUT", "/contacts/*", update_contact),
    ("PUT", "/contacts/lists/*", update_list),
    ("PUT", "/contacts/folders/*", update_folder),
    ("PUT", "/webhooks/*", update_webhook),
    ("DELETE", "/contacts/attributes/*/*", delete_attribute),
    ("DELETE", "/contacts/*", delete_contact),
    ("DELETE", "/contacts/lists/*", delete_list),
    ("DELETE", "/contacts/folders/*", delete_folder),
    ("DELETE", "/webhooks/*", delete_webhook),
)


_COMPILED = [(method, re.compile(f"/v3{path.replace('*', '([^/]+)')}/?"), handler) for method, path, handler in ROUTES]


def route(account: SandboxAccount, call: ApiCall) -> Reply:
    """Return Brevo's answer to a request that has passed the door."""
    for method, pattern, handler in _COMPILED:
        if method == call.method and (found := pattern.fullmatch(call.path)):
            call.params = tuple(map(unquote, found.groups()))
            try:
                return handler(account, call)
            except ApiRefusal as refusal:
                return refusal.as_reply()
    return ApiRefusal(404, "not_found", "Invalid route/ method passed").as_reply()
