"""Each worker notices, beside its work, that nobody sweeps, and what needs a person; ``swept`` is the sweeper's key."""

import logging
import time

from redis import RedisError

from sync_tasks.state.bulk import seconds_since_sweep
from sync_tasks.state.holds import find_hold_alarm
from sync_tasks.state.store import Store
from sync_tasks.sync.context import Resources
from sync_tasks.tasks.bootstrap import worker_resources

log = logging.getLogger("sync_tasks.tasks.sweep_watchdog")

# Without a sweep for so many times the grace of a contact, and never less than three sweeps, nobody sweeps any more.
MISSED_GRACES = 4
SHORTEST_ALARM = 15.0
# What needs a person is reported again after so many seconds.
REPORTED_EVERY = 300.0


def watch() -> None:
    """Say loudly while nobody sweeps, until the worker ends: without sweeps, what was put off waits for ever."""
    context, began, missing = worker_resources(), time.monotonic(), False
    reported = dict.fromkeys((report_hold, report_scarcity), -REPORTED_EVERY)
    longest = max(MISSED_GRACES * context.settings.pipeline.grace_seconds, SHORTEST_ALARM)
    while not context.limiter.stopping:
        context.limiter.rest(longest / 4)
        missing = look(context.store, time.monotonic() - began, longest, missing=missing)
        for report, last in reported.items():
            if time.monotonic() - last > REPORTED_EVERY and report(context):
                reported[report] = time.monotonic()


def report_scarcity(context: Resources) -> bool:
    """Say it while an account grants less than is configured, and return whether one does."""
    try:
        scarcities = [context.limiter.read_scarcity(account) for account in context.settings.accounts]
    except RedisError:
        return False
    alarms = [alarm for scarcity in scarcities for alarm in scarcity.alarms]
    for alarm in alarms:
        log.warning("%s", alarm)
    return bool(alarms)


def report_hold(context: Resources) -> bool:
    """Say it loudly while subscriptions wait for a person, and return whether they do."""
    try:
        alarms = find_hold_alarm(context.store)
    except RedisError:
        return False
    for alarm in alarms:
        log.error("%s", alarm)
    return bool(alarms)


def look(store: Store, running: float, longest: float, *, missing: bool) -> bool:
    """Return whether nobody sweeps, say so, and that it is over; ``running`` is for how long we would have seen it."""
    try:
        swept = seconds_since_sweep(store)
    except RedisError:
        # No part is the reason, and nothing is known of the sweeps either.
        return missing
    seconds = running if swept is None else min(swept, running)
    if seconds > longest:
        log.error("nobody has swept for %.0f s: is `celery -A sync_tasks beat` running?", seconds)
    elif missing:
        log.warning("sweeps go on again")
    return seconds > longest
