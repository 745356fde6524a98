"""The end of a push: decide the outcome of each event, write it all down in one step, report it in the log.

``conclude`` does that. ``settle`` is pure: it returns what the state keeps, such as the next try, an unknown outcome,
or the end of an erasure.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sync_tasks.config.settings import Pipeline
from sync_tasks.domain.batching import ERASED_KIND, unanswered_kind_of
from sync_tasks.domain.contact import KINDS, Contact, EventKey, RemoteState
from sync_tasks.domain.diff import ERASED, FOREIGNERS
from sync_tasks.domain.erasure import erasure_record
from sync_tasks.domain.events import EVENTS as EVENT_KINDS
from sync_tasks.domain.news import Notice, find_news, find_suppressed, suppressions
from sync_tasks.domain.outcomes import Outcome, Outcomes, decide_outcomes, is_own
from sync_tasks.domain.pauses import name_of
from sync_tasks.domain.registers import ERASURE, moment
from sync_tasks.domain.retry import is_left_to_the_state
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, seconds_since
from sync_tasks.errors import (
    AccountPausedError,
    ErasedAtBrevoError,
    ForeignContactError,
    GatewayUnavailableError,
    ImportUnderWayError,
    PartPausedError,
    PermanentError,
    PoisonedContactError,
    RejectedContactError,
    SyncError,
    TakenAlongError,
    UnconfiguredAccountError,
)
from sync_tasks.log import log_outcome
from sync_tasks.meters import CONFIRMED, EVENTS, RETRIES
from sync_tasks.state.codec import dump_looks, dump_marks, dump_outcome
from sync_tasks.state.dead_letters import write_letter
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Lease
from sync_tasks.sync.context import Resources

# What a push has seen holds for so many seconds if it is refused its next request.
_LOOK_HOLDS = 300.0
# In so many seconds workers try again what ended them, if no event can become a dead letter for it.
_AFTER_CRASHES = 3600.0
_NOT_PUT_RIGHT = "not put right"
# A series that begins with its first event has no rate: each begins with none.
for _kind in EVENT_KINDS.values():
    CONFIRMED.labels(_kind.task)


@dataclass(frozen=True, slots=True, repr=False)
class Pushed:
    """How the push of one contact went: what each account is known to hold, and what kept it from agreeing.

    ``paused``: names of the parts of accounts that were paused when it began (see ``pauses``). ``notes``: accounts, and
    what it did there that no event asked for. ``looked``: accounts at which it saw all that there is to see.
    ``outcome_known``: a look after the quiet period ended an unknown outcome. ``together``: it may be looked at with
    others after its erasure. ``fresh``: accounts whose contact it read or wrote. ``lacking``, ``nobody`` and
    ``unflagged`` are those of ``decide_outcomes``.
    """

    contact: Contact
    now: str
    seen: Mapping[str, RemoteState]
    errors: Mapping[str, SyncError]
    outcome_unknown: bool
    paused: frozenset[str] = frozenset()
    lacking: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()
    nobody: frozenset[str] = frozenset()
    looked: frozenset[str] = frozenset()
    outcome_known: bool = False
    together: bool = False
    fresh: frozenset[str] = frozenset()
    unflagged: frozenset[str] = frozenset()

    @property
    def sure(self) -> dict[str, RemoteState]:
        """What accounts hold, but for what only an earlier look showed if this push met trouble."""
        return {name: seen for name, seen in self.seen.items() if name not in self.errors or name in self.fresh}

    @property
    def relied(self) -> bool:
        """Whether it went on from what an earlier push had seen."""
        return any(self.contact.looked.values())

    @property
    def passing(self) -> list[SyncError]:
        """The trouble that is not final."""
        return [error for error in self.errors.values() if not isinstance(error, PermanentError)]

    @property
    def tries(self) -> int:
        """How many times in a row this contact met trouble of its own; a limit used up is not its trouble."""
        return self.contact.tries + any(map(is_own, self.errors.values()))

    @property
    def failing(self) -> str:
        """Since when there is trouble of this contact's own; not later than now, for Redis' clock may be put back."""
        failing = self.contact.failing
        return failing if failing and failing <= self.now else self.now

    @property
    def lasted(self) -> float:
        """How many seconds trouble of this contact's own has lasted."""
        return seconds_since(self.failing, self.now)

    @property
    def unknown_since(self) -> str:
        """Since when Brevo may still apply a request, or nothing; not later than now either."""
        return min(self.contact.unknown_since, self.now)

    @property
    def news(self) -> list[Notice]:
        """What ended at Brevo, and what was put back."""
        found = (
            find_news(self.contact, account, seen, self.now, failed=account in self.errors)
            for account, seen in self.seen.items()
        )
        return [notice for notices in found for notice in notices]


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
    policy = context.retry_policy
    outcomes = decide_outcomes(
        pushed.contact,
        context.settings,
        pushed.sure,
        pushed.errors,
        expired=policy.is_expired(pushed.lasted),
        lacking=pushed.lacking,
        nobody=pushed.nobody,
        unflagged=pushed.unflagged,
    )
    # An event may wait although no account is in trouble: for a list that does not exist.
    trouble = [*pushed.errors.values(), *outcomes.waiting.values()]
    outcomes = replace(outcomes, retry_in=policy.delay(trouble, tries=pushed.tries, lasted=pushed.lasted))
    settlement = settle(pushed, outcomes, context.settings.pipeline, task_id)
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
    for account, error in _unreported(pushed, outcomes).items():
        log_outcome(_NOT_PUT_RIGHT, {"user_id": pushed.contact.user_id, "account": account}, error=error)
    _log_outcomes(pushed, outcomes)
    return outcomes


