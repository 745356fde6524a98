"""Whether a contact takes others along in its request: if it must wait for a permit, or if many need the same."""

from sync_tasks.domain.batching import BatchKind, batch_kind_of, found_since
from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.pauses import CREATING, parts_of
from sync_tasks.domain.planning import Read, Search, Step, Write
from sync_tasks.errors import SyncError
from sync_tasks.rate_limits.import_lock import import_under_way
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch import Batch
from sync_tasks.sync.batch_item import IMPORTING, BatchItem
from sync_tasks.sync.context import Resources

# From so many on, the work itself is what is scarce: a batch pays even if no request has to wait.
WORTH_A_BATCH = 50


def send_as_batch(push: AccountPush, step: Step, *, context: Resources, task_id: str) -> bool:
    """Return whether a batch took the step; one is only made if the request must wait for its permit, or if many wait.

    Raises:
        SyncError: the request's own trouble, or that of its account.
    """
    batch_kind = None if _goes_alone(push) or _is_looked_for_alone(push, step) else batch_kind_of(step)
    if batch_kind is None or not isinstance(step, Write | NewContact | Read | Search):
        return False
    # A probe goes alone: it may fail, and the outcome of all would be unknown.
    if not _is_safe(push, batch_kind):
        return False
    part = CREATING if batch_kind.verb == "create" else ""
    if part in parts_of(push.lease.paused, push.account):
        return False
    _wait_for_import(push, batch_kind, context)
    batch = Batch(BatchItem(push, step), batch_kind, context, task_id)
    try:
        if push.lease.pending_count >= WORTH_A_BATCH and not context.limiter.paused(push.account):
            batch.gather()
        # The question whose account it is must not use the permit that is waited for.
        push.gateway.confirm_owner()
        if push.gate:
            push.gate.reserve("contacts", batch.gather, part)
        if len(batch.others) + 1 < batch_kind.least:
            batch.give_back()
            return False
    except SyncError:
        batch.give_back()
        raise
    batch.serve()
    return batch.own.served


def _goes_alone(push: AccountPush) -> bool:
    """Return whether nobody can come along: the contact must go alone, or nobody waits and the permit is here."""
    count = push.lease.pending_count
    return count == 0 or (count == 1 and push.gate is not None and push.gate.is_reserved)


def _is_looked_for_alone(push: AccountPush, step: Step) -> bool:
    return isinstance(step, Search) and found_since(push.lease.contact) is None


def _is_safe(push: AccountPush, batch_kind: BatchKind) -> bool:
    """Return whether a request for many does as well for this contact, and harms no other."""
    match batch_kind.verb:
        case "read":
            return _is_read_with_others(push)
        case "create":
            return push.gateway.imports_safely
        case _:
            return True


def _is_read_with_others(push: AccountPush) -> bool:
    """Return whether a page is enough of a contact: it shows no reason of a block, and ends no unknown outcome."""
    contact = push.lease.contact
    unknown = contact.unknown_since or push.outcome_unknown or push.view.guarded
    blocked = push.known().block or contact.opt_outs(push.account)
    return push.gateway.reads_several and not (unknown or blocked)


def _wait_for_import(push: AccountPush, batch_kind: BatchKind, context: Resources) -> None:
    """Raise ``ImportUnderWayError`` for one sign-up of many while another import is under way."""
    many = batch_kind.verb in IMPORTING and push.lease.pending_count >= batch_kind.least
    if many and context.limiter.import_lock(push.account).is_held():
        raise import_under_way(push.account)
