"""The use case: bring one contact in sync on every account, and tell what became of each of its events."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.diff import ERASED, Layout, wanted_of
from sync_tasks.domain.pauses import absent_lists, list_part
from sync_tasks.domain.planning import concerns
from sync_tasks.domain.priority import priority_of
from sync_tasks.errors import MissingListError, PoisonedContactError, SyncError, UnconfiguredAccountError
from sync_tasks.rate_limits.limiter import Throttle
from sync_tasks.state.store import Lease
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch import go_together
from sync_tasks.sync.context import Report, Resources
from sync_tasks.sync.finish import blame, conclude
from sync_tasks.sync.settlement import Pushed

log = logging.getLogger("sync_tasks.sync.contact")

MAX_CRASHES = 3
MAX_ROUNDS = 5


def sync_contact(user_id: str, using: Resources, task_id: str = "") -> Report:
    """Bring one contact in sync, as far as that is possible now; go on while newer events come meanwhile."""
    report = Report()
    for _ in range(MAX_ROUNDS):
        lease = using.store.take(user_id, using.settings.pipeline.lease_seconds, using.throttle.ask_ahead())
        if isinstance(lease, str):
            return replace(report, busy=lease == "busy")
        settled, latest = _push(lease, using, task_id)
        report = replace(latest, fates=report.fates.then(latest.fates), nudge=report.nudge | latest.nudge)
        if settled != "again":
            break
    return report


def _push(lease: Lease, using: Resources, task_id: str) -> tuple[str, Report]:
    """Push one leased contact to every account that may hold anything of it, and give the lease back."""
    seconds = using.settings.pipeline.lease_seconds
    together = partial(go_together, using=using, task_id=task_id)
    lack = partial(_pause_newsletters, throttle=using.throttle)
    pushes, found = list[AccountPush](), dict[str, SyncError]()
    reserved = using.throttle.granted_along() if lease.granted else None
    gates = {name: using.throttle.gate(name, priority_of(lease.contact), reserved) for name in using.layouts}
    for account, layout in _departed_first(using.layouts):
        if not concerns(lease.contact, account, layout):
            continue
        known = _with_news(lease, pushes)
        here = layout.without(absent_lists(lease.paused, account))
        gateway = using.gateways[account].through(gates[account])
        push = AccountPush(account, here, gateway, using.store, known, seconds, gates[account], together, lack)
        pushes.append(push)
        if error := _find_trouble(push, found) or _run(push):
            found[account] = error
    errors = {account: blame(error, account, using) for account, error in found.items()}
    errors |= dict(_unreachable(lease.contact, using))
    seen = {push.account: push.view.seen for push in pushes if push.view.seen}
    doubtful = any(push.doubtful for push in pushes)
    lacking = {slug: name for push in pushes for slug, name in push.lacking.items()}
    nobody = frozenset(push.account for push in pushes if push.nobody)
    now = using.store.now()
    notes = tuple(line for push in pushes for line in push.history(now))
    pushed = Pushed(lease.contact, now, seen, errors, doubtful, lease.paused, lacking, notes, nobody)
    settled, report = conclude(lease, pushed, using, task_id)
    return settled, replace(report, nudge=frozenset().union(*(push.woken | {push.busy} for push in pushes)) - {""})


def _departed_first(layouts: Mapping[str, Layout]) -> list[tuple[str, Layout]]:
    """Return the accounts that newsletters have left first: what was ended there holds where they went."""
    return sorted(layouts.items(), key=lambda told: not told[1].departed)


def _with_news(lease: Lease, pushes: Iterable[AccountPush]) -> Lease:
    """Return the lease with what was seen of other accounts just now."""
    seen = {push.account: push.view.seen for push in pushes if push.view.seen and push.layout.departed}
    return replace(lease, contact=replace(lease.contact, seen={**lease.contact.seen, **seen})) if seen else lease


def _find_trouble(push: AccountPush, found: Mapping[str, SyncError]) -> SyncError | None:
    """Return what keeps a user from being taken along: an opt-out at the former account may not be known yet."""
    contact, here = push.lease.contact, push.lease.contact.seen.get(push.account)
    if contact.erased or (here and here.id is not None) or not found:
        return None
    wishes = push.layout.subscriptions(contact)
    waiting = {
        account
        for slug, (since, wished) in wishes.items()
        for account, _ in push.layout.newsletters[slug].had
        if wished and (known := contact.seen.get(account)) and known.id is not None and since <= known.looked
    }
    return next((found[account] for account in waiting & found.keys()), None)


def _unreachable(contact: Contact, using: Resources) -> Iterator[tuple[str, SyncError]]:
    """Yield the accounts that still hold something of an erased user and are not in the configuration."""
    for account, seen in contact.seen.items():
        if contact.erased and account not in using.layouts and seen.id is not None and seen.digest != ERASED:
            told = f"contact {seen.id} of account {account!r}, which is not in the configuration, cannot be anonymized"
            yield account, UnconfiguredAccountError(f"{told}: put it back, or `sync-tasks account forget {account}`")


def _pause_newsletters(push: AccountPush, error: MissingListError, throttle: Throttle) -> None:
    for slug, newsletter in push.layout.newsletters.items():
        if newsletter.list_id in error.lists:
            throttle.pause(push.account, error, list_part(newsletter.list_id), slug)


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
    wanted = wanted_of(push.lease.contact, push.layout, seen).attributes
    held = remote.attributes if remote else {}
    for name in sorted(name for name in new if wanted.get(name) not in {"", None} and held.get(name) in {"", None}):
        log.warning(
            "account %s: Brevo ignores the attribute %s: it does not exist there or has another type",
            push.account,
            name,
        )
