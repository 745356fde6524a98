"""The order of requests, for the wait queue, the message queues and the sweep alike. Pure."""

from collections.abc import Collection
from enum import IntEnum
from typing import TYPE_CHECKING

from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.events import EVENTS

if TYPE_CHECKING:
    from sync_tasks.domain.mapping import AccountMapping

# The tasks that end something for a person; all others can wait for them.
ENDING = frozenset(kind.task for kind in EVENTS.values() if kind.urgent)


class Priority(IntEnum):
    """The order of requests: opt-outs and erasures, the portal's other events, looks that Brevo asks for, repairs."""

    URGENT = 0
    ORDINARY = 1
    LOOK = 2
    BACKGROUND = 3

    @property
    def is_asked_for(self) -> bool:
        """Whether the portal waits for it."""
        return self <= Priority.ORDINARY


def priority_of(contact: Contact) -> Priority:
    """Return a contact's priority: opt-outs and erasures first, repairs of drift last."""
    unfinished = bool(contact.unknown_since or contact.erased)
    return rank(contact.pending, unfinished=unfinished, changed=bool(contact.looks))


def priority_at(contact: Contact, mapping: "AccountMapping") -> Priority:
    """Return a contact's priority on an account; who has left the lists, and only lacks a flag, is not urgent there."""
    priority, seen = priority_of(contact), contact.seen.get(mapping.account)
    if priority is not Priority.URGENT or contact.erased or contact.unknown_since or seen is None or seen.former:
        return priority
    ended = [mapping.find(key.newsletter) for key in contact.pending if key.task in ENDING]
    is_off = all(one and one.list_id in seen.absent_lists and not one.manual for one in ended)
    return Priority.ORDINARY if is_off and not contact.manual else priority


def rank(pending: Collection[EventKey], *, unfinished: bool, changed: bool) -> Priority:
    """Return the priority of these events; ``unfinished``: a request or erasure is to be verified.

    ``changed``: Brevo reported a change that nobody has looked at.
    """
    if any(key.task in ENDING for key in pending):
        return Priority.URGENT
    if pending or unfinished:
        return Priority.ORDINARY
    return Priority.LOOK if changed else Priority.BACKGROUND
