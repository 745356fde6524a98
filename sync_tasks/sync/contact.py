"""The use case: bring one contact in sync on every account, and tell what became of each of its events."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.diff import ERASED, AccountMapping, desired_of
from sync_tasks.domain.pauses import absent_lists, list_part
from sync_tasks.domain.planning import concerns
from sync_tasks.domain.priority import priority_of
from sync_tasks.errors import MissingListError, PoisonedContactError, SyncError, UnconfiguredAccountError
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Lease
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch import send_as_batch
from sync_tasks.sync.context import Report, Resources
from sync_tasks.sync.finish import attribute_error, conclude
from sync_tasks.sync.settlement import Pushed

log = logging.getLogger("sync_tasks.sync.contact")

MAX_CRASHES = 3
MAX_ROUNDS = 5


def sync_contact(user_id: str, context: Resources, task_id: str = "") -> Report:
    """Bring one contact in sync, as far as that is possible now; go on while newer events come meanwhile."""
    report = Report()
    for _ in range(MAX_ROUNDS):
        lease = context.store.lease(user_id, context.settings.pipeline.lease_seconds, context.limiter.ask_ahead())
        if isinstance(lease, str):
            return replace(report, busy=lease == "busy")
        settled, latest = _push(lease, context, task_id)
        report = replace(latest, outcomes=report.outcomes.then(latest.outcomes), nudge=report.nudge | latest.nudge)
        if settled != "again":
            break
    return report


def _push(lease: Lease, context: Resources, task_id: str) -> tuple[str, Report]:
    """Push one leased contact to every account that may hold anything of it, and give the lease back."""
    seconds = context.settings.pipeline.lease_seconds
    send_together = partial(send_as_batch, context=context, task_id=task_id)
    lack = partial(_pause_newsletters, limiter=context.limiter)
    pushes, found = list[AccountPush](), dict[str, SyncError]()
    reserved = context.limiter.granted_along() if lease.granted else None
    gates = {name: context.limiter.gate(name, priority_of(lease.contact), reserved) for name in context.mappings}
    for account, mapping in _departed_first(context.mappings):
        if not concerns(lease.contact, account, mapping):
            continue
        known = _with_news(lease, pushes)
        here = mapping.without(absent_lists(lease.paused, account))
        gateway = context.gateways[account].through(gates[account])
        push = AccountPush(account, here, gateway, context.store, known, seconds, gates[account], send_together, lack)
        pushes.append(push)
        if error := _find_trouble(push, found) or _run(push):
            found[account] = error
    errors = {account: attribute_error(error, account, context) for account, error in found.items()}
    errors |= dict(_unreachable(lease.contact, context))
    seen = {push.account: push.view.seen for push in pushes if push.view.seen}
    outcome_unknown = any(push.outcome_unknown for push in pushes)
    lacking = {slug: name for push in pushes for slug, name in push.lacking.items()}
    nobody = frozenset(push.account for push in pushes if push.nobody)
    now = context.store.now()
    notes = tuple(line for push in pushes for line in push.history(now))
    pushed = Pushed(lease.contact, now, seen, errors, outcome_unknown, lease.paused, lacking, notes, nobody)
    settled, report = conclude(lease, pushed, context, task_id)
    return settled, replace(
        report, nudge=frozenset().union(*(push.users_to_nudge | {push.blocked_by_user} for push in pushes)) - {""}
    )


def _departed_first(mappings: Mapping[str, AccountMapping]) -> list[tuple[str, AccountMapping]]:
    """Return the accounts that newsletters have left first: what was ended there holds where they went."""
    return sorted(mappings.items(), key=lambda told: not told[1].departed)


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
            told = f"contact {seen.id} of account {account!r}, which is not in the configuration, cannot be anonymized"
            yield account, UnconfiguredAccountError(f"{told}: put it back, or `sync-tasks account forget {account}`")


def _pause_newsletters(push: AccountPush, error: MissingListError, limiter: Limiter) -> None:
    for slug, newsletter in push.mapping.newsletters.items():
        if newsletter.list_id in error.lists:
            limiter.pause(push.account, error, list_part(newsletter.list_id), slug)


def _run(push: AccountPush) -> SyncError | None:
    """Push one account and return its trouble, if any: trouble of one account does not stop the others."""
    crashes = push.lease.contact.crashes
    try:
        if crashes >= MAX_CRASHES:
            raise PoisonedContactError(f"handling this contact ended its worker process {crashes} times")
        push.run()
        _check_attributes(push)
    except SyncError as error:
        return error
    return None


def _check_attributes(push: AccountPush) -> None:
    """Read back what was sent for the first time: Brevo ignores in silence an attribute it does not like."""
    seen = push.view.seen
    new = push.store.first_times(push.account, push.written) if push.written else frozenset()
    if not new or seen is None or seen.id is None or push.lease.contact.erased:
        return
    remote = push.gateway.read(seen.id)
    wanted = desired_of(push.lease.contact, push.mapping, seen).attributes
    held = remote.attributes if remote else {}
    for name in sorted(name for name in new if wanted.get(name) not in {"", None} and held.get(name) in {"", None}):
        log.warning(
            "account %s: Brevo ignores the attribute %s: it does not exist there or has another type",
            push.account,
            name,
        )