def _log_outcomes(pushed: Pushed, outcomes: Outcomes) -> None:
    user_id, delay = pushed.contact.user_id, outcomes.retry_in or 0
    for key in sorted(outcomes.done, key=str):
        log_outcome(outcomes.done[key], _about(user_id, key))
    _count_done(outcomes.done, pushed)
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


def _count_done(done: Mapping[EventKey, Outcome], pushed: Pushed) -> None:
    """Count what is done, and how long that took since it was accepted (see ``Contact.accepted_at``)."""
    for (task, outcome), number in Counter((key.task, outcome) for key, outcome in done.items()).items():
        EVENTS.labels(task, outcome).inc(number)
    for key in (key for key, outcome in done.items() if outcome is Outcome.SYNCED):
        if accepted := pushed.contact.accepted_at(key):
            CONFIRMED.labels(key.task).observe(seconds_since(accepted, int(pushed.now)))


def _about(user_id: str, key: EventKey) -> dict[str, str]:
    return {"task": key.task, "user_id": user_id, **key.shown}


def settle(pushed: Pushed, outcomes: Outcomes, pipeline: Pipeline, task_id: str) -> Settlement:
    """Return what to write down once the push is over."""
    contact = pushed.contact
    unknown_since = _unknown_since(pushed, pipeline)
    complete = contact.erased and not unknown_since and (not pushed.errors or _is_idle(pushed))
    delay = outcomes.retry_in
    due = _due(pushed, delay) if delay is not None else _verifying(pushed, unknown_since, pipeline)
    letters = {
        key: write_letter(contact.user_id, key, error, pushed.now, task_id) for key, error in outcomes.dead.items()
    }
    return Settlement(
        fields=_fields(pushed, outcomes, unknown_since),
        read_at=_made_sure(pushed),
        suppressed=find_suppressed(contact, pushed.seen),
        waits=_waits(pushed),
        together=_looked_at_with(pushed) if unknown_since else "",
        clean=delay is None,
        due=due,
        tombstone=moment(contact.registers[ERASURE]) if complete else "",
        erased_ids=_erased_ids(pushed) if complete else {},
        record=erasure_record(contact, pushed.seen, pushed.now) if complete else {},
        letters={key: (letter.id, letter.as_json()) for key, letter in letters.items()},
        closed=_closed(contact, outcomes, complete=complete),
        history=[*_found(pushed), *_history(pushed, outcomes)],
        notices=[notice.wire for notice in pushed.news],
    )


