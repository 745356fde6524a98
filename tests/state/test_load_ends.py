"""A loaded contact is confirmed, sent, handed over or forgotten only as long as it is the load's own."""

from collections.abc import Callable
from typing import cast

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.state import bulk
from sync_tasks.state.records import Confirmation, HandOver, LoadedRow
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, is_dirty, of
from tests.support.saying import ACCOUNT, ADA, key_of, stamp, subscribe, unsubscribe, update

CONTACT = "contacts:u1"
LEFT_ALONE = 600
JOINED, LEFT = key_of(subscribe(1)), key_of(unsubscribe(1))


def fields_of(store: Store) -> dict[str, str]:
    return cast("dict[str, str]", store.redis.hgetall(store.key(CONTACT)))


def pending(store: Store) -> set[str]:
    return {name for name in fields_of(store) if name.startswith("p:")}


def be_known_otherwise(store: Store) -> None:
    store.redis.hdel(store.key(CONTACT), "filling")


def be_changed(store: Store) -> None:
    store.accept(update(2, first_name="Ann"))


def be_leased(store: Store) -> None:
    store.redis.hset(store.key(CONTACT), "lease", f"{int(store.now()) + 60_000_000:016d}token")


LOST = [be_known_otherwise, be_changed, be_leased]


@pytest.fixture
def own(store: Store) -> Store:
    """A contact that a load has brought and will import."""
    rows = [LoadedRow("u1", stamp(1), {"address": ADA, "n:daily": "s"})]
    assert bulk.load(store, rows, LEFT_ALONE) == ["loaded"]
    return store


def note_step(store: Store) -> None:
    """Note the unknown outcome by a clock of Redis' that was put back since."""
    store.redis.hset(store.key(CONTACT), "stepped", stamp(9))


def confirm(store: Store, *, clean: bool, rev: str = "1") -> int:
    seen = RemoteState(7, ADA, frozenset({3}), read_at=stamp(5))
    (answer,) = bulk.confirm(store, [Confirmation("u1", rev, ACCOUNT, seen, clean)])
    return answer


def hand_over(store: Store, *, unknown: bool = False, rev: str = "1") -> int:
    (answer,) = bulk.hand_over(store, [HandOver("u1", rev, unknown=unknown, events=(JOINED, LEFT))])
    return answer


@pytest.mark.parametrize("lose", LOST)
def test_what_is_no_longer_the_loads_own_is_not_confirmed(own: Store, lose: Callable[[Store], None]) -> None:
    lose(own)
    before = fields_of(own)
    assert confirm(own, clean=True, rev=before["rev"]) == 0
    assert confirm(own, clean=True) == 0
    assert fields_of(own) == before
    assert is_dirty(own)


def test_a_contact_that_every_account_confirms_is_done(own: Store) -> None:
    bulk.mark_sending(own, ["u1"], LEFT_ALONE)
    note_step(own)
    assert confirm(own, clean=True) == 2
    assert not {"filling", "unsure", "stepped"} & set(fields_of(own))
    assert (pending(own), is_dirty(own), due_in(own)) == (set(), False, None)
    assert fields_of(own)[f"s:{ACCOUNT}:id"] == "7"


def test_a_contact_that_another_account_lacks_stays_the_loads_own(own: Store) -> None:
    bulk.mark_sending(own, ["u1"], LEFT_ALONE)
    assert confirm(own, clean=False) == 1
    assert {"filling", "unsure", f"s:{ACCOUNT}:id"} <= set(fields_of(own))
    assert pending(own)
    assert is_dirty(own)
    assert due_in(own) is not None


@pytest.mark.parametrize("lose", LOST)
def test_what_is_no_longer_the_loads_own_is_not_imported(own: Store, lose: Callable[[Store], None]) -> None:
    lose(own)
    before = fields_of(own)
    assert bulk.mark_sending(own, ["u1"], LEFT_ALONE) == [{}]
    assert fields_of(own) == before


def test_an_import_that_goes_out_leaves_the_outcome_unknown_and_the_contact_to_the_load(own: Store) -> None:
    before = fields_of(own)
    assert bulk.mark_sending(own, ["u1"], 2 * LEFT_ALONE) == [before]
    assert fields_of(own)["unsure"]
    assert due_in(own) == pytest.approx(2 * LEFT_ALONE / 60, abs=1)


@pytest.mark.parametrize("lose", [be_known_otherwise, be_changed])
def test_what_is_no_longer_the_loads_own_is_not_handed_over(own: Store, lose: Callable[[Store], None]) -> None:
    lose(own)
    before = fields_of(own)
    assert hand_over(own, rev=before["rev"]) == 0
    assert hand_over(own) == 0
    assert fields_of(own) == before


@pytest.mark.parametrize("unknown", [False, True])
def test_a_contact_handed_over_is_due_with_all_that_is_wished(own: Store, *, unknown: bool) -> None:
    bulk.mark_sending(own, ["u1"], LEFT_ALONE)
    note_step(own)
    assert hand_over(own, unknown=unknown) == 1
    fields = fields_of(own)
    assert ("unsure" in fields, "stepped" in fields, "filling" in fields) == (unknown, unknown, False)
    assert {f"p:{JOINED}", f"p:{LEFT}"} <= pending(own)
    assert fields[f"p:{JOINED}"].partition(":")[0] == fields["rev"] == "1"
    assert is_dirty(own)
    assert (due_in(own) or 0) <= 0
    assert own.redis.zrange(own.key("urgent"), 0, -1) == ["u1"]
    assert own.redis.zrange(own.key("pending:subscribe_contact:daily"), 0, -1) == ["u1"]


@pytest.mark.parametrize("lose", LOST)
def test_what_is_no_longer_the_loads_own_is_not_forgotten(own: Store, lose: Callable[[Store], None]) -> None:
    lose(own)
    before = fields_of(own)
    bulk.unload(own, ["u1"])
    assert fields_of(own) == before
    assert own.claimant(ADA) == "u1"


def test_a_contact_forgotten_is_as_if_it_had_never_been_loaded(own: Store) -> None:
    bulk.unload(own, ["u1"])
    assert (fields_of(own), is_dirty(own), due_in(own)) == ({}, False, None)
    assert own.claimant(ADA) is None
    own.accept(of("u2", subscribe(1, email=ADA)))
    assert own.claimant(ADA) == "u2"


def test_an_address_that_another_has_by_now_stays_that_ones(own: Store) -> None:
    bulk.unload(own, ["u1"])
    rows = [LoadedRow("u2", stamp(1), {"address": ADA, "n:daily": "s"})]
    bulk.load(own, rows, LEFT_ALONE)
    for name, text in {"rev": "1", "filling": "1", "address": f"{stamp(1)}{ADA}"}.items():
        own.redis.hset(own.key(CONTACT), name, text)
    bulk.unload(own, ["u1"])
    assert (fields_of(own), own.claimant(ADA)) == ({}, "u2")
