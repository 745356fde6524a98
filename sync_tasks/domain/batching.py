"""Batches: the steps of different contacts that one request can serve. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sync_tasks.domain.contact import Contact, EventKey, RemoteState
from sync_tasks.domain.diff import NUMBERS, Change, NewContact
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.domain.planning import Erase, Read, Search, Step, Write
from sync_tasks.domain.priority import Priority, priority_of
from sync_tasks.texts import is_international

# What JSON needs around a contact's values in an import.
_AROUND = 60


Verb = Literal["join", "leave", "create", "look", "read", "find", "verify", "locate"]


@dataclass(frozen=True, slots=True)
class BatchKind:
    """The common part of steps that one request can serve.

    ``join`` or ``leave`` one list, ``create`` contacts on some lists, ``read`` contacts by their ids. ``look`` for the
    contacts changed since the last look. ``find`` contacts whose creation has an unknown outcome. ``verify`` contacts
    that were anonymized. ``locate`` contacts by their addresses, of people whom the state does not know.
    """

    verb: Verb
    lists: frozenset[int]

    @property
    def least(self) -> int:
        """The number of contacts from which a batch pays: an import must be read back, a list call need not.

        An anonymized contact takes one request more alone: it is looked for by its ``ext_id``, too.
        """
        return 10 if self.verb in {"create", "find", "locate"} else 1 if self.verb == "verify" else 2

    @property
    def change(self) -> Change:
        """What a list call changes in each of them."""
        return Change(join=self.lists) if self.verb == "join" else Change(leave=self.lists)

    def is_done_by(self, lists: frozenset[int]) -> bool:
        """Return whether a look that shows a contact on these lists leaves nothing of the step to be sent."""
        match self.verb:
            case "join":
                return self.lists <= lists
            case "leave":
                return self.lists.isdisjoint(lists)
            case _:
                return self.verb == "read"


def batch_kind_of(step: Step | None) -> BatchKind | None:
    """Return the kind that a step must share with others to go in one request; ``None`` if it goes alone."""
    match step:
        case NewContact(lists=lists) if is_importable(step):
            return BatchKind("create", lists)
        case Write(change=change) if len(change.leave) == 1 and _leaves_first(change):
            return BatchKind("leave", change.leave)
        case Write(change=change) if len(change.join) == 1 and change == Change(join=change.join):
            return BatchKind("join", change.join)
        case Read() | Erase(written=True):
            verb: Verb = "verify" if isinstance(step, Erase) else "look" if step.if_changed else "read"
            return BatchKind(verb, frozenset())
        case Search(addresses=(address,), by_ext_id=created) if created or not is_international(address):
            return BatchKind("find" if created else "locate", frozenset())
        case _:
            return None


def _leaves_first(change: Change) -> bool:
    """Return whether many may leave the list first. What else differs, such as a flag, is written after that."""
    return replace(change, attributes={}, ext_id=None, nulls=frozenset()) == Change(leave=change.leave)


def is_importable(contact: NewContact) -> bool:
    """Return whether an import creates this contact as it should be, and harms no other.

    Brevo drops booleans in imports (github.com/sendinblue/APIv3-python-library, issue 95, open in November 2026). An
    absent attribute is as good as ``False``. An import merges contacts of the same number and deletes one (Brevo's
    help, article 32331116133522, November 2026). If Brevo mends both, any contact with an address can be imported.
    """
    values = contact.attributes.items()
    return not any(value is True or (name in NUMBERS and value) for name, value in values)


def import_size(step: Step | None) -> int:
    """Return how many bytes a step takes of an import, rather more than less; nothing if it creates nobody."""
    if not isinstance(step, NewContact):
        return 0
    sent = {name: value for name, value in step.attributes.items() if value is not False}
    return len(json.dumps([step.address, step.ext_id, sent])) + _AROUND


def pending_kinds_of(batch_kind: BatchKind, mapping: AccountMapping, contact: Contact) -> list[str]:
    """Return under which names the state keeps those who may need such a step, the closest first.

    A repair has one name. Others are kept by all they wish, and by the kind of one event.
    """
    if batch_kind.verb == "read":
        return [look_kind_of(mapping.account), MOVE_KIND, UNANSWERED_KIND]
    if batch_kind.verb == "find":
        return [UNKNOWN_KIND]
    if batch_kind.verb == "verify":
        return [ERASED_KIND]
    if batch_kind.verb == "locate":
        return [unmet_kind_of(contact)]
    if not contact.pending:
        return [repair_kind_of(batch_kind, mapping.account)]
    task = "unsubscribe_contact" if batch_kind.verb == "leave" else "subscribe_contact"
    slugs = {
        key.newsletter for key in contact.pending if _leads_to(batch_kind, mapping.find(key.newsletter), key, task)
    }
    if not slugs:
        slugs = {slug for slug, newsletter in mapping.newsletters.items() if newsletter.list_id in batch_kind.lists}
    if batch_kind.verb == "look":
        slugs = {key.newsletter for key in contact.pending if key.task == task}
    slug = min(slugs, default=None)
    return [*filter(None, [contact.wishes]), *([f"{task}:{slug}"] if slug else [])]


# The name of the index of contacts with a new address: they are read before they move.
MOVE_KIND = "update_contact"
# The name of the index of contacts whose creation has an unknown outcome.
UNKNOWN_KIND = "unknown"
# The name of the index of contacts that another request of unknown outcome was about.
UNANSWERED_KIND = "unanswered"
# The name of the index of anonymized contacts that are to be looked at.
ERASED_KIND = "erased"
# Who was looked for so many times without a result is looked for alone.
_MOST_TRIES = 1


def found_since(contact: Contact) -> int | None:
    """Return since when a request may have created a contact, in microseconds; ``None`` if it is looked for alone.

    All its creations are younger than the oldest event without an outcome. Whoever opts out is not kept waiting.
    """
    accepted = [contact.accepted_at(key) for key in contact.pending]
    waits = contact.unknown_since and contact.tries <= _MOST_TRIES and not contact.dead
    if not waits or priority_of(contact) is not Priority.ORDINARY or contact.addresses != (contact.address,):
        return None
    return min((moment for moment in accepted if moment is not None), default=None)


def is_findable(batch_kind: BatchKind, contact: Contact, account: str) -> bool:
    """Return whether pages may show a contact; nobody has looked for one that is located.

    Pages show no reason of a block. After an unknown outcome, whoever may be blocked or met more trouble is read alone.
    """
    match batch_kind.verb:
        case "find":
            return found_since(contact) is not None
        case "locate":
            return not contact.erased and account not in contact.seen
        case "read" if contact.unknown_since:
            known = contact.seen.get(account, RemoteState())
            return contact.tries <= _MOST_TRIES and not (known.block or contact.opt_outs(account))
        case _:
            return True


def unanswered_kind_of(contact: Contact, seen: Mapping[str, RemoteState]) -> str:
    """Return the name of the index of those whose unknown outcome a look by their ids shows, or nothing."""
    known = any(one.id is not None for one in seen.values()) and not any(one.block for one in seen.values())
    return UNANSWERED_KIND if known and not contact.erased else ""


def unmet_kind_of(contact: Contact) -> str:
    """Return the name of the index of people whom the state does not know. Opt-outs have one of their own."""
    urgent = priority_of(contact) is Priority.URGENT
    return f"unmet:{'unsubscribe' if urgent else 'update'}_contact"


def look_kind_of(account: str) -> str:
    """Return the name of the index of contacts that changed at Brevo, by what a webhook reported."""
    return f"look:{account}"


def _leads_to(batch_kind: BatchKind, newsletter: Subscribable | None, key: EventKey, task: str) -> bool:
    return newsletter is not None and key.task == task and newsletter.list_id in batch_kind.lists


def repair_kind_of(batch_kind: BatchKind, account: str) -> str:
    """Return the name of the index of contacts that a comparison found to need such a step."""
    return f"repair:{account}:{batch_kind.verb}:{','.join(map(str, sorted(batch_kind.lists)))}"
