"""What a push knows after a request that Brevo has taken in part."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import FOREIGN, TAKEN, Change, desired_of
from sync_tasks.domain.events import Event
from sync_tasks.domain.planning import SyncView
from sync_tasks.errors import (
    GatewayUnavailableError,
    LeaseLostError,
    RejectedContactError,
    RejectedPartError,
    SyncError,
)
from sync_tasks.providers import Written
from sync_tasks.state.store import Lease
from sync_tasks.sync.push import Push
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, blocked, contact_of, stamp, subscribe, unsubscribe, update

HELD = RemoteState(7, ADA, frozenset({3}), digest="before")
WHOLE = Change(ext_id="u1", attributes={"FIRSTNAME": "Ada", "SMS": "12"}, join=frozenset({5}))


def take_no_number(_contact_id: int, change: Change) -> Written:
    if "SMS" in change.attributes:
        raise RejectedContactError("PUT: 400")
    return Written(7)


def test_what_brevo_took_of_a_change_counts_and_its_attributes_are_still_to_be_sent() -> None:
    gateway: Any = SimpleNamespace(change=take_no_number)
    unused: Any = None
    lease = Lease("u1", "token", contact_of(subscribe(1)))
    push = Push(ACCOUNT, MAPPING, gateway, unused, lease, view=SyncView(HELD, fresh=True))
    with pytest.raises(RejectedPartError):
        push.change(7, WHOLE, at_least=Change())
    assert (push.known().lists, push.known().digest) == (frozenset({3, 5}), "before")


FRESH = SyncView(HELD, fresh=True)


@pytest.mark.parametrize(
    ("view", "said", "outcome_unknown", "looked"),
    [
        (FRESH, {}, False, True),
        (SyncView(HELD), {}, False, False),
        (SyncView(None, fresh=True), {}, False, False),
        (replace(FRESH, outcome_unknown=True), {}, False, False),
        (replace(FRESH, guarded=blocked(1)), {}, False, False),
        (FRESH, {}, True, False),
        (FRESH, {"address": ADA}, False, True),
        (FRESH, {"address": BEA}, False, False),
        (FRESH, {"address": BEA, "looked": {ACCOUNT: "1"}}, False, True),
        (FRESH, {"address": BEA, "looked": {"another": "1"}}, False, False),
    ],
)
def test_a_push_saw_all_there_is_if_nothing_is_unknown_and_no_address_is_left(
    view: SyncView, said: dict[str, Any], *, outcome_unknown: bool, looked: bool
) -> None:
    unused: Any = None
    # The address of before is looked for as well, unless the contact has it still.
    contact = replace(contact_of(subscribe(1), update(2, email="new@example.com")), looked=said.get("looked", {}))
    seen = view.seen and replace(view.seen, address=said.get("address", ADA))
    view = replace(view, seen=seen)
    push = Push(ACCOUNT, MAPPING, unused, unused, Lease("u1", "token", contact), view=view)
    push.outcome_unknown = outcome_unknown
    assert push.looked is looked


@pytest.mark.parametrize(("pending", "notes"), [(True, []), (False, ["put right: created as contact 7"])])
def test_a_creation_that_no_event_asked_for_is_noted(*, pending: bool, notes: list[str]) -> None:
    unused: Any = None
    contact = contact_of(subscribe(1))
    contact = contact if pending else replace(contact, pending={})
    push = Push(ACCOUNT, MAPPING, unused, unused, Lease("u1", "token", contact))
    push.note_creation(7)
    assert push.notes == notes


class Leases:
    """Remembers what was written down as a lease was renewed, and grants it or not."""

    def __init__(self, *, lost: bool = False) -> None:
        self.lost, self.written = lost, list[dict[str, RemoteState]]()

    def renew_lease(self, _lease: Lease, _seconds: float, seen: dict[str, RemoteState]) -> bool:
        self.written.append(seen)
        return not self.lost

    @staticmethod
    def now() -> str:
        return stamp(9)

    @staticmethod
    def peek(user_id: str) -> Contact | None:
        """The account holds the eighth contact for another user."""
        return replace(contact_of(), seen={ACCOUNT: RemoteState(8)}) if user_id == "u2" else None

    @staticmethod
    def claimant(_address: str) -> str | None:
        return None

    @staticmethod
    def is_vacated(_address: str, *, by_other_than: str = "") -> bool:
        return bool(by_other_than) and False


def push_of(*, leases: Leases | None = None, gateway: object = None, **said: Any) -> Push:
    store: Any = leases or Leases()
    there: Any = gateway
    contact = said.pop("contact", contact_of(subscribe(1)))
    return Push(ACCOUNT, MAPPING, there, store, Lease("u1", "token", contact), **{"view": FRESH, **said})


BLOCKED = replace(HELD, block=blocked(1))
KNOWING = replace(contact_of(subscribe(1)), seen={ACCOUNT: HELD})


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ({}, [{ACCOUNT: HELD}]),
        ({"contact": KNOWING}, []),
        ({"contact": KNOWING, "just_leased": False}, [{}]),
        ({"view": SyncView(), "just_leased": False}, [{}]),
        ({"view": SyncView()}, []),
        (
            {"contact": KNOWING, "view": SyncView(HELD, guarded=blocked(1))},
            [{ACCOUNT: replace(HELD, block=blocked(1))}],
        ),
    ],
    ids=["news", "just leased", "leased before", "nothing known", "neither", "guarded"],
)
def test_before_a_request_what_is_news_is_written_down_and_an_old_lease_renewed(
    said: dict[str, Any], written: list[dict[str, RemoteState]]
) -> None:
    leases = Leases()
    push = push_of(leases=leases, **said)
    push.renew_lease()
    assert leases.written == written
    assert push.just_leased is False
    push.renew_lease()
    assert len(leases.written) == len(written) + 1, "the second time the lease is no longer new"


def test_what_is_about_to_be_written_is_noted_instead_of_what_is_known() -> None:
    leases = Leases()
    push_of(leases=leases).renew_lease(replace(HELD, id=8))
    assert leases.written == [{ACCOUNT: replace(HELD, id=8)}]


def test_no_request_follows_a_lost_lease() -> None:
    sent = list[int]()
    gateway = SimpleNamespace(read=sent.append, change=lambda number, _change: sent.append(number))
    push = push_of(leases=Leases(lost=True), gateway=gateway)
    with pytest.raises(LeaseLostError):
        push.read(7)
    with pytest.raises(LeaseLostError):
        push.send(7, Change())
    assert sent == []


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("unknown", [True, False])
def test_an_unknown_outcome_of_any_request_stays_unknown(*, before: bool, unknown: bool) -> None:
    def fail() -> Written:
        raise GatewayUnavailableError("504", outcome_unknown=unknown)

    push = push_of(outcome_unknown=before)
    assert push.noting(lambda: Written(7, unknown)) == Written(7, unknown)
    assert push.outcome_unknown is (before or unknown)
    push = push_of(outcome_unknown=before)
    with pytest.raises(SyncError):
        push.noting(fail)
    assert push.outcome_unknown is (before or unknown)


@pytest.mark.parametrize(
    ("met", "seen", "nobody"),
    [
        (None, None, False),
        (None, RemoteState(), True),
        (None, HELD, False),
        (False, HELD, True),
        (True, RemoteState(), False),
        (False, None, True),
    ],
)
def test_an_account_holds_nobody_if_a_look_or_an_erasure_found_nobody(
    *, met: bool | None, seen: RemoteState | None, nobody: bool
) -> None:
    assert push_of(met=met, view=SyncView(seen)).nobody is nobody


def test_a_guarded_block_is_remembered_of_a_contact_that_is_there() -> None:
    push = push_of(view=SyncView(HELD, guarded=blocked(1)))
    assert push.with_guarded(HELD).block == blocked(1)
    assert push.with_guarded(replace(HELD, block=blocked(2))).block == blocked(2)
    assert push.with_guarded(RemoteState()).block is None


ALL = Change(address=BEA, attributes={"FIRSTNAME": "Ada", "CITY": "Ulm"}, join=frozenset({3, 5}), leave=frozenset({8}))


@pytest.mark.parametrize(
    ("contact", "differing", "change", "notes"),
    [
        (contact_of(), None, ALL, ["joined list 3, joined list 5, left list 8, the address, attributes"]),
        (contact_of(), ("CITY",), ALL, ["joined list 3, joined list 5, left list 8, the address, CITY"]),
        (contact_of(), ("CITY",), Change(join=frozenset({3})), ["joined list 3"]),
        (contact_of(subscribe(1)), None, ALL, ["joined list 5, left list 8"]),
        (contact_of(subscribe(1)), None, Change(join=frozenset({3})), []),
        (contact_of(unsubscribe(1)), None, Change(leave=frozenset({3})), []),
        (contact_of(subscribe(1)), None, Change(leave=frozenset({3})), ["left list 3"]),
        (contact_of(unsubscribe(1)), None, Change(join=frozenset({3})), ["joined list 3"]),
        (contact_of(subscribe(1, "unheard-of")), None, Change(join=frozenset({3})), ["joined list 3"]),
    ],
)
def test_what_was_put_right_that_no_event_asked_for_is_noted(
    contact: Contact, differing: tuple[str, ...] | None, change: Change, notes: list[str]
) -> None:
    push = push_of(contact=contact, differing=differing)
    push.note_repair(change)
    assert push.notes == [f"put right: {note}" for note in notes]


def test_further_contacts_are_remembered_and_the_kept_one_is_none_of_them() -> None:
    push = push_of(view=SyncView(replace(HELD, extra_contact_ids=frozenset({8})), fresh=True))
    push.remember_extra_contacts([7, 9])
    assert push.view == SyncView(replace(HELD, extra_contact_ids=frozenset({8, 9})), fresh=True)


def test_the_contact_that_has_the_address_is_taken_over_with_the_opt_out_of_the_old_one() -> None:
    old = replace(
        HELD,
        block=blocked(4),
        ended_up_to=stamp(1),
        unblocked=stamp(2),
        extra_contact_ids=frozenset({5}),
        edited=frozenset({"lists"}),
    )
    push = push_of()
    push.take_over(RemoteContact(9, ADA, "u1", frozenset({3}), {}, None), old)
    known = push.known()
    assert (known.id, known.lists, known.extra_contact_ids) == (9, frozenset({3}), frozenset({5, 7}))
    assert (known.ended_up_to, known.block, known.edited, known.read_at) == (stamp(2), None, frozenset(), stamp(9))
    assert (push.view.fresh, push.view.guarded) == (True, blocked(4))


def test_nobody_is_an_extra_contact_of_whoever_had_none() -> None:
    push = push_of()
    push.take_over(RemoteContact(9, ADA, "u1", frozenset(), {}, None), RemoteState(unblocked=stamp(2)))
    assert (push.known().extra_contact_ids, push.known().ended_up_to) == (frozenset(), stamp(2))


def refuse_all_but(*accepted: Change) -> SimpleNamespace:
    sent = list[Change]()

    def change(_contact_id: int, change: Change) -> Written:
        sent.append(change)
        if change not in accepted:
            raise RejectedContactError("PUT: 400")
        return Written(7)

    return SimpleNamespace(change=change, sent=sent)


LEAVING = Change(leave=frozenset({3}))


def test_of_a_refused_change_at_least_what_ends_something_is_sent() -> None:
    gateway = refuse_all_but(LEAVING)
    push = push_of(gateway=gateway)
    change = Change(ext_id="u1", leave=frozenset({3}), blocklisted=True)
    with pytest.raises(RejectedContactError):
        push.change(7, change, at_least=LEAVING)
    assert gateway.sent[-1] == LEAVING
    assert (push.known().lists, push.known().digest) == (frozenset(), "before")


def test_a_refused_change_that_is_no_more_than_that_is_not_sent_again() -> None:
    gateway = refuse_all_but()
    push = push_of(gateway=gateway)
    with pytest.raises(RejectedContactError):
        push.change(7, LEAVING, at_least=LEAVING)
    assert gateway.sent.count(LEAVING) == 1
    assert push.view == FRESH


def test_a_change_that_brevo_takes_is_sent_once() -> None:
    gateway = refuse_all_but(LEAVING)
    push_of(gateway=gateway).change(7, LEAVING, at_least=LEAVING)
    assert gateway.sent == [LEAVING]


@pytest.mark.parametrize(
    ("events", "lists"),
    [
        ((update(1, email=BEA), subscribe(2, email=BEA)), frozenset[int]()),
        ((subscribe(2), update(3, email=BEA)), frozenset({3})),
    ],
    ids=["confirmed with the address", "confirmed before"],
)
def test_without_its_new_address_nobody_joins_a_list_that_was_confirmed_with_it(
    events: tuple[Event, ...], lists: frozenset[int]
) -> None:
    gateway = refuse_all_but(Change(join=frozenset({3})))
    view = SyncView(replace(HELD, lists=frozenset()), fresh=True)
    push = push_of(gateway=gateway, contact=contact_of(*events), view=view)
    with pytest.raises(RejectedContactError):
        push.change(7, Change(address=BEA, join=frozenset({3})), at_least=Change())
    assert push.known().lists == lists


OPTED_OUT = contact_of(subscribe(1), unsubscribe(2))
OFF = replace(HELD, lists=frozenset())
AGREED = replace(OFF, digest=desired_of(OPTED_OUT, MAPPING, OFF).digest)


@pytest.mark.parametrize(
    ("contact", "seen", "taken", "unflagged"),
    [
        # Nothing was tried yet: a look came before, and then another error.
        (OPTED_OUT, OFF, set(), {"daily"}),
        (OPTED_OUT, replace(OFF, digest=""), set(), {"daily"}),
        (OPTED_OUT, OFF, {"DAILY_UNSUBSCRIBED"}, set()),
        (OPTED_OUT, OFF, {"FIRSTNAME"}, {"daily"}),
        (OPTED_OUT, AGREED, set(), set()),
        (OPTED_OUT, RemoteState(), set(), set()),
        (OPTED_OUT, replace(OFF, digest=FOREIGN), set(), set()),
        (OPTED_OUT, replace(OFF, digest=TAKEN), set(), set()),
        (replace(OPTED_OUT, address_taken=True), OFF, set(), set()),
        (contact_of(subscribe(1)), OFF, set(), set()),
        (contact_of(subscribe(1), unsubscribe(2, "weekly")), OFF, set(), set()),
    ],
)
def test_a_flag_is_owed_until_brevo_is_known_to_have_it(
    contact: Contact, seen: RemoteState, taken: set[str], unflagged: set[str]
) -> None:
    push = push_of(contact=contact, view=SyncView(seen, fresh=True), taken=frozenset(taken))
    assert push.unflagged == unflagged
