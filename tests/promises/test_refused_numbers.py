"""A telephone number that Brevo refuses keeps nothing else from it: neither a sign-up, nor a change, nor an erasure."""

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import SETTINGS, MakePipeline


@pytest.fixture(params=["one that Brevo dislikes", "one that another contact has"])
def bad_number(request: pytest.FixtureRequest, brevo: Sandbox) -> str:
    """A telephone number that Brevo refuses."""
    if "another" not in request.param:
        return "no number"
    brevo.request("POST", "/contacts", {"email": "bert@elsewhere.org", "attributes": {"SMS": "4915123456789"}})
    return "+4915123456789"


def test_a_refused_number_keeps_nobody_from_being_subscribed(make_pipeline: MakePipeline, bad_number: str) -> None:
    pipeline = make_pipeline(attributes={**SETTINGS["attributes"], "mobile": "SMS"})
    refused = pipeline.subscribe("anna", "daily", first_name="Anna", attributes={"mobile": bad_number})
    pipeline.subscribe("anna", "weekly")
    outcomes = pipeline.work_once()

    held = pipeline.held("anna")
    assert (held["listIds"], held["attributes"]["FIRSTNAME"]) == ([3, 5], "Anna")
    assert "SMS" not in held["attributes"]
    assert outcomes.dead.keys() == {refused}
    with pipeline.requests() as requests:
        pipeline.work()
    assert requests == []


def test_a_refused_number_spoils_no_other_change(make_pipeline: MakePipeline, bad_number: str) -> None:
    pipeline = make_pipeline(attributes={**SETTINGS["attributes"], "mobile": "SMS"})
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.work()
    pipeline.update("anna", email="anna.new@portal.org")
    pipeline.subscribe("anna", "weekly", first_name="Annette", email="anna.new@portal.org")
    refused = pipeline.update("anna", attributes={"mobile": bad_number})
    outcomes = pipeline.work_once()

    held = pipeline.held("anna")
    assert (held["email"], held["listIds"], held["attributes"]["FIRSTNAME"]) == (
        "anna.new@portal.org",
        [3, 5],
        "Annette",
    )
    assert outcomes.dead.keys() == {refused}


def test_an_erasure_whose_number_cannot_be_emptied_leaves_no_name(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(attributes={**SETTINGS["attributes"], "mobile": "SMS"})
    pipeline.subscribe("anna", "daily", first_name="Anna", attributes={"mobile": "+4915123456789"})
    pipeline.work()
    brevo.quirks.empty_number_refused, brevo.quirks.null_clears = True, False
    erased = pipeline.anonymize("anna")
    outcomes = pipeline.work_once()

    (held,) = brevo.contacts()
    assert "Anna" not in str(held)
    assert "anna" not in str(held)
    assert held["listIds"] == []
    assert erased in outcomes.dead
    assert "SMS" in str(outcomes.dead[erased])
