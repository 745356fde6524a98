"""Many users' state in one round trip: reads, and the scripts of loads, comparisons and account moves.

No other room sends a command about contacts, their queues, histories or tombstones.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import cast

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, seconds_since
from sync_tasks.errors import ConfigurationError
from sync_tasks.state.codec import (
    LEASE_FIELDS,
    LOAD_FIELDS,
    NEWS_FIELDS,
    fields_of,
    is_known,
    is_loads_own,
    is_newer,
    lease_end,
    load_contact,
    load_leased,
)
from sync_tasks.state.keys import (
    DIRTY,
    DUE,
    FILLING,
    SECRET,
    SWEPT,
    TOMBSTONES,
    contact_key,
    erased_ids_key,
    history_key,
    paused_users_key,
)
from sync_tasks.state.records import Confirmation, HandOver, LoadedRow
from sync_tasks.state.store import Store
from sync_tasks.state.tombstones import LACKS_THE_KEY

# The number of users that one step of a scan brings, roughly.
SCAN_CHUNK = 1000
# How many lines of a history are kept, and for how many seconds; ``settle.lua`` keeps the same.
LINES, LINES_KEPT = 30, 30 * 86_400


def read_all_fields(store: Store, users: Sequence[str]) -> list[dict[str, str]]:
    """Return the fields of each user; empty for an unknown one."""
    return store.ask_all(("HGETALL", store.key(contact_key(user_id))) for user_id in users)


def read_contacts(store: Store, users: Sequence[str]) -> list[Contact | None]:
    """Return what is known of each user, or nothing."""
    stored = zip(users, read_all_fields(store, users), strict=True)
    return [load_contact(user, fields, tolerance=store.tolerance) if fields else None for user, fields in stored]


def read_registers(
    store: Store, wanted: Iterable[tuple[str, Iterable[str]]], accounts: Iterable[str]
) -> Iterator[Contact | None]:
    """Yield of each user these registers, as far as they are there, and the blocks at these accounts; or nothing."""
    wanted, accounts = list(wanted), list(accounts)
    stored = _read_fields(store, ((user_id, fields_of(registers, accounts)) for user_id, registers in wanted))
    for (user_id, _), fields in zip(wanted, stored, strict=True):
        yield load_contact(user_id, fields, tolerance=store.tolerance) if is_known(fields) else None


def find_without_news(store: Store, users: Sequence[str], stamp: str) -> list[str]:
    """Return those of the users who were not erased, and of whom nothing newer than that moment was reported."""
    stored = _read_fields(store, ((user_id, NEWS_FIELDS) for user_id in users))
    return [user for user, fields in zip(users, stored, strict=True) if not is_newer(fields, stamp)]


def find_loads_own(store: Store, users: Sequence[str]) -> list[bool]:
    """Return for each user whether the contact is a load's own, or unknown."""
    return list(map(is_loads_own, _read_fields(store, ((user_id, LOAD_FIELDS) for user_id in users))))


def _read_fields(store: Store, wanted: Iterable[tuple[str, Sequence[str]]]) -> Iterator[dict[str, str]]:
    """Yield the named fields of each user, as far as they are there."""
    wanted = list(wanted)
    stored = store.ask_all(("HMGET", store.key(contact_key(user_id)), *names) for user_id, names in wanted)
    for (_, names), texts in zip(wanted, stored, strict=True):
        yield {name: text for name, text in zip(names, texts, strict=True) if text}


def read_leases(store: Store, users: Sequence[str]) -> dict[str, int]:
    """Return until when a worker has leased each of the users (microseconds), if one has."""
    stored = _read_fields(store, ((user_id, LEASE_FIELDS) for user_id in users))
    ends = zip(users, map(lease_end, stored), strict=True)
    return {user_id: end for user_id, end in ends if end is not None}


def read_with_queues(store: Store, users: Sequence[str]) -> list[tuple[dict[str, str], float | None, float | None]]:
    """Return of each user the fields, since when it is dirty, and when it is due (microseconds, or ``None``)."""
    pipeline = store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.hgetall(store.key(contact_key(user_id)))
        pipeline.zscore(store.key(DIRTY), user_id)
        pipeline.zscore(store.key(DUE), user_id)
    answers = pipeline.execute()
    return list(zip(answers[::3], answers[1::3], answers[2::3], strict=True))


