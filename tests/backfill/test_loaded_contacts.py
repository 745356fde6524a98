"""Which loaded contacts an import can create, what confirms one, and which are the load's own."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.backfill import loaded_contacts as module
from sync_tasks.backfill.loaded_contacts import LoadedContact, hand_over, mark_sent, read_own, read_users
from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.state import bulk
from sync_tasks.state.records import LoadedRow
from sync_tasks.state.store import Store
from tests.support.saying import (
    ACCOUNT,
    ADA,
    BEA,
    MAPPING,
    blocked,
    contact_of,
    key_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)

OTHER = AccountMapping({"monthly": Subscribable(9)}, {"city": "CITY"}, account="other")
BOTH = {ACCOUNT: MAPPING, "other": OTHER}
DAILY, MONTHLY = subscribe(1, attributes={"city": "Ulm"}), subscribe(2, "monthly")
NEW = NewContact(ADA, "u1", {"CITY": "Ulm", "DAILY_UNSUBSCRIBED": False}, frozenset({3}))
ALSO = NewContact(ADA, "u1", {"CITY": "Ulm"}, frozenset({9}))
HELD = RemoteContact(7, ADA, "u1", frozenset({3}), {"CITY": "Ulm"}, None)
NUMBER = AccountMapping({"daily": Subscribable(3)}, {"city": "SMS"}, account=ACCOUNT)
LEFT_ALONE = 600


def own_of(contact: Contact) -> LoadedContact:
    return LoadedContact(contact, sent=False)


THERE = own_of(contact_of(DAILY, MONTHLY)).confirmation(replace(HELD, lists=frozenset({9})), "other", BOTH, stamp(5))
assert THERE

CREATIONS: dict[str, tuple[Contact, dict[str, AccountMapping], dict[str, NewContact]]] = {
    "one account": (contact_of(DAILY), BOTH, {ACCOUNT: NEW}),
    "both accounts": (contact_of(DAILY, MONTHLY), BOTH, {ACCOUNT: NEW, "other": ALSO}),
    "no account of it": (contact_of(MONTHLY), {ACCOUNT: MAPPING}, {}),
    "no import brings a number": (contact_of(DAILY), {ACCOUNT: NUMBER}, {}),
    "a number on one account": (contact_of(DAILY, MONTHLY), {ACCOUNT: NUMBER, "other": OTHER}, {}),
    "a look at one account": (contact_of(DAILY, MONTHLY, seen={ACCOUNT: RemoteState(id=7)}), BOTH, {}),
    "nothing to do at one": (contact_of(DAILY, MONTHLY, seen={"other": THERE.seen}), BOTH, {ACCOUNT: NEW}),
    "nothing to do at all": (contact_of(MONTHLY, seen={"other": THERE.seen}), BOTH, {}),
    "no address": (contact_of(update(1, first_name="Ada")), {ACCOUNT: MAPPING}, {}),
    "an address of another": (contact_of(DAILY, address_taken=True), BOTH, {}),
}


@pytest.mark.parametrize("case", CREATIONS)
def test_an_import_creates_a_contact_if_nothing_else_is_to_do(case: str) -> None:
    contact, mappings, creations = CREATIONS[case]
    assert own_of(contact).creations(mappings) == creations


@pytest.mark.parametrize(
    ("remote", "confirmed"),
    [
        (HELD, True),
        (replace(HELD, lists=frozenset({3, 8})), True),
        (replace(HELD, block=blocked(1)), False),
        (replace(HELD, ext_id="u2"), False),
        (replace(HELD, ext_id=None), False),
        (replace(HELD, lists=frozenset()), False),
        (replace(HELD, attributes={"CITY": "Bonn"}), False),
        (replace(HELD, address=BEA), False),
    ],
    ids=["as wished", "a foreign list", "blocked", "another's", "nobody's", "no list", "other value", "other address"],
)
def test_only_a_contact_as_wished_is_confirmed(remote: RemoteContact, *, confirmed: bool) -> None:
    found = own_of(contact_of(DAILY, rev="4")).confirmation(remote, ACCOUNT, BOTH, stamp(5))
    assert (found is not None) is confirmed
    if found:
        assert (found.user_id, found.rev, found.account, found.clean) == ("u1", "4", ACCOUNT, True)
        assert (found.seen.id, found.seen.address, found.seen.lists) == (7, ADA, frozenset({3}))
        assert found.seen.read_at == stamp(5)


@pytest.mark.parametrize(
    ("events", "seen", "clean"),
    [
        ((DAILY,), {}, True),
        ((DAILY, MONTHLY), {}, False),
        ((DAILY, MONTHLY), {"other": RemoteState(id=8)}, True),
    ],
    ids=["one account", "another is missing", "both are there"],
)
def test_a_contact_is_clean_once_each_account_that_it_concerns_is_confirmed(
    events: tuple[Any, ...], seen: dict[str, RemoteState], *, clean: bool
) -> None:
    found = own_of(contact_of(*events, seen=seen)).confirmation(HELD, ACCOUNT, BOTH, stamp(5))
    assert found
    assert found.clean is clean


@pytest.mark.parametrize("sent", [False, True])
def test_every_wish_becomes_an_event_of_its_own_moment(*, sent: bool) -> None:
    own = own_of(contact_of(subscribe(1), unsubscribe(2, "weekly"), rev="4"))
    given = own.handing_over(sent=sent)
    assert (given.user_id, given.rev, given.unknown) == ("u1", "4", sent)
    assert set(given.events) == {key_of(subscribe(1)), key_of(unsubscribe(2, "weekly"))}


def load(store: Store, *users: str) -> None:
    """Bring users into the state as a load does."""
    rows = [LoadedRow(user, stamp(1), {"address": f"{user}@example.com", "n:daily": "s"}) for user in users]
    assert bulk.load(store, rows, LEFT_ALONE) == ["loaded"] * len(users)


@pytest.mark.parametrize(("count", "users"), [(0, []), (2, ["u1", "u2"]), (4, ["u1", "u2", "u3", "u4"]), (5, None)])
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_the_first_loaded_are_read_some_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch, chunk: int, count: int, users: list[str] | None
) -> None:
    everybody = [f"u{number}" for number in range(1, 6)]
    load(store, *everybody)
    monkeypatch.setattr(module, "LOADED_CHUNK", chunk)
    assert [own.user_id for own in read_own(store, count)] == (everybody if users is None else users)


def lease_u2(store: Store) -> None:
    store.redis.hset(store.key("contacts:u2"), "lease", f"{int(store.now()) + 60_000_000:016d}token")


def lose_u2(store: Store) -> None:
    store.redis.hdel(store.key("contacts:u2"), "filling")


def delete_u2(store: Store) -> None:
    store.redis.delete(store.key("contacts:u2"))


@pytest.mark.parametrize("lose", [lease_u2, lose_u2, delete_u2])
def test_whom_a_load_has_no_longer_is_not_its_own(store: Store, lose: Any) -> None:  # noqa: ANN401 - any of three
    load(store, "u1", "u2", "u3")
    lose(store)
    users = ["u1", "u2", "u3", "never-seen"]
    assert [own.user_id for own in read_users(store, users)] == ["u1", "u3"]
    assert [own.user_id for own in mark_sent(store, iter(users), LEFT_ALONE)] == ["u1", "u3"]


def test_whoever_was_sent_may_be_there_and_its_outcome_counts_as_known(store: Store) -> None:
    load(store, "u1", "u2")
    assert [own.sent for own in read_users(store, ["u1", "u2"])] == [False, False]
    assert [own.user_id for own in mark_sent(store, ["u1"], LEFT_ALONE)] == ["u1"]
    owns = list(read_users(store, ["u1", "u2"]))
    assert [(own.sent, own.contact.unknown_since) for own in owns] == [(True, ""), (False, "")]


def test_a_contact_of_a_load_is_read_with_the_tolerance_and_the_hold_of_the_state(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(store, "u1")
    monkeypatch.setattr(store, "tolerance", 7)
    monkeypatch.setattr(Store, "held_until", lambda _: stamp(9))
    assert [(own.contact.tolerance, own.contact.held) for own in read_users(store, ["u1"])] == [(7, stamp(9))]


@pytest.mark.parametrize(
    ("marked", "sent", "unknown"), [(False, False, False), (False, True, True), (True, False, True), (True, True, True)]
)
def test_a_contact_is_handed_over_with_an_unknown_outcome_if_it_may_be_there(
    store: Store, *, marked: bool, sent: bool, unknown: bool
) -> None:
    load(store, "u1")
    loaded = store.peek("u1")
    assert loaded
    if marked:
        mark_sent(store, ["u1"], LEFT_ALONE)
    (own,) = read_users(store, ["u1"])
    if not marked:
        store.redis.hset(store.key("contacts:u1"), "unsure", stamp(1))
    assert hand_over(store, [own, own], sent=sent) == [1, 0]
    left = store.peek("u1")
    assert left
    assert bool(left.unknown_since) is unknown
    assert set(left.pending) == {*loaded.pending, key_of(subscribe(1))}
