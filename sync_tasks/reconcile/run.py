"""The whole of it, account by account: read, compare, and unless too much would change, repair."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sync_tasks.config.settings import Settings
from sync_tasks.errors import AccountError, SyncError
from sync_tasks.reconcile.census import keep_census
from sync_tasks.reconcile.comparison import Comparison, Progress, ignore
from sync_tasks.reconcile.drift import LOOKED_AT, UNREADABLE, Drift
from sync_tasks.reconcile.history import BROKEN_OFF, Run, describe_resumed, remember
from sync_tasks.reconcile.repair import keep_blocks, look_at_erased, repair, split_held
from sync_tasks.reconcile.safety_catch import count_grave, find_excess, most_changes
from sync_tasks.reconcile.spot_check import MANY, check_pages
from sync_tasks.sync.context import Resources

log = logging.getLogger("sync_tasks.reconcile")


@dataclass(frozen=True, slots=True)
class Scope:
    """What to compare, and how far to go; without ``max_changes`` as configured.

    ``anew``: from the first contact on, also if an earlier comparison was broken off. ``users``: name whom each
    class of drift concerns, by ids. ``approved``: each grave thing may be done to so many all the same.
    """

    account: str = ""
    newsletter: str = ""
    dry_run: bool = False
    max_changes: int | None = None
    remove_unknown: bool = False
    anew: bool = False
    users: bool = False
    approved: Mapping[str, int] = field(default_factory=dict)


def reconcile(context: Resources, scope: Scope = Scope(), report: Progress = ignore) -> list[Run]:
    """Compare every account with the state and repair what differs; trouble of one does not stop the others."""
    chosen = {scope.account} if scope.account else set(context.mappings)
    if scope.newsletter:
        chosen = {account for account in chosen if _lists_of(scope.newsletter, account, context.settings)}
    accounts = [account for account in context.mappings if account in chosen]
    # The first walk through the state counts for all of them.
    return [_reconcile(account, context, scope, report, counting=not place) for place, account in enumerate(accounts)]


@dataclass(slots=True)
class RepairResult:
    """What became of the differences: how many were repaired, how many wait for a person, why none may be repaired.

    ``grave``: what the safety catch refused, each with its number of contacts.
    """

    repaired: int = 0
    held: int = 0
    refused: str = ""
    grave: dict[str, int] = field(default_factory=dict)


def _reconcile(account: str, context: Resources, scope: Scope, report: Progress, *, counting: bool) -> Run:
    clock, result = time.monotonic(), RepairResult()
    comparison = Comparison(account, context, scope.dry_run, report, scope.anew, counting)
    try:
        context.gateways[account].check_owner()
        comparison.run()
        check_pages(comparison)
        if counting:
            keep_census(comparison.counts, context.settings, context.store)
        _narrow(comparison, context.settings, scope.newsletter)
        _repair(comparison, scope, result)
        comparison.memory.forget()
    except SyncError as error:
        result.refused, result.grave = f"{BROKEN_OFF}{error}", {}
        if not scope.dry_run and not isinstance(error, AccountError) and _has_little_news(comparison):
            _look_at_news(comparison)
    run = _run_of(comparison, scope, result, time.monotonic() - clock)
    _report(run, context)
    return run


def _repair(comparison: Comparison, scope: Scope, result: RepairResult) -> None:
    """Repair what may be repaired, and note in ``result`` what came of it."""
    free, result.held = split_held(comparison)
    result.refused = _refuse(comparison, free, scope)
    # What was refused of a part is not approved: an approval is for a whole account.
    result.grave = count_grave(free) if result.refused and not scope.newsletter else {}
    if result.refused and not scope.dry_run:
        _look_at_news(comparison)
    elif not scope.dry_run:
        result.repaired = repair(comparison, free, remove_unknown=scope.remove_unknown)


def _run_of(comparison: Comparison, scope: Scope, result: RepairResult, seconds: float) -> Run:
    return Run(
        comparison.account,
        comparison.memory.began,
        seconds,
        scope.dry_run,
        comparison.compared,
        comparison.alone,
        sum(drift.loses for drift in comparison.drifts),
        result.repaired,
        dict(comparison.kinds),
        _by_newsletter(comparison),
        result.refused,
        comparison.resumed,
        result.held,
        _name(drift for drift in comparison.drifts if scope.users or UNREADABLE in drift.kinds),
        result.grave,
    )


def _look_at_news(comparison: Comparison) -> None:
    """Let the workers look at what ended something, whatever keeps the comparison from its repairs."""
    keep_blocks(comparison)
    look_at_erased(comparison)


def _has_little_news(comparison: Comparison) -> bool:
    """Return whether so few contacts would be looked at that pages need not be checked before."""
    return sum(not LOOKED_AT.isdisjoint(drift.kinds) for drift in comparison.drifts) <= MANY


def _report(run: Run, context: Resources) -> None:
    remember(context.store, run)
    found = ", ".join(f"{number} {kind}" for kind, number in sorted(run.found.items())) or "no drift"
    if run.resumed:
        log.info("account %s: %s", run.account, describe_resumed(run))
    log.info("account %s: %d contacts compared, %s, %d repaired", run.account, run.compared, found, run.repaired)
    if unread := run.users.get(UNREADABLE):
        log.error("account %s: not compared, for Brevo shows them otherwise: %s", run.account, ", ".join(unread))
    if run.held:
        log.error("account %s: %d contacts wait for a person: see `sync-tasks state show`", run.account, run.held)
    if run.refused:
        log.error("account %s: the comparison changed nothing: %s", run.account, run.refused)


def _name(drifts: Iterable[Drift]) -> dict[str, list[str]]:
    """Return the ids behind each class of drift."""
    named: dict[str, list[str]] = {}
    for drift in drifts:
        for kind in drift.kinds:
            named.setdefault(kind, []).append(drift.name)
    return named


def _narrow(comparison: Comparison, settings: Settings, newsletter: str) -> None:
    if newsletter:
        lists = _lists_of(newsletter, comparison.account, settings)
        concerned = (one for one in comparison.drifts if UNREADABLE in one.kinds or not lists.isdisjoint(one.lists))
        comparison.drifts = list(concerned)


def _lists_of(newsletter: str, account: str, settings: Settings) -> frozenset[int]:
    """Return the lists that a newsletter has, or had, on an account."""
    known = settings.newsletters_by_account[account].get(newsletter)
    return settings.former_on(account).get(newsletter, frozenset()) | ({known.list_id} if known else set())


def _refuse(comparison: Comparison, drifts: Iterable[Drift], scope: Scope) -> str:
    """Return why these differences may not be repaired, or nothing."""
    grave = {what: number for what, number in count_grave(drifts).items() if number > scope.approved.get(what, 0)}
    limit = scope.max_changes if scope.max_changes is not None else comparison.context.settings.reconcile.max_changes
    return find_excess(grave, most_changes(comparison.compared, limit))


def _by_newsletter(comparison: Comparison) -> dict[str, dict[str, int]]:
    """Return for each newsletter how many contacts of which class of drift it concerns."""
    return {
        slug: dict(
            Counter(kind for drift in comparison.drifts if not lists.isdisjoint(drift.lists) for kind in drift.kinds)
        )
        for slug in comparison.context.settings.newsletters
        if (lists := _lists_of(slug, comparison.account, comparison.context.settings))
    }
