"""Whose the contact is that stands in the way: it is taken over, waited for, or left to a person."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sync_tasks.domain.contact import Block, Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import Change
from sync_tasks.domain.events import Event
from sync_tasks.domain.planning import SyncView
from sync_tasks.errors import (
    AddressBusyError,
    AddressTakenError,
    DuplicateContactError,
    ForeignContactError,
    SyncError,
    TooEarlyError,
)
from sync_tasks.ext_ids import ExtIds
from sync_tasks.providers import Written
from sync_tasks.state.store import Lease
from sync_tasks.sync.conflicts import adopt, find_heir, find_holder, give_way, make_room
from sync_tasks.sync.push import Push
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, anonymize, blocked, contact_of, stamp, subscribe, update

CARA = "cara@example.com"
HELD = RemoteState(7, ADA, frozenset({3}))
MOVES = contact_of(subscribe(1), update(2, email=BEA))


def remote(contact_id: int = 8, address: str = BEA, ext_id: str | None = "u1") -> RemoteContact:
    return RemoteContact(contact_id, address, ext_id, frozenset({3}), {}, None)


@dataclass
class People:
    """What the state knows of other users: their contacts, whose addresses are, and who was erased."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    claimants: dict[str, str] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()

    def peek(self, user_id: str) -> Contact | None:
        return self.contacts.get(user_id)

    def claimant(self, address: str) -> str | None:
        return self.claimants.get(address)

    def is_erased(self, user_id: str) -> bool:
        return user_id in self.erased

    @staticmethod
    def is_vacated(_address: str, *, by_other_than: str = "") -> bool:
        return by_other_than == "nobody"

    @staticmethod
    def renew_lease(*_arguments: object) -> bool:
        return True

    @staticmethod
    def now() -> str:
        return stamp(9)


class Brevo:
    """Holds some contacts, and remembers what was changed."""

    shows_ext_ids = True

    def __init__(self, *contacts: RemoteContact) -> None:
        self.contacts, self.changes = contacts, list[tuple[int, Change]]()

    def find_address(self, address: str) -> RemoteContact | None:
        return next((one for one in self.contacts if one.address == address), None)

    def find_ext_id(self, ext_id: str) -> RemoteContact | None:
        return next((one for one in self.contacts if one.ext_id == ext_id), None)

    def change(self, contact_id: int, change: Change) -> Written:
        self.changes.append((contact_id, change))
        return Written(contact_id)

    @staticmethod
    def attribute_types() -> dict[str, str]:
        return {"FIRSTNAME": "text"}


def push_at(brevo: Brevo, people: People | None = None, *, contact: Contact = MOVES, seen: RemoteState = HELD) -> Push:
    gateway: Any = brevo
    store: Any = people or People()
    mapping = replace(MAPPING, ext_ids=ExtIds())
    return Push(ACCOUNT, mapping, gateway, store, Lease("u1", "token", contact), view=SyncView(seen, fresh=True))


def refused(*identifiers: str) -> DuplicateContactError:
    return DuplicateContactError("400", identifiers)


@pytest.mark.parametrize(
    ("identifiers", "address", "found"),
    [(("email",), BEA, 8), (("ext_id",), BEA, 9), (("email", "ext_id"), BEA, 8), (("email", "ext_id"), "", 9)],
)
def test_the_holder_is_found_by_what_it_has(identifiers: tuple[str, ...], address: str, found: int) -> None:
    gateway: Any = Brevo(remote(8, BEA, "u2"), remote(9, CARA))
    assert find_holder(gateway, refused(*identifiers), address, "u1").id == found


@pytest.mark.parametrize("identifiers", [("SMS",), ("email",)])
def test_a_duplicate_of_neither_is_the_events_own_trouble(identifiers: tuple[str, ...]) -> None:
    gateway: Any = Brevo(remote())
    with pytest.raises(DuplicateContactError):
        find_holder(gateway, refused(*identifiers), "", "u1")


def test_the_users_other_contact_that_has_the_address_takes_over() -> None:
    push = push_at(Brevo(remote()))
    make_room(push, refused("email"), Change(address=BEA))
    assert (push.known().id, push.known().address, push.known().extra_contact_ids) == (8, BEA, frozenset({7}))


def test_the_users_other_contact_that_has_the_ext_id_is_one_too_many() -> None:
    push = push_at(Brevo(remote()))
    make_room(push, refused("ext_id"), Change(ext_id="u1"))
    assert push.known() == replace(HELD, extra_contact_ids=frozenset({8}))
    push = push_at(Brevo(remote()))
    make_room(push, refused("email", "ext_id"), Change(ext_id="u1"))
    assert push.known().id == 7, "no address was asked for"
    push = push_at(Brevo(remote()))
    make_room(push, refused("ext_id"), Change(address=CARA, ext_id="u1"))
    assert push.known() == replace(HELD, extra_contact_ids=frozenset({8})), "the address is in nobody's way"


@pytest.mark.parametrize(
    ("holder", "error"),
    [
        (remote(7), TooEarlyError),
        (remote(8, BEA, "shop/1"), None),
        (remote(8, CARA), ForeignContactError),
    ],
    ids=["itself", "called otherwise", "only called so"],
)
def test_a_holder_is_taken_over_only_if_it_is_proven(holder: RemoteContact, error: type[SyncError] | None) -> None:
    push = push_at(Brevo(holder))
    words, change = (("ext_id",), Change(ext_id="u1")) if holder.address == CARA else (("email",), Change(address=BEA))
    if error is None:
        make_room(push, refused(*words), change)
        assert push.known().id == 8
        return
    with pytest.raises(error):
        make_room(push, refused(*words), change)
    assert push.known() == HELD


