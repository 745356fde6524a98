"""What Brevo does not show was ended there: for a living user, and for nothing newer than the hold."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.events import Anonymize, Event, Unsubscribe
from sync_tasks.reconcile.concession import Picture, _events, _take_picture
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.holds import Hold, place_hold
from tests.support.pipeline import Pipeline
from tests.support.saying import MAPPING, contact_of, moment, stamp, subscribe, unsubscribe

HOLD = Hold(stamp(5), "a backup")
SEEN = {"default": RemoteState(7)}
ENDED = [Unsubscribe(user_id="u1", newsletter="daily", occurred_at=moment(1))]
ERASED = [Anonymize(user_id="u1")]
Lists = dict[int | str, frozenset[int]]


@pytest.mark.parametrize(
    ("lists", "anonymized", "events"),
    [
        ({}, set(), ENDED),
        ({7: frozenset({3})}, set(), []),
        ({7: frozenset({5})}, set(), ENDED),
        ({8: frozenset({3})}, set(), ENDED),
        ({"u1": frozenset({3})}, set(), []),
        ({"u1": frozenset(), 7: frozenset({3})}, set(), ENDED),
        ({7: frozenset({3})}, {7}, ERASED),
        ({7: frozenset({3})}, {8}, []),
        ({"u1": frozenset({3}), 7: frozenset()}, {7}, []),
    ],
)
def test_what_must_have_happened_follows_from_the_lists(
    lists: Lists, anonymized: set[int], events: list[Event]
) -> None:
    picture = Picture(MAPPING, lists, anonymized)
    assert list(picture.events_of(contact_of(subscribe(1), seen=SEEN), HOLD, [picture])) == events


@pytest.mark.parametrize(("minute", "events"), [(4.9, 1), (5, 1), (5.1, 0)])
def test_nothing_newer_than_the_hold_was_ended(minute: float, events: int) -> None:
    picture = Picture(MAPPING)
    contact = contact_of(subscribe(minute), subscribe(minute, "elsewhere"))
    assert len(list(picture.events_of(contact, HOLD, [picture]))) == events
    assert list(picture.events_of(contact_of(subscribe(1), unsubscribe(2)), HOLD, [picture])) == []


def test_a_list_on_any_account_is_enough() -> None:
    other = Picture(replace(MAPPING, account="other"), {"u1": frozenset({3})})
    one = Picture(MAPPING)
    assert list(one.events_of(contact_of(subscribe(1)), HOLD, [one, other])) == []
    assert list(one.events_of(contact_of(subscribe(1)), HOLD, [one])) == ENDED


@pytest.mark.parametrize("seen", [{}, {"default": RemoteState()}])
def test_of_whom_no_number_is_known_the_ext_id_counts_alone(seen: dict[str, RemoteState]) -> None:
    picture = Picture(MAPPING, {"u1": frozenset({3})}, {7})
    assert list(picture.events_of(contact_of(subscribe(1), seen=seen), HOLD, [picture])) == []


def test_who_is_being_erased_already_is_not_erased_again(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    picture = Picture(MAPPING, anonymized={pipeline.held("anna")["id"]})
    hold = place_hold(pipeline.store, "a backup")
    assert list(_events([picture], hold, pipeline.store)) == [Anonymize(user_id="anna")]
    pipeline.anonymize("anna")
    assert list(_events([picture], hold, pipeline.store)) == []


def test_a_picture_holds_the_lists_of_each_contact_and_of_each_user_and_who_is_anonymized(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("anna")
    pipeline.subscribe("bert")
    pipeline.work()
    anna, bert = (pipeline.held(user)["id"] for user in ("anna", "bert"))
    pipeline.anonymize("bert")
    pipeline.work()
    brevo.add_contacts([{"email": "stranger@portal.org", "listIds": [3]}])
    (stranger,) = {contact["id"] for contact in brevo.contacts()} - {anna, bert}
    picture = _take_picture("default", pipeline.resources)
    assert picture.lists == {anna: {3}, "anna": {3}, bert: set(), stranger: {3}}
    assert picture.anonymized == {bert}
