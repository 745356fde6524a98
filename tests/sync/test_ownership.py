"""Whose a contact is that is found at Brevo: nobody's is taken for the user's on an ``ext_id`` or an address alone."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.events import Event
from sync_tasks.errors import DuplicateContactError
from sync_tasks.ext_ids import ExtIds, erased_ext_id, make_token
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from sync_tasks.sync.ownership import ContactOwnership
from tests.state.test_store import lease_of, of
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, anonymize, contact_of, subscribe, update

TOKENS = ExtIds("portal-{user_id}", ("old-{user_id}",))
ADA_HERE = contact_of(subscribe(1))


def remote(contact_id: int = 7, address: str = ADA, ext_id: str | None = "portal-u1") -> RemoteContact:
    return RemoteContact(contact_id, address, ext_id, frozenset(), {}, None)


def known_as(contact: Contact, contact_id: int | None) -> Contact:
    return replace(contact, seen={ACCOUNT: RemoteState(contact_id)})


class Brevo:
    """Finds contacts by their ``ext_id``."""

    def __init__(self, *contacts: RemoteContact, shows_ext_ids: bool = True) -> None:
        self.contacts, self.shows_ext_ids = contacts, shows_ext_ids

    def find_ext_id(self, ext_id: str) -> RemoteContact | None:
        return next((one for one in self.contacts if one.ext_id == ext_id), None)


def ownership(
    store: Store,
    contact: Contact = ADA_HERE,
    *,
    brevo: Brevo | None = None,
    ext_ids: ExtIds = TOKENS,
    addresses: frozenset[str] = frozenset(),
) -> ContactOwnership:
    gateway: Any = brevo or Brevo()
    return ContactOwnership(gateway, replace(MAPPING, ext_ids=ext_ids), store, contact, addresses)


def hold(store: Store, user_id: str, contact_id: int | None, *events: Event) -> None:
    """Let the account be known to hold this contact of another user."""
    for event in events:
        store.accept(of(user_id, event))
    lease = lease_of(store, user_id)
    store.renew_lease(lease, 60, {ACCOUNT: RemoteState(contact_id)})
    store.settle(lease, Settlement(clean=True))


@pytest.mark.parametrize(
    ("found", "owner"),
    [
        (remote(8, ADA, "portal-u2"), "u2"),
        (remote(9, BEA, "portal-u2"), ""),
        (remote(8, BEA, "old-u2"), "u2"),
        (remote(8, BEA, "portal-u1"), ""),
        (remote(8, BEA, "portal-u3"), ""),
        (remote(8, BEA, None), ""),
    ],
    ids=["by id", "only called so", "by a former pattern", "the user", "unknown", "no ext_id"],
)
def test_a_contact_is_anothers_who_is_known_to_have_that_very_one(
    store: Store, found: RemoteContact, owner: str
) -> None:
    hold(store, "u2", 8, subscribe(1, email=BEA))
    assert ownership(store).owner(found) == owner
    assert ownership(store).is_mine(found) is not bool(owner)


@pytest.mark.parametrize(("address", "owner"), [(BEA, "u2"), (ADA, "")])
def test_a_contact_is_anothers_by_the_address_if_no_id_is_known(store: Store, address: str, owner: str) -> None:
    hold(store, "u2", None, subscribe(1, email=BEA))
    assert ownership(store).owner(remote(8, address, "portal-u2")) == owner


def test_a_contact_is_anothers_by_the_address_if_nothing_is_known_of_the_account(store: Store) -> None:
    store.accept(of("u2", subscribe(1, email=BEA)))
    assert ownership(store).owner(remote(8, BEA, "portal-u2")) == "u2"
    assert ownership(store).owner(remote(8, ADA, "portal-u2")) == ""


def test_a_contact_without_an_address_is_neither_disputed_nor_proven_by_it(store: Store) -> None:
    unnamed = replace(remote(8, ADA, None), address=None)
    assert not ownership(store, brevo=Brevo(shows_ext_ids=False)).is_disputed(unnamed)
    erased = replace(contact_of(anonymize(3)), seen={})
    assert not ownership(store, erased, ext_ids=PLAIN).is_proven(replace(unnamed, ext_id="u1"))


@pytest.mark.parametrize(
    ("found", "somebody_elses"),
    [(remote(8, BEA, "portal-u2"), True), (remote(7, ADA, "portal-u1"), False)],
    ids=["called another's", "the user's"],
)
def test_somebody_else_under_a_known_id_is_a_stranger(
    store: Store, found: RemoteContact, *, somebody_elses: bool
) -> None:
    assert ownership(store).is_stranger(found, RemoteState(found.id, ADA)) is somebody_elses


def test_an_anonymized_contact_is_nobodys_but_whose_ext_id_it_has(store: Store) -> None:
    token = make_token()
    erased = contact_of(subscribe(1), anonymize(2))
    found = remote(8, f"deleted-{token}@example.com", erased_ext_id(token))
    assert not ownership(store).is_mine(found)
    assert ownership(store, erased).is_mine(found)
    assert ownership(store).is_mine(replace(found, ext_id="portal-u1"))
    assert ownership(store).is_mine(replace(found, ext_id="old-u1"))


@pytest.mark.parametrize(
    ("contact", "ext_id", "shows", "disputed"),
    [
        (ADA_HERE, None, False, True),
        (ADA_HERE, "portal-u1", False, False),
        (ADA_HERE, None, True, False),
        (contact_of(subscribe(1), anonymize(2)), None, False, False),
        (known_as(ADA_HERE, 7), None, False, False),
        (known_as(ADA_HERE, 8), None, False, True),
    ],
    ids=["disputed", "shown", "showing account", "erased", "known", "another known"],
)
def test_an_address_that_another_has_is_disputed_if_nothing_else_shows_whose_it_is(
    store: Store, contact: Contact, ext_id: str | None, *, shows: bool, disputed: bool
) -> None:
    store.accept(of("u2", subscribe(1)))
    found = remote(7, ADA, ext_id)
    assert ownership(store, contact, brevo=Brevo(shows_ext_ids=shows)).is_disputed(found) is disputed


def test_an_address_is_disputed_while_another_gave_it_up_lately(store: Store) -> None:
    blind = Brevo(shows_ext_ids=False)
    found = remote(7, ADA, None)
    assert not ownership(store, brevo=blind).is_disputed(found), "nobody else ever had it"
    store.accept(subscribe(1))
    assert not ownership(store, brevo=blind).is_disputed(found), "it is the user's"
    store.accept(update(2, email=BEA))
    assert not ownership(store, brevo=blind).is_disputed(found), "the user alone gave it up"
    assert ownership(store, replace(ADA_HERE, user_id="u3"), brevo=blind).is_disputed(found)


@pytest.mark.parametrize(
    ("found", "mine"),
    [(None, False), (remote(9, ADA), False), (remote(7, ADA), True)],
    ids=["not found", "another", "found"],
)
def test_a_disputed_contact_is_the_users_if_a_look_by_the_ext_id_finds_that_very_one(
    store: Store, found: RemoteContact | None, *, mine: bool
) -> None:
    store.accept(of("u2", subscribe(1)))
    brevo = Brevo(*([found] if found else []), shows_ext_ids=False)
    assert ownership(store, brevo=brevo).is_mine(remote(7, ADA, None)) is mine


PLAIN = ExtIds()


@pytest.mark.parametrize(
    ("ext_ids", "contact", "found", "addresses", "proven"),
    [
        (PLAIN, ADA_HERE, remote(8, "x@example.com", "u1"), frozenset(), False),
        (PLAIN, ADA_HERE, remote(8, "x@example.com", "u1"), frozenset({"x@example.com"}), True),
        (PLAIN, ADA_HERE, remote(8, ADA, "u1"), frozenset(), True),
        (PLAIN, known_as(ADA_HERE, 8), remote(8, "x@example.com", "u1"), frozenset(), True),
        (TOKENS, ADA_HERE, remote(8, "x@example.com"), frozenset(), True),
        (TOKENS, ADA_HERE, remote(8, "x@example.com", "portal-u2"), frozenset(), False),
    ],
    ids=["ext_id alone", "former address", "address", "id", "token", "token of another"],
)
def test_an_ext_id_is_proof_only_with_an_address_an_id_or_a_fixed_part(
    store: Store,
    ext_ids: ExtIds,
    contact: Contact,
    found: RemoteContact,
    addresses: frozenset[str],
    *,
    proven: bool,
) -> None:
    assert ownership(store, contact, ext_ids=ext_ids, addresses=addresses).is_proven(found) is proven


def test_the_contact_of_an_erased_user_is_proven_by_an_address_given_up_lately(store: Store) -> None:
    store.accept(subscribe(1, email="x@example.com"))
    store.accept(update(2, email=BEA))
    found = remote(8, "x@example.com", "u1")
    erased = replace(contact_of(anonymize(3)), seen={})
    assert ownership(store, erased, ext_ids=PLAIN).is_proven(found)
    assert not ownership(store, ADA_HERE, ext_ids=PLAIN).is_proven(found)
    assert not ownership(store, erased, ext_ids=PLAIN).is_proven(remote(8, "y@example.com", "u1"))


def test_the_user_is_found_by_the_pattern_of_today_before_a_former_one_and_only_if_proven(store: Store) -> None:
    new, old = remote(7, "x@example.com"), remote(8, "x@example.com", "old-u1")
    assert ownership(store, brevo=Brevo(old, new)).find_by_ext_id() == new
    assert ownership(store, brevo=Brevo(old)).find_by_ext_id() == old
    assert ownership(store, brevo=Brevo(remote(7, "x@example.com", "u1")), ext_ids=PLAIN).find_by_ext_id() is None


def test_another_systems_contact_is_foreign(store: Store) -> None:
    assert ownership(store).is_foreign(remote(8, ADA, "shop-1"))
    assert not ownership(store).is_foreign(remote(8, ADA, "portal-u2"))


@pytest.mark.parametrize(
    ("address", "contact_id", "refused"),
    [("ada@xn--bcher-kva.example", 8, True), ("ada@xn--bcher-kva.example", 7, False), (ADA, 8, False), ("", 8, False)],
    ids=["another", "itself", "one form", "no address"],
)
def test_an_address_that_another_contact_has_in_its_other_form_is_refused(
    store: Store, address: str, contact_id: int, *, refused: bool
) -> None:
    found = remote(contact_id, address)
    brevo: Any = SimpleNamespace(find_address=lambda asked: found if asked == address else None)
    if not refused:
        ownership(store, brevo=brevo).refuse_twin(7, address)
        return
    with pytest.raises(DuplicateContactError) as caught:
        ownership(store, brevo=brevo).refuse_twin(7, address)
    assert caught.value.identifiers == ("email",)
