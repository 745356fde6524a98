"""Each worker notices, beside its work, that nobody sweeps; ``swept`` is the sweeper's key."""

import logging
import math
import time
from typing import NoReturn

from redis import RedisError

from sync_tasks.resources import worker_resources
from sync_tasks.store import SECOND, Store

log = logging.getLogger("sync_tasks.watching")

# Without a sweep for so many times the grace of a contact, and never less than three sweeps, nobody sweeps any more.
MISSED_GRACES = 4
SHORTEST_ALARM = 15.0


def watch() -> NoReturn:
    """Say loudly while nobody sweeps: without sweeps, whatever was lost or put off waits for ever."""
    using, began, missing = worker_resources(), time.monotonic(), False
    longest = max(MISSED_GRACES * using.settings.pipeline.grace_seconds, SHORTEST_ALARM)
    while True:
        time.sleep(longest / 4)
        seconds = min(_since_sweep(using.store), time.monotonic() - began)
        if seconds > longest:
            log.error("nobody has swept for %.0f s: is `celery -A sync_tasks beat` running?", seconds)
        elif missing:
            log.warning("sweeps go on again")
        missing = seconds > longest


def _since_sweep(store: Store) -> float:
    """Return how many seconds ago the last sweep was; while Redis is away, nobody is to blame."""
    try:
        swept = store.redis.get(store.key("swept"))
        return (int(store.now()) - int(str(swept))) / SECOND if swept else math.inf
    except RedisError:
        return 0.0
