"""What a portal said of Ada, minute by minute, and what is known of her then."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from sync_tasks.domain.contact import Block, Contact, EventKey
from sync_tasks.domain.events import Anonymize, Event, Subscribe, Unsubscribe, Update, parse_event
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.domain.merge import merge, values_of
from sync_tasks.domain.timestamps import stamp_of

START = datetime(2026, 3, 1, tzinfo=UTC)
ADA, BEA = "ada@example.com", "bea@example.com"
ACCOUNT = "default"
MAPPING = AccountMapping(
    {"daily": Subscribable(3, "DAILY_UNSUBSCRIBED"), "weekly": Subscribable(5)},
    {"first_name": "FIRSTNAME", "city": "CITY"},
    account=ACCOUNT,
)


def moment(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def stamp(minute: float) -> str:
    return stamp_of(moment(minute))


def subscribe(minute: float, newsletter: str = "daily", **said: Any) -> Event:
    return _event(Subscribe, minute, **{"newsletter": newsletter, "email": ADA, **said})


def update(minute: float, **said: Any) -> Event:
    return _event(Update, minute, **said)


def unsubscribe(minute: float, newsletter: str = "daily", **said: Any) -> Event:
    return _event(Unsubscribe, minute, newsletter=newsletter, **said)


def anonymize(minute: float, **said: Any) -> Event:
    return _event(Anonymize, minute, **said)


def _event(kind: type[Event], minute: float, **said: Any) -> Event:
    return parse_event(kind, {"user_id": "u1", "occurred_at": moment(minute), **said})


def key_of(event: Event) -> EventKey:
    return EventKey(event.task, event.about or "", stamp_of(event.occurred_at or START))


def merged(*events: Event) -> dict[str, str]:
    """Return the registers after these events, in the order in which they come."""
    return reduce(
        lambda reported, event: merge(reported, key_of(event).stamp, values_of(event), reported=True),
        events,
        dict[str, str](),
    )


def contact_of(*events: Event, **known: Any) -> Contact:
    """Return what is known of Ada after these events; none of them has an outcome yet."""
    pending = {key_of(event): "1:" + stamp(0) for event in events}
    return Contact("u1", merged(*events), **{"pending": pending, **known})


def blocked(minute: float, kind: str = "unsubscribed") -> Block:
    return Block(kind, stamp(minute))
