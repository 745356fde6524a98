"""Brevo refuses a duplicate: whose contact stands in the way decides what happens next."""

from typing import cast

import pytest

from sync_tasks.errors import DuplicateContactError, TooEarlyError
from sync_tasks.providers import Gateway
from sync_tasks.sandbox import Sandbox
from sync_tasks.sync.conflicts import find_holder
from tests.support.pipeline import MakePipeline, Pipeline, address_of

OURS = "portal-{user_id}"


def refuse(brevo: Sandbox, method: str, what: str, *, applied: bool = False) -> None:
    """Let Brevo say once that another contact has something."""
    reported = f"{what} is already associated with another Contact"
    brevo.add_fault(
        "status", status=400, code="duplicate_parameter", message=reported, method=method, applied=applied, count=1
    )


def anonymized(brevo: Sandbox, contact_id: int) -> bool:
    return str(brevo.contact(contact_id)["email"]).startswith("deleted-")


@pytest.mark.parametrize("what", ["email", "ext_id"])
def test_a_duplicate_that_brevo_does_not_show_yet_is_waited_for(pipeline: Pipeline, brevo: Sandbox, what: str) -> None:
    refuse(brevo, "POST", what)
    signed_up = pipeline.subscribe("anna")
    assert isinstance(pipeline.work_once().waiting[signed_up], TooEarlyError)
    assert signed_up in pipeline.work().done
    assert (pipeline.lists("anna"), pipeline.letters()) == ({3}, [])


def test_nobody_is_looked_for_by_what_is_no_key_of_ours() -> None:
    refused = DuplicateContactError("SMS is already associated with another Contact", ("SMS",))
    with pytest.raises(DuplicateContactError) as caught:
        find_holder(cast("Gateway", None), refused, "anna@example.com", "anna")
    assert caught.value is refused


def test_a_number_that_another_contact_has_is_a_letter(pipeline: Pipeline, brevo: Sandbox) -> None:
    refuse(brevo, "POST", "SMS")
    signed_up = pipeline.subscribe("anna")
    assert isinstance(pipeline.work().dead[signed_up], DuplicateContactError)
    assert brevo.contacts() == []


def test_a_new_address_that_brevo_took_and_calls_a_duplicate_is_looked_at_again(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    refuse(brevo, "PUT", "email", applied=True)
    moved = pipeline.update("anna", email=address_of("anna.tal"))
    assert isinstance(pipeline.work_once().waiting[moved], TooEarlyError)
    assert moved in pipeline.work().done
    assert [contact["email"] for contact in brevo.contacts()] == [address_of("anna.tal")]


def test_who_gives_way_is_anonymized_before_the_one_that_takes_over_gets_the_ext_id(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    old = int(pipeline.held("anna")["id"])
    # Neither the address nor a hint leads to the old contact: only its id does.
    brevo.edit(old, {"attributes": {"EMAIL": "edited@else.org"}})
    (stranger,) = brevo.add_contacts([{"email": "taken@portal.org", "attributes": {}, "listIds": [9]}])
    pipeline.update("anna", email="taken@portal.org")
    pipeline.work()
    assert pipeline.held("anna")["id"] == stranger
    assert anonymized(brevo, old)
    refused = [request for request in brevo.journal.requests() if request.status == 400]
    assert len(refused) == 1, "the new address alone"


@pytest.fixture
def twice(make_pipeline: MakePipeline, brevo: Sandbox) -> tuple[Pipeline, int, int]:
    """Anna's contact lost its ext_id, and a second one has it; return the pipeline and both."""
    pipeline = make_pipeline(contacts={"ext_id": OURS})
    pipeline.subscribe("anna")
    pipeline.work()
    brevo.edit(address_of("anna"), {"ext_id": "deleted-0123456789abcdef"})
    row = {"email": "other@portal.org", "ext_id": "portal-anna", "attributes": {"FIRSTNAME": "Anna"}, "listIds": [5]}
    (second,) = brevo.add_contacts([row])
    first = next(contact["id"] for contact in brevo.contacts() if contact["id"] != second)
    return pipeline, int(str(first)), second


def test_a_second_contact_with_the_users_ext_id_is_anonymized(twice: tuple[Pipeline, int, int], brevo: Sandbox) -> None:
    pipeline, first, second = twice
    pipeline.update("anna", first_name="Anne")
    pipeline.work()
    held = brevo.contact(first)
    assert (held["email"], held["ext_id"], held["listIds"]) == (address_of("anna"), "portal-anna", [3])
    assert anonymized(brevo, second)
    assert pipeline.letters() == []


def test_an_erasure_of_unknown_outcome_finds_a_second_contact_too(
    twice: tuple[Pipeline, int, int], brevo: Sandbox
) -> None:
    pipeline, first, second = twice
    pipeline.store.redis.hset(pipeline.store.key("contacts:anna"), "unsure", pipeline.store.now())
    pipeline.anonymize("anna")
    pipeline.work()
    assert (anonymized(brevo, first), anonymized(brevo, second)) == (True, True)
    assert pipeline.store.is_erased("anna")


@pytest.fixture
def renamed(pipeline: Pipeline, brevo: Sandbox) -> Pipeline:
    """Anna and Berta claim one address; the contact is known as Anna's, and called Berta's by now."""
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    brevo.edit(address_of("anna"), {"ext_id": "berta"})
    pipeline.subscribe("berta", email=address_of("anna"))
    pipeline.store.redis.hset(pipeline.store.key("contacts:anna"), "unsure", pipeline.store.now())
    return pipeline


def test_a_known_contact_that_is_called_another_users_is_a_letter_of_the_one_who_lost_it(
    renamed: Pipeline, brevo: Sandbox
) -> None:
    before = brevo.contacts()
    changed = renamed.update("anna", first_name="Anne")
    error = renamed.sync("anna").dead[changed]
    assert "belongs to another living user, berta" in str(error)
    assert brevo.contacts() == before


def test_an_erasure_leaves_a_known_contact_alone_that_is_called_another_users(
    renamed: Pipeline, brevo: Sandbox
) -> None:
    before = brevo.contacts()
    renamed.anonymize("anna")
    renamed.sync("anna")
    assert brevo.contacts() == before
