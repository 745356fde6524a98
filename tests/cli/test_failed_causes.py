"""``sync-tasks failed list --group``: one line for each cause, since when, and what to do."""

from dataclasses import replace
from pathlib import Path

import pytest

from sync_tasks import errors
from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import GatewayUnavailableError, PermanentError, RejectedContactError
from sync_tasks.monitoring.causes import ADVICE, group_letters
from sync_tasks.state.dead_letters import write_letter
from sync_tasks.sync.conflicts import address_taken
from tests.support.desk import Desk

ROOT = Path(__file__).parents[2]


def test_letters_of_one_cause_are_one_line(desk: Desk) -> None:
    first = desk.fail("anna")
    desk.fail("ben")
    desk.fail("carl", "update")
    (cause,) = desk.read("failed", "list", "--group")
    assert (cause["error"], cause["letters"], cause["sample"]) == ("UnknownContactError", 3, first.id)
    assert cause["tasks"] == ["unsubscribe_contact", "update_contact"]
    assert cause["advice"] == ADVICE["UnknownContactError"]
    reported = desk.run("failed", "list", "--group")
    assert "3 dead letters, 1 cause" in reported
    assert first.id in reported
    assert "the letter closes when it is reflected" in " ".join(reported.split())


def test_a_filter_chooses_before_letters_are_grouped(desk: Desk) -> None:
    desk.fail("anna")
    assert desk.read("failed", "list", "--group", "--error", "RejectedNumberError") == []
    assert "no dead letters" in desk.run("failed", "list", "--group", "--error", "RejectedNumberError")
    assert "--closed" in desk.run("failed", "list", "--group", "--closed", exits=2)


@pytest.mark.parametrize("owners", [("7", "12"), ("0191e0a4-7c1b-7d57", "5bc2-9f0a6f6d1c3e"), ("anna", "portal:bea")])
def test_texts_that_differ_in_whose_they_are_alone_are_one_cause(owners: tuple[str, str]) -> None:
    key = EventKey("update_contact", "", "1700000000000000")
    letters = [write_letter(owner, key, address_taken(owner), "1700000000000000") for owner in owners]
    assert [cause.letters for cause in group_letters(letters)] == [2]


def test_texts_that_differ_in_numbers_alone_are_one_cause() -> None:
    key = EventKey("update_contact", "", "1700000000000000")
    texts = ("PUT /contacts/{id} (contact 1): 400", "PUT /contacts/{id} (contact 27): 400", "POST /contacts: 400")
    letters = [write_letter(text, key, RejectedContactError(text), "1700000000000000") for text in texts]
    later = replace(letters[1], failed="1800000000000000")
    causes = group_letters([later, letters[2], letters[0]])
    assert [(cause.letters, cause.sample.message, cause.last) for cause in causes] == [
        (2, texts[0], later.failed),
        (1, texts[2], letters[2].failed),
    ]


@pytest.mark.parametrize("name", [name for name, kind in vars(errors).items() if isinstance(kind, type)])
def test_each_error_of_a_letter_has_its_advice(name: str) -> None:
    kind = getattr(errors, name)
    dies = issubclass(kind, PermanentError) and kind is not PermanentError
    assert not dies or name in ADVICE


def test_each_error_stands_in_the_documentation_with_the_advice_of_the_command() -> None:
    page = (ROOT / "docs" / "how-to" / "dead-letters.md").read_text()
    rows = {line.split("`")[1]: line.split(" | ")[-1] for line in page.splitlines() if line.startswith("| `")}
    # An erasure that is not complete is no letter's error: it refuses to be discarded.
    lacking = [name for name, advice in ADVICE.items() if not rows.get(name, "").startswith(advice)]
    assert lacking == ["UnfinishedErasureError"]


def test_trouble_that_lasted_for_too_long_is_replayed() -> None:
    key = EventKey("update_contact", "", "1700000000000000")
    letter = write_letter("anna", key, GatewayUnavailableError("PUT /contacts/{id}: 503"), "1700000000000000")
    (cause,) = group_letters([letter])
    assert cause.advice.startswith("replay")
