"""The webhook at Brevo through which it tells us of changes: created once, then kept as it should be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync_tasks.domain.events import Json
from sync_tasks.providers.brevo import failures, responses
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call

# What changes a contact; what readers open and click does not concern us.
EVENTS = ("unsubscribed", "hardBounce", "spam", "listAddition", "contactUpdated", "contactDeleted")


@dataclass(frozen=True, slots=True)
class Webhook:
    """How the webhook should be; by ``description`` it is known again where its address has changed."""

    url: str
    description: str
    batched: bool = False


def describe_webhook(namespace: str) -> str:
    """Return by which description a portal's webhook is known again."""
    return f"sync-tasks {namespace}"


@dataclass(frozen=True, slots=True)
class Installed:
    """Which webhook it is, and whether it was ``created`` or ``updated``."""

    id: int
    what: str


@dataclass(frozen=True, slots=True)
class FoundWebhook:
    """Our webhook as Brevo has it: where it tells, and of which events that concern us it tells nothing."""

    id: int
    url: str
    missing: tuple[str, ...]


class WebhookDesk(Brevo):
    """One account at Brevo, as far as its webhooks go; they share 100 requests an hour with other endpoints."""

    def list_webhooks(self) -> Iterator[dict[str, Any]]:
        """Yield the account's marketing webhooks, the oldest first."""
        call = Call("GET", "/webhooks", query={"type": "marketing", "sort": "asc"})
        answer, _ = self._ask(call)
        rows = responses.page_of(answer, "webhooks")
        if rows is None:
            raise failures.unreadable(call)
        yield from (row for row in rows if isinstance(row.get("id"), int))

    def create_webhook(self, body: Mapping[str, Json]) -> int:
        """Create a webhook and return its id."""
        call = Call("POST", "/webhooks", body={**body, "type": "marketing"})
        answer, _ = self._ask(call)
        webhook_id = responses.created_id(answer)
        if webhook_id is None:
            raise failures.unreadable(call)
        return webhook_id

    def update_webhook(self, webhook_id: int, body: Mapping[str, Json]) -> None:
        """Make a webhook as it should be."""
        about = f" (webhook {webhook_id})"
        self._ask(Call("PUT", "/webhooks/{id}", parts={"id": webhook_id}, body=body, about=about))


def install_webhook(desk: WebhookDesk, wanted: Webhook, token: str) -> Installed:
    """Bring our webhook at Brevo up to date, or create it; the token is sent each time, since Brevo may not show it."""
    body: dict[str, Json] = {
        "url": wanted.url,
        "description": wanted.description,
        "events": [*EVENTS],
        "batched": wanted.batched,
        "auth": {"type": "bearer", "token": token},
    }
    known = {row["id"]: row for row in desk.list_webhooks()}
    same_url = [number for number, row in known.items() if row.get("url") == wanted.url]
    ours = [number for number, row in known.items() if row.get("description") == wanted.description]
    found = next(iter([*same_url, *ours]), None)
    if found is None:
        return Installed(desk.create_webhook(body), "created")
    desk.update_webhook(found, body)
    return Installed(found, "updated")


def find_webhook(desk: WebhookDesk, description: str) -> FoundWebhook | None:
    """Return our webhook as Brevo has it, or nothing where it is not installed."""
    for row in desk.list_webhooks():
        if row.get("description") == description:
            missing = {*EVENTS} - {*map(str, row.get("events") or ())}
            return FoundWebhook(row["id"], str(row.get("url") or ""), tuple(sorted(missing)))
    return None
