"""The control desk at ``/_sandbox/``: faults, quirks, limits and records, and people acting at Brevo. Needs no key."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import wraps
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_tasks.sandbox.people import ACTS
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.settings import change_fields
from sync_tasks.sandbox.wire import ApiRefusal, JsonObject

Action: TypeAlias = Callable[[Sandbox, Request, object], object]
RUN_TIME_SETTINGS = ("import_seconds", "accepted_keys")


def show_faults(sandbox: Sandbox, _request: Request, _body: object) -> object:
    """Show the faults that are on."""
    return {"faults": [asdict(fault) for fault in sandbox.faults]}


def put_faults(sandbox: Sandbox, request: Request, body: object) -> object:
    """Switch on the faults in the body, and only those."""
    sandbox.faults.clear()
    return add_faults(sandbox, request, body)


def add_faults(sandbox: Sandbox, request: Request, body: object) -> object:
    """Switch on the faults in the body: one, a list, or a list under ``faults``."""
    given = body.get("faults", body) if isinstance(body, dict) else body
    for fields in given if isinstance(given, list) else [given]:
        sandbox.add_fault(**_read_object(fields))  # type: ignore[arg-type]
    return show_faults(sandbox, request, None)


def clear_faults(sandbox: Sandbox, request: Request, _body: object) -> object:
    """Switch off one fault, or all."""
    sandbox.faults.clear(request.path_params.get("fault_id"))
    return show_faults(sandbox, request, None)


def show_quirks(sandbox: Sandbox, _request: Request, _body: object) -> object:
    """Show which behaviours are played."""
    return asdict(sandbox.quirks)


def put_quirks(sandbox: Sandbox, _request: Request, body: object) -> object:
    """Play the behaviours in the body; those not named stay."""
    sandbox.quirks = change_fields(sandbox.quirks, _read_object(body))
    return asdict(sandbox.quirks)


def show_limits(sandbox: Sandbox, _request: Request, _body: object) -> object:
    """Show the rate limits and how many requests they refused."""
    return asdict(sandbox.limits.settings) | {"refused": sandbox.limits.refused}


def put_limits(sandbox: Sandbox, request: Request, body: object) -> object:
    """Change the rate limits in the body; those not named stay."""
    sandbox.limits.apply(change_fields(sandbox.limits.settings, _read_object(body)))
    return show_limits(sandbox, request, None)


def show_settings(sandbox: Sandbox, _request: Request, _body: object) -> object:
    """Show the settings that can be changed at run time; of the keys only their number."""
    return {"import_seconds": sandbox.settings.import_seconds, "accepted_keys": len(sandbox.settings.accepted_keys)}


def put_settings(sandbox: Sandbox, request: Request, body: object) -> object:
    """Change ``import_seconds`` or ``accepted_keys``."""
    values = _read_object(body)
    if unknown := set(values).difference(RUN_TIME_SETTINGS):
        raise ValueError(f"not to be changed at run time: {', '.join(sorted(unknown))}")
    if isinstance(keys := values.get("accepted_keys"), list):
        values["accepted_keys"] = frozenset(map(str, keys))
    changed = change_fields(sandbox.settings, values)
    sandbox.settings.import_seconds, sandbox.settings.accepted_keys = changed.import_seconds, changed.accepted_keys
    return show_settings(sandbox, request, None)


def show_requests(sandbox: Sandbox, request: Request, _body: object) -> object:
    """Show the journal, oldest first, from the number ``after`` on."""
    after = _read_number(request, "after", 0) or 0
    requests = [asdict(each) for each in sandbox.journal.requests() if each.number > after]
    return {"total": sandbox.journal.total, "statuses": dict(sandbox.journal.statuses), "requests": requests}


def show_history(sandbox: Sandbox, request: Request, _body: object) -> object:
    """Show what became of all contacts, or of the one with the id ``contact``."""
    contact_id = _read_number(request, "contact", None)
    return {"history": [asdict(entry) for entry in sandbox.history.entries(contact_id)]}


def show_outbox(sandbox: Sandbox, _request: Request, _body: object) -> object:
    """Show the events for webhooks."""
    return {"events": [asdict(event) for event in sandbox.outbox.events()]}


def show_contacts(sandbox: Sandbox, request: Request, _body: object) -> object:
    """Show all contacts, or a page of them."""
    contacts = sandbox.contacts(_read_number(request, "offset", 0) or 0, _read_number(request, "limit", None))
    return {"contacts": contacts, "count": len(sandbox.account.contacts)}


def add_contacts(sandbox: Sandbox, _request: Request, body: object) -> object:
    """Put contacts in as if they had always been there."""
    rows = _read_object(body).get("contacts")
    if not isinstance(rows, list):
        raise ValueError("'contacts' should be a list")  # noqa: TRY004 - bad input, answered with 400
    return {"ids": sandbox.add_contacts(map(_read_object, rows))}


def act(sandbox: Sandbox, request: Request, body: object) -> object:
    """Let a person at Brevo act on a contact, and show what is left of it."""
    name, what = request.path_params["name"], request.path_params["act"]
    contact_id = sandbox.contact(name)["id"]
    if what == "edit":
        sandbox.edit(name, _read_object(body))
    elif what in ACTS:
        sandbox.act(what, name, list_id=_read_list_id(body))
    else:
        raise ValueError(f"unknown act; known: edit, {', '.join(ACTS)}")
    return None if what == "delete" else sandbox.contact(int(str(contact_id)))


def _read_list_id(body: object) -> int | None:
    list_id = body.get("list_id") if isinstance(body, dict) else None
    if list_id is not None and type(list_id) is not int:
        raise ValueError("'list_id' should be a number")
    return list_id


def send_campaign(sandbox: Sandbox, _request: Request, body: object) -> object:
    """Write a mail to everybody on a list, with ``{{ contact.FIRSTNAME }}`` filled, and show them all."""
    given = _read_object(body)
    text, list_id = given.get("text"), _read_list_id(given)
    if not isinstance(text, str) or list_id is None:
        raise ValueError("'list_id' should be a number, and 'text' a text")
    return {"mails": sandbox.send_campaign(list_id, text)}


def reset(sandbox: Sandbox, _request: Request, _body: object) -> object:
    """Begin anew."""
    sandbox.reset()
    return None


ACTIONS: tuple[tuple[str, str, Action], ...] = (
    ("GET", "/faults", show_faults),
    ("PUT", "/faults", put_faults),
    ("POST", "/faults", add_faults),
    ("DELETE", "/faults", clear_faults),
    ("DELETE", "/faults/{fault_id:int}", clear_faults),
    ("GET", "/quirks", show_quirks),
    ("PUT", "/quirks", put_quirks),
    ("GET", "/limits", show_limits),
    ("PUT", "/limits", put_limits),
    ("GET", "/settings", show_settings),
    ("PUT", "/settings", put_settings),
    ("GET", "/requests", show_requests),
    ("GET", "/history", show_history),
    ("GET", "/outbox", show_outbox),
    ("GET", "/contacts", show_contacts),
    ("POST", "/contacts", add_contacts),
    ("POST", "/contacts/{name}/{act}", act),
    ("POST", "/campaigns", send_campaign),
    ("POST", "/reset", reset),
)


def build_routes(sandbox: Sandbox) -> list[Route]:
    """Return the control desk of a sandbox as routes."""
    return [Route(path, _serve(sandbox, action), methods=[method]) for method, path, action in ACTIONS]


def _serve(sandbox: Sandbox, action: Action) -> Callable[[Request], Awaitable[Response]]:
    @wraps(action)
    async def serve(request: Request) -> Response:
        sent = await request.body()
        try:
            body = json.loads(sent) if sent else None
            with sandbox.lock:
                shown = action(sandbox, request, body)
        except ApiRefusal as refusal:
            return JSONResponse({"message": refusal.message}, refusal.status)
        except (ValueError, TypeError) as error:
            return JSONResponse({"message": str(error)}, 400)
        return Response(status_code=204) if shown is None else JSONResponse(shown)

    return serve


def _read_object(body: object) -> JsonObject:
    if not isinstance(body, dict):
        raise ValueError("a JSON object is expected")  # noqa: TRY004 - bad input, answered with 400
    return body


def _read_number(request: Request, name: str, default: int | None) -> int | None:
    text = request.query_params.get(name)
    return default if text is None else int(text)
