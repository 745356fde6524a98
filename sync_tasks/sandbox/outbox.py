"""What Brevo reports about its contacts, in the uneven formats it really uses; ``delivery`` delivers it."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile

from sync_tasks.sandbox.wire import JsonObject

CAMPAIGN = 12


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One event; ``kind`` is the name webhooks subscribe to, ``webhook_ids`` are those that did."""

    number: int
    time: float
    kind: str
    webhook_ids: list[int]
    payload: JsonObject


class Outbox:
    """The latest events, the oldest dropping out; ``webhooks`` are the account's, by id.

    What it returns is a copy: other threads go on making requests while a caller looks at it.
    """

    def __init__(self, limit: int | None, clock: Callable[[], float]) -> None:
        self.api_key_name = ""
        self.webhooks: dict[int, JsonObject] = {}
        self._clock = clock
        self._events: deque[SentEvent] = deque(maxlen=limit)
        self._count = 0

    def events(self) -> list[SentEvent]:
        """Return the events, oldest first."""
        return list(self._events)

    def events_after(self, number: int) -> list[SentEvent]:
        """Return the events with a greater number, oldest first."""
        return list(takewhile(lambda event: event.number > number, reversed(self.events())))[::-1]

    def report_update(self, email: str | None, attributes: Mapping[str, object]) -> None:
        """Report that attributes changed: the changed ones only, and no contact id."""
        content = [{"email": email, "attributes": dict(attributes)}]
        more: JsonObject = {"content": content, "api_key_name": self.api_key_name}
        self._report("contactUpdated", "contact_updated", email, more)

    def report_deletion(self, email: str | None) -> None:
        """Report that a contact is gone; the address comes in an array."""
        self._report("contactDeleted", "contact_deleted", [email], {"date": self._now().isoformat()})

    def report_join(self, email: str | None, list_ids: list[int]) -> None:
        """Report that a contact joined lists."""
        self._report("listAddition", "list_addition", email, {"list_id": list_ids})

    def report_unsubscription(self, email: str | None, list_ids: list[int]) -> None:
        """Report an opt-out, alternately in the old and the new format."""
        campaign: JsonObject = {"camp_id": CAMPAIGN, "list_id": list_ids}
        if self._count % 2:
            self._report("unsubscribed", "unsubscribe", email, campaign | {"campaign_name": "News"})
        else:
            now = self._clock()
            old = {"campaign name": "News", "date_event": self._date(), "ts_sent": int(now) - 60, "ts_event": int(now)}
            self._report("unsubscribed", "unsubscribed", email, campaign | old | {"ts": int(now) + 3600})

    def report_bounce(self, email: str | None) -> None:
        """Report a hard bounce, under one of its three names."""
        name = ("hard_bounced", "hard_bounce", "hardBounce")[self._count % 3]
        self._report("hardBounce", name, email, {"camp_id": CAMPAIGN, "reason": "unknown user"})

    def report_complaint(self, email: str | None) -> None:
        """Report a spam complaint, under one of its two names."""
        self._report("spam", ("spam", "complaint")[self._count % 2], email, {"camp_id": CAMPAIGN})

    def _report(self, kind: str, name: str, email: object, more: JsonObject) -> None:
        self._count += 1
        if self._events.maxlen == 0:
            return
        now = self._clock()
        webhook_ids = [number for number, webhook in self.webhooks.items() if _subscribes(webhook, kind)]
        payload: JsonObject = {"id": next(iter(webhook_ids), 0), "event": name, "email": email}
        payload |= {"date": self._date(), "ts": int(now)} | more
        self._events.append(SentEvent(self._count, now, kind, webhook_ids, payload))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _date(self) -> str:
        return self._now().strftime("%Y-%m-%d %H:%M:%S")


def _subscribes(webhook: JsonObject, kind: str) -> bool:
    events = webhook["events"]
    return webhook["type"] == "marketing" and isinstance(events, list) and kind in events
