"""The two sides of a contact, as far as they are known without a request."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.domain.mapping import Subscribable
from sync_tasks.monitoring.sides import Masks, _line, recall
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


def test_a_retired_newsletter_that_somebody_reads_is_shown_without_a_word_of_the_portal() -> None:
    mapping = replace(MAPPING, newsletters={"daily": Subscribable(3, retired=True), "weekly": Subscribable(5)})
    seen = RemoteState(7, ADA, frozenset({3, 5}))
    lines = {line.what: line for line in recall(contact_of(subscribe(1)), mapping, seen, Masks())}
    assert (lines["daily"].wanted, lines["daily"].agrees) == ("", None)
    assert (lines["weekly"].wanted, lines["weekly"].agrees) == ("", None)
    plain = {line.what: line for line in recall(contact_of(subscribe(1)), MAPPING, seen, Masks())}
    assert (plain["daily"].wanted, plain["daily"].agrees) == ("subscribed since 2026-03-01", True)


@pytest.mark.parametrize(("seen", "held"), [(RemoteState(7, ADA), "not on list 3"), (RemoteState(), "not on list 3")])
def test_whom_the_pipeline_remembers_on_no_list_does_not_agree(seen: RemoteState, held: str) -> None:
    lines = {line.what: line for line in recall(ANNA, MAPPING, seen, Masks())}
    assert (lines["daily"].held, lines["daily"].agrees) == (held, False)


@pytest.mark.parametrize(
    ("wanted", "held", "agrees"),
    [("", None, True), (None, "", True), ("", "", True), (None, None, True), ("", "x", False), ("x", "", False)],
)
def test_an_empty_value_agrees_with_none(wanted: str | None, held: str | None, *, agrees: bool) -> None:
    assert _line("CITY", wanted, held, Masks().value).agrees is agrees
