"""The numbers that monitoring asks for, in Prometheus' text format; nothing personal is among them."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from sync_tasks.config.settings import Account
from sync_tasks.domain.pauses import Pause
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.bulk import count_queues, oldest_dirty, read_sweep
from sync_tasks.state.dead_letters import count_letters
from sync_tasks.state.erasures import count_unfinished
from sync_tasks.state.holds import read_hold
from sync_tasks.state.store import Store

METRICS = {
    "sync_tasks_pause_seconds": "for how long the account has been paused, 0 while it is not",
    "sync_tasks_part_pause_seconds": "for how long a part of the account has been paused; missing while none is",
    "sync_tasks_granted_share": "which share of its configured requests the account lets through, 1 where it is all",
    "sync_tasks_dirty_contacts_total": "contacts that Brevo does not agree with yet",
    "sync_tasks_oldest_event_seconds": "for how long the oldest of them has waited",
    "sync_tasks_dead_letters_total": "dead letters that wait for an operator",
    "sync_tasks_unfinished_erasures_total": "erasures that are not complete yet",
    "sync_tasks_hold_seconds": "for how long subscriptions have waited for a person, 0 while they do not",
    "sync_tasks_sweep_seconds": "how long ago the last sweep was; missing where nobody has swept for a day",
}


def read_metrics(store: Store, accounts: Mapping[str, Account]) -> bytes:
    """Return every metric as it is now.

    Raises:
        redis.RedisError: Redis is away.
    """
    registry = CollectorRegistry()
    now = int(store.now())
    _set_pauses(registry, store, accounts, now)
    _set_shares(registry, store, accounts)
    (dirty, _), oldest = count_queues(store), oldest_dirty(store, 1)
    values = {
        "sync_tasks_dirty_contacts_total": dirty,
        "sync_tasks_oldest_event_seconds": max(now - oldest[0][1], 0) / MICROSECONDS_PER_SECOND if oldest else 0.0,
        "sync_tasks_dead_letters_total": count_letters(store),
        "sync_tasks_unfinished_erasures_total": count_unfinished(store),
        "sync_tasks_hold_seconds": _held_for(store, now),
    }
    if swept := read_sweep(store):
        values["sync_tasks_sweep_seconds"] = max(now - swept, 0) / MICROSECONDS_PER_SECOND
    for name, value in values.items():
        Gauge(name, METRICS[name], registry=registry).set(value)
    return generate_latest(registry)


def _held_for(store: Store, now: int) -> float:
    """A hold of this moment is one, too."""
    hold = read_hold(store)
    return max((now - int(hold.moment)) / MICROSECONDS_PER_SECOND, 0.001) if hold and not hold.examining else 0.0


def _set_pauses(registry: CollectorRegistry, store: Store, accounts: Mapping[str, Account], now: int) -> None:
    name = "sync_tasks_pause_seconds"
    gauge, limiter = Gauge(name, METRICS[name], ["account"], registry=registry), Limiter(store, accounts)
    for account in accounts:
        pause = limiter.paused(account)
        # A pause of this moment is one, too.
        gauge.labels(account).set(_age(pause, now) if pause else 0.0)
    name = "sync_tasks_part_pause_seconds"
    gauge = Gauge(name, METRICS[name], ["account", "part"], registry=registry)
    for account in accounts:
        for part, pause in limiter.paused_parts(account).items():
            gauge.labels(account, part).set(_age(pause, now))


def _set_shares(registry: CollectorRegistry, store: Store, accounts: Mapping[str, Account]) -> None:
    name = "sync_tasks_granted_share"
    gauge, limiter = Gauge(name, METRICS[name], ["account"], registry=registry), Limiter(store, accounts)
    for account in accounts:
        gauge.labels(account).set(limiter.read_scarcity(account).share)


def _age(pause: Pause, now: int) -> float:
    return max((now - int(pause.since)) / MICROSECONDS_PER_SECOND, 0.001)
