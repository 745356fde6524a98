"""What becomes of each event after a push: reflected, a dead letter, or waiting."""

from collections import UserDict
from collections.abc import ItemsView
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import RemoteState
from sync_tasks.domain.events import Event
from sync_tasks.domain.outcomes import Outcome, Outcomes, decide_outcomes, is_own
from sync_tasks.errors import (
    AccountPausedError,
    AddressBusyError,
    AddressTakenError,
    GatewayUnavailableError,
    InvalidEventError,
    LeaseLostError,
    PermanentError,
    RateLimitedError,
    RejectedContactError,
    SyncError,
    TooEarlyError,
    TransientError,
    UnauthorizedError,
    UnknownNewsletterError,
)
from tests.support.saying import anonymize, contact_of, key_of, subscribe, unsubscribe, update

SETTINGS = Settings.model_validate(
    {
        "accounts": {"news": {}, "sports": {}},
        "newsletters": {
            "daily": {"list_id": 3, "account": "news"},
            "weekly": {"list_id": 5, "account": "sports"},
        },
        "attributes": {"first_name": "FIRSTNAME"},
    }
)
OFF, ON = RemoteState(7), RemoteState(7, lists=frozenset({3, 5}))
JOIN, OPT_OUT, RENAME = subscribe(1), unsubscribe(1), update(1, first_name="Ada")
BUSY, REFUSED, PAUSED = TooEarlyError("425"), RejectedContactError("400"), AccountPausedError("paused", 30)


def outcome_of(
    event: Event, errors: dict[str, SyncError], *, expired: bool = False, **known: Any
) -> tuple[str, object]:
    """Return what becomes of an event, and why."""
    seen = known.pop("seen", {"news": ON, "sports": ON})
    outcomes = decide_outcomes(contact_of(event, *known.pop("after", ())), SETTINGS, seen, errors, expired=expired)
    key = key_of(event)
    if key in outcomes.done:
        return "done", None
    return ("dead", outcomes.dead[key]) if key in outcomes.dead else ("waiting", outcomes.waiting[key])


@pytest.mark.parametrize("event", [JOIN, OPT_OUT, RENAME, anonymize(1)])
def test_without_trouble_every_event_is_reflected(event: Event) -> None:
    assert outcome_of(event, {}) == ("done", None)


@pytest.mark.parametrize("event", [JOIN, RENAME, anonymize(1)])
@pytest.mark.parametrize(
    ("errors", "what", "why"),
    [
        ({"news": REFUSED}, "dead", REFUSED),
        ({"news": BUSY}, "waiting", BUSY),
        ({"news": PAUSED}, "waiting", PAUSED),
        ({"news": REFUSED, "sports": BUSY}, "waiting", BUSY),
        ({"news": REFUSED, "sports": PAUSED}, "waiting", PAUSED),
    ],
)
def test_while_one_account_waits_nothing_is_final(
    event: Event, errors: dict[str, SyncError], what: str, why: SyncError
) -> None:
    assert outcome_of(event, errors) == (what, why)


@pytest.mark.parametrize(
    ("seen", "errors", "what", "why"),
    [
        ({"news": OFF}, {"news": REFUSED}, "done", None),
        ({"news": OFF}, {"sports": BUSY}, "done", None),
        ({"news": ON}, {"sports": REFUSED}, "done", None),
        ({"news": ON}, {"news": BUSY}, "waiting", BUSY),
        ({"news": ON}, {"news": REFUSED}, "dead", REFUSED),
        ({}, {"news": PAUSED}, "waiting", PAUSED),
    ],
)
def test_an_opt_out_is_reflected_once_its_own_list_is_left(
    seen: dict[str, RemoteState], errors: dict[str, SyncError], what: str, why: SyncError | None
) -> None:
    assert outcome_of(OPT_OUT, errors, seen=seen) == (what, why)


@pytest.mark.parametrize("event", [subscribe(1, "unheard-of"), unsubscribe(1, "unheard-of")])
def test_an_unknown_newsletter_is_a_dead_letter_by_its_name(event: Event) -> None:
    what, why = outcome_of(event, {})
    assert what == "dead"
    assert isinstance(why, UnknownNewsletterError)
    assert str(why) == "newsletter 'unheard-of' is not in the configuration"


