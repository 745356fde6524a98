"""Requests about webhooks: kept and shown here; ``delivery`` delivers."""

from sync_tasks.sandbox.account import SandboxAccount
from sync_tasks.sandbox.contact import show_time
from sync_tasks.sandbox.wire import (
    ApiCall,
    JsonObject,
    Reply,
    answer,
    invalid,
    missing,
    not_found,
    read_json,
    read_number,
)

COMMON = {"hardBounce", "softBounce", "spam", "delivered", "click", "opened", "unsubscribed", "reply"}
EVENTS = {
    "inbound": {"inboundEmailProcessed"},
    "marketing": COMMON | {"listAddition", "contactUpdated", "contactDeleted"},
    "transactional": COMMON | {"sent", "blocked", "request", "invalid", "deferred", "uniqueOpened"},
}
FIELDS = ("url", "channel", "description", "events", "auth", "headers", "batched", "domain")


def show_webhooks(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show the webhooks of one type; transactional ones, unless asked otherwise."""
    kind = call.param("type") or "transactional"
    shown = [webhook for webhook in account.webhooks.values() if webhook["type"] == kind]
    return answer(200, {"webhooks": shown if call.param("sort") == "asc" else shown[::-1]})


def show_webhook(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a webhook."""
    return answer(200, _find(account, call))


def create_webhook(account: SandboxAccount, call: ApiCall) -> Reply:
    """Create a webhook: a transactional one, unless asked otherwise."""
    body = read_json(call.body)
    kind = body.get("type", "transactional")
    if not isinstance(kind, str) or kind not in EVENTS:
        raise invalid("Invalid webhook type")
    if not body.get("url") or not body.get("events"):
        raise missing("url and events are required")
    if kind == "inbound" and not body.get("domain"):
        raise missing("domain is required for inbound webhooks")
    _check(body, kind)
    number, now = max(account.webhooks, default=0) + 1, show_time(account.clock())
    given = {"description": "", "channel": "email", **{name: body[name] for name in FIELDS if name in body}}
    account.webhooks[number] = given | {"id": number, "type": kind, "createdAt": now, "modifiedAt": now}
    return answer(201, {"id": number})


def update_webhook(account: SandboxAccount, call: ApiCall) -> Reply:
    """Change a webhook; its type stays."""
    webhook = _find(account, call)
    body = read_json(call.body)
    _check(body, str(webhook["type"]))
    webhook |= {name: body[name] for name in FIELDS if name in body}
    webhook["modifiedAt"] = show_time(account.clock())
    return Reply(204)


def delete_webhook(account: SandboxAccount, call: ApiCall) -> Reply:
    """Delete a webhook."""
    _find(account, call)
    del account.webhooks[int(call.params[0])]
    return Reply(204)


def _find(account: SandboxAccount, call: ApiCall) -> JsonObject:
    webhook = account.webhooks.get(read_number(call.params[0]) or 0)
    if webhook is None:
        raise not_found("Webhook ID does not exist")
    return webhook


def _check(body: JsonObject, kind: str) -> None:
    url, events, headers = body.get("url", "https://"), body.get("events", []), body.get("headers", [])
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("Invalid url")
    if not isinstance(events, list) or not all(isinstance(each, str) and each in EVENTS[kind] for each in events):
        raise invalid("Invalid events for this type of webhook")
    if not isinstance(headers, list) or not all(isinstance(each, dict) for each in headers):
        raise invalid("headers should be an array of objects")
