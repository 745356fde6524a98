"""Unfinished erasures: their users, and which of them wait for a person.

Keys under ``<namespace>:``: ``erasures`` users by since when their erasure is unfinished, until it is complete.
``accept.lua`` and ``settle.lua`` write it.
"""

from collections.abc import Iterator
from typing import cast

from sync_tasks.chunks import chunks
from sync_tasks.domain.events import Anonymize
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.bulk import read_all_fields
from sync_tasks.state.codec import load_contact
from sync_tasks.state.keys import DUE
from sync_tasks.state.store import Store

# An erasure takes minutes, with its verification. After so many seconds something holds it up.
LATE = 3600.0
ERASURE_CHUNK = 500
# The number of erasures that are examined, the longest unfinished first.
MOST = 10_000


def count_unfinished(store: Store) -> int:
    """Return the number of unfinished erasures."""
    return int(store.redis.zcard(store.key("erasures")))


def find_stuck(store: Store) -> list[str]:
    """Return users whose erasure is a dead letter, or unfinished for longer than an hour."""
    late = int(store.now()) - int(LATE * MICROSECONDS_PER_SECOND)
    oldest = cast("list[tuple[str, float]]", store.redis.zrange(store.key("erasures"), 0, MOST - 1, withscores=True))
    dead = _with_letter(store, [user for user, since in oldest if since > late])
    return [user for user, since in oldest if since <= late or user in dead]


def _with_letter(store: Store, users: list[str]) -> frozenset[str]:
    found = set[str]()
    for chunk in chunks(users, ERASURE_CHUNK):
        for user, fields in zip(chunk, read_all_fields(store, chunk), strict=True):
            if any(key.task == Anonymize.task for key in load_contact(user, fields).dead):
                found.add(user)
    return frozenset(found)


def find_idle(store: Store) -> Iterator[str]:
    """Yield users whose erasure is unfinished although they are neither dirty nor due."""
    users = cast("list[str]", store.redis.zrange(store.key("erasures"), 0, MOST - 1))
    for chunk in chunks(users, ERASURE_CHUNK):
        moments = store.ask_all(("ZSCORE", store.key(DUE), user) for user in chunk)
        yield from (user for user, due in zip(chunk, moments, strict=True) if due is None)


def find_erasure_alarm(store: Store) -> list[str]:
    """Return one line while erasures are stuck; else none."""
    stuck = len(find_stuck(store))
    if not stuck:
        return []
    what = "erasure is" if stuck == 1 else "erasures are"
    return [f"{stuck} {what} unfinished: see `sync-tasks failed list --task anonymize_contact`, mend the cause, replay"]
