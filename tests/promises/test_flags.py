"""An opt-out is over once the attribute that records it is set, too: until then it waits, or is a dead letter."""

import logging
from typing import Any

import pytest

from sync_tasks.domain.outcomes import Outcome
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from tests.support.pipeline import Pipeline, address_of
from tests.support.processes import wait_until

FLAG = "DAILY_UNSUBSCRIBED"
PASSING: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429},
    {"kind": "drop"},
    {"kind": "html"},
]
FINAL: list[dict[str, Any]] = [{"kind": "status", "status": 400}, {"kind": "waf"}]


def name_of(fault: dict[str, Any]) -> str:
    return str(fault.get("status", fault["kind"]))


@pytest.fixture
def weekly(pipeline: Pipeline) -> Pipeline:
    """Anna reads another newsletter than the one with an attribute."""
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    return pipeline


def flag(pipeline: Pipeline) -> object:
    return pipeline.held("anna")["attributes"].get(FLAG)


@pytest.mark.parametrize("fault", PASSING, ids=name_of)
def test_an_opt_out_waits_for_its_flag(weekly: Pipeline, brevo: Sandbox, fault: dict[str, Any]) -> None:
    brevo.add_fault(method="PUT", **fault)
    key = weekly.unsubscribe("anna", "daily")
    assert key in weekly.work_once().waiting
    brevo.faults.clear()

    wait_until(lambda: not weekly.work_once().waiting, "the opt-out is over")
    assert flag(weekly) is True
    assert not weekly.state("anna").pending


@pytest.mark.parametrize("fault", FINAL, ids=name_of)
def test_a_refused_flag_is_a_dead_letter_until_it_is_set(
    weekly: Pipeline, brevo: Sandbox, fault: dict[str, Any]
) -> None:
    brevo.add_fault(method="PUT", **fault)
    key = weekly.unsubscribe("anna", "daily")
    assert key in weekly.work_once().dead
    assert [letter.task for letter in weekly.letters()] == ["unsubscribe_contact"]
    brevo.faults.clear()

    weekly.update("anna", first_name="Ann")
    weekly.work()
    assert flag(weekly) is True
    assert weekly.letters() == []


@pytest.mark.parametrize("fault", [*PASSING, {"kind": "status", "status": 401}], ids=name_of)
def test_its_dead_letter_stays_open_if_the_flag_cannot_even_be_tried(
    weekly: Pipeline, brevo: Sandbox, fault: dict[str, Any]
) -> None:
    brevo.add_fault(method="PUT", **FINAL[0])
    key = weekly.unsubscribe("anna", "daily")
    assert key in weekly.work_once().dead
    brevo.faults.clear()
    weekly.store.mark_changed("default", [Sighting(user_id="anna")])
    brevo.add_fault(method="GET", **fault)
    weekly.sync("anna")

    assert [letter.task for letter in weekly.letters()] == ["unsubscribe_contact"]


def test_a_flag_goes_although_the_rest_is_refused(weekly: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=400, method="PUT", count=1)
    weekly.update("anna", first_name="Ann")
    key = weekly.unsubscribe("anna", "daily")

    assert weekly.work().done[key] is Outcome.SYNCED
    assert flag(weekly) is True


def test_an_opt_out_of_a_contact_that_is_gone_waits_for_no_flag(pipeline: Pipeline) -> None:
    for user_id in ("anna", "bea"):
        pipeline.subscribe(user_id)
    pipeline.work()
    pipeline.update("anna", email=address_of("bea"))
    pipeline.work()
    pipeline.brevo.act("delete", address_of("anna"))
    key = pipeline.unsubscribe("anna")
    assert pipeline.work().done[key] is Outcome.NOT_FOUND


def test_a_refusal_beside_an_opt_out_that_is_over_is_said(
    pipeline: Pipeline, brevo: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.subscribe("anna", "daily", first_name="Ann")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    brevo.edit(address_of("anna"), {"attributes": {"FIRSTNAME": "Zoe"}})
    pipeline.store.mark_changed("default", [Sighting(user_id="anna")])
    key = pipeline.unsubscribe("anna", "weekly")
    brevo.add_fault("status", status=400, method="PUT", count=1)

    assert pipeline.work().done[key] is Outcome.SYNCED
    assert pipeline.lists("anna") == {3}
    assert "not put right: Brevo refuses one of FIRSTNAME; all else is done" in caplog.text


def test_what_is_not_put_right_is_said(weekly: Pipeline, brevo: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    weekly.unsubscribe("anna", "daily")
    weekly.work()
    brevo.edit(address_of("anna"), {"attributes": {FLAG: False}})
    brevo.add_fault("status", status=400, method="PUT")
    weekly.store.mark_changed("default", [Sighting(user_id="anna")])
    weekly.sync("anna")

    assert weekly.letters() == []
    (line,) = [record for record in caplog.records if "not put right" in record.getMessage()]
    assert (line.levelno, line.__dict__["user_id"]) == (logging.ERROR, "anna")
    assert any("not put right: PUT" in entry for entry in weekly.store.history("anna"))
