"""What a worker hears along with a lease: who needs the same, whose the address is, and what may go out."""

import pytest

from sync_tasks.state.records import Question, Settlement
from sync_tasks.state.store import Lease, Store
from tests.state.test_store import due_in, is_dirty, known, lease_of, of
from tests.support.saying import ACCOUNT, ADA, anonymize, stamp, subscribe

CONTACT = "contacts:u1"
A_MINUTE = 60_000_000
ASK = Question(ACCOUNT, "contacts", 0, 30_000, ((1, A_MINUTE),))


@pytest.fixture
def ada(store: Store) -> Store:
    """A state in which a sign-up waits for its push."""
    store.accept(subscribe(1))
    return store


def lease_with(store: Store, ask: Question | None = ASK) -> Lease:
    lease = store.lease("u1", 60, ask)
    assert isinstance(lease, Lease)
    return lease


def put(store: Store, index: str, *users: str) -> None:
    """Let users be in an index."""
    store.redis.zadd(store.key(index), dict.fromkeys(users, 1))
    store.redis.expire(store.key(index), 600)


def test_a_contact_that_is_gone_waits_for_nobody(store: Store) -> None:
    put(store, "dirty", "u1", "u2")
    put(store, "due", "u1", "u2")
    assert store.lease("u1", 60) == "idle"
    assert (is_dirty(store), due_in(store)) == (False, None)
    assert is_dirty(store, "u2")
    assert due_in(store, "u2") is not None


@pytest.mark.parametrize(("dirty", "due", "answer"), [(True, 60, True), (False, -1, True), (False, 60, False)])
def test_a_contact_is_leased_if_it_is_dirty_or_due(ada: Store, *, dirty: bool, due: int, answer: bool) -> None:
    if not dirty:
        ada.redis.zrem(ada.key("dirty"), "u1")
    ada.redis.zadd(ada.key("due"), {"u1": int(ada.now()) + due * 1_000_000})
    assert isinstance(ada.lease("u1", 60), Lease) is answer


@pytest.mark.parametrize(("seconds", "ends_in"), [(170, 170), (200, 60)])
def test_a_lease_from_before_the_clock_was_put_back_is_cut_to_its_length(
    ada: Store, seconds: int, ends_in: int
) -> None:
    ada.redis.hset(ada.key(CONTACT), "lease", f"{int(ada.now()) + seconds * 1_000_000:016d}token")
    assert ada.lease("u1", 60) == "busy"
    text = str(ada.redis.hget(ada.key(CONTACT), "lease"))
    assert (int(text[:16]) - int(ada.now())) / 1_000_000 == pytest.approx(ends_in, abs=9)
    assert text[16:] == "token"


def test_whoever_takes_over_a_lease_that_ran_out_knows_of_no_outcome(ada: Store) -> None:
    put(ada, "pending:erased", "u1")
    ada.redis.hset(ada.key(CONTACT), mapping={"lease": f"{stamp(1)}token", "crashes": "1", "unsure": stamp(2)})
    lease = lease_of(ada)
    assert (lease.contact.crashes, known(ada).crashes) == (2, 2)
    assert lease.contact.unknown_since > stamp(2)
    assert ada.redis.zscore(ada.key("pending:erased"), "u1") is None


def test_a_lease_after_another_that_was_given_back_is_no_crash(ada: Store) -> None:
    ada.redis.hset(ada.key(CONTACT), "crashes", "1")
    assert lease_of(ada).contact.crashes == 1
    assert (known(ada).unknown_since, ada.redis.exists(ada.key("suspect"))) == ("", 0)


def test_a_third_suspect_waits_no_longer_than_a_lease_lasts_though_the_clock_was_put_back(ada: Store) -> None:
    ada.redis.hset(ada.key(CONTACT), "crashes", "2")
    ada.redis.set(ada.key("suspect"), "another", ex=9_999)
    assert ada.lease("u1", 60) == "busy"
    assert ada.redis.ttl(ada.key("suspect")) == pytest.approx(180, abs=9)


