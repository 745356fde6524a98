"""Tombstones: keyed hashes of erased users, by secrets outside Redis: who has a dump alone cannot guess ids.

Each secret hashes what the one before it gave, and the first what the key in Redis gave (``keys.keyed_hash``). So a new
secret is put in force without knowing the ids: each tombstone is hashed once more. ``hashed_by`` under
``<namespace>:`` holds the fingerprint of the secret in force; kept. Scripts refuse a process that lacks it.
"""

import hashlib
import hmac
import secrets as random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from sync_tasks.domain.registers import moment
from sync_tasks.state.keys import SECRET, TOMBSTONES, keyed_hash

if TYPE_CHECKING:
    from redis import Redis

LACKS_THE_KEY = (
    "SYNC_STATE_SECRET: not the secret by which this state hashes; give every part the file that "
    "`sync-tasks secret new` wrote"
)
HASHED_BY = "hashed_by"
# Ends the hash of each secret, the oldest first; the hash of the key in Redis is plain hexadecimal.
_MARKS = "ghijklmnopqrstuvwxyz"


class SecretHashes:
    """The hashes by some secrets, the newest first."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [secret.encode() for secret in reversed(secrets)]
        self.fingerprints = list(self._fingerprints())

    def __bool__(self) -> bool:
        return bool(self._keys)

    def _fingerprints(self) -> Iterator[str]:
        text = "sync_tasks"
        for key in self._keys:
            text = _digest(key, text)[:12]
            yield text

    def all_of(self, plain: str) -> list[str]:
        """Return what each secret makes of a plain keyed hash, the oldest first."""
        hashes = list[str]()
        for key, mark in zip(self._keys, _MARKS, strict=False):
            plain = _digest(key, plain)[:24] + mark
            hashes.append(plain)
        return hashes

    def names(self, plain: str) -> str:
        """Return the same for scripts: the plain hash, then fingerprint and hash of each secret."""
        return " ".join([plain, *map(":".join, zip(self.fingerprints, self.all_of(plain), strict=True))])

    def renewed(self, hashed: str) -> str:
        """Return what the newest secret makes of a hash, whichever secret made it; the same if it is the newest's."""
        first = _MARKS.index(hashed[-1]) + 1 if hashed[-1] in _MARKS else 0
        for key, mark in list(zip(self._keys, _MARKS, strict=False))[first:]:
            hashed = _digest(key, hashed)[:24] + mark
        return hashed


def _digest(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Tombstones:
    """The tombstones of one state, below ``prefix``; ``secrets``: those outside Redis, the newest first."""

    def __init__(self, redis: "Redis", prefix: str, secrets: Sequence[str] = ()) -> None:
        self._redis, self._prefix = redis, prefix
        self.hashes = SecretHashes(secrets)
        self._drawn = ""

    def erased_at(self, user_id: str) -> str:
        """Return when a user whose erasure is complete was erased (a stamp), or nothing."""
        places = self.places_of(self._secret(), user_id)
        moments = cast("list[str | None]", self._redis.hmget(self._prefix + TOMBSTONES, places))
        return next((moment(text) for text in moments if text), "")

    def places_of(self, secret: str, user_id: str) -> list[str]:
        """Return every name that the tombstone of a user may have; ``secret``: the key in Redis."""
        plain = keyed_hash(secret, user_id)
        return [plain, *self.hashes.all_of(plain)]

    def all_places_of(self, user_id: str) -> list[str]:
        """Return the same, by the key in Redis as it is now."""
        return self.places_of(self._secret(), user_id)

    def newest_place_of(self, user_id: str) -> str:
        """Return the name by the newest secret."""
        return self.places_of(self._drawn_secret(), user_id)[-1]

    def names_of(self, user_id: str) -> str:
        """Return the same as scripts take it; nothing without a secret outside Redis: they know the key inside."""
        if not self.hashes:
            return ""
        self._drawn = self._drawn or self._drawn_secret()
        return self.hashes.names(keyed_hash(self._drawn, user_id))

    def read_anew(self) -> bool:
        """Read the key in Redis anew, which another Redis may have replaced; return whether it is another one.

        Scripts refuse hashes by a key that is not theirs.
        """
        known, self._drawn = self._drawn, self._drawn_secret() if self.hashes else ""
        return known != self._drawn

    def _drawn_secret(self) -> str:
        """Return the key in Redis; the first process that needs it draws it."""
        if not self._secret():
            self._redis.set(self._prefix + SECRET, random.token_hex(16), nx=True)
        return self._secret()

    def _secret(self) -> str:
        return cast("str", self._redis.get(self._prefix + SECRET) or "")
