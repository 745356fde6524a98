"""The secret in force: which one it is, whether this process has it, and the change to a newer one."""

from sync_tasks.errors import ConfigurationError
from sync_tasks.state.audit import RECORDS, renew_users
from sync_tasks.state.bulk import SCAN_CHUNK
from sync_tasks.state.consents import renew_evidence
from sync_tasks.state.keys import TOMBSTONES, vacated_key
from sync_tasks.state.store import Store
from sync_tasks.state.tombstones import HASHED_BY, LACKS_THE_KEY

# What settle.lua writes into the mark of an address that an erased user had given up.
ERASED = "erased"


def check_secret(store: Store) -> None:
    """Return if this process has the secret by which the state hashes, or none is in force.

    Raises:
        ConfigurationError: it lacks it.
    """
    in_force = read_in_force(store)
    if in_force and in_force not in store.tombstones.hashes.fingerprints:
        raise ConfigurationError(LACKS_THE_KEY)


def read_in_force(store: Store) -> str:
    """Return the fingerprint of the secret in force; nothing if hashes need the key in Redis alone."""
    return str(store.redis.get(store.key(HASHED_BY)) or "")


def is_newest_in_force(store: Store) -> bool:
    """Return whether the newest secret of this process is the one in force."""
    return bool(store.tombstones.hashes) and read_in_force(store) == store.tombstones.hashes.fingerprints[-1]


def put_in_force(store: Store) -> int:
    """Let the newest secret hash from now on, and hash all tombstones by it; return how many were others'.

    Killed on its way, it goes on where it was: what the newest secret has hashed is left as it is.

    Raises:
        ConfigurationError: this process has no secret, or lacks the one in force.
    """
    if not store.tombstones.hashes:
        raise ConfigurationError("SYNC_STATE_SECRET: not set; `sync-tasks secret new FILE` writes one")
    check_secret(store)
    store.redis.set(store.key(HASHED_BY), store.tombstones.hashes.fingerprints[-1])
    renewed = _renew(store, TOMBSTONES)
    _renew(store, RECORDS)
    renew_users(store)
    renew_evidence(store)
    _forget_vacated(store)
    return renewed


def _forget_vacated(store: Store) -> None:
    """Remove the marks that users erased before the secret was in force have left of their addresses."""
    for mark in store.redis.scan_iter(match=store.key(vacated_key("*")), count=SCAN_CHUNK):
        if store.redis.get(mark) == ERASED:
            store.redis.delete(mark)


def _renew(store: Store, key: str) -> int:
    renewed = 0
    for name, text in store.redis.hscan_iter(store.key(key), count=SCAN_CHUNK):
        newest = store.tombstones.hashes.renewed(str(name))
        if newest != name:
            pipeline = store.redis.pipeline()
            pipeline.hsetnx(store.key(key), newest, text)
            pipeline.hdel(store.key(key), name)
            pipeline.execute()
            renewed += 1
    return renewed
