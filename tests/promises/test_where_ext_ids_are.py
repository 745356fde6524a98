"""Wherever Brevo shows an ``ext_id``, or nowhere: the workflows and a comparison end the same."""

from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.comparing import found
from tests.support.pipeline import MakePipeline, Pipeline, address_of

PATTERNS = ["{user_id}", "portal-{user_id}"]


@pytest.fixture(params=["attribute", "field", "nowhere"])
def shown(request: pytest.FixtureRequest, brevo: Sandbox) -> str:
    brevo.quirks.ext_id_shown = request.param
    return str(request.param)


@pytest.fixture(params=PATTERNS)
def pipeline(request: pytest.FixtureRequest, make_pipeline: MakePipeline, shown: str) -> Pipeline:
    assert shown
    return make_pipeline(contacts={"ext_id": request.param})


def test_the_four_workflows_end_the_same(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.request("POST", "/contacts", {"email": address_of("bea"), "attributes": {"FIRSTNAME": "B."}})
    for user_id in ("ada", "bea", "cleo"):
        pipeline.subscribe(user_id, first_name=user_id.title())
        pipeline.subscribe(user_id, "weekly")
    pipeline.work()
    pipeline.update("ada", email="ada.new@portal.org", first_name="Adele")
    pipeline.unsubscribe("bea", "weekly")
    pipeline.anonymize("cleo")
    pipeline.work()

    ada, bea, cleo = (held(brevo, name) for name in ("ada.new@", address_of("bea"), "deleted-"))
    assert (ada["attributes"]["FIRSTNAME"], ada["listIds"]) == ("Adele", [3, 5])
    assert (bea["attributes"]["FIRSTNAME"], bea["listIds"]) == ("Bea", [3])
    assert (cleo["attributes"]["FIRSTNAME"], cleo["listIds"]) == ("DELETED", [])
    assert "cleo" not in str(brevo.contacts())
    assert len(brevo.contacts()) == 3
    assert pipeline.letters() == []


def test_a_comparison_finds_what_is_wrong_and_then_nothing(pipeline: Pipeline, brevo: Sandbox) -> None:
    for user_id in ("ada", "bea", "cleo", "dora"):
        pipeline.subscribe(user_id, first_name=user_id.title())
    pipeline.work()
    pipeline.anonymize("dora")
    pipeline.work()
    assert found(pipeline) == {}

    brevo.edit(address_of("ada"), {"unlinkListIds": [3]})
    brevo.edit(address_of("bea"), {"attributes": {"FIRSTNAME": "Zoe"}})
    brevo.request("DELETE", f"/contacts/{held(brevo, address_of('cleo'))['id']}")

    assert found(pipeline) == {"missing on list": 1, "attribute": 1, "missing contact": 1}
    assert found(pipeline) == {}
    assert [contact["listIds"] for contact in brevo.contacts() if "deleted" not in str(contact["email"])] == [[3]] * 3


def test_a_creation_that_nobody_heard_of_makes_no_second_contact(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_fault("drop_after", count=1, method="POST", path="/contacts$")
    pipeline.subscribe("ada")
    pipeline.work_once()
    pipeline.update("ada", email="ada.new@portal.org")
    pipeline.work()

    (ada,) = brevo.contacts()
    assert (ada["email"], ada["listIds"]) == ("ada.new@portal.org", [3])


def test_an_erasure_takes_off_the_ext_id_that_a_slow_old_request_has_written_again(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("ada", first_name="Ada")
    pipeline.work()
    ext_id = pipeline.resources.mappings["default"].ext_ids.of("ada")
    assert brevo.contacts()[0]["ext_id"] == ext_id
    pipeline.anonymize("ada")
    pipeline.sync("ada")
    brevo.edit(str(brevo.contacts()[0]["email"]), {"ext_id": ext_id})
    pipeline.work()
    (contact,) = brevo.contacts()
    assert (contact["ext_id"] == ext_id, "Ada" in str(contact)) == (False, False)
    assert pipeline.store.is_erased("ada")


def test_an_address_that_goes_to_another_user_takes_no_contact_along(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("ada", email="shared@portal.org", first_name="Ada")
    pipeline.work()
    pipeline.update("ada", email="ada@portal.org")
    pipeline.subscribe("bea", email="shared@portal.org", first_name="Bea")

    pipeline.sync("bea")
    assert held(brevo, "shared@")["attributes"]["FIRSTNAME"] == "Ada"
    pipeline.work()

    assert held(brevo, "ada@")["attributes"]["FIRSTNAME"] == "Ada"
    assert held(brevo, "shared@")["attributes"]["FIRSTNAME"] == "Bea"
    assert len(brevo.contacts()) == 2


@pytest.mark.parametrize("last", ["update", "anonymize"])
def test_somebody_who_was_there_before_us_and_moves_at_once_is_found_at_the_old_address(
    pipeline: Pipeline, brevo: Sandbox, last: str
) -> None:
    brevo.request("POST", "/contacts", {"email": address_of("ada"), "attributes": {"FIRSTNAME": "Ada"}, "listIds": [3]})
    pipeline.update("ada", email=address_of("ada"), first_name="Ada")
    pipeline.update("ada", email="ada.new@portal.org", previous_email=address_of("ada"))
    pipeline.work()
    getattr(pipeline, last)("ada", **({"email": "ada.new@portal.org"} if last == "update" else {}))
    pipeline.work()
    (only,) = brevo.contacts()
    assert (only["email"] == "ada.new@portal.org") is (last == "update")
    assert (address_of("ada") in str(only), pipeline.letters()) == (False, [])


def test_a_batch_is_created_by_one_import(pipeline: Pipeline) -> None:
    for number in range(60):
        pipeline.subscribe(f"user-{number}", first_name="Anna")
    with pipeline.requests() as requests:
        pipeline.work()
    assert set(requests) == {"POST /v3/contacts/import", "GET /v3/contacts"}
    assert len(requests) <= 5
    assert found(pipeline) == {}


def test_a_contact_that_was_there_before_an_import_gets_all_that_the_portal_says(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    brevo.request("POST", "/contacts", {"email": address_of("user-7"), "attributes": {"FIRSTNAME": "Anna"}})
    (old,) = (number for number in brevo.account.contacts)
    brevo.account.contacts[old].created -= 86_400
    for number in range(60):
        pipeline.subscribe(f"user-{number}", first_name="Anna")
    pipeline.work()

    assert {contact["ext_id"] for contact in brevo.contacts()} == {
        pipeline.resources.mappings["default"].ext_ids.of(f"user-{number}") for number in range(60)
    }
    assert found(pipeline) == {}


def held(brevo: Sandbox, beginning: str) -> dict[str, Any]:
    """Return the only contact whose address begins like this."""
    (contact,) = (one for one in brevo.contacts() if str(one["email"]).startswith(beginning))
    return contact
