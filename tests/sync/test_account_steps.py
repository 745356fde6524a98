"""The single steps of a push: whom a search takes for the user, what a creation does without, and when it waits."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import Change, NewContact, digest
from sync_tasks.domain.planning import Read, SyncView, Write
from sync_tasks.errors import (
    AccountError,
    AddressTakenError,
    DuplicateContactError,
    ForeignContactError,
    ImportUnderWayError,
    MissingContactError,
    MissingListError,
    OutOfCreditsError,
    PartPausedError,
    RateLimitedError,
    RejectedContactError,
    RejectedNumberError,
    StateHeldError,
    SyncError,
    TakenAlongError,
)
from sync_tasks.providers import Written
from sync_tasks.state.store import Lease
from sync_tasks.sync.account import AccountPush
from tests.support.saying import (
    ACCOUNT,
    ADA,
    BEA,
    MAPPING,
    anonymize,
    contact_of,
    stamp,
    subscribe,
    unsubscribe,
    update,
)
from tests.sync.test_conflicts_whose import Brevo, People, other

HELD = RemoteState(7, ADA, frozenset({3}), digest="before")
SIGN_UP = contact_of(subscribe(1))
NEW = NewContact(ADA, "u1", {"FIRSTNAME": "Ada"}, frozenset({3}))
DIGEST = digest(NEW.attributes, NEW.ext_id)
WITH_NUMBER = replace(NEW, attributes={"FIRSTNAME": "Ada", "SMS": "+4912"})


def remote(contact_id: int = 7, address: str = ADA, ext_id: str | None = "u1") -> RemoteContact:
    return RemoteContact(contact_id, address, ext_id, frozenset({3}), {}, None)


class Account(Brevo):
    """Creates and changes contacts, or refuses that in the order in which a test says so."""

    def __init__(
        self, *contacts: RemoteContact, refusals: tuple[Exception | None, ...] = (), finds: bool = True
    ) -> None:
        super().__init__(*contacts)
        self.refusals, self.created, self.finds, self.read_ids = list(refusals), list[NewContact](), finds, list[int]()

    def create(self, new: NewContact) -> Written:
        self.created.append(new)
        if self.refusals and (error := self.refusals.pop(0)):
            raise error
        return Written(9)

    def change(self, contact_id: int, change: Change) -> Written:
        super().change(contact_id, change)
        if self.refusals and (error := self.refusals.pop(0)):
            raise error
        return Written(contact_id)

    def read(self, contact_id: int) -> RemoteContact | None:
        self.read_ids.append(contact_id)
        if self.refusals and (error := self.refusals.pop(0)):
            raise error
        return next((one for one in self.contacts if one.id == contact_id), None)

    def finds_addresses(self) -> bool:
        return self.finds


def push_at(
    account: Account, contact: Contact = SIGN_UP, people: People | None = None, *, view: SyncView | None = None
) -> AccountPush:
    gateway: Any = account
    store: Any = people or People()
    push = AccountPush(ACCOUNT, MAPPING, gateway, store, Lease("u1", "token", contact), view=view or SyncView())
    push.addresses = frozenset(contact.addresses)
    return push


def create(push: AccountPush, new: NewContact = NEW) -> None:
    push._send_alone(new)


def test_a_created_contact_is_known_as_it_was_sent() -> None:
    push = push_at(Account())
    create(push)
    known = push.known()
    assert (known.id, known.address, known.lists, known.absent_lists) == (9, ADA, frozenset({3}), frozenset({5}))
    assert (known.digest, known.read_at, push.view.fresh, set(push.written)) == (DIGEST, stamp(9), True, {"FIRSTNAME"})
    assert push.notes == []


@pytest.mark.parametrize(
    ("refusals", "error"),
    [
        ((RejectedContactError("400"), None), RejectedNumberError),
        ((DuplicateContactError("400", ("sms",)), None), RejectedNumberError),
        ((RejectedContactError("400"), RejectedContactError("again")), RejectedContactError),
        ((MissingListError("404", (3,)),), MissingListError),
        ((RejectedContactError("400"), MissingListError("404", (3,))), MissingListError),
    ],
    ids=["number", "number of another", "something else", "list", "list then"],
)
def test_a_contact_is_created_without_a_number_that_is_refused(
    refusals: tuple[Exception | None, ...], error: type[SyncError]
) -> None:
    account = Account(refusals=refusals)
    push = push_at(account)
    with pytest.raises(error):
        create(push, WITH_NUMBER)
    if error is RejectedNumberError:
        assert [new.attributes for new in account.created] == [WITH_NUMBER.attributes, NEW.attributes]
        assert (push.known().id, push.known().digest) == (9, DIGEST)
    else:
        assert push.known().id is None


def test_a_contact_without_a_number_is_created_once_or_not_at_all() -> None:
    account = Account(refusals=(RejectedContactError("400"),))
    with pytest.raises(RejectedContactError):
        create(push_at(account))
    assert account.created == [NEW]


def test_who_has_the_address_already_is_taken_for_the_users_if_that_is_proven() -> None:
    push = push_at(Account(remote(8), refusals=(DuplicateContactError("400", ("email",)),)))
    create(push)
    assert push.known().id == 8
    stranger = remote(8, BEA)
    push = push_at(Account(stranger, refusals=(DuplicateContactError("400", ("ext_id",)),)))
    with pytest.raises(ForeignContactError):
        create(push)
    assert push.view == SyncView()


def test_the_contact_of_another_user_that_has_the_address_is_left_to_that_one() -> None:
    people = People({"u2": other(subscribe(1, email=ADA))})
    push = push_at(Account(remote(8, ADA, "u2"), refusals=(DuplicateContactError("400", ("email",)),)), people=people)
    with pytest.raises(AddressTakenError):
        create(push)


PAUSED = PartPausedError("creating is paused", 5.0, "creating")


@pytest.mark.parametrize("error", [PAUSED, OutOfCreditsError("402")])
def test_whoever_waits_to_be_created_is_looked_for_first(error: AccountError) -> None:
    push = push_at(Account(remote(8), refusals=(error,)))
    create(push)
    assert push.known().id == 8
    push = push_at(Account(refusals=(error,)))
    with pytest.raises(PartPausedError) as caught:
        create(push)
    assert (caught.value.part, caught.value.seconds) == ("creating", 5.0 if error is PAUSED else 0.0)


def test_the_trouble_of_a_whole_account_is_no_pause_of_a_part() -> None:
    account = Account(remote(8), refusals=(AccountError("401"),))
    push = push_at(account)
    with pytest.raises(AccountError) as caught:
        create(push)
    assert not isinstance(caught.value, PartPausedError)
    assert push.view.seen is None


def search(push: AccountPush, *addresses: str, by_ext_id: bool = False) -> None:
    push._search(addresses, by_ext_id=by_ext_id)


def test_a_search_takes_the_first_found_and_remembers_the_others() -> None:
    contact = contact_of(subscribe(1), update(2, email=BEA))
    push = push_at(Account(remote(7, BEA), remote(8, ADA, None)), contact)
    search(push, BEA, ADA)
    assert (push.known().id, push.known().extra_contact_ids) == (7, frozenset({8}))
    assert push.lease.contact.hints == ()


def test_what_is_found_beside_a_known_contact_is_one_too_many() -> None:
    push = push_at(Account(remote(8)), view=SyncView(HELD, fresh=True))
    search(push, ADA)
    assert push.known() == replace(HELD, extra_contact_ids=frozenset({8}))


def test_a_search_by_the_ext_id_asks_for_that_address_no_more() -> None:
    account = Account(remote(7))
    account.find_address = lambda address: pytest.fail(f"asked for {address}")  # type: ignore[method-assign]
    push = push_at(account)
    search(push, ADA, by_ext_id=True)
    assert push.known().id == 7


def test_nobody_is_found_where_nobody_is() -> None:
    push = push_at(Account())
    search(push, ADA)
    assert (push.known().id, push.view.fresh) == (None, True)


@pytest.mark.parametrize(
    ("contact", "urgent"),
    [(SIGN_UP, False), (contact_of(unsubscribe(1)), True), (contact_of(subscribe(1), anonymize(2)), True)],
)
def test_an_opt_out_believes_that_nobody_is_there_only_if_looks_find_those_who_are(
    contact: Contact, *, urgent: bool
) -> None:
    push = push_at(Account(finds=False), contact)
    if not urgent:
        search(push, ADA)
        return
    with pytest.raises(RejectedContactError, match="looks find nobody"):
        search(push, ADA)
    search(push_at(Account(remote(), finds=False), contact), ADA)


def test_a_user_whose_address_another_living_one_has_waits_for_a_person() -> None:
    taken = replace(SIGN_UP, address_taken=True)
    people = People(claimants={ADA: "u2"})
    assert "u2" in str(push_at(Account(), taken, people).left_over())
    assert push_at(Account(), replace(contact_of(anonymize(1)), address_taken=True), people).left_over() is None


@pytest.mark.parametrize(
    ("said", "waits"),
    [({"held": stamp(5)}, True), ({}, False), ({"held": stamp(5), "pending": {}}, False)],
    ids=["held", "not held", "no event"],
)
def test_an_event_that_only_the_hold_keeps_back_waits(said: dict[str, Any], *, waits: bool) -> None:
    gone = RemoteState(7, ADA, frozenset(), absent_lists=frozenset({3, 5}))
    push = push_at(Account(), replace(SIGN_UP, **said), view=SyncView(gone, fresh=True))
    assert isinstance(push.left_over(), StateHeldError) is waits


@pytest.mark.parametrize(
    ("count", "gate", "alone"),
    [(0, None, True), (1, None, False), (1, False, False), (1, True, True), (2, True, False)],
)
def test_whoever_must_or_need_not_wait_for_anybody_goes_alone(*, count: int, gate: bool | None, alone: bool) -> None:
    push = push_at(Account())
    push.lease = replace(push.lease, pending_count=count)
    reserved: Any = None if gate is None else SimpleNamespace(is_reserved=gate)
    push.gate = reserved
    assert push._goes_alone is alone


@pytest.mark.parametrize(
    ("errors", "patience", "raised"),
    [
        ((RateLimitedError("429", 0.001),), 5.0, None),
        ((RateLimitedError("429", 0.001), RateLimitedError("429", 0.001)), 5.0, None),
        ((RateLimitedError("429", 9.0),), 5.0, RateLimitedError),
        ((RateLimitedError("429", 0.001),), None, RateLimitedError),
        ((TakenAlongError("later", 0.001),), 5.0, TakenAlongError),
        ((ImportUnderWayError("later", 0.001),), 5.0, ImportUnderWayError),
    ],
    ids=["soon over", "twice", "takes too long", "no gate", "taken along", "import"],
)
def test_a_limit_that_is_soon_over_is_waited_for(
    errors: tuple[Exception, ...], patience: float | None, raised: type[SyncError] | None
) -> None:
    account = Account(remote(), refusals=errors)
    push = push_at(account, view=SyncView(HELD))
    gate: Any = None if patience is None else SimpleNamespace(patience=patience, is_reserved=True)
    push.gate = gate
    if raised:
        with pytest.raises(raised):
            push._send_patiently(Read(7))
    else:
        push._send_patiently(Read(7))
        assert (push.known().id, len(account.read_ids)) == (7, len(errors) + 1)


def write(push: AccountPush, change: Change) -> None:
    push._send_alone(Write(7, change))


def test_a_contact_that_is_gone_as_it_is_written_to_is_known_as_gone() -> None:
    push = push_at(Account(refusals=(MissingContactError("404"),)), view=SyncView(HELD))
    write(push, Change(leave=frozenset({3})))
    assert push.view == SyncView(HELD.forgotten, fresh=True)


@pytest.mark.parametrize(("fresh", "leave", "looks"), [(False, True, True), (True, True, False), (False, False, False)])
def test_who_may_have_left_the_list_already_is_looked_at(*, fresh: bool, leave: bool, looks: bool) -> None:
    change = Change(leave=frozenset({3})) if leave else Change(join=frozenset({5}))
    push = push_at(Account(refusals=(RejectedContactError("400"),) * 3), view=SyncView(HELD, fresh=fresh))
    if looks:
        write(push, change)
        assert push.view.outcome_unknown
    else:
        with pytest.raises(RejectedContactError):
            write(push, change)


@pytest.mark.parametrize(
    ("contact", "repaired"),
    [
        (SIGN_UP, False),
        (replace(SIGN_UP, pending={}), True),
        (replace(SIGN_UP, pending={}, looks={ACCOUNT: "1"}), False),
        (replace(SIGN_UP, pending={}, looks={"sports": "1"}), True),
    ],
    ids=["asked for", "repaired", "noticed", "noticed elsewhere"],
)
def test_what_was_written_is_remembered_to_be_read_back(contact: Contact, *, repaired: bool) -> None:
    push = push_at(Account(), contact, view=SyncView(HELD, fresh=True))
    write(push, Change(ext_id="u1", attributes={"FIRSTNAME": "Ada", "CITY": ""}))
    assert (set(push.written), set(push.cleared), push.repaired) == ({"FIRSTNAME", "CITY"}, {"CITY"}, repaired)
    bare = push_at(Account(), contact, view=SyncView(HELD, fresh=True))
    write(bare, Change(leave=frozenset({3})))
    assert (bare.written, bare.repaired, bare.known().lists) == (frozenset(), False, frozenset())


def test_a_new_address_that_brevo_took_ends_the_hint_at_the_old_one() -> None:
    contact = contact_of(subscribe(1), update(2, email=BEA))
    push = push_at(Account(), contact, view=SyncView(HELD, fresh=True))
    write(push, Change(address=BEA))
    assert (list(push.lease.contact.hints), push.known().address) == ([], BEA)


def test_a_list_that_the_account_lacks_holds_back_its_own_newsletter_alone() -> None:
    lacking = list[MissingListError]()
    push = push_at(Account(), contact_of(subscribe(1), subscribe(2, "weekly")), view=SyncView(HELD))
    push.lack = lambda _push, error: lacking.append(error)
    error = MissingListError("404", (3,))
    push._do_without(error)
    assert (lacking, push.mapping.absent, push.lacking) == ([error], frozenset({3}), {"daily": "default list 3"})
    with pytest.raises(MissingListError):
        push._do_without(error)


def test_a_list_of_no_newsletter_that_is_gone_is_left_by_nobody() -> None:
    there = replace(HELD, lists=frozenset({3, 9}), foreign_lists=frozenset({9}), former=frozenset({9}))
    push = push_at(Account(), view=SyncView(there))
    push.lack = lambda _push, _error: None
    error = MissingListError("404", (9,))
    push._do_without(error)
    known = push.known()
    assert (known.lists, known.foreign_lists, known.former) == (frozenset({3}), frozenset(), frozenset())
    with pytest.raises(MissingListError):
        push._do_without(error)
