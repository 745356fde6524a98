"""Who has a dump of Redis but not the secret cannot find who was erased; a secret can be changed, also after a kill."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from sync_tasks.errors import ConfigurationError
from sync_tasks.state.audit import read_audit
from sync_tasks.state.connection import connect
from sync_tasks.state.records import Settlement
from sync_tasks.state.secret import check_secret, is_newest_in_force, put_in_force
from sync_tasks.state.store import Store
from sync_tasks.state.tombstones import SecretHashes
from tests.state.test_erasures import read_all
from tests.state.test_store import lease_of, of
from tests.support.saying import anonymize, stamp, subscribe, update

ONE, TWO = "1" * 32, "2" * 32
IDS = ["anna", "u1", "zoe"]
ADDRESSES = ["anna@portal.org", "anna.tal@portal.org", "zoe@portal.org"]


class OpenStore(Protocol):
    """Opens the state as a process with these secrets does, the newest first."""

    def __call__(self, *secrets: str) -> Store: ...


@pytest.fixture
def store_of(redis_url: str) -> Iterator[OpenStore]:
    with ExitStack() as stack:

        def open_store(*secrets: str) -> Store:
            store = Store(connect(redis_url), "sync_tasks", secrets=secrets)
            stack.callback(store.redis.close)
            return store

        yield open_store


def erase(store: Store, user_id: str = "anna") -> None:
    """Let a user have two addresses, one after the other, and be erased."""
    store.accept(of(user_id, subscribe(1, email=f"{user_id}@portal.org")))
    store.accept(of(user_id, update(2, email=f"{user_id}.tal@portal.org")))
    store.accept(of(user_id, anonymize(3)))
    assert store.settle(lease_of(store, user_id), Settlement(clean=True, tombstone=stamp(3))) == "settled"


def find_by_dump(store: Store) -> set[str]:
    """Return which ids and addresses a thief of the whole Redis finds by trying them with all that lies in it."""
    dump = " ".join(f"{name} {reported}" for name, reported in read_all(store.redis))
    keys = {"", *re.findall(r"[\w.:@-]+", dump)}
    return {text for text in (*IDS, *ADDRESSES) if text in dump or any(one in dump for one in guesses(text, keys))}


def guesses(text: str, keys: set[str]) -> Iterator[str]:
    for key in keys:
        for method in ("sha1", "sha256", "md5"):
            yield hashlib.new(method, (key + text).encode(), usedforsecurity=False).hexdigest()[:20]


def test_a_dump_shows_who_was_erased_where_the_key_lies_in_it(store_of: OpenStore) -> None:
    store = store_of()
    erase(store)
    assert find_by_dump(store) == {"anna", *ADDRESSES[:2]}


def test_a_dump_without_the_secret_shows_nobody(store_of: OpenStore) -> None:
    store = store_of(ONE)
    put_in_force(store)
    erase(store)
    assert find_by_dump(store) == set()
    assert (store.is_erased("anna"), store.is_erased("zoe")) == (True, False)


def test_who_was_erased_before_the_secret_is_hidden_by_it(store_of: OpenStore) -> None:
    erase(store_of())
    store = store_of(ONE)
    assert store.is_erased("anna"), "before it is in force"
    assert put_in_force(store) == 1
    assert (store.is_erased("anna"), find_by_dump(store), put_in_force(store)) == (True, set(), 0)
    assert store.accept(of("anna", subscribe(9))).status == "erased"


def test_a_newer_secret_takes_over_and_goes_on_after_a_kill(store_of: OpenStore) -> None:
    first = store_of(ONE)
    put_in_force(first)
    for user in ("anna", "zoe", "u1"):
        erase(first, user)
    both = store_of(TWO, ONE)
    assert not is_newest_in_force(both)
    assert all(map(both.is_erased, ("anna", "zoe", "u1")))

    class KilledError(Exception):
        pass

    names = store_names(both)
    renewed = both.tombstones.hashes.renewed
    reported = iter(names)

    def die(hashed: str) -> str:
        if next(reported, None) == names[1]:
            raise KilledError
        return renewed(hashed)

    both.tombstones.hashes.renewed = die  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        put_in_force(both)
    both = store_of(TWO, ONE)
    assert all(map(both.is_erased, ("anna", "zoe", "u1"))), "half of the way"
    assert put_in_force(both) == 2
    assert all(map(both.is_erased, ("anna", "zoe", "u1")))
    assert len(store_names(both)) == 3


def store_names(store: Store) -> list[str]:
    return list(map(str, store.redis.hkeys(store.key("tombstones"))))


@pytest.mark.parametrize("secrets", [(), (TWO,), (ONE, TWO)])
def test_who_lacks_the_secret_in_force_is_refused_and_changes_nothing(
    store_of: OpenStore, secrets: tuple[str, ...]
) -> None:
    put_in_force(store_of(ONE))
    store = store_of(*secrets)
    for refused in (lambda: store.accept(of("anna", subscribe(1))), lambda: check_secret(store)):
        with pytest.raises(ConfigurationError, match="SYNC_STATE_SECRET"):
            refused()
    assert store.peek("anna") is None


def test_who_has_a_newer_secret_besides_goes_on_with_the_one_in_force(store_of: OpenStore) -> None:
    put_in_force(store_of(ONE))
    store = store_of(TWO, ONE)
    check_secret(store)
    erase(store)
    assert store_of(ONE).is_erased("anna")


def test_an_erasure_is_not_recorded_by_who_lost_the_secret_meanwhile(store_of: OpenStore) -> None:
    store = store_of()
    store.accept(of("anna", anonymize(1)))
    lease = lease_of(store, "anna")
    put_in_force(store_of(ONE))
    assert store.settle(lease, Settlement(clean=True, tombstone=stamp(1))) == "lost"
    assert not store.redis.exists(store.key("tombstones"))


def test_a_redis_that_was_replaced_under_a_process_is_noticed(store_of: OpenStore) -> None:
    store, other = store_of(ONE), store_of(ONE)
    put_in_force(store)
    erase(store, "zoe")
    store.redis.flushdb()
    put_in_force(other)
    erase(other)
    assert store.accept(of("anna", subscribe(9))).status == "erased"
    assert store.is_erased("anna")


def test_without_a_secret_nothing_can_be_put_in_force(store_of: OpenStore) -> None:
    with pytest.raises(ConfigurationError, match="secret new"):
        put_in_force(store_of())


def test_each_secret_gives_hashes_that_are_distinguished() -> None:
    hashes = SecretHashes([TWO, ONE])
    plain = "0123456789abcdef01234567"
    first, second = hashes.all_of(plain)
    assert (hashes.renewed(plain), hashes.renewed(first), hashes.renewed(second)) == (second, second, second)
    assert SecretHashes([ONE]).all_of(plain) == [first]


def test_whoever_requested_an_erasure_is_found_by_a_new_secret(store_of: OpenStore) -> None:
    store_of().accept(of("anna", anonymize(1, requested_by="Ticket Ω/4711")))
    store = store_of(ONE)
    put_in_force(store)
    assert [(one.who, one.user[-1]) for one in read_audit(store, "anna")] == [("Ticket Ω/4711", "g")]
    assert store.redis.zcard(store.key("audit")) == 1
