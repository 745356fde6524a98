"""The end of a push: decide the outcome of each event, write it all down in one step, say it in the log."""

from collections.abc import Sequence
from dataclasses import replace

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import EVENTS as EVENT_KINDS
from sync_tasks.domain.outcomes import Outcome, Outcomes, decide_outcomes
from sync_tasks.domain.retry import RetryPolicy, is_left_to_the_state
from sync_tasks.domain.timestamps import seconds_since
from sync_tasks.errors import AccountPausedError, GatewayUnavailableError, PartPausedError, SyncError, TakenAlongError
from sync_tasks.log import log_outcome
from sync_tasks.meters import CONFIRMED, EVENTS, RETRIES
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease
from sync_tasks.sync.context import Resources
from sync_tasks.sync.settlement import Pushed, settle

# A series that begins with its first event has no rate: each begins with none.
for _kind in EVENT_KINDS.values():
    CONFIRMED.labels(_kind.task)


def attribute_error(error: SyncError, account: str, context: Resources) -> SyncError:
    """Return whose trouble it is: while the account is paused, an unanswered request counts against the account."""
    if isinstance(error, GatewayUnavailableError) and context.limiter.paused(account):
        return AccountPausedError(f"account {account} is paused: {error}", context.settings.pipeline.probe_seconds)
    return error


def conclude(lease: Lease, pushed: Pushed, context: Resources, task_id: str) -> tuple[str, Outcomes]:
    """Give the lease back with what came of the push; return how that went (see ``Store.settle``), and the outcomes."""
    outcomes, settlement = _decide(pushed, context, task_id)
    settled = context.store.settle(lease, settlement)
    return settled, _report(pushed, settled, outcomes)


def conclude_all(pushes: Sequence[tuple[Lease, Pushed]], context: Resources, task_id: str) -> frozenset[str]:
    """Do the same for many at once; return the users whose newer events came meanwhile."""
    decided = [_decide(pushed, context, task_id) for _, pushed in pushes]
    leases = [lease for lease, _ in pushes]
    results = context.store.settle_all(
        (lease, settlement) for lease, (_, settlement) in zip(leases, decided, strict=True)
    )
    for (_, pushed), settled, (outcomes, _) in zip(pushes, results, decided, strict=True):
        _report(pushed, settled, outcomes)
    return frozenset(lease.user_id for lease, settled in zip(leases, results, strict=True) if settled == "again")


def _decide(pushed: Pushed, context: Resources, task_id: str) -> tuple[Outcomes, Settlement]:
    pipeline = context.settings.pipeline
    policy = RetryPolicy(pipeline.retries, pipeline.defer_seconds, pipeline.give_up_hours)
    outcomes = decide_outcomes(
        pushed.contact,
        context.settings,
        pushed.seen,
        pushed.errors,
        expired=policy.is_expired(pushed.lasted),
        lacking=pushed.lacking,
        nobody=pushed.nobody,
    )
    # An event may wait although no account is in trouble: for a list that does not exist.
    trouble = [*pushed.errors.values(), *outcomes.waiting.values()]
    outcomes = replace(outcomes, retry_in=policy.delay(trouble, tries=pushed.tries, lasted=pushed.lasted))
    settlement = settle(pushed, outcomes, pipeline, task_id)
    if not context.settings.portal.hears_all:
        settlement.notices = []
    return outcomes, settlement


def _report(pushed: Pushed, settled: str, outcomes: Outcomes) -> Outcomes:
    """Log what came of the push, and return it; whoever lost the lease knows nothing and tries again."""
    if settled == "lost":
        return Outcomes(retry_in=1.0)
    for notice in pushed.news:
        log_outcome(notice.text, {"user_id": notice.user_id, "account": notice.account})
    # The history of an erased user goes; what was cleared in the contact of an heir shall be known somewhere.
    for _, note in pushed.notes if pushed.contact.erased and settled == "settled" else ():
        log_outcome(note, {"user_id": pushed.contact.user_id})
    _log_outcomes(pushed, outcomes)
    return outcomes


def _log_outcomes(pushed: Pushed, outcomes: Outcomes) -> None:
    user_id, delay = pushed.contact.user_id, outcomes.retry_in or 0
    for key, outcome in sorted(outcomes.done.items()):
        log_outcome(outcome, _about(user_id, key))
        _count_done(key, outcome, pushed)
    for key, error in outcomes.dead.items():
        log_outcome(Outcome.DEAD_LETTER, _about(user_id, key), error=error)
        EVENTS.labels(key.task, Outcome.DEAD_LETTER).inc()
    for key, error in outcomes.waiting.items():
        if isinstance(error, TakenAlongError):
            continue
        RETRIES.labels(key.task, type(error).__name__).inc()
        # Whoever waits for a part of an account is nudged when it goes on.
        if isinstance(error, PartPausedError) or is_left_to_the_state(delay, error):
            log_outcome(Outcome.DEFERRED, _about(user_id, key), error=error)
            EVENTS.labels(key.task, Outcome.DEFERRED).inc()
        else:
            EVENTS.labels(key.task, Outcome.TRIED_AGAIN).inc()
            log_outcome(f"{Outcome.TRIED_AGAIN} in {delay:.0f} s", _about(user_id, key), error=error)


def _count_done(key: EventKey, outcome: Outcome, pushed: Pushed) -> None:
    """Count an event that is done, and how long that took since it was accepted (see ``Contact.accepted_at``)."""
    EVENTS.labels(key.task, outcome).inc()
    accepted = pushed.contact.accepted_at(key)
    if accepted and outcome is Outcome.SYNCED:
        CONFIRMED.labels(key.task).observe(seconds_since(accepted, int(pushed.now)))


def _about(user_id: str, key: EventKey) -> dict[str, str]:
    return {"task": key.task, "user_id": user_id, **key.shown}
