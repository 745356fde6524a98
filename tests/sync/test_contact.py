"""Who is not taken along: a user whose opt-out at a former account may not be known, because nobody can look there."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.domain.contact import Contact, RemoteState
from sync_tasks.domain.mapping import Subscribable
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.sync.contact import _find_trouble
from tests.support.saying import ACCOUNT, ADA, MAPPING, anonymize, contact_of, stamp, subscribe, unsubscribe

MOVED = replace(MAPPING, newsletters={"daily": Subscribable(3, had=(("old", 8),))})
AWAY = GatewayUnavailableError("503")
KNOWN = RemoteState(7, ADA, read_at=stamp(5))


def trouble(contact: Contact, **found: GatewayUnavailableError) -> object:
    push: Any = SimpleNamespace(account=ACCOUNT, mapping=MOVED, lease=SimpleNamespace(contact=contact))
    return _find_trouble(push, found)


@pytest.mark.parametrize(
    ("contact", "waits"),
    [
        pytest.param(contact_of(subscribe(5), seen={"old": KNOWN}), True, id="subscribed up to the last look there"),
        pytest.param(contact_of(subscribe(6), seen={"old": KNOWN}), False, id="subscribed since"),
        pytest.param(contact_of(subscribe(4), seen={"old": KNOWN}), True, id="subscribed before"),
        pytest.param(contact_of(unsubscribe(4), seen={"old": KNOWN}), False, id="not subscribed"),
        pytest.param(contact_of(subscribe(4), seen={"old": replace(KNOWN, id=None)}), False, id="nobody was there"),
        pytest.param(contact_of(subscribe(4), seen={"another": KNOWN}), False, id="known at another account"),
        pytest.param(contact_of(subscribe(4)), False, id="known nowhere"),
        pytest.param(contact_of(subscribe(4), seen={"old": KNOWN, ACCOUNT: KNOWN}), False, id="known here by now"),
        pytest.param(
            contact_of(subscribe(4), seen={"old": KNOWN, ACCOUNT: RemoteState()}), True, id="looked for here in vain"
        ),
        pytest.param(contact_of(subscribe(4), anonymize(5), seen={"old": KNOWN}), False, id="erased"),
    ],
)
def test_who_may_have_opted_out_at_a_former_account_waits_for_a_look_there(contact: Contact, *, waits: bool) -> None:
    assert trouble(contact, old=AWAY) is (AWAY if waits else None)
    assert trouble(contact, another=AWAY) is None
    assert trouble(contact) is None
