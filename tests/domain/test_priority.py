"""The order of requests: what ends something first, what nobody waits for last."""

from typing import Any

import pytest

from sync_tasks.domain.priority import Priority, priority_of
from tests.support.saying import anonymize, contact_of, key_of, stamp, subscribe, unsubscribe

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
