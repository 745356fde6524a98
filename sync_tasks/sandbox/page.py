"""The page at ``/``: what Brevo holds and what it was asked, for the developer's eyes."""

from dataclasses import asdict
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sync_tasks.sandbox.contact import SandboxContact, show_contact
from sync_tasks.sandbox.list_routes import show_list
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.settings import Quirks
from sync_tasks.sandbox.wire import JsonObject

PAGE_SIZE = 50
LATEST = 40


def build_routes(sandbox: Sandbox) -> list[Route]:
    """Return the page and what it reads again and again."""
    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")

    async def show_page(_request: Request) -> Response:
        return HTMLResponse(template)

    async def show_data(request: Request) -> Response:
        offset = request.query_params.get("offset", "0")
        with sandbox.lock:
            find = request.query_params.get("find", "")
            return JSONResponse(show_overview(sandbox, int(offset) if offset.isdigit() else 0, find))

    return [Route("/", show_page), Route("/_sandbox/overview", show_data)]


def show_overview(sandbox: Sandbox, offset: int, find: str = "") -> JsonObject:
    """Return what the page shows: one page of contacts, the lists, the latest requests and what is switched on."""
    account = sandbox.account
    contacts, count = find_contacts(sandbox, offset, find.strip().lower())
    return {
        "contacts": [show_contact(contact, ext_id_shown="field") for contact in contacts],
        "count": count,
        "total": len(account.contacts),
        "offset": offset,
        "size": PAGE_SIZE,
        "lists": [show_list(each) for each in account.lists.values()],
        "requests": [asdict(request) for request in sandbox.journal.latest(LATEST)],
        "request_count": sandbox.journal.total,
        "refused": sandbox.limits.refused,
        "waiting": len(account.schedule),
        "faults": [asdict(fault) for fault in sandbox.faults],
        # Those that are not at their defaults.
        "quirks": {name: value for name, value in asdict(sandbox.quirks).items() if value != getattr(Quirks, name)},
    }


def find_contacts(sandbox: Sandbox, offset: int, find: str) -> tuple[list[SandboxContact], int]:
    """Return one page of the contacts, the newest first, and how many there are in all.

    ``find``: a piece of the address or the ext_id in small letters, or the whole id.
    """
    account = sandbox.account
    if not find:
        ids = account.roll.page(offset, PAGE_SIZE, newest_first=True)
        return [account.contacts[number] for number in ids], len(account.roll)
    found = [contact for contact in account.contacts.values() if _is_found(contact, find)][::-1]
    return found[offset : offset + PAGE_SIZE], len(found)


def _is_found(contact: SandboxContact, find: str) -> bool:
    return find in (contact.email or "") or find in (contact.ext_id or "").lower() or find == str(contact.id)
