"""The numbers that monitoring asks for, in Prometheus' text format; nothing personal is among them."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from sync_tasks.config.settings import Settings
from sync_tasks.monitoring.status import read_state
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


# What is so since this very moment is so, too: not 0.
_SHORTEST = 0.001


def read_metrics(store: Store, settings: Settings) -> bytes:
    """Return every metric as it is now.

    Raises:
        redis.RedisError: Redis is away.
    """
    registry, state = CollectorRegistry(), read_state(store, settings)
    values = {
        "sync_tasks_dirty_contacts_total": state.dirty,
        "sync_tasks_oldest_event_seconds": state.oldest_unsynced_seconds or 0.0,
        "sync_tasks_dead_letters_total": state.dead_letters,
        "sync_tasks_unfinished_erasures_total": state.unfinished_erasures,
        "sync_tasks_hold_seconds": 0.0 if state.hold_seconds is None else max(state.hold_seconds, _SHORTEST),
    }
    if state.swept_seconds_ago is not None:
        values["sync_tasks_sweep_seconds"] = state.swept_seconds_ago
    for name, value in values.items():
        Gauge(name, METRICS[name], registry=registry).set(value)
    name = "sync_tasks_pause_seconds"
    gauge = Gauge(name, METRICS[name], ["account"], registry=registry)
    for account in settings.accounts:
        pause = state.paused.get(account)
        gauge.labels(account).set(max(pause.seconds, _SHORTEST) if pause else 0.0)
    name = "sync_tasks_part_pause_seconds"
    gauge = Gauge(name, METRICS[name], ["account", "part"], registry=registry)
    for part in state.paused_parts:
        gauge.labels(part.account, part.part).set(max(part.seconds, _SHORTEST))
    name = "sync_tasks_granted_share"
    gauge = Gauge(name, METRICS[name], ["account"], registry=registry)
    for scarcity in state.scarcity:
        gauge.labels(scarcity.account).set(scarcity.share)
    return generate_latest(registry)