@pytest.mark.parametrize("event", [update(1, attributes={"city": "Ulm"}), subscribe(1, attributes={"city": "Ulm"})])
def test_an_unmapped_attribute_is_a_dead_letter_by_its_name(event: Event) -> None:
    what, why = outcome_of(event, {})
    assert (what, str(why)) == ("dead", "attributes.city: mapped to no Brevo attribute")
    assert isinstance(why, InvalidEventError)


def test_an_unmapped_attribute_that_a_newer_event_overwrote_is_nobodys_fault() -> None:
    newer = update(2, attributes={"city": "Bonn"})
    assert outcome_of(update(1, attributes={"city": "Ulm"}), {}, after=[newer]) == ("done", None)


def test_an_unmapped_attribute_stops_no_opt_out_of_the_same_moment() -> None:
    assert outcome_of(OPT_OUT, {}, after=[update(1, attributes={"city": "Ulm"})]) == ("done", None)


@pytest.mark.parametrize("event", [JOIN, OPT_OUT, RENAME, subscribe(1, "unheard-of")])
def test_an_erasure_settles_every_other_event_whatever_the_trouble(event: Event) -> None:
    erasure = anonymize(2)
    assert outcome_of(event, {"news": BUSY}, after=[erasure]) == ("done", None)
    assert outcome_of(erasure, {"news": BUSY}, after=[event]) == ("waiting", BUSY)


OWN = {GatewayUnavailableError, TooEarlyError, AddressBusyError, TransientError}


@pytest.mark.parametrize(
    "error",
    [
        GatewayUnavailableError("503"),
        TooEarlyError("425"),
        AddressBusyError("busy"),
        RateLimitedError("429"),
        LeaseLostError("lost"),
        UnauthorizedError("401"),
        PAUSED,
        AddressTakenError("taken"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_the_account_never_ages_into_a_dead_letter(error: SyncError) -> None:
    assert is_own(error) is (type(error) in OWN)
    final = isinstance(error, PermanentError) or is_own(error)
    assert outcome_of(JOIN, {"news": error}, expired=True) == ("dead" if final else "waiting", error)


def test_a_dead_letter_that_a_later_push_made_up_for_is_resolved() -> None:
    letters = {key_of(JOIN): "letter", key_of(subscribe(2, "unheard-of")): "letter"}
    contact = contact_of(JOIN, pending={}, dead=letters)
    assert decide_outcomes(contact, SETTINGS, {"news": ON}, {}, expired=False) == Outcomes(
        resolved=frozenset({key_of(JOIN)})
    )
    assert decide_outcomes(contact, SETTINGS, {"news": ON}, {"news": BUSY}, expired=False) == Outcomes()


def test_a_replayed_letter_is_judged_as_an_event_not_resolved_behind_its_back() -> None:
    contact = contact_of(JOIN, dead={key_of(JOIN): "letter"})
    outcomes = decide_outcomes(contact, SETTINGS, {"news": ON}, {}, expired=False)
    assert outcomes == Outcomes(done={key_of(JOIN): Outcome.SYNCED})


def test_of_two_pushes_of_a_contact_the_later_has_the_last_word() -> None:
    one, two, three = key_of(JOIN), key_of(RENAME), key_of(OPT_OUT)
    earlier, later = {one: Outcome.SYNCED}, {three: Outcome.SUPERSEDED}
    first = Outcomes(earlier, {two: REFUSED}, {three: BUSY}, frozenset({one}), 7.0, frozenset({"one"}))
    then = first.then(Outcomes(later, {}, {one: BUSY}, frozenset({two}), 3.0, frozenset({"two"})))
    last = Outcomes(later, {two: REFUSED}, {one: BUSY}, frozenset({one, two}), 3.0, frozenset({"one", "two"}))
    assert then == last


class Walked(UserDict[str, str]):
    """Registers that count how often somebody walks through all of them."""

    walks = 0

    def items(self) -> ItemsView[str, str]:
        self.walks += 1
        return super().items()


def test_many_events_of_one_user_walk_through_the_registers_a_few_times_in_all() -> None:
    events = [subscribe(number, "daily" if number % 2 else "weekly") for number in range(200)]
    contact = contact_of(*events)
    registers = Walked(dict(contact.registers))

    decide_outcomes(replace(contact, registers=registers), SETTINGS, {"news": ON, "sports": ON}, {}, expired=False)

    assert len(contact.pending) == len(events)
    assert registers.walks <= 5
