"""How far a comparison has come, written down page by page: one that was killed goes on there when started again.

Keys under ``<namespace>:``: ``comparing:<account>:<scope>`` what each page of an unfinished comparison came to, for
three hours from its beginning. It holds ids of users and contacts, no address, no name, nor what stands for them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.reconcile.drift import Drift
from sync_tasks.reconcile.ownership import USER_CHUNK, read_contacts
from sync_tasks.state.codec import dump_impersonal, load_impersonal
from sync_tasks.state.store import Store

# What was seen longer ago is better seen anew.
LIFETIME = 3 * 3600
_PAGES = 100
_PLAIN = ("kinds", "user_id", "contact_id", "rev", "loses", "regains", "renames", "was_known", "why")


@dataclass(slots=True, repr=False)
class FoundCheckpoint:
    """What a page came to: which contacts were on it, and where the next one begins.

    ``alone``: contacts left to somebody else so far · ``strays``: by user, a contact that may be a second one ·
    ``met``: users of whom the state knew no contact.
    """

    offset: int
    alone: int
    ids: list[int]
    drifts: list[Drift] = field(default_factory=list)
    strays: dict[str, int] = field(default_factory=dict)
    met: list[str] = field(default_factory=list)


class Memory:
    """Remembers one comparison of one account; ``began`` is its stamp."""

    def __init__(self, store: Store, mapping: AccountMapping, *scope: object) -> None:
        """Find the unfinished comparison of the same scope and configuration, or begin a new one."""
        self._store, self._layout = store, mapping
        digest = hashlib.sha256(repr((mapping, scope)).encode()).hexdigest()[:12]
        self._key = store.key(f"comparing:{mapping.account}:{digest}")
        self.began = cast("str | None", store.redis.lindex(self._key, 0)) or self._begin()

    def _begin(self) -> str:
        began, pipeline = self._store.now(), self._store.redis.pipeline()
        pipeline.rpush(self._key, began)
        pipeline.expire(self._key, LIFETIME)
        pipeline.execute()
        return began

    def begin_anew(self) -> None:
        """Forget what an unfinished comparison came to."""
        self.forget()
        self.began = self._begin()

    def forget(self) -> None:
        """Leave nothing to go on with: the comparison is done."""
        self._store.redis.delete(self._key)

    def renew_lease(self, found: FoundCheckpoint) -> None:
        """Add what a page came to, as long as the time is not over."""
        document = [found.offset, found.alone, found.ids, list(map(_dump, found.drifts)), found.strays, found.met]
        self._store.redis.rpushx(self._key, json.dumps(document, separators=(",", ":")))

    def recall(self) -> Iterator[FoundCheckpoint]:
        """Yield what each page came to so far."""
        start = 1
        while texts := cast("list[str]", self._store.redis.lrange(self._key, start, start + _PAGES - 1)):
            yield from map(self._parse, texts)
            start += len(texts)

    def _parse(self, text: str) -> FoundCheckpoint:
        offset, alone, ids, drifts, *rest = json.loads(text)
        return FoundCheckpoint(offset, alone, ids, self._complete([_parse_drift(*drift) for drift in drifts]), *rest)

    def _complete(self, drifts: list[Drift]) -> list[Drift]:
        """Add what is not remembered for being personal: the state has it as long as it is the same."""
        users, contacts = (drift.user_id for drift in drifts if drift.seen), dict[str, Contact]()
        for chunk in chunks(users, USER_CHUNK):
            contacts |= read_contacts(chunk, self._store)
        return [self._completed(drift, contacts.get(drift.user_id)) for drift in drifts]

    def _completed(self, drift: Drift, contact: Contact | None) -> Drift:
        """Return a drift as it was found; of an address or attributes that differ it is enough that they do."""
        if drift.seen is None or contact is None or contact.rev != drift.rev:
            return drift
        wanted = desired_of(contact, self._layout, drift.seen)
        before = contact.seen.get(self._layout.account, RemoteState())
        address = "" if "address" in drift.kinds else wanted.address or before.address
        digest = "" if "attribute" in drift.kinds else wanted.digest
        seen = replace(drift.seen, address=address, digest=digest, bounced=before.bounced)
        return replace(drift, seen=seen)


def _dump(drift: Drift) -> list[object]:
    seen = dump_impersonal(drift.seen) if drift.seen else {}
    return [{name: getattr(drift, name) for name in _PLAIN}, sorted(drift.lists), seen]


def _parse_drift(plain: dict[str, Any], lists: list[int], seen: dict[str, str]) -> Drift:
    fields = {**plain, "kinds": tuple(plain["kinds"])}
    return Drift(**fields, lists=frozenset(lists), seen=load_impersonal(seen))