def read_with_history(store: Store, users: Sequence[str]) -> list[tuple[Contact | None, str]]:
    """Return what is known of each user, and when the last line of the history is from (a stamp).

    What Brevo holds of a contact that a worker is pushing is unknown.
    """
    pipeline = store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.hgetall(store.key(contact_key(user_id)))
        pipeline.lindex(store.key(history_key(user_id)), 0)
    answers = pipeline.execute()
    return [
        (load_leased(user_id, fields, store.tolerance) if fields else None, str(last or "").partition(" ")[0])
        for user_id, fields, last in zip(users, answers[::2], answers[1::2], strict=True)
    ]


def read_dirty_since(store: Store, users: Sequence[str]) -> list[float | None]:
    """Return since when each user is dirty (microseconds); ``None`` if it is not."""
    return store.ask_all(("ZSCORE", store.key(DIRTY), user_id) for user_id in users)


def find_existing(store: Store, users: Sequence[str]) -> frozenset[str]:
    """Return the users that the state knows."""
    known = store.ask_all(("EXISTS", store.key(contact_key(user_id))) for user_id in users)
    return frozenset(user for user, there in zip(users, known, strict=True) if there)


def scan_users(store: Store) -> Iterator[list[str]]:
    """Yield all users that the state knows, some at a time; one may come twice."""
    start = len(store.key(contact_key("")))
    keys = cast("Iterator[str]", store.redis.scan_iter(match=store.key(contact_key("*")), count=SCAN_CHUNK))
    return chunks((key[start:] for key in keys), SCAN_CHUNK)


def oldest_dirty(store: Store, count: int) -> list[tuple[str, float]]:
    """Return the users dirty for longest, and since when (microseconds)."""
    return cast("list[tuple[str, float]]", store.redis.zrange(store.key(DIRTY), 0, count - 1, withscores=True))


def count_queues(store: Store) -> tuple[int, int]:
    """Return the number of dirty contacts, and of those due by now."""
    redis = store.redis
    return int(redis.zcard(store.key(DIRTY))), int(redis.zcount(store.key(DUE), "-inf", store.now()))


def read_sweep(store: Store) -> int | None:
    """Return the moment of the last sweep (microseconds); ``None`` if there was none."""
    swept = cast("str | None", store.redis.get(store.key(SWEPT)))
    return int(swept) if swept else None


def seconds_since_sweep(store: Store) -> float | None:
    """Return how many seconds ago the last sweep was, or nothing if nobody has swept for a day."""
    swept = read_sweep(store)
    return seconds_since(swept, store.now()) if swept else None


def make_due(store: Store, moments: Mapping[str, int]) -> None:
    """Change the moments (microseconds) at which users are due; users not due at all stay so."""
    if moments:
        store.redis.zadd(store.key(DUE), moments, xx=True)


def count_waiting(store: Store, part: str) -> int:
    """Return the number of users who wait for the end of a part's pause."""
    return int(store.redis.zcard(store.key(paused_users_key(part))))


def read_waiting(store: Store, part: str, count: int) -> list[str]:
    """Return up to ``count`` of these users, the longest waiting first."""
    return cast("list[str]", store.redis.zrange(store.key(paused_users_key(part)), 0, count - 1))


def note_line(store: Store, user_id: str, line: str) -> None:
    """Write a line into a user's history."""
    history, pipeline = store.key(history_key(user_id)), store.redis.pipeline()
    pipeline.lpush(history, f"{store.now()} {line}")
    pipeline.ltrim(history, 0, LINES - 1)
    pipeline.expire(history, LINES_KEPT)
    pipeline.execute()


def read_erased_ids(store: Store, account: str) -> frozenset[int]:
    """Return the ids of an account's contacts whose users were erased."""
    split_tombstones(store)
    return frozenset(map(int, store.redis.sscan_iter(store.key(erased_ids_key(account)), count=SCAN_CHUNK)))


def forget_erased_ids(store: Store, account: str) -> None:
    """Forget the ids of an account's anonymized contacts: they mean nothing in another account."""
    split_tombstones(store)
    store.redis.delete(store.key(erased_ids_key(account)))


def split_tombstones(store: Store) -> None:
    """Part tombstones of release 0.1 from the ids of contacts that they name."""
    tombstones = store.key(TOMBSTONES)
    for name, text in store.redis.hscan_iter(tombstones, count=SCAN_CHUNK):
        moment, _, ids = str(text).partition(" ")
        if moment != text:
            pipeline = store.redis.pipeline()
            for account, _, number in (pair.partition("=") for pair in ids.split(",") if pair):
                pipeline.sadd(store.key(erased_ids_key(account)), number)
            pipeline.hset(tombstones, name, moment)
            pipeline.execute()


