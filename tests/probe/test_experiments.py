"""What a probe sees of its own contacts: a look that shows less, or somebody else, is no look."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.domain.events import Json
from sync_tasks.errors import RejectedContactError
from sync_tasks.probe import experiments
from sync_tasks.probe.experiments import Bench, FoundAnswer
from sync_tasks.probe.journal import Made
from sync_tasks.providers.brevo.probe_desk import ProbeDesk
from sync_tasks.providers.brevo.questions import AS_SENT, OTHERWISE
from tests.support.probing import MAILBOXES, Prober

Row = Mapping[str, Any]
MADE = Made("token", list(MAILBOXES), ids=[7])
WHOLE = {"id": 7, "attributes": {MADE.attribute("run"): "token"}, "emailBlacklisted": False}


class Looks:
    """A desk that shows one row after the other."""

    def __init__(self, rows: list[Row | None]) -> None:
        self.rows = rows

    def show(self, _contact_id: int) -> Row | None:
        return self.rows.pop(0)


def bench_of(*rows: Row | None) -> tuple[Bench, list[float]]:
    rested = list[float]()
    nobody: Any = None
    desk: Any = Looks([*rows])
    return Bench(desk, nobody, MADE, "", nobody, rested.append, lambda: 0.0), rested


POOR: Mapping[str, Row | None] = {
    "nothing": None,
    "no row": {},
    "no attributes": {**WHOLE, "attributes": None},
    "no block": {**WHOLE, "emailBlacklisted": None},
    "another contact": {**WHOLE, "id": 8},
    "another person's": {**WHOLE, "attributes": {}},
}


@pytest.mark.parametrize("poor", POOR.values(), ids=POOR)
def test_a_contact_that_is_shown_in_part_is_looked_at_again(poor: Row | None) -> None:
    bench, rested = bench_of(poor, poor, WHOLE)
    assert bench.shown() == WHOLE
    assert rested == list(experiments.GAPS[:2])
    bench, _ = bench_of(poor, poor, poor)
    with pytest.raises(RejectedContactError, match="contact 7: Brevo does not show it"):
        bench.shown()


def test_what_is_shown_at_once_is_waited_for_by_nobody() -> None:
    bench, rested = bench_of(WHOLE)
    assert (bench.shown(), rested) == (WHOLE, [])


@pytest.mark.parametrize("blocked", [True, False])
def test_an_import_names_the_address_that_the_first_contact_has_now(*, blocked: bool) -> None:
    shown = {**WHOLE, "email": MAILBOXES[0].upper(), "emailBlacklisted": blocked}
    assert experiments._expect_address(bench_of(shown)[0]) is blocked
    for other in ("", MAILBOXES[1], None):
        with pytest.raises(RejectedContactError, match="contact 7: it has another address"):
            experiments._expect_address(bench_of({**shown, "email": other})[0])


@pytest.mark.parametrize(
    ("sent", "held", "answer"),
    [
        (3.5, 3.5, FoundAnswer(AS_SENT)),
        (3.5, "3.5", FoundAnswer(OTHERWISE, "3.5 became '3.5'")),
        ("  Probe ", "Probe", FoundAnswer(OTHERWISE, "'  Probe ' became 'Probe'")),
        (1, True, FoundAnswer(OTHERWISE, "1 became True")),
        ("x", "x" * 60, FoundAnswer(OTHERWISE, f"'x' became '{'x' * 48}")),
    ],
    ids=["as sent", "a text of a number", "trimmed", "a boolean of a number", "cut after 60 characters"],
)
def test_what_became_of_a_value_is_noted_unless_it_is_as_sent(sent: Json, held: Json, answer: FoundAnswer) -> None:
    bench, _ = bench_of()
    experiments._note_stored(bench, "stored", sent, held)
    assert bench.found == {"stored": answer}


def test_a_member_whose_row_cannot_be_read_is_not_the_second_contact(
    prober: Prober, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = ProbeDesk.show_members

    def show_more(desk: ProbeDesk, list_id: int) -> list[Any]:
        members = show(desk, list_id)
        return [{}, *({**one, "id": None} for one in members), *members]

    monkeypatch.setattr(ProbeDesk, "show_members", show_more)
    report = prober.run()
    assert (report.trouble, report.left) == ("", [])
    assert report.found["import_booleans"].answer == "dropped"


def test_how_far_a_probe_is_can_be_heard(prober: Prober) -> None:
    heard = list[str]()
    replace(prober.build(), report=heard.append).run()
    assert heard[0] == "a list and attributes of its own"
    assert len(heard) > len(experiments.VALUES)
    assert len(set(heard)) == len(heard)
