"""``sync-tasks failed list --group``: one line for each cause, since when, and what to do."""

from dataclasses import replace

import pytest

from sync_tasks import errors
from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import PermanentError, RejectedContactError
from sync_tasks.monitoring.causes import ADVICE, group_letters
from sync_tasks.state.dead_letters import write_letter
from tests.support.desk import Desk


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
