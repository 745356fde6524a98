"""The files of Redis: the append-only file keeps what was erased until it is rewritten.

Keys under ``<namespace>:``:

* ``rewrite_owed``: since when the files may hold an erased person, and how many; until a later rewrite has ended.

``settle.lua`` writes it.
"""

import time
from collections.abc import Callable
from typing import Literal, cast

from redis import ResponseError
from redis.client import Pipeline

from sync_tasks.state.store import Store

Rewritten = Literal["nothing", "done", "refused", "unfinished"]
OWED = "rewrite_owed"
# The rights that a rewrite needs; `docker/users.conf` grants them. Without them everything else works.
RIGHTS = frozenset({"bgrewriteaof", "bgsave", "config|get"})
_LOOKS_EVERY = 0.5


def owed_since(store: Store) -> str:
    """Return since when (a stamp) the files may hold an erased person, or nothing."""
    return str(store.redis.hget(store.key(OWED), "since") or "")


def read_snapshots(store: Store) -> str | None:
    """Return when Redis writes a snapshot by itself (its ``save``); ``None`` if it does not say."""
    return _read_setting(store, "save")


def read_slow_log(store: Store) -> str | None:
    """Return from how many microseconds on Redis keeps a command with its arguments; empty if it keeps none.

    ``None`` if it does not say.
    """
    least = _read_setting(store, "slowlog-log-slower-than")
    return "" if least and int(least) < 0 else least


def _read_setting(store: Store, name: str) -> str | None:
    try:
        return cast("dict[str, str]", store.redis.config_get(name)).get(name)
    except ResponseError:
        return None


def rewrite(store: Store, patience: float, *, is_stopping: Callable[[], bool] = lambda: False) -> Rewritten:
    """Have Redis write its files anew if somebody was erased since; wait for it so many seconds."""
    owed = store.redis.hgetall(store.key(OWED))
    if not owed:
        return "nothing"
    deadline = time.monotonic() + patience
    try:
        done = all(_write(store, file, deadline, is_stopping) for file in _files(store))
    except ResponseError:
        return "refused"
    if done:
        _pay(store, cast("dict[str, str]", owed))
    return "done" if done else "unfinished"


def _files(store: Store) -> list[str]:
    """Return which files Redis keeps: the append-only file, snapshots, both or none."""
    kept = ["aof"] if _persistence(store).get("aof_enabled") else []
    return [*kept, *(["rdb"] if read_snapshots(store) else [])]


def _write(store: Store, file: str, deadline: float, is_stopping: Callable[[], bool]) -> bool:
    """Write one file anew; one that is being written may have begun before the erasure."""
    begin = store.redis.bgrewriteaof if file == "aof" else store.redis.bgsave
    if not _wait(store, deadline, is_stopping):
        return False
    begin()
    status = "aof_last_bgrewrite_status" if file == "aof" else "rdb_last_bgsave_status"
    return _wait(store, deadline, is_stopping) and _persistence(store).get(status) == "ok"


def _wait(store: Store, deadline: float, is_stopping: Callable[[], bool]) -> bool:
    """Wait until Redis writes no file; return whether it came to that."""
    names = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
    while any(_persistence(store).get(name) for name in names):
        if time.monotonic() > deadline or is_stopping():
            return False
        time.sleep(_LOOKS_EVERY)
    return True


def _persistence(store: Store) -> dict[str, object]:
    return cast("dict[str, object]", store.redis.info("persistence"))


def _pay(store: Store, owed: dict[str, str]) -> None:
    """Note that nothing is owed any more, but for who was erased meanwhile."""

    def forget(pipeline: Pipeline) -> None:
        now: object = pipeline.hget(store.key(OWED), "count")
        pipeline.multi()
        if now == owed["count"]:
            pipeline.delete(store.key(OWED))
        else:
            pipeline.hset(store.key(OWED), "since", store.now())

    store.redis.transaction(forget, store.key(OWED))
