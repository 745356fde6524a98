"""One contact of a batch, and how many contacts a batch serves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sync_tasks.domain.batching import BatchKind
from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.planning import Step, concerns, first_view, next_step
from sync_tasks.domain.timestamps import seconds_since
from sync_tasks.errors import SyncError
from sync_tasks.providers import Capabilities
from sync_tasks.state.store import Lease
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.settlement import Pushed

# An import carries so many: their leases are renewed while it is looked for, and each takes some kB in the process.
MOST_IMPORTED = 5_000
# So many list calls in a row, if attributes are written after them: who came later would wait for permits behind these.
LIST_CALLS = 5
# After these the rest of a contact's change is a request of its own, which comes next.
SERVING_FIRST = ("read", "leave", "find", "locate")
# Only one request of these verbs at a time: they are about imports.
IMPORTING = ("create", "find")


# For so many seconds an event is left to another thread that waits to serve it. After that it has a place of its own.
_RELIES_ON_OTHERS = 60.0


def relies_on_others(push: AccountPush) -> bool:
    """Return whether none of a contact's events is so old that it must not be left to others any more."""
    contact = push.lease.contact
    accepted = [moment for key in contact.pending if (moment := contact.accepted_at(key)) is not None]
    return seconds_since(min(accepted, default=int(push.store.now())), push.store.now()) <= _RELIES_ON_OTHERS


@dataclass(slots=True, repr=False)
class BatchItem:
    """One contact of a batch, and its next step; ``kind`` is the name under which it was found."""

    push: AccountPush
    step: Step
    kind: str = ""
    served: bool = False

    def came_to(self, now: str, errors: Mapping[str, SyncError], paused: frozenset[str]) -> Pushed:
        """Return what came of the contact, on the one account that holds it."""
        push = self.push
        return Pushed(
            push.lease.contact,
            now,
            {push.account: push.view.seen} if push.view.seen else {},
            errors,
            push.outcome_unknown,
            paused,
            push.lacking,
            tuple((push.account, note) for note in push.notes),
            looked=frozenset({push.account}) if push.looked else frozenset(),
            outcome_known=push.outcome_known,
            together=push.together,
            fresh=frozenset({push.account}) if push.view.fresh else frozenset(),
            unflagged=push.unflagged if errors else frozenset(),
        )


def is_theirs(push: AccountPush, remote: RemoteContact) -> bool:
    """Return whether a contact that a page shows is the user's: by its ``ext_id``, or the id and address that we know.

    Somebody who was there before us has no ``ext_id`` yet.
    """
    known, mine = push.known(), push.mapping.ext_ids.of(push.lease.user_id)
    unnamed = remote.ext_id is None and bool(known.address) and (remote.id, remote.address) == (known.id, known.address)
    return remote.ext_id == mine or unnamed


def push_beside(own: AccountPush, lease: Lease) -> AccountPush:
    """Return the push of a contact that another one takes along."""
    view = first_view(lease.contact, own.account, own.mapping.absent)
    where = (own.account, own.mapping, own.gateway, own.store)
    return AccountPush(*where, lease, own.lease_seconds, view=view, quiet_seconds=own.quiet_seconds)


def step_of_one_account(push: AccountPush, mappings: Mapping[str, AccountMapping]) -> Step | None:
    """Return the next step of a contact; nothing if another account may hold the user, too, or if there is trouble."""
    contact, others = push.lease.contact, ((name, one) for name, one in mappings.items() if name != push.account)
    if any(concerns(contact, account, mapping) for account, mapping in others):
        return None
    try:
        return next_step(contact, push.mapping, push.view)
    except SyncError:
        return None


def most_served(kind: BatchKind, capabilities: Capabilities, flagged: Collection[int] = ()) -> int:
    """Return how many contacts a batch serves; ``flagged``: lists with an attribute that is written after the call."""
    match kind.verb:
        case "create" | "find" | "locate":
            return MOST_IMPORTED
        case "look":
            return capabilities.page
        case "read" | "verify":
            return capabilities.ids
        case _:
            calls = LIST_CALLS if kind.verb == "leave" and kind.lists.issubset(flagged) else 1
            return calls * capabilities.list_call_ids
