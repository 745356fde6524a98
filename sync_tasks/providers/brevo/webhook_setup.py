"""The webhook by which Brevo reports changes: created once, then kept up to date."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sync_tasks.domain.events import Json
from sync_tasks.providers.brevo import failures
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call

# The events that change a contact; opens and clicks do not concern us.
EVENTS = ("unsubscribed", "hardBounce", "spam", "listAddition", "contactUpdated", "contactDeleted")


@dataclass(frozen=True, slots=True)
class Webhook:
    """The desired webhook; ``description`` identifies it even if its URL has changed."""

    url: str
    description: str
    batched: bool = False


def describe_webhook(namespace: str) -> str:
    """Return the description that identifies a portal's webhook."""
    return f"sync-tasks {namespace}"


@dataclass(frozen=True, slots=True)
class Installed:
    """The id of the webhook, and whether it was ``created`` or ``updated``."""

    id: int
    what: str


@dataclass(frozen=True, slots=True)
class FoundWebhook:
    """Our webhook as Brevo has it: its URL, and the events that it lacks."""

    id: int
    url: str
    missing: tuple[str, ...]


class WebhookDesk(Brevo):
    """The webhooks of one account at Brevo; they share 100 requests an hour with other endpoints."""

    def list_webhooks(self) -> Iterator[dict[str, Any]]:
        """Yield the account's marketing webhooks, the oldest first."""
        call = Call("GET", "/webhooks", query={"type": "marketing", "sort": "asc"})
        rows, _ = self._page(call, "webhooks")
        if not all(type(row.get("id")) is int for row in rows):
            raise failures.unreadable(call)
        yield from rows

    def create_webhook(self, body: Mapping[str, Json]) -> int:
        """Create a webhook and return its id."""
        return self._make(Call("POST", "/webhooks", body={**body, "type": "marketing"}))[0]

    def update_webhook(self, webhook_id: int, body: Mapping[str, Json]) -> None:
        """Replace the settings of a webhook."""
        about = f" (webhook {webhook_id})"
        self._ask(Call("PUT", "/webhooks/{id}", parts={"id": webhook_id}, body=body, about=about))


def install_webhook(desk: WebhookDesk, wanted: Webhook, token: str) -> Installed:
    """Create or update our webhook; the token goes along each time, since Brevo may not show it."""
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
    """Return our webhook as Brevo has it; ``None`` if it is not installed."""
    for row in desk.list_webhooks():
        if row.get("description") == description:
            events = row.get("events")
            missing = {*EVENTS} - {*map(str, events if isinstance(events, list) else ())}
            return FoundWebhook(row["id"], str(row.get("url") or ""), tuple(sorted(missing)))
    return None
