"""What becomes of events whose list does not exist, whose contact nobody found, and whose flag is still owed."""

from typing import Any

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Event
from sync_tasks.domain.outcomes import Outcome, Outcomes, decide_outcomes
from sync_tasks.errors import (
    PartPausedError,
    RetiredNewsletterError,
    SyncError,
    TakenAlongError,
)
from tests.domain.test_outcomes import BUSY, JOIN, OFF, ON, OPT_OUT, REFUSED, RENAME, SETTINGS
from tests.support.saying import anonymize, contact_of, key_of, stamp, subscribe, unsubscribe

BOTH = {"news": ON, "sports": ON}


def decide(
    *events: Event, known: dict[str, Any] | None = None, errors: dict[str, SyncError] | None = None, **more: Any
) -> Outcomes:
    """Return what becomes of events after a push that looked at both accounts."""
    said: dict[str, Any] = {"seen": BOTH, "expired": False, **more}
    seen = said.pop("seen")
    return decide_outcomes(contact_of(*events, **known or {}), SETTINGS, seen, errors or {}, **said)


LACKING = {"daily": "news list 3"}


def test_a_sign_up_waits_for_a_list_that_does_not_exist() -> None:
    (error,) = decide(JOIN, lacking=LACKING).waiting.values()
    assert isinstance(error, PartPausedError)
    assert (str(error), error.seconds, error.part) == ("newsletter 'daily' waits: its list does not exist", 0, "list")
    assert set(decide(JOIN, lacking=LACKING, expired=True).waiting) == {key_of(JOIN)}


@pytest.mark.parametrize(
    ("event", "others", "known"),
    [
        pytest.param(OPT_OUT, [], {}, id="an opt-out"),
        pytest.param(RENAME, [JOIN], {}, id="another event of the same user"),
        pytest.param(subscribe(1, "weekly"), [], {}, id="another newsletter"),
        pytest.param(JOIN, [unsubscribe(2)], {}, id="who left it since"),
        pytest.param(JOIN, [anonymize(2)], {}, id="who was erased since"),
        pytest.param(JOIN, [], {"given_up": {"t:daily": stamp(1)}}, id="whose wish was given up"),
    ],
)
def test_nothing_else_waits_for_it(event: Event, others: list[Event], known: dict[str, Any]) -> None:
    assert key_of(event) in decide(event, *others, known=known, lacking=LACKING).done


def test_a_letter_is_not_resolved_while_its_list_does_not_exist() -> None:
    letter: dict[str, Any] = {"pending": {}, "dead": {key_of(JOIN): "letter"}}
    assert decide(JOIN, known=letter).resolved == {key_of(JOIN)}
    assert decide(JOIN, known=letter, lacking=LACKING) == Outcomes()


@pytest.mark.parametrize(
    ("event", "nobody", "outcome"),
    [
        (JOIN, (), Outcome.SYNCED),
        (JOIN, ("news",), Outcome.NOT_FOUND),
        (JOIN, ("sports",), Outcome.SYNCED),
        (OPT_OUT, ("news",), Outcome.NOT_FOUND),
        (RENAME, (), Outcome.SYNCED),
        (RENAME, ("news",), Outcome.SYNCED),
        (RENAME, ("news", "sports"), Outcome.NOT_FOUND),
    ],
)
def test_nobody_is_found_if_no_account_that_counts_has_a_contact(
    event: Event, nobody: tuple[str, ...], outcome: Outcome
) -> None:
    assert decide(event, nobody=nobody).done == {key_of(event): outcome}


def test_where_nobody_looked_nobody_is_missing() -> None:
    assert decide(RENAME, seen={}).done == {key_of(RENAME): Outcome.SYNCED}


@pytest.mark.parametrize(
    ("errors", "unflagged", "others", "waits"),
    [
        ({"news": BUSY}, ("daily",), [], True),
        ({"news": BUSY}, ("weekly",), [], False),
        ({"news": BUSY}, (), [], False),
        ({"sports": BUSY}, ("daily",), [], False),
        ({}, ("daily",), [], False),
        ({"news": BUSY}, ("daily",), [subscribe(2)], False),
    ],
)
def test_an_opt_out_is_over_once_its_flag_is_written(
    errors: dict[str, SyncError], unflagged: tuple[str, ...], others: list[Event], *, waits: bool
) -> None:
    found = decide(OPT_OUT, *others, errors=errors, seen={"news": OFF, "sports": OFF}, unflagged=unflagged)
    assert (key_of(OPT_OUT) in found.waiting) is waits
    assert (key_of(OPT_OUT) in found.done) is not waits


def test_an_opt_out_that_another_push_takes_along_waits_for_it() -> None:
    owed = TakenAlongError("later", 0.0)
    assert decide(OPT_OUT, errors={"news": owed}, seen={"news": OFF}).waiting == {key_of(OPT_OUT): owed}


def test_a_retired_newsletter_takes_no_sign_ups_and_lets_everybody_go() -> None:
    settings = SETTINGS.model_dump()
    settings["newsletters"]["daily"]["retired"] = True
    retired = Settings.model_validate(settings)
    found = decide_outcomes(contact_of(JOIN, unsubscribe(0)), retired, BOTH, {}, expired=False)
    error = found.dead[key_of(JOIN)]
    assert isinstance(error, RetiredNewsletterError)
    assert str(error) == "newsletter 'daily' is retired: it takes no sign-ups any more"
    assert set(found.done) == {key_of(unsubscribe(0))}


def test_what_a_later_push_ended_is_no_letter_of_an_earlier_one() -> None:
    one, two, three = key_of(JOIN), key_of(RENAME), key_of(OPT_OUT)
    first = Outcomes({one: Outcome.SYNCED}, {two: REFUSED, three: REFUSED}, {})
    assert first.then(Outcomes({two: Outcome.SYNCED})) == Outcomes(
        {one: Outcome.SYNCED, two: Outcome.SYNCED}, {three: REFUSED}
    )
    assert first.then(Outcomes(dead={one: REFUSED})).done == {}
    assert first.then(Outcomes(waiting={one: BUSY, two: BUSY, three: BUSY})) == Outcomes(
        waiting={one: BUSY, two: BUSY, three: BUSY}
    )
    assert first.then(Outcomes(users_with_rest=frozenset({"u2"}))).users_with_rest == {"u2"}
    assert Outcomes().busy is False


def test_a_line_of_the_first_release_has_the_word_of_today() -> None:
    assert (Outcome.parse("done"), Outcome.parse("not found")) == ("synced", "not found")
    assert Outcome.SYNCED.sentence == "Brevo agrees with everything that the event says"


def test_an_error_of_one_account_is_not_that_of_another_newsletter_left() -> None:
    key = EventKey("unsubscribe_contact", "weekly", key_of(OPT_OUT).stamp)
    left = decide(unsubscribe(1, "weekly"), errors={"news": BUSY, "sports": REFUSED})
    assert left.dead == {key: REFUSED}
