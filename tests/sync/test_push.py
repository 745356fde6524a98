"""What a push knows after a request that Brevo has taken in part."""

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
from tests.support.saying import ACCOUNT, ADA, MAPPING, contact_of, subscribe

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
