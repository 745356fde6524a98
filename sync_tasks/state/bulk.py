"""Many users' state in one round trip: reads, and the scripts that loads, comparisons and moves of accounts run.

No other room sends a command about a contact, who is dirty or due, histories or tombstones.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

from sync_tasks.domain.timestamps import seconds_since
from sync_tasks.state.codec import LEASE
from sync_tasks.state.keys import (
    DIRTY,
    DUE,
    FILLING,
    SECRET,
    SWEPT,
    TOMBSTONES,
    contact_key,
    history_key,
    paused_users_key,
)
from sync_tasks.state.records import Confirmation, HandOver, LoadedRow
from sync_tasks.state.store import Store, keyed_hash

# How many users a scan brings at once.
SCAN_CHUNK = 1000
# How many lines of a history are kept, and for how many seconds; ``settle.lua`` keeps the same.
_LINES, _LINES_KEPT = 30, 30 * 86_400


def read_all_fields(store: Store, users: Sequence[str]) -> list[dict[str, str]]:
    """Return the fields of each user; none if nobody is known by that id."""
    pipeline = store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.hgetall(store.key(contact_key(user_id)))
    return cast("list[dict[str, str]]", pipeline.execute())


def read_fields(store: Store, wanted: Iterable[tuple[str, Sequence[str]]]) -> Iterator[dict[str, str]]:
    """Yield the named fields of each user, as far as they are there."""
    wanted, pipeline = list(wanted), store.redis.pipeline(transaction=False)
    for user_id, names in wanted:
        pipeline.hmget(store.key(contact_key(user_id)), *names)
    for (_, names), texts in zip(wanted, pipeline.execute(), strict=True):
        yield {name: text for name, text in zip(names, texts, strict=True) if text}


def read_leases(store: Store, users: Sequence[str]) -> dict[str, str]:
    """Return the lease of each user whom a worker has in hand: until when (a stamp), then whose it is."""
    fields = read_fields(store, ((user_id, (LEASE,)) for user_id in users))
    return {user_id: told[LEASE] for user_id, told in zip(users, fields, strict=True) if told}


def read_with_queues(store: Store, users: Sequence[str]) -> list[tuple[dict[str, str], float | None, float | None]]:
    """Return the fields of each user, since when the contact is dirty, and when it is due."""
    pipeline = store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.hgetall(store.key(contact_key(user_id)))
        pipeline.zscore(store.key(DIRTY), user_id)
        pipeline.zscore(store.key(DUE), user_id)
    told = pipeline.execute()
    return list(zip(told[::3], told[1::3], told[2::3], strict=True))


def read_with_history(store: Store, users: Sequence[str]) -> list[tuple[dict[str, str], str]]:
    """Return the fields of each user, and the last line of the history."""
    pipeline = store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.hgetall(store.key(contact_key(user_id)))
        pipeline.lindex(store.key(history_key(user_id)), 0)
    told = pipeline.execute()
    return [(fields, str(last or "")) for fields, last in zip(told[::2], told[1::2], strict=True)]


def read_dirty_since(store: Store, users: Sequence[str]) -> list[float | None]:
    """Return since when each user is dirty; nothing for who is not."""
    pipeline = store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.zscore(store.key(DIRTY), user_id)
    return cast("list[float | None]", pipeline.execute())


def find_existing(store: Store, users: Sequence[str]) -> frozenset[str]:
    """Return those of the users of whom anything is known."""
    pipeline = store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.exists(store.key(contact_key(user_id)))
    return frozenset(user for user, there in zip(users, pipeline.execute(), strict=True) if there)


def scan_users(store: Store) -> Iterator[list[str]]:
    """Yield everybody of whom anything is known, some at a time; somebody may come twice."""
    start = len(store.key(contact_key("")))
    keys = cast("Iterator[str]", store.redis.scan_iter(match=store.key(contact_key("*")), count=SCAN_CHUNK))
    while users := [key[start:] for key in islice(keys, SCAN_CHUNK)]:
        yield users


def oldest_dirty(store: Store, count: int) -> list[tuple[str, float]]:
    """Return who has been dirty for longest, and since when (microseconds)."""
    return cast("list[tuple[str, float]]", store.redis.zrange(store.key(DIRTY), 0, count - 1, withscores=True))


def count_queues(store: Store) -> tuple[int, int]:
    """Return how many contacts are dirty, and how many of them are due by now."""
    redis = store.redis
    return int(redis.zcard(store.key(DIRTY))), int(redis.zcount(store.key(DUE), "-inf", store.now()))


def read_sweep(store: Store) -> int | None:
    """Return when the last sweep was (microseconds), or nothing."""
    swept = cast("str | None", store.redis.get(store.key(SWEPT)))
    return int(swept) if swept else None


def seconds_since_sweep(store: Store) -> float | None:
    """Return how many seconds ago the last sweep was, or nothing if nobody has swept for a day."""
    swept = read_sweep(store)
    return seconds_since(swept, store.now()) if swept else None


def make_due(store: Store, moments: Mapping[str, int]) -> None:
    """Change when users are due who are due already (microseconds)."""
    if moments:
        store.redis.zadd(store.key(DUE), moments, xx=True)


def count_waiting(store: Store, part: str) -> int:
    """Return how many users wait until a paused part of an account goes on."""
    return int(store.redis.zcard(store.key(paused_users_key(part))))


def read_waiting(store: Store, part: str, count: int) -> list[str]:
    """Return so many of them, the longest waiting first."""
    return cast("list[str]", store.redis.zrange(store.key(paused_users_key(part)), 0, count - 1))


def note_line(store: Store, user_id: str, line: str) -> None:
    """Write a line into a user's history."""
    history, pipeline = store.key(history_key(user_id)), store.redis.pipeline()
    pipeline.lpush(history, f"{store.now()} {line}")
    pipeline.ltrim(history, 0, _LINES - 1)
    pipeline.expire(history, _LINES_KEPT)
    pipeline.execute()


