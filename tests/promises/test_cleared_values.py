"""A value that the portal clears is empty at Brevo, whatever clears it there; what Brevo keeps is somebody's to see."""

import pytest

from sync_tasks.errors import RejectedPartError
from sync_tasks.sandbox import Sandbox
from tests.support.comparing import found
from tests.support.pipeline import SETTINGS, MakePipeline, Pipeline


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    return make_pipeline(attributes={**SETTINGS["attributes"], "born": "BORN"})


def fill_and_clear(pipeline: Pipeline, user_id: str = "anna") -> list[str]:
    """Let a user have a number and a date, then none. Return the requests of the second."""
    pipeline.subscribe(user_id, first_name="Anna", attributes={"visits": 3, "born": "1990-01-02"})
    pipeline.work()
    pipeline.update(user_id, attributes={"visits": None, "born": None})
    with pipeline.requests() as requests:
        pipeline.work()
    return requests


@pytest.mark.parametrize(("empty", "null"), [(True, True), (True, False), (False, True)])
def test_an_update_clears_numbers_and_dates_either_way(
    pipeline: Pipeline, brevo: Sandbox, *, empty: bool, null: bool
) -> None:
    brevo.quirks.empty_clears_all, brevo.quirks.null_clears = empty, null
    fill_and_clear(pipeline)

    held = pipeline.held("anna")["attributes"]
    assert held["FIRSTNAME"] == "Anna"
    assert not {"VISITS", "BORN"} & held.keys()
    assert pipeline.letters() == []


def test_what_clears_a_value_is_learnt_once(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.empty_clears_all = False
    fill_and_clear(pipeline)

    assert fill_and_clear(pipeline, "bert") == ["PUT /v3/contacts/{id}"]
    assert "VISITS" not in pipeline.held("bert")["attributes"]


def test_a_value_that_brevo_keeps_is_a_dead_letter_that_names_it(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.empty_clears_all = brevo.quirks.null_clears = False
    pipeline.subscribe("anna", attributes={"visits": 3})
    pipeline.work()
    cleared, renamed = (
        pipeline.update("anna", attributes={"visits": None}),
        pipeline.update("anna", first_name="Annette"),
    )
    outcomes = pipeline.work_once()

    assert {key: type(error) for key, error in outcomes.dead.items()} == {cleared: RejectedPartError}
    assert "VISITS" in str(outcomes.dead[cleared])
    assert set(outcomes.done) == {renamed}
    assert pipeline.held("anna")["attributes"]["FIRSTNAME"] == "Annette"
    assert found(pipeline) == {"dead letter": 1}


def test_a_read_back_that_fails_is_made_up_for(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.empty_clears_all = False
    pipeline.subscribe("anna", attributes={"visits": 3})
    pipeline.work()
    pipeline.update("anna", attributes={"visits": None})
    brevo.add_fault("status", status=500, method="GET", path="/contacts/[0-9]+$", count=1)
    pipeline.work()

    assert "VISITS" not in pipeline.held("anna")["attributes"]


def test_values_that_were_empty_all_along_are_not_read_back_for_ever(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    made = list[str]()
    for number in range(30):
        pipeline.update("anna", first_name=f"Anna {number}", attributes={"visits": None})
        with pipeline.requests() as requests:
            pipeline.work()
        made += requests
    assert made.count("GET /v3/contacts/{id}") <= 20
    assert made[-1:] == ["PUT /v3/contacts/{id}"]


def test_an_erasure_teaches_what_clears_a_value(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.empty_clears_all = brevo.quirks.email_change_lifts_blocklist_even_if_sent = False
    made = dict[str, list[str]]()
    for user_id in ("anna", "bert"):
        pipeline.subscribe(user_id, attributes={"visits": 3, "born": "1990-01-02"})
        pipeline.work()
        pipeline.anonymize(user_id)
        with pipeline.requests() as made[user_id]:
            pipeline.work()
    assert made["bert"].count("PUT /v3/contacts/{id}") == 1
    assert made["anna"].count("PUT /v3/contacts/{id}") == 2