@pytest.mark.parametrize(
    ("fields", "taken"),
    [({}, True), ({"erased": stamp(5)}, False), ({"g:address": stamp(1)}, False), ({"g:address": stamp(0)}, True)],
    ids=["wanted", "erased", "given up", "given up before"],
)
def test_an_address_is_anothers_only_for_whoever_wants_it(store: Store, fields: dict[str, str], *, taken: bool) -> None:
    store.accept(of("u2", subscribe(1)))
    store.accept(subscribe(1))
    for name, text in fields.items():
        store.redis.hset(store.key(CONTACT), name, text)
    assert lease_of(store).contact.address_taken is taken


def test_an_address_that_is_free_by_now_is_taken_with_the_lease(store: Store) -> None:
    store.accept(of("u2", subscribe(1)))
    store.accept(subscribe(1))
    store.redis.delete(*store.redis.keys("*addresses:*"))
    assert not lease_of(store).contact.address_taken
    assert store.claimant(ADA) == "u1"


def test_a_permit_comes_along_if_it_was_asked_for_and_is_free(ada: Store) -> None:
    lease = lease_with(ada, None)
    assert (lease.granted, lease.paused) == (False, frozenset())
    ada.settle(lease, Settlement(due=0.0))
    granted = lease_with(ada)
    assert granted.granted
    ada.settle(granted, Settlement(due=0.0))
    assert not lease_with(ada).granted, "the window holds one request"


def test_no_permit_comes_along_while_a_part_of_an_account_is_paused(ada: Store) -> None:
    ada.redis.hset(ada.key("paused_parts"), mapping={"default creating": "{}", "default list 3": "{}"})
    lease = lease_with(ada)
    assert (lease.granted, lease.paused) == (False, frozenset({"default creating", "default list 3"}))
    assert not ada.redis.keys("*granted:*")


@pytest.mark.parametrize(
    "index",
    [
        "pending:update_contact",
        "pending:unknown",
        "pending:unanswered",
        "pending:unmet:update_contact",
        "pending:unmet:unsubscribe_contact",
        "pending:+daily",
        f"pending:look:{ACCOUNT}",
    ],
)
def test_as_many_need_the_same_as_are_in_the_fullest_index_of_the_user(ada: Store, index: str) -> None:
    ada.redis.hset(ada.key(CONTACT), f"l:{ACCOUNT}", "1")
    put(ada, index, "u1", "u2", "u3")
    assert lease_of(ada).pending_count == 3


@pytest.mark.parametrize("index", ["pending:update_contact", f"pending:look:{ACCOUNT}", "pending:-daily"])
def test_an_index_in_which_a_user_is_not_counts_for_nothing(ada: Store, index: str) -> None:
    put(ada, index, "u2", "u3")
    assert lease_of(ada).pending_count == 1


@pytest.mark.parametrize(
    ("fields", "index", "users", "count"),
    [
        ({}, "urgent", ("u1", "u2"), 2),
        ({}, "urgent", ("u2", "u3"), 0),
        ({}, "pending:erased", ("u1", "u2"), 1),
        ({"unsure": stamp(2)}, "pending:erased", ("u1", "u2", "u3"), 3),
        ({"unsure": stamp(2)}, "pending:erased", ("u2",), 0),
    ],
    ids=["to be erased", "not urgent", "not yet looked at", "to be looked at", "looked at alone"],
)
def test_an_erasure_goes_with_all_that_is_urgent_and_is_looked_at_with_erasures(
    ada: Store, fields: dict[str, str], index: str, users: tuple[str, ...], count: int
) -> None:
    ada.accept(anonymize(2))
    for name, text in fields.items():
        ada.redis.hset(ada.key(CONTACT), name, text)
    if index == "urgent":
        ada.redis.delete(ada.key("urgent"))
    put(ada, index, *users)
    assert lease_of(ada).pending_count == count


@pytest.mark.parametrize(("wishes", "count"), [("+daily,+weekly", 3), ("+" * 1000, 3), ("+" * 1001, 1), ("", 1)])
def test_wishes_that_are_none_or_too_long_for_an_index_are_those_of_one(ada: Store, wishes: str, count: int) -> None:
    ada.redis.hset(ada.key(CONTACT), "wishes", wishes)
    put(ada, f"pending:{wishes}", "u1", "u2", "u3")
    assert lease_of(ada).pending_count == count
