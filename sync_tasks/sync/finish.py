"""The end of a push: decide the outcome of each event, write it all down in one step, say it in the log."""

from collections.abc import Sequence

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import EVENTS as EVENT_KINDS
from sync_tasks.domain.outcomes import Outcome, Outcomes, decide_outcomes
from sync_tasks.domain.retry import RetryPolicy, is_left_to_the_state, spread
from sync_tasks.domain.timestamps import seconds_since
from sync_tasks.errors import AccountPausedError, GatewayUnavailableError, PartPausedError, SyncError, TakenAlongError
from sync_tasks.log import log_outcome
from sync_tasks.meters import CONFIRMED, EVENTS, RETRIES
from sync_tasks.state.settlement import Settlement
from sync_tasks.state.store import Lease
from sync_tasks.sync.context import Report, Resources
from sync_tasks.sync.settlement import Pushed, settle

# A series that begins with its first event has no rate: each begins with none.
for _kind in EVENT_KINDS.values():
    CONFIRMED.labels(_kind.task)


def attribute_error(error: SyncError, account: str, context: Resources) -> SyncError:
    """Return whose trouble it is: while the account is paused, a request without an answer tells of the account."""
    if isinstance(error, GatewayUnavailableError) and context.limiter.paused(account):
        return AccountPausedError(f"account {account} is paused: {error}", context.settings.pipeline.probe_seconds)
    return error


def conclude(lease: Lease, pushed: Pushed, context: Resources, task_id: str) -> tuple[str, Report]:
    """Give the lease back with what came of the push; return how that went (see ``Store.settle``), and the report."""
    outcomes, delay, settlement = _weigh(pushed, context, task_id)
    settled = context.store.settle(lease, settlement)
    _log_news(pushed, settled)
    return settled, _report(pushed, settled, outcomes, delay)


def conclude_all(pushes: Sequence[tuple[Lease, Pushed]], context: Resources, task_id: str) -> frozenset[str]:
    """Do the same for many at once; return the users whose newer events came meanwhile."""
    weighed = [_weigh(pushed, context, task_id) for _, pushed in pushes]
    leases = [lease for lease, _ in pushes]
    results = context.store.settle_all((lease, told[2]) for lease, told in zip(leases, weighed, strict=True))
    for (_, pushed), settled, (outcomes, delay, _) in zip(pushes, results, weighed, strict=True):
        _report(pushed, settled, outcomes, delay)
        _log_news(pushed, settled)
    return frozenset(lease.user_id for lease, settled in zip(leases, results, strict=True) if settled == "again")


def _weigh(pushed: Pushed, context: Resources, task_id: str) -> tuple[Outcomes, float | None, Settlement]:
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
    errors = list(pushed.errors.values())
    delay = spread(policy.delay(errors, tries=pushed.tries, lasted=pushed.lasted, held_back=pushed.is_held_back))
    settlement = settle(pushed, outcomes, pipeline, delay, task_id)
    if not context.settings.portal.hears_all:
        settlement.notices = []
    return outcomes, delay, settlement


def _report(pushed: Pushed, settled: str, outcomes: Outcomes, delay: float | None) -> Report:
    if settled == "lost":
        return Report(retry_in=1.0)
    _log_outcomes(pushed, outcomes, delay)
    return Report(outcomes, delay)


def _log_news(pushed: Pushed, settled: str) -> None:
    for notice in pushed.news if settled != "lost" else ():
        log_outcome(notice.text, {"user_id": notice.user_id, "account": notice.account})
    # The history of an erased user goes; what was cleared in the contact of an heir shall be known somewhere.
    for note in pushed.notes if pushed.contact.erased and settled == "settled" else ():
        log_outcome(note.partition(" ")[2], {"user_id": pushed.contact.user_id})


def _log_outcomes(pushed: Pushed, outcomes: Outcomes, delay: float | None) -> None:
    user_id = pushed.contact.user_id
    for key in sorted(outcomes.done):
        log_outcome(outcomes.outcome(key), _about(user_id, key))
        _count_done(key, outcomes.outcome(key), pushed)
    for key, error in outcomes.dead.items():
        log_outcome(Outcome.DEAD_LETTER, _about(user_id, key), error=error)
        EVENTS.labels(key.task, Outcome.DEAD_LETTER).inc()
    for key, error in outcomes.waiting.items():
        if isinstance(error, TakenAlongError):
            continue
        RETRIES.labels(key.task, type(error).__name__).inc()
        # Whoever waits for a part of an account is woken when it goes on.
        if isinstance(error, PartPausedError) or is_left_to_the_state(delay or 0, error):
            log_outcome(Outcome.DEFERRED, _about(user_id, key), error=error)
            EVENTS.labels(key.task, Outcome.DEFERRED).inc()
        else:
            EVENTS.labels(key.task, Outcome.TRIED_AGAIN).inc()
            log_outcome(f"{Outcome.TRIED_AGAIN} in {delay or 0:.0f} s", _about(user_id, key), error=error)


def _count_done(key: EventKey, outcome: Outcome, pushed: Pushed) -> None:
    """Count an event that is done, and how long that took since it was accepted (see ``Contact.accepted_at``)."""
    EVENTS.labels(key.task, outcome).inc()
    accepted = pushed.contact.accepted_at(key)
    if accepted and outcome is Outcome.SYNCED:
        CONFIRMED.labels(key.task).observe(seconds_since(accepted, int(pushed.now)))


def _about(user_id: str, key: EventKey) -> dict[str, str]:
    return {"task": key.task, "user_id": user_id, **key.shown}