def read_tombstone(store: Store, user_id: str) -> str | None:
    """Return the tombstone of a user whose erasure is complete: a stamp and contacts, or nothing."""
    secret = cast("str", store.redis.get(store.key(SECRET)) or "")
    return cast("str | None", store.redis.hget(store.key(TOMBSTONES), keyed_hash(secret, user_id)))


def read_tombstones(store: Store) -> dict[str, str]:
    """Return all tombstones, by the keyed hash of a user id."""
    return cast("dict[str, str]", store.redis.hgetall(store.key(TOMBSTONES)))


def forget_in_tombstones(store: Store, account: str) -> None:
    """Forget which contacts of an account were anonymized: their ids mean nothing in another one."""
    tombstones = store.key(TOMBSTONES)
    for name, text in store.redis.hscan_iter(tombstones):
        moment, _, ids = str(text).partition(" ")
        kept = [pair for pair in ids.split(",") if not pair.startswith(f"{account}=")]
        if len(kept) < len(ids.split(",")):
            store.redis.hset(tombstones, name, f"{moment} {','.join(kept)}")


def count_loaded(store: Store) -> int:
    """Return how many users loads brought in whose import did not end yet."""
    return int(store.redis.llen(store.key(FILLING)))


def read_loaded(store: Store, start: int, count: int) -> list[str]:
    """Return so many of these users from this place on, the first loaded first."""
    return cast("list[str]", store.redis.lrange(store.key(FILLING), start, start + count - 1))


def forget_loaded(store: Store, count: int) -> None:
    """Forget that so many users were loaded, the first loaded first: their import ended."""
    store.redis.ltrim(store.key(FILLING), count, -1)


def load(store: Store, rows: Iterable[LoadedRow], left_alone: int) -> list[str]:
    """Merge rows of a file into the state; return what became of each (see ``load.lua``).

    After ``left_alone`` seconds workers see to the contacts if the load does not.
    """
    random = secrets.token_hex(16)
    return cast("list[str]", store.run_all("load", (row.arguments(random, left_alone) for row in rows)))


def unload(store: Store, users: Iterable[str]) -> None:
    """Forget users whom a load brought in and nobody was told of since."""
    store.run_all("unload", ((user_id,) for user_id in users))


def mark_sending(store: Store, users: Iterable[str], left_alone: int) -> list[dict[str, str]]:
    """Note of loaded users that an import of them is about to go out; return the fields of each."""
    told = cast("list[list[str]]", store.run_all("sending", ((user_id, left_alone) for user_id in users)))
    return [dict(zip(fields[::2], fields[1::2], strict=True)) for fields in told]


def hand_over(store: Store, contacts: Iterable[HandOver]) -> list[int]:
    """Leave loaded contacts to the workers; return 1 for each that still was the load's."""
    return cast("list[int]", store.run_all("hand_over", (contact.arguments() for contact in contacts)))


def confirm(store: Store, confirmations: Iterable[Confirmation]) -> list[int]:
    """Note of loaded contacts that Brevo holds them as wished; return what became of each (see ``confirm.lua``)."""
    return cast("list[int]", store.run_all("confirm", (one.arguments() for one in confirmations)))


def mark_unknown(store: Store, users: Iterable[str]) -> list[int]:
    """Note that a request about these users may still take effect; return 0 for each that is gone."""
    return cast("list[int]", store.run_all("mark_unknown", ((user_id,) for user_id in users)))


def mark_manual(store: Store, user_id: str, who: str, *, manual: bool) -> None:
    """Leave a user's lists to people at Brevo, or no longer."""
    store.run_all("mark", [(user_id, "1" if manual else "", "".join(who.split()))])


def forget_account(store: Store, users: Iterable[str], account: str) -> list[bool]:
    """Forget what an account was known to hold of users; tell of each whether that was possible by now."""
    return [bool(done) for done in store.run_all("forget_account", ((user_id, account) for user_id in users))]


def read_clean(store: Store, chunks: Collection[Sequence[str]]) -> Iterator[list[str]]:
    """Yield for each user of these chunks names and texts of all fields; nothing for who is dirty or unknown."""
    for told in cast("list[list[list[str]]]", store.run_all("read_clean", chunks)):
        yield from told