def _due(pushed: Pushed, delay: float) -> float:
    """Return in how many seconds anybody may try again: at once if others may take the contact along."""
    others = ImportUnderWayError | TakenAlongError
    return 0.0 if any(isinstance(error, others) for error in pushed.errors.values()) else delay


def _made_sure(pushed: Pushed) -> dict[str, str]:
    """Return the marks that asked for a look, and what events reported, once that is over or decided on."""
    contact = pushed.contact
    read_at = {account for account in contact.looks if _has_looked(pushed, account)}
    marks = dict[str, str]()
    for name, since in contact.reported.items():
        account, _, kind = name.rpartition(":")
        before, now = contact.seen.get(account), pushed.seen.get(account)
        ended = before is not None and before.block and now is not None and not now.block
        if ended or (account in read_at and kind not in KINDS):
            marks[name] = since
    return dump_marks({account: contact.looks[account] for account in read_at}, marks)


def _has_looked(pushed: Pushed, account: str) -> bool:
    """Return whether what was noticed there was made sure of; that it proves an erasure is such a result too."""
    error = pushed.errors.get(account)
    return error is None or isinstance(error, ErasedAtBrevoError | ForeignContactError)


def _waits(pushed: Pushed) -> dict[str, bool]:
    """Return for each paused part whether the contact waits for it."""
    errors = ((account, error) for account, error in pushed.errors.items() if isinstance(error, PartPausedError))
    waiting = [*pushed.lacking.values(), *(name_of(account, error.part) for account, error in errors)]
    return dict.fromkeys(pushed.paused, False) | dict.fromkeys(waiting, True)


def _is_idle(pushed: Pushed) -> bool:
    """A failed lookup that no event caused has no outcome to report."""
    return not (pushed.passing or pushed.contact.pending or pushed.contact.dead)


def _unknown_since(pushed: Pushed, pipeline: Pipeline) -> str:
    """Return since when Brevo may still apply a request of ours; an erasure is always verified."""
    contact = pushed.contact
    erased_now = contact.erased and any(seen.digest == ERASED for seen in pushed.seen.values())
    verified = all(contact.seen.get(account) == seen for account, seen in pushed.seen.items())
    if pushed.outcome_unknown or (erased_now and not verified):
        return pushed.now
    if not pushed.unknown_since:
        return ""
    early = pushed.relied or contact.quiet_left(pushed.now, pipeline.quiet_seconds) > 0
    return pushed.unknown_since if early or (pushed.errors and not pushed.outcome_known) else ""


def _looked_at_with(pushed: Pushed) -> str:
    """Return the name of those with whom the contact is looked at. Of an erased one only its erasure is unknown."""
    erased = pushed.contact.erased and any(seen.digest == ERASED for seen in pushed.seen.values())
    more = pushed.outcome_unknown or (pushed.contact.unknown_since and not pushed.together)
    return ERASED_KIND if erased and not more else unanswered_kind_of(pushed.contact, pushed.seen)


def _verifying(pushed: Pushed, unknown_since: str, pipeline: Pipeline) -> float | None:
    """Return in how many seconds to verify; what was refused again after the quiet period waits for something new."""
    if not unknown_since:
        return None
    if _is_poisoned(pushed) and _is_idle(pushed):
        return _AFTER_CRASHES
    left = pushed.contact.not_known_since(unknown_since, pushed.now).quiet_left(pushed.now, pipeline.quiet_seconds)
    return max(left, 0.0) if left > 0 or not pushed.errors else None


def _is_poisoned(pushed: Pushed) -> bool:
    return any(isinstance(error, PoisonedContactError) for error in pushed.errors.values())


