"""The use case: bring one contact in sync on every account, and tell what became of each of its events."""

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sync_tasks.contacts import EventKey
from sync_tasks.differences import Layout, wanted_of
from sync_tasks.errors import PoisonedContactError, SyncError
from sync_tasks.fates import Fates, judge
from sync_tasks.gateway import Gateway
from sync_tasks.planning import concerns
from sync_tasks.pushing import AccountPush
from sync_tasks.settings import Settings
from sync_tasks.settling import Pushed, is_tired, retry_delay, settle
from sync_tasks.store import Lease, Store
from sync_tasks.telemetry import log_outcome
from sync_tasks.throttle import Throttle

log = logging.getLogger("sync_tasks.syncing")

MAX_CRASHES = 3
MAX_ROUNDS = 5


@dataclass(frozen=True, slots=True, repr=False)
class Resources:
    """What a worker process works with."""

    settings: Settings
    store: Store
    throttle: Throttle
    gateways: Mapping[str, Gateway]
    layouts: Mapping[str, Layout]


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """What became of a contact: the fates of its events, in how many seconds to try again, whom to nudge besides.

    ``busy``: somebody else is pushing it and will see to everything accepted so far.
    """

    fates: Fates = field(default_factory=Fates)
    retry_in: float | None = None
    nudge: frozenset[str] = frozenset()
    busy: bool = False


def sync_contact(user_id: str, using: Resources, task_id: str = "") -> Report:
    """Bring one contact in sync, as far as that is possible now; go on while newer events come meanwhile."""
    report = Report()
    for _ in range(MAX_ROUNDS):
        lease = using.store.take(user_id, using.settings.pipeline.lease_seconds)
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
    pushes = [
        AccountPush(account, layout, using.gateways[account], using.store, lease, seconds)
        for account, layout in using.layouts.items()
        if concerns(lease.contact, account, layout)
    ]
    errors = {push.account: error for push in pushes if (error := _run(push))}
    seen = {push.account: push.view.seen for push in pushes if push.view.seen}
    doubtful = any(push.doubtful for push in pushes)
    settled, report = _settle(lease, Pushed(lease.contact, using.store.now(), seen, errors, doubtful), using, task_id)
    return settled, replace(report, nudge=frozenset(push.busy for push in pushes if push.busy))


def _settle(lease: Lease, pushed: Pushed, using: Resources, task_id: str) -> tuple[str, Report]:
    pipeline = using.settings.pipeline
    tired = is_tired(pushed, pipeline)
    fates = judge(lease.contact, using.settings, pushed.seen, pushed.errors, tired=tired)
    delay = retry_delay(pushed, pipeline)
    delay = delay and delay * random.uniform(1.0, 1.3)  # noqa: S311 - jitter, not a secret
    settled = using.store.settle(lease, settle(pushed, fates, pipeline, delay, task_id))
    if settled == "lost":
        return settled, Report(retry_in=1.0)
    _log_fates(lease.user_id, fates, delay)
    return settled, Report(fates, delay)


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
    wanted = wanted_of(push.lease.contact, push.layout, seen.floor).attributes
    held = remote.attributes if remote else {}
    for name in sorted(name for name in new if wanted.get(name) not in {"", None} and held.get(name) in {"", None}):
        log.warning(
            "account %s: Brevo ignores the attribute %s: it does not exist there or has another type",
            push.account,
            name,
        )


def _log_fates(user_id: str, fates: Fates, delay: float | None) -> None:
    for key in sorted(fates.done):
        log_outcome("synced", _about(user_id, key))
    for key, error in fates.dead.items():
        log_outcome("dead letter", _about(user_id, key), error=error)
    for key, error in fates.waiting.items():
        log_outcome(f"tried again in {delay or 0:.0f} s", _about(user_id, key), error=error)


def _about(user_id: str, key: EventKey) -> dict[str, str]:
    return {"task": key.task, "user_id": user_id, **key.shown}
