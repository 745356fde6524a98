"""The numbers that monitoring asks for, in Prometheus' text format; nothing personal is among them.

Gauges and the counts of the state are read as they are asked for. What a process counts of its own is in ``meters``.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import RedisError

from sync_tasks.config.settings import Settings
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.monitoring.status import StateStatus, read_lengths, read_state
from sync_tasks.rate_limits.scarcity import read_budget
from sync_tasks.reconcile.history import last_runs
from sync_tasks.state.dead_letters import CLOSED, OPENED, read_letter_counts
from sync_tasks.state.store import Store
from sync_tasks.state.webhook_counts import read_counts

METRICS = {
    "sync_tasks_state_reachable": "1 if Redis answers, else 0 and all other numbers of the state are missing",
    "sync_tasks_pause_seconds": "for how long the account has been paused, 0 while it is not",
    "sync_tasks_part_pause_seconds": "for how long a part of the account has been paused; missing while none is",
    "sync_tasks_granted_ratio": "which share of its configured requests the account lets through, 1 if it is all",
    "sync_tasks_budget_requests": "how many requests the account has left in its longest window, an hour",
    "sync_tasks_queue_messages": "messages that wait in a queue",
    "sync_tasks_unsynced_contacts": "contacts that Brevo does not agree with yet",
    "sync_tasks_oldest_event_seconds": "for how long the oldest of them has waited",
    "sync_tasks_dead_letters": "dead letters that wait for an operator",
    "sync_tasks_dead_letters_opened_total": "dead letters since the first, by error",
    "sync_tasks_dead_letters_closed_total": "dead letters dealt with, by why they were closed",
    "sync_tasks_unfinished_erasures": "erasures that are not complete yet",
    "sync_tasks_hold_seconds": "for how long subscriptions have waited for a person, 0 while they do not",
    "sync_tasks_sweep_seconds": "how long ago the last sweep was; missing if nobody has swept for a day",
    "sync_tasks_comparison_timestamp_seconds": "when the last comparison of the account began",
    "sync_tasks_comparison_refused": "1 if the safety catch or trouble kept the last comparison from repairs, else 0",
    "sync_tasks_waiting_notices": "notices of opt-outs that the portal has not taken over HTTP yet",
    "sync_tasks_notices_given_up_total": "notices that the portal did not take in a day",
    "sync_tasks_webhook_events_total": "events that Brevo reported, by what became of them",
}
# What is so since this very moment is so, too: not 0.
_SHORTEST = 0.001
# The name of a metric, its labels by name, and its value.
Sample = tuple[str, dict[str, str], float]


class StateCollector(Collector):
    """Reads the state at each scrape; while Redis is away it says no more than that."""

    def __init__(self, read: Callable[[], list[Sample]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Return nothing: to be asked what there is shall ask nobody."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield each metric as it is now."""
        try:
            samples = self._read()
        except RedisError:
            samples = [("sync_tasks_state_reachable", {}, 0)]
        yield from _families(samples)


def _families(samples: Iterable[Sample]) -> Iterator[Metric]:
    found: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for name, labels, value in samples:
        if name not in found:
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            found[name] = kind(name, METRICS[name], labels=list(labels))
        found[name].add_metric(list(labels.values()), value)
    yield from found.values()


def read_samples(store: Store, settings: Settings) -> list[Sample]:
    """Return every number of the state as it is now.

    Raises:
        redis.RedisError: Redis is away.
    """
    state = read_state(store, settings)
    return [
        ("sync_tasks_state_reachable", {}, 1),
        *_contacts(state),
        *_accounts(store, state, settings),
        *(("sync_tasks_queue_messages", {"queue": name}, number) for name, number in read_lengths(store).items()),
        *_letters(store),
        ("sync_tasks_waiting_notices", {}, state.posts_waiting),
        ("sync_tasks_notices_given_up_total", {}, state.posts_given_up),
        *_comparisons(store),
        *(
            ("sync_tasks_webhook_events_total", {"account": account, "result": result}, number)
            for account in settings.accounts
            for result, number in read_counts(store, account).items()
        ),
    ]


def _contacts(state: StateStatus) -> Iterator[Sample]:
    yield "sync_tasks_unsynced_contacts", {}, state.dirty
    yield "sync_tasks_oldest_event_seconds", {}, state.oldest_unsynced_seconds or 0.0
    yield "sync_tasks_dead_letters", {}, state.dead_letters
    yield "sync_tasks_unfinished_erasures", {}, state.unfinished_erasures
    yield "sync_tasks_hold_seconds", {}, 0.0 if state.hold_seconds is None else max(state.hold_seconds, _SHORTEST)
    if state.swept_seconds_ago is not None:
        yield "sync_tasks_sweep_seconds", {}, state.swept_seconds_ago


def _accounts(store: Store, state: StateStatus, settings: Settings) -> Iterator[Sample]:
    for account in settings.accounts:
        pause = state.paused.get(account)
        yield "sync_tasks_pause_seconds", {"account": account}, max(pause.seconds, _SHORTEST) if pause else 0.0
    for part in state.paused_parts:
        labels = {"account": part.account, "part": part.part}
        yield "sync_tasks_part_pause_seconds", labels, max(part.seconds, _SHORTEST)
    for scarcity in state.scarcity:
        yield "sync_tasks_granted_ratio", {"account": scarcity.account}, scarcity.share
        yield "sync_tasks_budget_requests", {"account": scarcity.account}, read_budget(store, scarcity)


def _letters(store: Store) -> Iterator[Sample]:
    for (what, why), number in read_letter_counts(store).items():
        if what in {OPENED, CLOSED}:
            yield f"sync_tasks_dead_letters_{what}_total", {"error" if what == OPENED else "why": why}, number


def _comparisons(store: Store) -> Iterator[Sample]:
    for account, run in last_runs(store).items():
        labels = {"account": account}
        yield "sync_tasks_comparison_timestamp_seconds", labels, int(run.started) / MICROSECONDS_PER_SECOND
        yield "sync_tasks_comparison_refused", labels, float(bool(run.refused))


def read_metrics(store: Store, settings: Settings) -> bytes:
    """Return every metric of the state as it is now.

    Raises:
        redis.RedisError: Redis is away.
    """
    samples = read_samples(store, settings)
    return _show(lambda: samples)


def read_all_metrics(store: Store, settings: Settings) -> bytes:
    """Return the same and what this process counts; while Redis is away it says so instead of the state."""
    return _show(lambda: read_samples(store, settings)) + generate_latest(REGISTRY)


def _show(read: Callable[[], list[Sample]]) -> bytes:
    registry = CollectorRegistry()
    registry.register(StateCollector(read))
    return generate_latest(registry)
