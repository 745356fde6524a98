"""Suppressions: opt-outs, bounces and complaints at Brevo, for the portal and for the operator.

Keys under ``<namespace>:``, written by ``settle.lua``:

* ``suppressed``: account (and list, after a slash) and user to reason and moment, until it ends or the erasure.
* ``untold``: the same names by the moment we learnt of it, until reported to the portal.
* ``notices``: each end and each repair by the moment we learnt of it, until reported to the portal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from redis.client import Pipeline

from sync_tasks.domain.news import Notice, read_notice
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.state.store import Store

REPORT_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One opt-out at Brevo: ``kind`` is one of ``contact.KINDS``, ``time`` is ISO 8601.

    ``list_id``: the one list that it concerns; 0 for all mail of the account.
    """

    user_id: str
    kind: str
    time: str
    account: str
    list_id: int = 0


def scan_suppressed(store: Store) -> tuple[int, Iterator[Suppressed]]:
    """Return how many are suppressed at this moment, and each of them, the latest opt-out first."""
    reported: dict[str, str] = dict(store.redis.hscan_iter(store.key("suppressed"), count=1000))
    names = sorted(reported, key=lambda name: reported[name].partition(":")[2], reverse=True)
    return len(names), (_parse(name, reported[name]) for name in names)


def report_suppressed(store: Store, report: Callable[[Suppressed], None]) -> int:
    """Report every unreported opt-out to the portal, at least once, and return their number.

    If ``report`` raises, that one and all after it stay unreported.
    """
    names = cast("list[str]", store.redis.zrange(store.key("untold"), 0, REPORT_CHUNK - 1))
    for name in names:
        text = cast("str | None", store.redis.hget(store.key("suppressed"), name))
        if text:
            report(_parse(name, text))
        _forget(store, name, text)
    return len(names)


def _forget(store: Store, name: str, reported: str | None) -> None:
    """Mark an opt-out as reported, unless a newer one has replaced it meanwhile."""

    def forget(pipeline: Pipeline) -> None:
        now: object = pipeline.hget(store.key("suppressed"), name)
        pipeline.multi()
        if now == reported:
            pipeline.zrem(store.key("untold"), name)

    store.redis.transaction(forget, store.key("suppressed"))


def _parse(name: str, text: str) -> Suppressed:
    where, _, user_id = name.partition(" ")
    account, _, list_id = where.partition("/")
    kind, _, since = text.partition(":")
    return Suppressed(user_id, kind, moment_of(since).isoformat(), account, int(list_id or 0))


def report_notices(store: Store, report: Callable[[Notice], None]) -> int:
    """Report ends and repairs to the portal, at least once, the oldest first, and return their number."""
    lines = cast("list[str]", store.redis.zrange(store.key("notices"), 0, REPORT_CHUNK - 1))
    for line in lines:
        report(read_notice(line))
        store.redis.zrem(store.key("notices"), line)
    return len(lines)
