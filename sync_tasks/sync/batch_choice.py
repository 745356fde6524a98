"""Whether a contact takes others along in its request: if it must wait for a permit, or if many need the same."""

from sync_tasks.domain.batching import MOVE_KIND, BatchKind, batch_kind_of, is_findable
from sync_tasks.domain.pauses import CREATING, parts_of
from sync_tasks.domain.planning import Step, next_step
from sync_tasks.domain.priority import Priority, priority_of
from sync_tasks.errors import SyncError, TakenAlongError
from sync_tasks.rate_limits.import_lock import import_under_way
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch import Batch
from sync_tasks.sync.batch_item import IMPORTING, BatchItem, relies_on_others
from sync_tasks.sync.context import Resources

# From so many on, the work itself is what is scarce: a batch pays even if no request has to wait.
WORTH_A_BATCH = 50


def send_as_batch(push: AccountPush, step: Step, *, context: Resources, task_id: str) -> bool:
    """Return whether a batch took the step; one is only made if the request must wait for its permit, or if many wait.

    Raises:
        SyncError: the request's own trouble, or that of its account.
    """
    batch_kind = batch_kind_of(step)
    if batch_kind is None or not _goes_with_others(push, batch_kind, context):
        return False
    # A probe goes alone: it may fail, and the outcome of all would be unknown.
    part = CREATING if batch_kind.verb == "create" else ""
    if part in parts_of(push.lease.paused, push.account):
        return False
    _wait_for_import(push, batch_kind, context)
    batch = Batch(BatchItem(push, step), batch_kind, context, task_id)
    if not _gather(batch, push, part, context):
        return False
    batch.serve()
    if batch.own.served and batch_kind.verb == "leave":
        _put_rest_off(push)
    return batch.own.served


def _gather(batch: Batch, push: AccountPush, part: str, context: Resources) -> bool:
    """Wait for the permit while others come along; return whether they are enough, else all are given back."""
    try:
        _wait_for_permit(push, batch, part, context)
        is_enough = len(batch.others) + 1 >= batch.batch_kind.least
    except SyncError:
        batch.give_back()
        raise
    if not is_enough:
        batch.give_back()
    return is_enough


def _wait_for_permit(push: AccountPush, batch: Batch, part: str, context: Resources) -> None:
    """Reserve the permit, and gather others meanwhile; of one process the first who needs the same does so for all.

    The others lease nobody: whose message came meanwhile would have none any more.

    Raises:
        TakenAlongError: another one waits already.
    """
    with context.limiter.gatherers.waiting(_name_of(push, batch)) as first:
        if not first:
            raise TakenAlongError("another of this process waits for the same, and takes it along", 1.0)
        if push.lease.pending_count >= WORTH_A_BATCH and not context.limiter.paused(push.account):
            batch.gather()
        # The question whose account it is must not use the permit that is waited for.
        push.gateway.confirm_owner()
        if push.gate:
            push.gate.reserve("contacts", batch.gather, part)


def _put_rest_off(push: AccountPush) -> None:
    """Leave what is to be written after a list call for later: the opt-outs of others go first.

    Raises:
        TakenAlongError: there is something.
    """
    if next_step(push.lease.contact, push.mapping, push.view) is not None:
        push.users_with_rest.add(push.lease.user_id)
        raise TakenAlongError("off the list, the rest comes later", 0.0)


def _goes_with_others(push: AccountPush, batch_kind: BatchKind, context: Resources) -> bool:
    match batch_kind.verb:
        case "create":
            return push.gateway.imports_safely
        case "read":
            return _is_read_with_others(push)
        case "verify":
            return _is_looked_at_with_others(push, context)
        case _:
            return is_findable(batch_kind, push.lease.contact, push.account)


def _is_looked_at_with_others(push: AccountPush, context: Resources) -> bool:
    """Return whether the look at an erased contact may be shared; if it was anonymized just now, it is left for later.

    Raises:
        TakenAlongError: many wait, and others look at this one, too.
    """
    # An account that shows no ``ext_id`` is asked for each. Another account may hold the user, too.
    if len(context.mappings) > 1 or not (push.gateway.reads_several and push.gateway.shows_ext_ids):
        return False
    if push.lease.contact.unknown_since:
        push.together = not push.lease.contact.hints
        return push.together
    if push.lease.pending_count > 1:
        raise TakenAlongError("anonymized, to be looked at with others", 0.0)
    return False


def _name_of(push: AccountPush, batch: Batch) -> object:
    """Return a name for those who wait for the same, of whom the first takes all along.

    Whom it may not find, or who has waited for long, has a name of its own: an index is a hint.
    """
    contact, kinds, verb = push.lease.contact, batch.kinds, batch.batch_kind.verb
    match verb:
        case "leave":
            shared = kinds[:1] == [contact.wishes]
        case "read":
            looked_at = push.account in contact.looks or contact.unknown_since
            shared = bool(looked_at) or MOVE_KIND in {key.task for key in contact.pending}
            shared &= priority_of(contact) is not Priority.URGENT
        case _:
            shared = verb in {"verify", "locate"}
    if not (shared and relies_on_others(push)):
        return object()
    return push.account, batch.batch_kind, kinds[0]


def _is_read_with_others(push: AccountPush) -> bool:
    """Return whether a shared look is enough for a contact; such a look shows no reason of a block."""
    contact = push.lease.contact
    blocked = push.known().block or push.view.guarded or contact.opt_outs(push.account)
    findable = is_findable(BatchKind("read", frozenset()), contact, push.account)
    return push.gateway.reads_several and findable and not (push.outcome_unknown or blocked)


def _wait_for_import(push: AccountPush, batch_kind: BatchKind, context: Resources) -> None:
    """Raise ``ImportUnderWayError`` for one sign-up of many while another import is under way."""
    many = batch_kind.verb in IMPORTING and push.lease.pending_count >= batch_kind.least
    if many and context.limiter.import_lock(push.account).is_held():
        raise import_under_way(push.account)