def _fields(pushed: Pushed, outcomes: Outcomes, unknown_since: str) -> dict[str, str]:
    contact = pushed.contact
    transient = pushed.tries > contact.tries
    stays = _is_poisoned(pushed) and not (unknown_since and _is_idle(pushed))
    known = replace(
        contact.not_known_since(unknown_since, pushed.now),
        crashes=contact.crashes if stays else 0,
        tries=pushed.tries if transient else 0,
        failing=pushed.failing if transient else "",
    )
    seen = {
        account: replace(one, edited=frozenset()) if one.edited and account not in pushed.errors else one
        for account, one in pushed.seen.items()
    }
    # An account that nobody can reach is known by its number: no address is needed for it.
    trouble = [error for error in pushed.errors.values() if not isinstance(error, UnconfiguredAccountError)]
    anonymized = contact.erased and not trouble and all(one.id is not None for one in pushed.seen.values())
    searched = anonymized or not (pushed.errors or unknown_since)
    fields = dump_outcome(seen, outcomes.done, known, forget_hints=searched, forget_address=anonymized)
    return fields | _kept_looks(pushed)


def _kept_looks(pushed: Pushed) -> dict[str, str]:
    """Return the looks at accounts that hold for the next push: this one must wait, and would look again for nothing.

    One that was kept before is not kept any longer for that.
    """
    contact = pushed.contact
    keeps = pushed.looked if pushed.passing and not pushed.outcome_unknown else frozenset[str]()
    until = f"{int(pushed.now) + int(_LOOK_HOLDS * MICROSECONDS_PER_SECOND):016d}"
    fresh = {account for account in keeps if not contact.looked.get(account)}
    return dump_looks(until, contact.rev, kept=fresh, over=contact.looked.keys() - keeps)


def _erased_ids(pushed: Pushed) -> dict[str, list[int]]:
    ours = {account: seen.id for account, seen in pushed.seen.items() if seen.digest not in FOREIGNERS}
    return {account: [number] for account, number in ours.items() if number is not None}


def _closed(contact: Contact, outcomes: Outcomes, *, complete: bool) -> dict[EventKey, str]:
    why = dict.fromkeys(outcomes.resolved, "reflected by a later push")
    why |= dict.fromkeys((key for key in outcomes.done if key in contact.dead), "reflected")
    if complete:
        why |= dict.fromkeys(contact.dead, "the user was erased")
    return why


def _found(pushed: Pushed) -> Iterator[str]:
    """Yield what the push noted, and what became of the contact at Brevo, as events of Brevo's."""
    yield from (f"{EventKey('brevo', account, pushed.now)} {note}" for account, note in pushed.notes)
    for account, seen in pushed.seen.items():
        before, key = pushed.contact.seen.get(account), EventKey("brevo", account, pushed.now)
        if before and before.id not in {None, seen.id} and not pushed.contact.erased:
            yield f"{key} contact {before.id} {f'gave way to {seen.id}' if seen.id else 'is gone'}"
        if seen.block and not (before and before.block):
            yield f"{key} blocklisted {seen.block.kind}"
        known = suppressions(account, before)
        for name in suppressions(account, seen).keys() - known.keys() - {account}:
            yield f"{key} unsubscribed from list {name.rpartition('/')[2]}"
    for notice in pushed.news:
        yield f"{EventKey('brevo', notice.account, pushed.now)} {notice.text}"


def _history(pushed: Pushed, outcomes: Outcomes) -> Iterator[str]:
    for account, error in _unreported(pushed, outcomes).items():
        yield f"{EventKey('brevo', account, pushed.now)} {_NOT_PUT_RIGHT}: {error}"
    yield from sorted(f"{key} {outcome}" for key, outcome in outcomes.done.items())
    yield from (f"{key} {Outcome.DEAD_LETTER} {type(error).__name__}" for key, error in outcomes.dead.items())


def _unreported(pushed: Pushed, outcomes: Outcomes) -> dict[str, RejectedContactError]:
    """Return what Brevo refuses although no event asked for it: no dead letter says so."""
    if outcomes.dead or outcomes.waiting or pushed.contact.dead:
        return {}
    return {name: error for name, error in pushed.errors.items() if isinstance(error, RejectedContactError)}
