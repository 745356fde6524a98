"""The audit: who did what to whose data, one line each, which nobody changes.

Keys under ``<namespace>:``, kept for ``audit_days``:

* ``audit``: entries by moment. A user is named by a keyed hash, as a tombstone is. ``accept.lua`` adds who requested an
  erasure.
* ``erasure_records``: hash of an erased user to what the erasure came to. ``settle.lua`` writes it; kept.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

from sync_tasks.domain.timestamps import MICROSECONDS_PER_DAY
from sync_tasks.state.store import Store
from sync_tasks.texts import escaped

RECORDS = "erasure_records"
LONGEST_WHO = 100
# Of somebody who saw a person in full.
UNMASKED = "see unmasked"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """``who`` did ``what`` at the moment ``at`` (a stamp); ``user``: a keyed hash; ``about``: such as a letter's id."""

    at: str
    who: str
    what: str
    user: str = ""
    about: str = ""


def note_deed(store: Store, who: str, what: str, user_id: str = "", about: str = "") -> None:
    """Write down who did what."""
    user = store.tombstones.newest_place_of(user_id) if user_id else ""
    entry = AuditEntry(store.now(), escaped(who)[:LONGEST_WHO], what, user, about)
    store.redis.zadd(store.key("audit"), {json.dumps(asdict(entry)): int(entry.at)})


def read_audit(store: Store, user_id: str = "", since: int = 0) -> Iterator[AuditEntry]:
    """Yield all entries, or those about one user, the oldest first; ``since`` is a stamp."""
    places = store.tombstones.all_places_of(user_id) if user_id else []
    for entry in map(_parse, cast("list[str]", store.redis.zrangebyscore(store.key("audit"), since, "+inf"))):
        if not user_id or entry.user in places:
            yield entry


def _parse(text: str) -> AuditEntry:
    return AuditEntry(**json.loads(text))


def forget_old(store: Store, days: float) -> int:
    """Forget what is older than so many days; return how many entries that was."""
    latest = int(store.now()) - int(days * MICROSECONDS_PER_DAY)
    old = cast("list[str]", store.redis.zrangebyscore(store.key("audit"), "-inf", latest))
    return int(store.redis.zrem(store.key("audit"), *old)) if old else 0


def read_record(store: Store, user_id: str) -> dict[str, Any] | None:
    """Return what the erasure of a user came to, or nothing."""
    texts = cast("list[str | None]", store.redis.hmget(store.key(RECORDS), store.tombstones.all_places_of(user_id)))
    return next((json.loads(text) for text in reversed(texts) if text), None)


def renew_users(store: Store) -> None:
    """Name all users by the newest secret."""
    for text in cast("list[str]", store.redis.zrange(store.key("audit"), 0, -1)):
        entry = _parse(text)
        newest = store.tombstones.hashes.renewed(entry.user) if entry.user else ""
        if newest != entry.user:
            pipeline = store.redis.pipeline()
            pipeline.zadd(store.key("audit"), {json.dumps(asdict(entry) | {"user": newest}): int(entry.at)})
            pipeline.zrem(store.key("audit"), text)
            pipeline.execute()
