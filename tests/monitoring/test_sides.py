"""The two sides of a contact, as far as they are known without a request."""

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.monitoring.sides import Masks, recall
from tests.support.saying import ADA, MAPPING, contact_of, subscribe

ANNA = contact_of(subscribe(1, first_name="Ada"))
SENT = desired_of(ANNA, MAPPING, RemoteState()).digest


@pytest.mark.parametrize(
    ("seen", "agrees"),
    [
        (RemoteState(7, ADA, frozenset({3}), digest=SENT), True),
        (RemoteState(7, ADA, frozenset({3}), digest="other"), False),
        (RemoteState(), None),
    ],
)
def test_values_that_were_sent_last_agree_with_those_wished_now(seen: RemoteState, *, agrees: bool | None) -> None:
    lines = {line.what: line.agrees for line in recall(ANNA, MAPPING, seen, Masks())}
    assert lines["FIRSTNAME"] is agrees
