"""One contact on one account: what a push does where Brevo's answers make no sense."""

from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import MakePipeline, Pipeline, address_of


def test_a_push_ends_where_brevo_never_does_what_it_says(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    brevo.act("complain", address_of("anna"))
    brevo.add_fault("status", status=204, method="PUT")
    moved = pipeline.update("anna", email=address_of("anna.tal"))
    with pipeline.requests() as requests:
        error = pipeline.sync("anna").waiting[moved]
    assert isinstance(error, GatewayUnavailableError)
    assert "differently at each look" in str(error)
    assert len(requests) < 20
    brevo.faults.clear()
    assert moved in pipeline.work().done
    assert pipeline.held("anna")["email"] == address_of("anna.tal")


def test_a_list_of_others_that_vanishes_keeps_nobody_from_being_erased(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    brevo.edit(address_of("anna"), {"listIds": [9]})
    contact_id = int(pipeline.held("anna")["id"])
    pipeline.store.redis.hset(pipeline.store.key("contacts:anna"), "unsure", pipeline.store.now())
    for method, path in (("PUT", "contacts/"), ("GET", "lists/9$")):
        brevo.add_fault("status", status=404, code="document_not_found", method=method, path=path, count=1)
    erasure = pipeline.anonymize("anna")
    assert erasure in pipeline.work().done
    assert str(brevo.contact(contact_id)["email"]).startswith("deleted-")
    assert pipeline.letters() == []


def first_of(pipeline: Pipeline) -> str:
    """Return the method of the first request that names a contact by its id."""
    with pipeline.requests() as requests:
        pipeline.sync("anna")
    return next(request.split()[0] for request in requests if request.endswith("contacts/{id}"))


def test_a_contact_that_is_known_well_is_anonymized_before_it_is_read(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    pipeline.anonymize("anna")
    assert first_of(pipeline) == "PUT"


def test_a_contact_of_unknown_outcome_is_read_before_it_is_anonymized(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    pipeline.store.redis.hset(pipeline.store.key("contacts:anna"), "unsure", pipeline.store.now())
    pipeline.anonymize("anna")
    assert first_of(pipeline) == "GET"


def test_where_others_have_contacts_too_each_is_read_before_it_is_anonymized(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(contacts={"ext_id": "portal-{user_id}"})
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    pipeline.anonymize("anna")
    assert first_of(pipeline) == "GET"


def test_a_second_contact_is_read_before_it_is_anonymized(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    (second,) = brevo.add_contacts([{"email": address_of("anna.tal"), "attributes": {"FIRSTNAME": "Anna"}}])
    pipeline.update("anna", previous_email=address_of("anna.tal"))
    assert first_of(pipeline) == "GET"
    assert pipeline.held("anna")["email"] == address_of("anna")
    assert str(brevo.contact(second)["email"]).startswith("deleted-")
