"""The answers of a probe as people and programs get them: what Brevo does, and what the pipeline does now."""

from typing import Any

import pytest

from sync_tasks.cli.views.probe_answers import as_document, print_answers
from sync_tasks.probe.experiments import FoundAnswer
from sync_tasks.probe.run import ProbeReport
from sync_tasks.providers.brevo.questions import QUESTIONS

WORSE, WELL = (
    next(one for one in QUESTIONS.values() if one.worse),
    next(one for one in QUESTIONS.values() if set(one.does) - one.worse - {one.assumed}),
)
BAD = min(WORSE.worse)
OTHER = min(set(WELL.does) - WELL.worse - {WELL.assumed})


@pytest.fixture
def report() -> ProbeReport:
    """A probe that found one answer worse than assumed, and another one that is not."""
    found = {WORSE.name: FoundAnswer(BAD, "a [bold]look"), WELL.name: FoundAnswer(OTHER)}
    return ProbeReport("default", found, {"contacts": 3, "other": 2}, ["list 7"], "broke off")


def test_people_get_a_row_for_each_question_and_a_word_on_what_to_do(
    report: ProbeReport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    print_answers(report)
    shown = capsys.readouterr()
    rows = {line.split("  ")[0].strip(): line for line in shown.out.splitlines()}
    assert f"{BAD} (a [bold]look)" in rows[WORSE.asks]
    assert WORSE.does[BAD] in rows[WORSE.asks]
    assert WELL.does[OTHER] in rows[WELL.asks]
    unknown = next(one for one in QUESTIONS.values() if one.name not in report.found)
    assert "not known" in rows[unknown.asks]
    assert unknown.does[unknown.assumed] in rows[unknown.asks]
    said = (
        f"2 of {len(QUESTIONS)} questions answered, 1 worse than assumed, in 5 requests, 2 of them of the 100 an hour"
    )
    assert said in " ".join(shown.out.split())
    assert shown.err.splitlines() == [
        "account default: not all could be asked: broke off",
        "account default: left at Brevo: list 7",
    ]


def test_an_account_that_is_well_costs_no_word_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_answers(ProbeReport("default"))
    shown = capsys.readouterr()
    assert "0 worse than assumed" in " ".join(shown.out.split())
    assert shown.err == ""


def test_programs_get_the_same(report: ProbeReport) -> None:
    document: dict[str, Any] = {**as_document(report)}
    answers = {one["question"]: one for one in document["answers"]}
    assert answers[WORSE.name] == {
        "question": WORSE.name,
        "asks": WORSE.asks,
        "answer": BAD,
        "seen": "a [bold]look",
        "worse": True,
        "does": WORSE.does[BAD],
    }
    assert (answers[WELL.name]["worse"], answers[WELL.name]["seen"]) == (False, "")
    unknown = next(one for one in QUESTIONS.values() if one.name not in report.found)
    assert (answers[unknown.name]["answer"], answers[unknown.name]["worse"]) == (None, False)
    assert answers[unknown.name]["does"] == unknown.does[unknown.assumed]
    others = {name: value for name, value in document.items() if name != "answers"}
    assert others == {
        "account": "default",
        "requests": {"contacts": 3, "other": 2},
        "trouble": "broke off",
        "left": ["list 7"],
    }
