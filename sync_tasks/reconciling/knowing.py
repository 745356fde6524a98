"""Whose contact is whose: read once from the state, kept small, for a million users fit in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import cast

from sync_tasks.contacts import Contact, RemoteContact, load_contact
from sync_tasks.store import Store

AT_ONCE = 1000


def read_ids(store: Store, account: str) -> dict[int, str]:
    """Return the user of each numeric id that the account is known to hold."""
    field, start = f"s:{account}:id", len(store.key("contacts:"))
    keys = cast("Iterator[str]", store.redis.scan_iter(match=store.key("contacts:*"), count=AT_ONCE))
    ids: dict[int, str] = {}
    while chunk := list(islice(keys, AT_ONCE)):
        pipeline = store.redis.pipeline(transaction=False)
        for key in chunk:
            pipeline.hget(key, field)
        found = zip(chunk, cast("list[str | None]", pipeline.execute()), strict=True)
        ids.update((int(text), key[start:]) for key, text in found if text and text != "-")
    return ids


def read_tombs(store: Store, account: str) -> frozenset[int]:
    """Return the numeric ids of contacts whose users were erased."""
    tombs = cast("dict[str, str]", store.redis.hgetall(store.key("tombstones")))
    named = (part.partition("=") for text in tombs.values() for part in text.replace(",", " ").split())
    return frozenset(int(number) for name, _, number in named if name == account and number.isdecimal())


def find_users(remotes: Iterable[RemoteContact], ids: dict[int, str], store: Store) -> dict[int, str]:
    """Return the user of each contact, by its numeric id, else its ``ext_id``, else its address."""
    users = {remote.id: ids[remote.id] for remote in remotes if remote.id in ids}
    rest = [remote for remote in remotes if remote.id not in users]
    owners = iter(store.claimants([remote.address or "" for remote in rest]))
    known = _existing({remote.ext_id for remote in rest if remote.ext_id}, store)
    for remote in rest:
        owner = next(owners)
        user = remote.ext_id if remote.ext_id in known else owner
        if user:
            users[remote.id] = user
    return users


def _existing(users: Iterable[str], store: Store) -> frozenset[str]:
    users, pipeline = list(users), store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.exists(store.key(f"contacts:{user_id}"))
    return frozenset(user for user, there in zip(users, pipeline.execute(), strict=True) if there)


def read_contacts(users: Iterable[str], store: Store) -> dict[str, Contact]:
    """Return the states of users whom nobody sees to at this moment; a load waits for what we find."""
    users, pipeline = list(users), store.redis.pipeline(transaction=False)
    for user_id in users:
        pipeline.hgetall(store.key(f"contacts:{user_id}"))
        pipeline.zscore(store.key("dirty"), user_id)
    told = pipeline.execute()
    stored = zip(users, told[::2], told[1::2], strict=True)
    return {
        user: replace(load_contact(user, fields), pending={}) if dirty else load_contact(user, fields)
        for user, fields, dirty in stored
        if fields and (dirty is None or fields.get("filling") == fields.get("rev")) and "lease" not in fields
    }
