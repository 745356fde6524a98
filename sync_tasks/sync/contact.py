"""The use case: bring one contact in sync on every account, and report what became of each of its events."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.diff import ERASED
from sync_tasks.domain.outcomes import Outcomes
from sync_tasks.domain.pauses import absent_lists, list_part
from sync_tasks.domain.planning import concerns
from sync_tasks.domain.priority import priority_at, priority_of
from sync_tasks.errors import (
    MissingListError,
    PoisonedContactError,
    SyncError,
    TakenAlongError,
    UnconfiguredAccountError,
)
from sync_tasks.rate_limits.limiter import PATIENCE, Limiter
from sync_tasks.state.store import Lease
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch_choice import send_as_batch
from sync_tasks.sync.context import Resources
from sync_tasks.sync.read_back import check_values
from sync_tasks.sync.settlement import Pushed, attribute_error, conclude

MAX_CRASHES = 3
MAX_ROUNDS = 5
# After so many seconds a contact that is left to another thread is looked at again.
_SHORTLY = 0.25


def sync_contact(user_id: str, context: Resources, task_id: str = "") -> Outcomes:
    """Bring one contact in sync, as far as that is possible now; go on while newer events come meanwhile.

    The flow of every sign-up, change, opt-out and erasure: lease, read state, plan, send, record, settle.
    """
    outcomes, rounds, relies_until = Outcomes(), 0, time.monotonic() + PATIENCE
    while True:
        lease = _lease(user_id, context)
        if isinstance(lease, str):
            return replace(outcomes, busy=lease == "busy")
        found = dict[str, SyncError]()
        pushes = list[AccountPush]()
        for push in _read_state(lease, pushes, context, task_id):
            if error := _find_trouble(push, found) or _plan_and_send(push):
                found[push.account] = error
        pushed = _record(lease, pushes, found, context)
        settled, latest = _settle(lease, pushed, pushes, context, task_id)
        if _is_left_to_another(lease, found) and time.monotonic() < relies_until and not context.limiter.stopping:
            # What is over stays over, on another account for example; what waits is decided anew.
            outcomes = outcomes.then(replace(latest, waiting={}, retry_in=None))
            context.limiter.rest(_SHORTLY)
            continue
        outcomes, rounds = outcomes.then(latest), rounds + 1
        if settled != "again" or rounds == MAX_ROUNDS:
            return outcomes


def _is_left_to_another(lease: Lease, found: Mapping[str, SyncError]) -> bool:
    """Return whether another thread is about to serve the contact: to look again soon is sooner than a message."""
    left = any(isinstance(error, TakenAlongError) and error.retry_after for error in found.values())
    return left and priority_of(lease.contact).is_asked_for


def _lease(user_id: str, context: Resources) -> Lease | Literal["busy", "idle"]:
    """Lease the contact, and try to get the permit of its first request along with it."""
    return context.store.lease(user_id, context.settings.pipeline.lease_seconds, context.limiter.ask_ahead())


def _read_state(lease: Lease, pushes: list[AccountPush], context: Resources, task_id: str) -> Iterator[AccountPush]:
    """Add to ``pushes``, and yield, one for each account that may hold anything of the user.

    The next account is read once the push before it is over: what that one saw counts here.
    """
    # Accounts that newsletters have left go first: what was ended there holds where they went.
    for account, mapping in sorted(context.mappings.items(), key=lambda item: not item[1].departed):
        if concerns(lease.contact, account, mapping):
            gate = context.limiter.gate(account, priority_at(lease.contact, mapping), granted=lease.granted)
            push = AccountPush(
                account,
                mapping.without(absent_lists(lease.paused, account)),
                context.gateways[account].through(gate),
                context.store,
                _with_news(lease, pushes),
                context.settings.pipeline.lease_seconds,
                gate,
                partial(send_as_batch, context=context, task_id=task_id),
                partial(_pause_newsletters, limiter=context.limiter),
                quiet_seconds=context.settings.pipeline.quiet_seconds,
            )
            pushes.append(push)
            yield push


def _plan_and_send(push: AccountPush) -> SyncError | None:
    """Push one account and return its trouble, if any: trouble of one account does not stop the others."""
    crashes = push.lease.contact.crashes
    try:
        if crashes >= MAX_CRASHES:
            raise PoisonedContactError(f"handling this contact ended its worker process {crashes} times")
        push.run()
        new = push.store.first_times(push.account, push.written) if push.written else frozenset()
        if new or push.cleared or push.repaired:
            check_values(push, new)
    except SyncError as error:
        return error
    return None


def _record(lease: Lease, pushes: Sequence[AccountPush], found: Mapping[str, SyncError], context: Resources) -> Pushed:
    """Return what came of the push on all accounts."""
    errors = {account: attribute_error(error, account, context) for account, error in found.items()}
    now = (pushes[-1].answered if pushes else "") or context.store.now()
    return Pushed(
        lease.contact,
        now,
        seen={push.account: push.view.seen for push in pushes if push.view.seen},
        errors=errors | dict(_unreachable(lease.contact, context)),
        outcome_unknown=any(push.outcome_unknown for push in pushes),
        paused=lease.paused,
        lacking={slug: name for push in pushes for slug, name in push.lacking.items()},
        notes=tuple((push.account, note) for push in pushes for note in push.notes),
        nobody=frozenset(push.account for push in pushes if push.nobody),
        looked=frozenset(push.account for push in pushes if push.looked),
        together=any(push.together for push in pushes),
        fresh=frozenset(push.account for push in pushes if push.view.fresh),
        unflagged=frozenset(slug for push in pushes if push.account in found for slug in push.unflagged),
    )


def _settle(
    lease: Lease, pushed: Pushed, pushes: Collection[AccountPush], context: Resources, task_id: str
) -> tuple[str, Outcomes]:
    """Give the lease back with it all in one step, and report the outcome of each event."""
    settled, outcomes = conclude(lease, pushed, context, task_id)
    users = (push.users_to_nudge | {push.blocked_by_user} for push in pushes)
    rest = frozenset(user for push in pushes for user in push.users_with_rest)
    return settled, replace(outcomes, users_to_nudge=rest.union(*users) - {""}, users_with_rest=rest)


def _with_news(lease: Lease, pushes: Iterable[AccountPush]) -> Lease:
    """Return the lease with what was seen of other accounts just now."""
    seen = {push.account: push.view.seen for push in pushes if push.view.seen and push.mapping.departed}
    return replace(lease, contact=replace(lease.contact, seen={**lease.contact.seen, **seen})) if seen else lease


def _find_trouble(push: AccountPush, found: Mapping[str, SyncError]) -> SyncError | None:
    """Return what keeps a user from being taken along: an opt-out at the former account may not be known yet."""
    contact, here = push.lease.contact, push.lease.contact.seen.get(push.account)
    if contact.erased or (here and here.id is not None) or not found:
        return None
    wishes = push.mapping.subscriptions(contact)
    waiting = {
        account
        for slug, (since, wished) in wishes.items()
        for account, _ in push.mapping.newsletters[slug].had
        if wished and (known := contact.seen.get(account)) and known.id is not None and since <= known.read_at
    }
    return next((found[account] for account in waiting & found.keys()), None)


def _unreachable(contact: Contact, context: Resources) -> Iterator[tuple[str, SyncError]]:
    """Yield the accounts that still hold something of an erased user and are not in the configuration."""
    for account, seen in contact.seen.items():
        if contact.erased and account not in context.mappings and seen.id is not None and seen.digest != ERASED:
            what = f"contact {seen.id} of account {account!r}, which is not in the configuration, cannot be anonymized"
            yield account, UnconfiguredAccountError(f"{what}: put it back, or `sync-tasks account forget {account}`")


def _pause_newsletters(push: AccountPush, error: MissingListError, limiter: Limiter) -> None:
    for slug, newsletter in push.mapping.newsletters.items():
        if newsletter.list_id in error.lists:
            limiter.pause(push.account, error, list_part(newsletter.list_id), slug)
