"""Brevo changes without the pipeline: what an opt-out or an erasure ends is looked for where nobody was seen before."""

from typing import Any

import pytest

from sync_tasks.domain.contact import EventKey, RemoteContact
from sync_tasks.domain.outcomes import Outcome
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.sandbox.faults import Fault
from tests.support.pipeline import Pipeline, address_of

ANNA = address_of("anna")
NAMED = pytest.mark.parametrize("said", [{}, {"email": ANNA}], ids=["", "with the address"])
ENDING = pytest.mark.parametrize("verb", ["unsubscribe", "anonymize"])


def end(pipeline: Pipeline, verb: str, **said: Any) -> EventKey:
    return pipeline.anonymize("anna", **said) if verb == "anonymize" else pipeline.unsubscribe("anna", **said)


def add_anna(pipeline: Pipeline, **more: object) -> int:
    """Let a form or a file at Brevo create a contact of Anna's on the list; return its id."""
    row = {"email": ANNA, "attributes": {"FIRSTNAME": "Anna"}, "listIds": [3], **more}
    (contact_id,) = pipeline.brevo.add_contacts([row])
    return contact_id


def make_anew(pipeline: Pipeline, **more: object) -> int:
    """Let somebody at Brevo delete Anna's contact, and import her again; return the new id."""
    pipeline.brevo.act("delete", ANNA)
    return add_anna(pipeline, **more)


def assert_over(pipeline: Pipeline, verb: str, contact_id: int) -> None:
    held: Any = pipeline.brevo.contact(contact_id)
    assert 3 not in held["listIds"]
    assert verb == "unsubscribe" or (held["emailBlacklisted"] and "anna" not in repr(held).lower())
    assert verb == "unsubscribe" or pipeline.store.peek("anna") is None
    assert pipeline.letters() == []


@NAMED
@ENDING
@pytest.mark.parametrize("more", [{}, {"ext_id": "anna"}], ids=["", "with the ext_id"])
def test_a_contact_that_was_deleted_and_made_anew_is_found(
    pipeline: Pipeline, verb: str, said: dict[str, Any], more: dict[str, object]
) -> None:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    contact_id = make_anew(pipeline, **more)

    key = end(pipeline, verb, **said)

    assert pipeline.work().done[key] is Outcome.SYNCED
    assert_over(pipeline, verb, contact_id)


@ENDING
def test_a_contact_made_anew_is_looked_for_until_a_look_succeeds(pipeline: Pipeline, verb: str) -> None:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    contact_id = make_anew(pipeline)
    pipeline.brevo.faults.add(Fault(kind="status", status=500, method="GET", path="anna", count=1))

    key = end(pipeline, verb)

    assert isinstance(pipeline.work_once().waiting[key], GatewayUnavailableError)
    assert pipeline.work().done[key] is Outcome.SYNCED
    assert_over(pipeline, verb, contact_id)


def test_whoever_stays_subscribed_is_created_without_a_search(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    pipeline.brevo.act("delete", ANNA)
    key = pipeline.update("anna", first_name="Anna")
    with pipeline.requests() as requests:
        assert pipeline.work().done[key] is Outcome.SYNCED
    assert requests[:2] == ["PUT /v3/contacts/{id}", "POST /v3/contacts"]


@NAMED
@ENDING
def test_a_contact_that_came_after_nobody_was_found_is_found(
    pipeline: Pipeline, verb: str, said: dict[str, Any]
) -> None:
    pipeline.update("anna", email=ANNA, first_name="Anna")
    pipeline.work()
    contact_id = add_anna(pipeline)

    key = end(pipeline, verb, **said)

    assert pipeline.work().done[key] is Outcome.SYNCED
    assert_over(pipeline, verb, contact_id)


@pytest.mark.parametrize("was_there", [True, False])
def test_an_opt_out_ends_what_an_editor_began(pipeline: Pipeline, *, was_there: bool) -> None:
    pipeline.subscribe("anna", "weekly")
    if was_there:
        pipeline.subscribe("anna")
        pipeline.work()
        pipeline.unsubscribe("anna")
    pipeline.work()
    pipeline.brevo.edit(ANNA, {"listIds": [3]})

    key = pipeline.unsubscribe("anna")

    assert pipeline.work().done[key] is Outcome.SYNCED
    assert pipeline.lists("anna") == {5}


@ENDING
def test_nothing_is_over_while_nobody_can_look(pipeline: Pipeline, verb: str) -> None:
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    pipeline.brevo.edit(ANNA, {"listIds": [3]})
    pipeline.brevo.faults.add(Fault(kind="html", method="GET"))

    key = end(pipeline, verb)

    assert isinstance(pipeline.work_once().waiting[key], GatewayUnavailableError)
    pipeline.brevo.faults.clear()
    assert pipeline.work().done[key] is Outcome.SYNCED
    assert_over(pipeline, verb, 1)


@ENDING
def test_a_contact_that_goes_between_two_requests_is_looked_for_again(
    pipeline: Pipeline, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_anna(pipeline)
    gateway, made = pipeline.resources.gateways["default"], list[int]()
    find = gateway.find_address

    def find_and_make_anew(address: str) -> RemoteContact | None:
        found = find(address)
        made.extend([] if made else [make_anew(pipeline)])
        return found

    monkeypatch.setattr(type(gateway), "find_address", lambda _self, address: find_and_make_anew(address))

    key = end(pipeline, verb, email=ANNA)

    assert pipeline.work().done[key] is Outcome.SYNCED
    assert_over(pipeline, verb, made[0])


@ENDING
def test_nobody_else_is_taken_for_a_contact_that_is_gone(pipeline: Pipeline, verb: str) -> None:
    pipeline.subscribe("anna")
    pipeline.subscribe("bea")
    pipeline.work()
    moved = pipeline.update("anna", email=address_of("bea"))
    assert moved in pipeline.work().dead
    pipeline.brevo.act("delete", ANNA)

    key = end(pipeline, verb)

    assert pipeline.work().done[key] is Outcome.NOT_FOUND
    assert (pipeline.lists("bea"), pipeline.held("bea")["emailBlacklisted"]) == ({3}, False)
