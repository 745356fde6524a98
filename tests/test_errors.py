"""Errors travel between processes, and their class arrives with them."""

import pickle

import pytest
from celery.utils.serialization import get_pickleable_exception

from sync_tasks import errors
from sync_tasks.errors import (
    AccountError,
    AccountPausedError,
    ConfigurationError,
    DuplicateContactError,
    GatewayUnavailableError,
    InvalidEventError,
    InvalidLinkError,
    MissingListError,
    PartPausedError,
    PermanentError,
    ProbeBudgetError,
    RateLimitedError,
    RejectedAddressError,
    RejectedNumberError,
    RejectedPartError,
    SyncError,
    TransientError,
    UnexpectedError,
)

SPECIAL: dict[type[SyncError], list[SyncError]] = {
    RateLimitedError: [RateLimitedError("429"), RateLimitedError("429", 2.5)],
    GatewayUnavailableError: [GatewayUnavailableError("503"), GatewayUnavailableError("503", outcome_unknown=True)],
    DuplicateContactError: [DuplicateContactError("400", ("email", "ext_id"))],
    AccountPausedError: [AccountPausedError("paused", 30.0)],
    MissingListError: [MissingListError("no list 3", (3,))],
    RejectedPartError: [RejectedPartError("refuses CITY", ("CITY",))],
    RejectedNumberError: [RejectedNumberError("refuses SMS", ("SMS",))],
    RejectedAddressError: [RejectedAddressError("refuses the address", ("EMAIL",))],
    PartPausedError: [PartPausedError("creates no contacts", 30.0, "creating")],
    ConfigurationError: [ConfigurationError("no key", "no list")],
}
CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SyncError)]


SAMPLES = [error for kind in CLASSES for error in SPECIAL.get(kind) or [kind("contact 42 is in trouble")]]


@pytest.mark.parametrize("error", SAMPLES, ids=repr)
def test_every_error_pickles(error: SyncError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert (copy.args, vars(copy)) == (error.args, vars(error))


@pytest.mark.parametrize("error", SAMPLES, ids=repr)
def test_celery_can_hand_on_every_error(error: SyncError) -> None:
    assert type(get_pickleable_exception(error)) is type(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_one_outcome(kind: type[SyncError]) -> None:
    outcomes = (TransientError, PermanentError, AccountError, ConfigurationError, UnexpectedError)

    # No event ends with these: a command, or the page of a link, answers them.
    assert (
        kind in {SyncError, ProbeBudgetError, InvalidLinkError}
        or sum(issubclass(kind, outcome) for outcome in outcomes) == 1
    )


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_named_and_explained(kind: type[SyncError]) -> None:
    assert kind.__name__.endswith("Error")
    assert (kind.__doc__ or "").split("\n")[0].endswith((".", "one line."))


def test_a_message_is_reported_without_its_further_arguments() -> None:
    assert str(RateLimitedError("slow down", 2.5)) == "slow down"
    assert str(DuplicateContactError("taken", ("email",))) == "taken"
    assert str(ConfigurationError("no key", "no list")) == "no key\nno list"


def test_what_an_error_knows_besides_its_message_is_its_own() -> None:
    paused = PartPausedError("creates no contacts", 30.0, "creating")
    assert (paused.seconds, paused.part, paused.args) == (30.0, "creating", ("creates no contacts", 30.0, "creating"))
    assert (RateLimitedError("429", 2.5).retry_after, RateLimitedError("429").retry_after) == (2.5, None)
    assert DuplicateContactError("400", ("email",)).identifiers == ("email",)
    assert (MissingListError("404", (3,)).lists, RejectedPartError("400", ("SMS",)).parts) == ((3,), ("SMS",))
    lost = GatewayUnavailableError("503", outcome_unknown=True)
    assert (lost.outcome_unknown, GatewayUnavailableError("503").outcome_unknown) == (True, False)
    assert (SyncError.outcome_unknown, str(SyncError()), str(lost)) == (False, "", "503")


@pytest.mark.parametrize("error", [error for error in SAMPLES if not isinstance(error, ConfigurationError)], ids=repr)
def test_an_error_names_the_letter_that_it_led_to_and_stays_the_same_otherwise(error: SyncError) -> None:
    named = error.naming("L1")
    assert str(named) == f"{error}; dead letter L1"
    assert (type(named), named.args[1:]) == (type(error), error.args[1:])
    assert vars(named) == vars(error)


def test_bad_input_is_a_value_error_too() -> None:
    assert issubclass(InvalidEventError, ValueError)
