"""Who opted out, bounced or complained at Brevo, for the portal and for the operator.

Keys under ``<namespace>:``: ``suppressed`` account and user to why and since when, until that is lifted or the user is
erased · ``untold`` the same names by when we learnt of it, until the portal was told. ``settle.lua`` writes both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from redis.client import Pipeline

from sync_tasks.contacts import Contact, Seen
from sync_tasks.events import moment_of
from sync_tasks.store import Store

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One opt-out at Brevo: ``kind`` is ``unsubscribed``, ``hard_bounce`` or ``complaint``, ``time`` as in ISO 8601."""

    user_id: str
    kind: str
    time: str
    account: str


def find_suppressed(contact: Contact, seen: Mapping[str, Seen]) -> dict[str, str]:
    """Return, for each account where that is news, why and since when it blocklists the user; empty where lifted."""
    if contact.erased:
        return dict.fromkeys(contact.seen.keys() | seen.keys(), "")
    news = {}
    for account, now in seen.items():
        before = contact.seen.get(account)
        if now.block != (before.block if before else None):
            news[account] = f"{now.block.kind}:{now.block.since}" if now.block else ""
    return news


def read_suppressed(store: Store) -> list[Suppressed]:
    """Return all who are suppressed at this moment, the latest opt-out first."""
    told = cast("dict[str, str]", store.redis.hgetall(store.key("suppressed")))
    found = (_parse(name, text) for name, text in told.items())
    return sorted(found, key=lambda one: one.time, reverse=True)


def tell_untold(store: Store, tell: Callable[[Suppressed], None]) -> int:
    """Tell of each opt-out that the portal was not told of, and return of how many; after a crash one is repeated.

    Where ``tell`` raises, that one and those after it stay untold.
    """
    names = cast("list[str]", store.redis.zrange(store.key("untold"), 0, AT_ONCE - 1))
    for name in names:
        text = cast("str | None", store.redis.hget(store.key("suppressed"), name))
        if text:
            tell(_parse(name, text))
        _forget(store, name, text)
    return len(names)


def _forget(store: Store, name: str, told: str | None) -> None:
    """Take one as told, unless it has become another opt-out meanwhile."""

    def forget(pipeline: Pipeline) -> None:
        now: object = pipeline.hget(store.key("suppressed"), name)
        pipeline.multi()
        if now == told:
            pipeline.zrem(store.key("untold"), name)

    store.redis.transaction(forget, store.key("suppressed"))


def _parse(name: str, text: str) -> Suppressed:
    account, _, user_id = name.partition(" ")
    kind, _, since = text.partition(":")
    return Suppressed(user_id, kind, moment_of(since).isoformat(), account)
