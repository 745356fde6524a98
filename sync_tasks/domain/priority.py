"""Whose requests go first, said once: for the wait queue, the queues of messages, the sweep. Pure."""

from collections.abc import Iterable
from enum import IntEnum

from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.events import EVENTS

# The tasks that end something for a person; everything else can wait for them.
ENDING = frozenset(kind.task for kind in EVENTS.values() if kind.urgent)


class Priority(IntEnum):
    """Whose requests go first: what ends a subscription, then what the portal told, then what a comparison found."""

    URGENT = 0
    ORDINARY = 1
    BACKGROUND = 2


def priority_of(contact: Contact) -> Priority:
    """Opt-outs and erasures go first, last what nobody asked for: repairs of what a comparison has found."""
    if _ends_something(contact.pending):
        return Priority.URGENT
    asked = contact.pending or contact.looks or contact.unknown_since or contact.erased
    return Priority.ORDINARY if asked else Priority.BACKGROUND


def _ends_something(pending: Iterable[EventKey]) -> bool:
    return any(key.task in ENDING for key in pending)
