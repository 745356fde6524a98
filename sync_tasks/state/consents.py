"""Proofs of consent: those of subscriptions, and those that ended, which are kept as evidence.

Keys under ``<namespace>:``: ``evidence`` holds a line for each proof that ended, in order: the keyed hash of the user,
when it ended, the newsletter, the proof. So it names nobody. ``accept.lua`` writes it; kept for ``consent_days``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.registers import consents, value
from sync_tasks.domain.timestamps import MICROSECONDS_PER_DAY, moment_of
from sync_tasks.state.bulk import SCAN_CHUNK
from sync_tasks.state.store import Store

EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """What proves a consent (see ``events.Consent``); ``ended``: when it ended, if it did."""

    newsletter: str
    source: str
    version: str
    at: str
    ended: str | None = None


def read_consents(store: Store, user_id: str, contact: Contact | None) -> list[ConsentRecord]:
    """Return the proofs of a user: those of subscriptions, then those that ended, the last one first.

    A subscription has two clocks, a proof has one: a proof may be the newest although an opt-out at nearly the same
    moment counts. That opt-out ended it.
    """
    wishes = contact.subscriptions() if contact else {}
    ends = {slug: moment_of(since).isoformat() for slug, (since, wished) in wishes.items() if not wished}
    registers = contact.registers if contact else {}
    held = [ConsentRecord(slug, **json.loads(proof), ended=ends.get(slug)) for slug, proof in consents(registers)]
    lines = sorted((line.split(" ", 3)[1:] for line in _lines_of(store, user_id)), reverse=True)
    return held + [_record(*parts) for parts in lines]


def _record(ended: str, newsletter: str, proof: str) -> ConsentRecord:
    return ConsentRecord(newsletter, **json.loads(value(proof)), ended=moment_of(ended).isoformat())


def _lines_of(store: Store, user_id: str) -> Iterator[str]:
    for place in store.tombstones.all_places_of(user_id):
        # "!" follows the space that ends the hash.
        yield from cast("list[str]", store.redis.zrangebylex(store.key(EVIDENCE), f"[{place} ", f"({place}!"))


def forget_old_evidence(store: Store, days: float) -> int:
    """Forget proofs that ended longer ago than so many days; return how many that was."""
    latest, gone = int(store.now()) - int(days * MICROSECONDS_PER_DAY), 0
    for line in _scan(store):
        if int(line.split(" ", 2)[1]) <= latest:
            gone += int(store.redis.zrem(store.key(EVIDENCE), line))
    return gone


def renew_evidence(store: Store) -> None:
    """Name all users by the newest secret."""
    for line in _scan(store):
        place, _, rest = line.partition(" ")
        newest = store.tombstones.hashes.renewed(place)
        if newest != place:
            pipeline = store.redis.pipeline()
            pipeline.zadd(store.key(EVIDENCE), {f"{newest} {rest}": 0})
            pipeline.zrem(store.key(EVIDENCE), line)
            pipeline.execute()


def _scan(store: Store) -> Iterator[str]:
    return (str(line) for line, _ in store.redis.zscan_iter(store.key(EVIDENCE), count=SCAN_CHUNK))
