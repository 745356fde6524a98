"""What a push knows after a request that Brevo has taken in part."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.diff import Change
from sync_tasks.domain.planning import SyncView
from sync_tasks.errors import RejectedContactError, RejectedPartError
from sync_tasks.providers import Written
from sync_tasks.state.store import Lease
from sync_tasks.sync.push import Push
from tests.support.saying import ACCOUNT, ADA, BEA, MAPPING, blocked, contact_of, subscribe, update

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