def find_erased(store: Store, users: Sequence[str]) -> frozenset[str]:
    """Return those of the users whose erasure is complete."""
    secret, pipeline = cast("str", store.redis.get(store.key(SECRET)) or ""), store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.hmget(store.key(TOMBSTONES), store.tombstones.places_of(secret, user_id))
        pipeline.exists(store.key(contact_key(user_id)))
    answers = pipeline.execute()
    return frozenset(
        user for user, texts, there in zip(users, answers[::2], answers[1::2], strict=True) if any(texts) and not there
    )


def count_loaded(store: Store) -> int:
    """Return the number of loaded users whose import has not ended."""
    return int(store.redis.llen(store.key(FILLING)))


def read_loaded(store: Store, start: int, count: int) -> list[str]:
    """Return up to ``count`` of these users from this place on, the first loaded first."""
    return cast("list[str]", store.redis.lrange(store.key(FILLING), start, start + count - 1))


def forget_loaded(store: Store, count: int) -> None:
    """Take ``count`` users off that queue, the first loaded first: their import has ended."""
    store.redis.ltrim(store.key(FILLING), count, -1)


def load(store: Store, rows: Iterable[LoadedRow], left_alone: int) -> list[str]:
    """Merge rows of a file into the state; return the result of each (see ``load.lua``).

    After ``left_alone`` seconds workers handle the contacts if the load does not.

    Raises:
        ConfigurationError: this process lacks the secret by which the state hashes; nothing was loaded.
    """
    random = secrets.token_hex(16)
    rows = list(rows)
    calls = (row.arguments(random, left_alone, store.tombstones.names_of(row.user_id)) for row in rows)
    results = cast("list[str]", store.run_all("load", calls))
    if "secret" in results:
        if store.tombstones.read_anew():
            return load(store, rows, left_alone)
        raise ConfigurationError(LACKS_THE_KEY)
    return results


def unload(store: Store, users: Iterable[str]) -> None:
    """Forget loaded users that no event, worker or import has touched since."""
    store.run_all("unload", ((user_id,) for user_id in users))


def mark_sending(store: Store, users: Iterable[str], left_alone: int) -> list[dict[str, str]]:
    """Note that an import of loaded users is about to go out; return the fields of each.

    After ``left_alone`` seconds workers handle the contacts if the load does not.
    """
    microseconds = left_alone * MICROSECONDS_PER_SECOND
    answers = cast("list[list[str]]", store.run_all("sending", ((user_id, microseconds) for user_id in users)))
    return [dict(zip(fields[::2], fields[1::2], strict=True)) for fields in answers]


def hand_over(store: Store, contacts: Iterable[HandOver]) -> list[int]:
    """Leave loaded contacts to the workers; return 1 for each that still was the load's."""
    return cast("list[int]", store.run_all("hand_over", (contact.arguments() for contact in contacts)))


def confirm(store: Store, confirmations: Iterable[Confirmation]) -> list[int]:
    """Note that Brevo holds loaded contacts as wished; return the result of each (see ``confirm.lua``)."""
    return cast("list[int]", store.run_all("confirm", (one.arguments() for one in confirmations)))


def mark_unknown(store: Store, users: Iterable[str]) -> list[int]:
    """Note that a request about these users may still take effect; return 0 for each unknown user, else 1."""
    return cast("list[int]", store.run_all("mark_unknown", ((user_id,) for user_id in users)))


def mark_manual(store: Store, user_id: str, who: str, *, manual: bool) -> None:
    """Leave a user's lists to people at Brevo, or take them back (``manual=False``); one who is unknown stays so."""
    store.run_all("mark", [(user_id, "1" if manual else "", "".join(who.split()))])


def forget_account(store: Store, users: Iterable[str], account: str) -> list[bool]:
    """Forget an account's remote state of users; return for each whether it was possible: not while it is leased."""
    return [bool(done) for done in store.run_all("forget_account", ((user_id, account) for user_id in users))]


def read_clean(store: Store, chunks: Collection[Sequence[str]]) -> Iterator[list[str]]:
    """Yield names and texts of all fields of each user; empty for a dirty or unknown one."""
    for answers in cast("list[list[list[str]]]", store.run_all("read_clean", chunks)):
        yield from answers