def test_another_systems_contact_is_left_to_a_person() -> None:
    push = push_at(Brevo(remote(8, BEA, "shop-1")))
    push.mapping = replace(push.mapping, ext_ids=ExtIds("portal-{user_id}"))
    with pytest.raises(ForeignContactError):
        make_room(push, refused("email"), Change(address=BEA))
    assert push.known() == HELD


def other(*events: Event, contact_id: int = 8) -> Contact:
    """Return what is known of the second user, who has this contact."""
    return replace(contact_of(*events), user_id="u2", seen={ACCOUNT: RemoteState(contact_id, BEA)})


IN_THE_WAY = remote(8, BEA, "u2")


def test_the_address_of_another_living_user_is_that_ones() -> None:
    push = push_at(Brevo(), People({"u2": other(subscribe(1, email=BEA))}))
    with pytest.raises(AddressTakenError, match="another living user, u2"):
        give_way(push, IN_THE_WAY)
    assert push.blocked_by_user == ""


def test_a_contact_whose_owner_nobody_knows_is_waited_for() -> None:
    push = push_at(Brevo(), People())
    with pytest.raises(AddressBusyError):
        give_way(push, IN_THE_WAY)
    assert (push.blocked_by_user, push.known()) == ("", HELD)


@pytest.mark.parametrize("leaves", [update(2, email=CARA), anonymize(2)], ids=["moves", "erased"])
def test_whoever_is_about_to_give_the_address_up_is_waited_for(leaves: Event) -> None:
    brevo = Brevo(IN_THE_WAY)
    push = push_at(brevo, People({"u2": other(subscribe(1, email=BEA), leaves)}))
    with pytest.raises(AddressBusyError):
        make_room(push, refused("email"), Change(address=BEA))
    assert (push.blocked_by_user, brevo.changes, push.known()) == ("u2", [], HELD)


@pytest.mark.parametrize(
    ("claimant", "seen", "steps"),
    [
        ("u3", HELD, True),
        ("u1", HELD, False),
        ("u3", RemoteState(), False),
        ("u3", replace(HELD, id=None), False),
        ("u3", replace(HELD, address=""), False),
    ],
    ids=["wanted", "own", "nothing", "no contact", "no address"],
)
def test_in_a_circle_of_moves_one_steps_aside(claimant: str, seen: RemoteState, *, steps: bool) -> None:
    brevo, people = Brevo(), People({"u2": other(update(2, email=CARA))}, {ADA: claimant, "": claimant})
    push = push_at(brevo, people, seen=seen)
    with pytest.raises(AddressBusyError):
        give_way(push, IN_THE_WAY)
    assert [contact_id for contact_id, _ in brevo.changes] == [7] * steps
    assert (push.known().address == seen.address) is not steps


@pytest.mark.parametrize("block", [blocked(1), None])
def test_who_steps_aside_stays_blocked(block: Block | None) -> None:
    brevo, people = Brevo(), People({"u2": other(update(2, email=CARA))}, {ADA: "u3"})
    push = push_at(brevo, people, seen=replace(HELD, block=block))
    with pytest.raises(AddressBusyError):
        give_way(push, IN_THE_WAY)
    ((_, change),) = brevo.changes
    assert change.blocklisted is (True if block else None)
    assert (change.address, push.view.guarded) == (push.known().address, block)
    assert str(change.address).startswith("deleted-")


@pytest.mark.parametrize(
    ("people", "heir"),
    [
        (People({"u2": other(subscribe(1, email=CARA))}), "u2"),
        (People({"u2": other(subscribe(1, email=BEA), contact_id=9)}), "u2"),
        (People({"u2": other(subscribe(1, email=CARA), contact_id=9)}), None),
        (People({"u2": other(subscribe(1), anonymize(2))}), None),
        (People({"u1": other(subscribe(1))}, {BEA: "u1"}), None),
        (People(), None),
    ],
    ids=["by id", "by address", "neither", "erased too", "the user", "unknown"],
)
def test_an_heir_is_a_living_user_who_has_the_very_contact_or_its_address(people: People, heir: str | None) -> None:
    found = find_heir(push_at(Brevo(), people, contact=contact_of(anonymize(3))), IN_THE_WAY)
    assert (found.user_id if found else None) == heir


@pytest.mark.parametrize(("contact_id", "heir"), [(8, "u2"), (9, None)])
def test_whoever_claims_the_address_of_an_unnamed_contact_is_its_heir_by_the_id_alone(
    contact_id: int, heir: str | None
) -> None:
    people = People({"u2": other(subscribe(1, email=BEA), contact_id=contact_id)}, {BEA: "u2"})
    found = find_heir(push_at(Brevo(), people, contact=contact_of(anonymize(3))), replace(IN_THE_WAY, ext_id=None))
    assert (found.user_id if found else None) == heir


@pytest.mark.parametrize("ext_id", ["u1", "u2", None])
def test_a_contact_of_nobody_erased_is_adopted_as_it_is(ext_id: str | None) -> None:
    found = remote(8, BEA, ext_id)
    assert adopt(push_at(Brevo()), found) == found
