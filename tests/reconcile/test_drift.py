"""What a comparison leaves alone is no more than what somebody sees to, and never goes without a word."""

from dataclasses import asdict
from typing import Any

import pytest

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.reconcile.history import Run, describe_run, read_runs
from sync_tasks.reconcile.report_html import draw_page
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline

ANNA = "anna@portal.org"
LETTER, WAITING = "dead letter", "waiting"


def compare(pipeline: Pipeline, **scope: Any) -> Run:
    (run,) = reconcile(pipeline.resources, Scope(**scope))
    return run


@pytest.fixture
def anna(pipeline: Pipeline, brevo: Sandbox) -> Pipeline:
    """A pipeline that knows Anna, who reads the weekly newsletter and whose sign-up for the daily one was refused."""
    pipeline.subscribe("anna", "weekly", first_name="Anna")
    pipeline.work()
    brevo.add_fault("status", status=400, method="PUT")
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    assert [letter.newsletter for letter in pipeline.letters()] == ["daily"]
    brevo.faults.clear()
    return pipeline


def test_who_was_taken_off_another_list_is_put_back_beside_a_dead_letter(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [5]})
    run = compare(anna)
    assert run.found == {"missing on list": 1, LETTER: 1}
    assert run.lists["weekly"] == {"missing on list": 1, LETTER: 1}
    anna.work()
    assert 5 in anna.lists("anna")


def test_what_a_dead_letter_is_about_is_a_row_of_its_own_and_left_alone(anna: Pipeline) -> None:
    run = compare(anna)
    assert run.found == {LETTER: 1}
    assert (run.repaired, run.left) == (0, 1)
    anna.work()
    assert anna.lists("anna") == {5}
    assert "1 dead letter" in describe_run(read_runs(anna.store)[0])
    assert LETTER in draw_page([run])


def test_a_dead_letter_about_an_attribute_hides_neither_another_attribute_nor_a_list(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("anna", "daily", first_name="Anna", last_name="Ant")
    pipeline.work()
    brevo.add_fault("status", status=400, method="PUT")
    pipeline.update("anna", first_name="Anne")
    pipeline.work()
    brevo.faults.clear()
    assert compare(pipeline, dry_run=True).found == {LETTER: 1}
    brevo.edit(ANNA, {"attributes": {"LASTNAME": "Bee"}})
    assert compare(pipeline, dry_run=True).found == {"attribute": 1, LETTER: 1}
    brevo.edit(ANNA, {"listIds": [7]})
    assert compare(pipeline, dry_run=True).found == {"attribute": 1, "extra on list": 1, LETTER: 1}


def test_a_contact_that_is_gone_is_created_again_beside_a_dead_letter(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("delete", ANNA)
    assert compare(anna).found == {"missing contact": 1, LETTER: 1}
    anna.work()
    assert 5 in anna.lists("anna")


def test_nobody_is_created_whose_every_list_a_dead_letter_is_about(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("status", status=400, method="POST")
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    brevo.faults.clear()
    assert len(pipeline.letters()) == 1
    run = compare(pipeline)
    assert (run.found, run.repaired) == ({LETTER: 1}, 0)
    pipeline.work()
    assert brevo.contacts() == []


def test_nobody_is_created_at_an_address_that_a_dead_letter_is_about(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    brevo.add_fault("status", status=400, method="PUT")
    pipeline.update("anna", email="new@portal.org")
    pipeline.work()
    brevo.faults.clear()
    assert len(pipeline.letters()) == 1
    brevo.act("delete", ANNA)
    run = compare(pipeline)
    assert (run.found, run.repaired) == ({LETTER: 1}, 0)
    pipeline.work()
    assert brevo.contacts() == []


def test_a_contact_of_another_ext_id_waits_as_a_whole_beside_a_dead_letter(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"ext_id": "somebody", "unlinkListIds": [5], "attributes": {"FIRSTNAME": "Eve"}})
    with anna.requests() as requests:
        run = compare(anna)
        anna.work()
    assert set(run.found) & {"missing on list", "attribute", "address"} == set()
    assert not [request for request in requests if request.startswith(("PUT", "POST"))]


def test_a_dead_letter_that_newer_events_overtook_hides_nothing(anna: Pipeline) -> None:
    anna.unsubscribe("anna", "daily")
    anna.work()
    assert compare(anna).found == {}


@pytest.mark.parametrize("field", ["unsure", "l:default"])
def test_an_unknown_outcome_that_nobody_sees_to_any_more_hides_no_drift(
    pipeline: Pipeline, brevo: Sandbox, field: str
) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    pipeline.store.redis.hset(pipeline.store.key("contacts:anna"), field, pipeline.store.now())
    brevo.edit(ANNA, {"unlinkListIds": [3]})
    run = compare(pipeline)
    assert (run.found, run.repaired) == ({"missing on list": 1}, 1)
    pipeline.work()
    assert pipeline.lists("anna") == {3}


def test_what_has_waited_for_hours_is_a_row_of_its_own(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    pipeline.update("anna", first_name="Anna")
    assert (compare(pipeline).found, compare(pipeline).alone) == ({}, 1)
    two_hours_ago = int(pipeline.store.now()) - 2 * 3600 * MICROSECONDS_PER_SECOND
    pipeline.store.redis.zadd(pipeline.store.key("dirty"), {"anna": two_hours_ago})
    run = compare(pipeline)
    assert (run.found, run.repaired, run.left) == ({WAITING: 1}, 0, 1)
    brevo.act("delete", ANNA)
    assert compare(pipeline).found == {WAITING: 1}


def test_a_report_names_users_only_if_asked_and_history_never_does(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(ANNA, {"unlinkListIds": [5]})
    brevo.add_contacts([{"email": "eve@portal.org", "listIds": [5]}])
    assert compare(anna, dry_run=True).users == {}
    run = compare(anna, dry_run=True, users=True)
    (eve,) = [contact["id"] for contact in brevo.contacts() if contact["email"] == "eve@portal.org"]
    assert run.users == {"missing on list": ["anna"], LETTER: ["anna"], "unknown contact": [f"contact {eve}"]}
    assert "anna" in draw_page([run])
    assert "anna" not in str(asdict(read_runs(anna.store)[0]))
