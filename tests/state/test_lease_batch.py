"""Who is leased with others: of each kind those that are what the index says, have no trouble and are not put off."""

from typing import cast

import pytest

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.store import Store
from tests.state.test_store import of
from tests.support.saying import stamp, subscribe

HOUR = 3600 * MICROSECONDS_PER_SECOND


def put(store: Store, user_id: str, kind: str, fields: dict[str, str], due: int | None = -1) -> None:
    """Put a user into an index, due in so many microseconds."""
    store.redis.set(store.key("secret"), "drawn", nx=True)
    for name, text in ({"rev": "1"} | fields).items():
        store.redis.hset(store.key(f"contacts:{user_id}"), name, text)
    store.redis.zadd(store.key(f"pending:{kind}"), {user_id: 1})
    store.redis.expire(store.key(f"pending:{kind}"), 600)
    store.redis.zadd(store.key("dirty"), {user_id: 1})
    if due is not None:
        store.redis.zadd(store.key("due"), {user_id: int(store.now()) + due})


def lease(store: Store, kind: str, most: int = 10) -> list[str]:
    return [one.user_id for one in store.lease_batch(kind, most, 60)]


def in_index(store: Store, kind: str) -> dict[str, float]:
    found = store.redis.zrange(store.key(f"pending:{kind}"), 0, -1, withscores=True)
    return dict(cast("list[tuple[str, float]]", found))


def address(user_id: str) -> str:
    return f"{stamp(1)}{user_id}@example.com"


@pytest.mark.parametrize(
    ("fields", "leased"),
    [
        ({}, True),
        ({"failing": stamp(1)}, True),
        ({"crashes": "1"}, False),
        ({"erased": stamp(1)}, False),
    ],
)
def test_whose_creation_has_an_unknown_outcome_is_looked_for_with_others(
    store: Store, fields: dict[str, str], *, leased: bool
) -> None:
    put(store, "u1", "unknown", {"unsure": stamp(1), "address": address("u1")} | fields, due=HOUR)
    assert lease(store, "unknown") == ["u1"] * leased
    assert ("u1" in in_index(store, "unknown")) is not leased


@pytest.mark.parametrize(
    ("fields", "due", "leased"),
    [
        ({}, -1, True),
        ({"failing": stamp(1)}, -1, True),
        ({"crashes": "1"}, -1, False),
        ({"erased": stamp(1)}, -1, False),
        ({}, HOUR, False),
    ],
)
def test_whose_request_got_no_answer_is_read_with_others_once_that_is_due(
    store: Store, fields: dict[str, str], due: int, *, leased: bool
) -> None:
    put(store, "u1", "unanswered", {"unsure": stamp(1), "address": address("u1")} | fields, due=due)
    assert lease(store, "unanswered") == ["u1"] * leased


@pytest.mark.parametrize(
    ("fields", "leased"),
    [({}, True), ({"crashes": "1"}, False), ({"failing": stamp(1)}, False)],
)
def test_who_was_anonymized_is_looked_at_with_others(store: Store, fields: dict[str, str], *, leased: bool) -> None:
    put(store, "u1", "erased", {"unsure": stamp(1), "erased": stamp(1)} | fields)
    assert lease(store, "erased") == ["u1"] * leased


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("unknown", {}),
        ("unanswered", {}),
        ("erased", {}),
        ("erased", {"unsure": stamp(1)}),
        ("erased", {"erased": stamp(1)}),
    ],
)
def test_who_is_not_what_the_index_says_leaves_it(store: Store, kind: str, fields: dict[str, str]) -> None:
    put(store, "u1", kind, {"address": address("u1")} | fields)
    assert lease(store, kind) == []
    assert in_index(store, kind) == {}


def test_who_was_anonymized_and_is_put_off_is_not_looked_at_yet(store: Store) -> None:
    put(store, "u1", "erased", {"unsure": stamp(1), "erased": stamp(1)}, due=HOUR)
    assert lease(store, "erased") == []


def test_who_need_not_be_looked_at_leaves_the_index(store: Store) -> None:
    put(store, "u1", "unknown", {"unsure": stamp(1), "address": address("u1")}, due=None)
    assert lease(store, "unknown") == []
    assert in_index(store, "unknown") == {}


def test_who_cannot_come_along_now_goes_behind_the_others(store: Store) -> None:
    for number in (1, 2, 3):
        put(store, f"u{number}", "unknown", {"unsure": stamp(1), "address": address(f"u{number}")})
    store.redis.hset(store.key("contacts:u1"), "crashes", "1")
    assert lease(store, "unknown", 1) == ["u2"]
    index = in_index(store, "unknown")
    assert list(index) == ["u3", "u1"]
    assert index["u1"] == pytest.approx(int(store.now()), abs=60 * MICROSECONDS_PER_SECOND)


def test_a_contact_with_the_address_of_another_comes_along_with_nobody(store: Store) -> None:
    store.accept(of("u9", subscribe(1, email="u9@example.com")))
    put(store, "u1", "unknown", {"unsure": stamp(1)})
    put(store, "u2", "unknown", {"unsure": stamp(1), "address": address("u9")})
    put(store, "u3", "unknown", {"unsure": stamp(1), "address": address("u3")})
    # Of u1 only hints are known: nothing is created there.
    assert lease(store, "unknown") == ["u1", "u3"]
    assert store.claimant("u3@example.com") == "u3"


def test_those_who_were_leased_are_anothers_until_then(store: Store) -> None:
    put(store, "u1", "unknown", {"unsure": stamp(1), "address": address("u1")})
    (one,) = store.lease_batch("unknown", 10, 60)
    held = str(store.redis.hget(store.key("contacts:u1"), "lease"))
    assert held[16:] == one.token
    assert int(held[:16]) - int(store.now()) == pytest.approx(60 * MICROSECONDS_PER_SECOND, abs=20_000_000)
    assert (one.contact.user_id, one.contact.unknown_since) == ("u1", stamp(1))
