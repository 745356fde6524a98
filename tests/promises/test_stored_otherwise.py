"""Brevo keeps some values otherwise than they were sent: that is no drift, and a comparison settles."""

from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.attributes import Attribute
from tests.support.comparing import found
from tests.support.pipeline import SETTINGS, MakePipeline, Pipeline, address_of

FIELDS = {"mobile": "SMS", "born": "BORN", "tier": "TIER"}
SAID: dict[str, Any] = {"mobile": "+4915123456789", "born": "1990-01-02", "visits": 3, "city": "Ulm"}


@pytest.fixture(params=["phones_as_digits", "as_sent", "otherwise"])
def kept(request: pytest.FixtureRequest, brevo: Sandbox) -> str:
    brevo.account.attributes["TIER"] = Attribute("TIER", "category", "category", ["Gold", "Silver"])
    brevo.quirks.values_kept = request.param
    return str(request.param)


@pytest.fixture(params=["attribute", "nowhere"])
def pipeline(request: pytest.FixtureRequest, make_pipeline: MakePipeline, brevo: Sandbox, kept: str) -> Pipeline:
    assert kept
    brevo.quirks.ext_id_shown = request.param
    return make_pipeline(attributes={**SETTINGS["attributes"], **FIELDS})


def writes(pipeline: Pipeline) -> int:
    """Compare, let the workers repair what was found, and return how many requests changed something."""
    with pipeline.requests() as requests:
        found(pipeline)
    return sum(not request.startswith("GET") for request in requests)


def test_numbers_dates_phones_and_texts_are_no_drift(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", attributes=SAID)
    pipeline.work()

    assert found(pipeline) == {}


def test_a_label_that_became_a_number_settles_with_one_comparison(pipeline: Pipeline, kept: str) -> None:
    for number, user_id in enumerate(("anna", "bert", "carla")):
        pipeline.subscribe(user_id, attributes={**SAID, "mobile": f"+49151234567{number}", "tier": "Gold"})
    pipeline.work()

    assert writes(pipeline) == (3 if kept == "otherwise" else 0)
    assert writes(pipeline) == 0
    assert found(pipeline) == {}


def test_an_edit_is_put_right_before_and_after_that(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna", attributes={**SAID, "tier": "Gold"})
    pipeline.work()
    right = values_at(brevo)
    edits = {"TIER": "Silver", "BORN": "1991-01-02", "VISITS": 4, "SMS": "+4915123456780", "CITY": "Bonn"}
    for edit in ({name: value} for name, value in edits.items()):
        found(pipeline)
        brevo.edit(address_of("anna"), {"attributes": edit})
        assert found(pipeline) == {"attribute": 1}, edit
        assert values_at(brevo) == right
        assert found(pipeline) == {}


def test_it_holds_until_the_portal_wants_something_else(pipeline: Pipeline, brevo: Sandbox, kept: str) -> None:
    pipeline.subscribe("anna", attributes={**SAID, "tier": "Gold"})
    pipeline.work()
    found(pipeline)
    pipeline.update("anna", attributes={"tier": "Silver"})
    pipeline.work()

    assert values_at(brevo)["TIER"] == (2 if kept == "otherwise" else "Silver")
    assert writes(pipeline) == (1 if kept == "otherwise" else 0)
    assert writes(pipeline) == 0


def test_a_look_does_not_write_it_again(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", attributes={**SAID, "tier": "Gold"})
    pipeline.work()
    found(pipeline)
    pipeline.subscribe("anna", "weekly")
    pipeline.work()

    assert pipeline.state("anna").seen["default"].edited == frozenset()
    assert writes(pipeline) == 0


def test_an_attribute_that_brevo_ignores_is_not_sent_each_night(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", attributes={"visits": "many"})
    pipeline.work()

    assert (writes(pipeline), writes(pipeline)) == (1, 0)


def values_at(brevo: Sandbox) -> dict[str, Any]:
    (contact,) = brevo.contacts()
    held: dict[str, Any] = contact["attributes"]  # type: ignore[assignment]
    return {name: value for name, value in held.items() if value is not False}
