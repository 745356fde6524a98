"""How long the oldest unsynced event has waited, minute by minute over a day, as sweeps saw it.

Key under ``<namespace>:``: ``freshness``, minute of the day to what was seen, for a day after the last sweep. It has
1,440 fields at most.
"""

from dataclasses import dataclass
from typing import cast

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, seconds_since
from sync_tasks.state.bulk import count_queues, oldest_dirty
from sync_tasks.state.store import Store

MINUTES = 24 * 60
_MINUTE = 60 * MICROSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Minute:
    """The worst of one minute since 1970: the age of the oldest unsynced event in seconds, and how many contacts."""

    minute: int
    seconds: int
    unsynced: int

    @property
    def text(self) -> str:
        """What lies in Redis."""
        return f"{self.minute} {self.seconds} {self.unsynced}"


def note_freshness(store: Store) -> None:
    """Note how long the oldest event has waited by now."""
    now, name = int(store.now()), store.key("freshness")
    oldest, (unsynced, _) = oldest_dirty(store, 1), count_queues(store)
    minute = now // _MINUTE
    field = str(minute % MINUTES)
    seen = Minute(minute, int(seconds_since(oldest[0][1], now)) if oldest else 0, unsynced)
    before = _parse(cast("str | None", store.redis.hget(name, field)) or "0 0 0")
    if before.minute == minute:
        seen = Minute(minute, max(seen.seconds, before.seconds), max(seen.unsynced, before.unsynced))
    pipeline = store.redis.pipeline()
    pipeline.hset(name, field, seen.text)
    pipeline.expire(name, MINUTES * 60)
    pipeline.execute()


def read_freshness(store: Store) -> tuple[int, list[Minute]]:
    """Return the present minute and what was seen in the minutes of the last day, the oldest first."""
    now = int(store.now()) // _MINUTE
    texts = cast("dict[str, str]", store.redis.hgetall(store.key("freshness")))
    seen = sorted(map(_parse, texts.values()), key=lambda one: one.minute)
    return now, [one for one in seen if now - MINUTES < one.minute <= now]


def _parse(text: str) -> Minute:
    return Minute(*map(int, text.split()))
