"""The order of requests, for the wait queue, the message queues and the sweep alike. Pure."""

from collections.abc import Iterable
from enum import IntEnum

from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.events import EVENTS

# The tasks that end something for a person; all others can wait for them.
ENDING = frozenset(kind.task for kind in EVENTS.values() if kind.urgent)


class Priority(IntEnum):
    """The order of requests: opt-outs and erasures, then the portal's other events, then repairs."""

    URGENT = 0
    ORDINARY = 1
    BACKGROUND = 2


def priority_of(contact: Contact) -> Priority:
    """Return a contact's priority: opt-outs and erasures first, repairs of drift last."""
    if _ends_something(contact.pending):
        return Priority.URGENT
    asked = contact.pending or contact.looks or contact.unknown_since or contact.erased
    return Priority.ORDINARY if asked else Priority.BACKGROUND


def _ends_something(pending: Iterable[EventKey]) -> bool:
    return any(key.task in ENDING for key in pending)
