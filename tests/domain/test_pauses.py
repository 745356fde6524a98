"""What an operator does about a pause: each error that pauses an account has an answer of its own."""

import pytest

from sync_tasks import errors
from sync_tasks.domain.pauses import CREATING, advise, describe, list_part, remedy_of

# These say that somebody else is paused already, or that nobody can be asked.
FOLLOWING = {"AccountPausedError", "PartPausedError", "UnconfiguredAccountError"}
PAUSING = sorted(
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.AccountError)
)


@pytest.mark.parametrize("error", [*(name for name in PAUSING if name not in FOLLOWING), "GatewayUnavailableError"])
def test_each_error_that_pauses_an_account_has_a_remedy(error: str) -> None:
    assert remedy_of(error) != remedy_of("AnyOtherError")


def test_another_error_leads_to_the_log() -> None:
    assert "log" in remedy_of("AnyOtherError")


@pytest.mark.parametrize(
    ("part", "said", "advice"),
    [
        ("", "account main is paused", ""),
        (CREATING, "account main creates no contacts", "upgrade the plan at Brevo"),
        (list_part(3), "newsletter daily waits: account main has no list 3", "newsletters.daily.list_id"),
    ],
)
def test_a_pause_says_what_waits_and_what_to_do(part: str, said: str, advice: str) -> None:
    assert describe("main", part, "daily") == said
    assert advice in advise(part, "daily")
    assert bool(advise(part, "daily")) is bool(advice)
