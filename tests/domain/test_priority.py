"""The order of requests: what ends something first, what nobody waits for last."""

from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.mapping import Subscribable
from sync_tasks.domain.priority import Priority, priority_at, priority_of
from tests.support.saying import ACCOUNT, ADA, MAPPING, anonymize, contact_of, key_of, stamp, subscribe, unsubscribe

WAITS = {"pending": {key_of(subscribe(1)): "1"}}
ENDS = {"pending": {key_of(subscribe(1)): "1", key_of(unsubscribe(2, "weekly")): "2"}}
UNKNOWN, LOOK = {"unknown_since": stamp(1)}, {"looks": {"default": "1"}}


@pytest.mark.parametrize(
    ("known", "priority"),
    [
        (ENDS, Priority.URGENT),
        (WAITS, Priority.ORDINARY),
        (UNKNOWN, Priority.ORDINARY),
        (UNKNOWN | LOOK, Priority.ORDINARY),
        (LOOK, Priority.LOOK),
        ({}, Priority.BACKGROUND),
    ],
)
def test_a_contact_has_the_priority_of_what_is_left_to_do(known: dict[str, Any], priority: Priority) -> None:
    assert priority_of(contact_of(subscribe(1), **{"pending": {}, **known})) is priority


def test_an_erasure_without_an_event_left_is_still_to_be_verified() -> None:
    assert priority_of(contact_of(anonymize(1), pending={})) is Priority.ORDINARY


def test_what_the_portal_waits_for_comes_before_what_nobody_asked_for() -> None:
    assert sorted(Priority) == [Priority.URGENT, Priority.ORDINARY, Priority.LOOK, Priority.BACKGROUND]
    assert [int(priority) for priority in Priority] == [0, 1, 2, 3]
    assert [priority.is_asked_for for priority in Priority] == [True, True, False, False]


OFF = RemoteState(7, ADA, absent_lists=frozenset({3, 5}))
OPT_OUT = contact_of(subscribe(1), unsubscribe(2))
BY_HAND = replace(MAPPING, newsletters={**MAPPING.newsletters, "daily": Subscribable(3, manual=True)})


@pytest.mark.parametrize(
    ("known", "seen", "priority"),
    [
        pytest.param({}, OFF, Priority.ORDINARY, id="off the list: only a flag is missing"),
        pytest.param({}, None, Priority.URGENT, id="never seen"),
        pytest.param({}, replace(OFF, absent_lists=frozenset({5})), Priority.URGENT, id="perhaps on the list"),
        pytest.param({}, replace(OFF, former=frozenset({9})), Priority.URGENT, id="on a list of before"),
        pytest.param({"unknown_since": stamp(3)}, OFF, Priority.URGENT, id="of unknown outcome"),
        pytest.param({"manual": True}, OFF, Priority.URGENT, id="a person at Brevo may put it back"),
        pytest.param({"pending": WAITS["pending"]}, OFF, Priority.ORDINARY, id="nothing is urgent"),
        pytest.param({"pending": {}}, OFF, Priority.BACKGROUND, id="nothing is to be done"),
        pytest.param(ENDS, OFF, Priority.ORDINARY, id="of two events one ends something"),
        pytest.param(
            {"pending": {key_of(unsubscribe(2)): "1", key_of(unsubscribe(2, "elsewhere")): "1"}},
            OFF,
            Priority.URGENT,
            id="another newsletter is not here",
        ),
        pytest.param(
            {"pending": {key_of(unsubscribe(2)): "1", key_of(unsubscribe(2, "weekly")): "1"}},
            replace(OFF, absent_lists=frozenset({3})),
            Priority.URGENT,
            id="off one of two lists",
        ),
    ],
)
def test_whoever_has_left_the_lists_is_not_urgent_there(
    known: dict[str, Any], seen: RemoteState | None, priority: Priority
) -> None:
    contact = replace(OPT_OUT, seen={ACCOUNT: seen} if seen else {}, **known)
    assert priority_at(contact, MAPPING) is priority


def test_an_erasure_and_a_list_managed_by_hand_stay_urgent() -> None:
    erased = contact_of(unsubscribe(1), anonymize(2), seen={ACCOUNT: OFF})
    assert priority_at(erased, MAPPING) is Priority.URGENT
    assert priority_at(replace(OPT_OUT, seen={ACCOUNT: OFF}), BY_HAND) is Priority.URGENT
