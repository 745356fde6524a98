"""A request that Brevo refuses for one part: the rest reaches it, and only the event of that part is a dead letter."""

import pytest

from sync_tasks.errors import ForeignContactError, RejectedAddressError, RejectedNumberError
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import SETTINGS, MakePipeline, Pipeline, address_of

REFUSED = "anna@example.com"


@pytest.fixture
def pipeline(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """A pipeline that sends telephone numbers, to a Brevo that refuses addresses of example.com."""
    brevo.quirks.example_addresses_refused = True
    return make_pipeline(attributes={**SETTINGS["attributes"], "mobile": "SMS", "born": "BORN"})


def test_half_of_a_batch_has_a_refused_number_and_all_are_subscribed(pipeline: Pipeline, brevo: Sandbox) -> None:
    refused = set()
    for number in range(120):
        mobile = {"attributes": {"mobile": f"12-{number}"}} if number % 2 else {}
        key = pipeline.subscribe(f"user-{number}", "daily", first_name="Anna", **mobile)
        refused |= {key} if mobile else set()
    with pipeline.requests() as requests:
        outcomes = pipeline.work()

    assert [contact["listIds"] for contact in brevo.contacts()] == [[3]] * 120
    assert {contact["attributes"]["FIRSTNAME"] for contact in brevo.contacts()} == {"Anna"}  # type: ignore[index]
    assert outcomes.dead.keys() == refused
    assert {type(error) for error in outcomes.dead.values()} == {RejectedNumberError}
    assert len(requests) < 60 * 2 + 20


def test_a_refused_address_holds_nothing_back_but_the_event_that_brought_it(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.work()
    joined, left = pipeline.subscribe("anna", "weekly"), pipeline.unsubscribe("anna", "daily")
    refused = pipeline.update("anna", email=REFUSED)
    renamed = pipeline.update("anna", first_name="Annette", attributes={"mobile": "+4915123456789"})
    outcomes = pipeline.work_once()

    held = pipeline.held("anna")
    assert (held["email"], held["listIds"]) == (address_of("anna"), [5])
    assert (held["attributes"]["FIRSTNAME"], held["attributes"]["SMS"]) == ("Annette", "4915123456789")
    assert {key: type(error) for key, error in outcomes.dead.items()} == {refused: RejectedAddressError}
    assert set(outcomes.done) == {joined, left, renamed}
    with pipeline.requests() as requests:
        pipeline.work()
    assert requests == []


def test_a_sign_up_that_brings_a_refused_address_subscribes_no_earlier_one(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    refused = pipeline.subscribe("anna", "weekly", email=REFUSED)

    assert pipeline.work_once().dead.keys() == {refused}
    assert (pipeline.held("anna")["email"], pipeline.lists("anna")) == (address_of("anna"), {3})


def test_a_refused_address_and_a_refused_number_are_is_attributed_to_their_event(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    moved, called = pipeline.update("anna", email=REFUSED), pipeline.update("anna", attributes={"mobile": "12-3"})
    renamed = pipeline.update("anna", first_name="Annette")
    outcomes = pipeline.work_once()

    assert pipeline.held("anna")["attributes"]["FIRSTNAME"] == "Annette"
    assert outcomes.dead.keys() == {moved, called}
    assert set(outcomes.done) == {renamed}


def test_an_address_that_moves_without_a_refused_number_keeps_its_block(pipeline: Pipeline, brevo: Sandbox) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    brevo.act("complain", address_of("anna"))
    pipeline.update("anna", email="anna.new@portal.org")
    called = pipeline.update("anna", attributes={"mobile": "12-3"})

    assert pipeline.work_once().dead.keys() == {called}
    held = pipeline.held("anna")
    assert (held["email"], held["emailBlacklisted"]) == ("anna.new@portal.org", True)


@pytest.mark.parametrize("act", ["bounce", "unsubscribe"])
def test_a_refused_address_lifts_no_block_of_the_address_before(pipeline: Pipeline, brevo: Sandbox, act: str) -> None:
    pipeline.subscribe("anna", "daily")
    pipeline.work()
    brevo.act(act, address_of("anna"))
    weekly = pipeline.subscribe("anna", "weekly")
    refused = pipeline.subscribe("anna", "daily", email=REFUSED)
    renamed = pipeline.update("anna", first_name="Annette")
    outcomes = pipeline.work_once()

    held = pipeline.held("anna")
    assert (held["email"], held["emailBlacklisted"]) == (address_of("anna"), True)
    assert held["attributes"]["FIRSTNAME"] == "Annette"
    assert (set(outcomes.dead), set(outcomes.done)) == ({weekly, refused}, {renamed}), "no newsletter reaches them"


def test_a_batch_with_numbers_deletes_nobody_who_has_one_of_them(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.request("POST", "/contacts", {"email": "zoe@elsewhere.org", "attributes": {"SMS": "4915123456703"}})
    for number in range(80):
        pipeline.subscribe(f"user-{number}", attributes={"mobile": f"+49151234567{number:02}"} if number < 10 else {})
    with pipeline.requests() as requests:
        outcomes = pipeline.work()

    assert len(outcomes.dead) == 1
    assert len(brevo.contacts()) == 81
    assert "zoe@elsewhere.org" in {contact["email"] for contact in brevo.contacts()}
    assert requests.count("POST /v3/contacts/import") == 1
    assert requests.count("POST /v3/contacts") == 10 + 1


@pytest.mark.parametrize("named", ["exactly", "together", "in_words"])
@pytest.mark.parametrize("known", [True, False])
def test_a_number_that_another_contact_has_is_named_whatever_brevo_names_beside_it(
    pipeline: Pipeline, brevo: Sandbox, *, named: str, known: bool
) -> None:
    brevo.quirks.duplicates_named = named  # type: ignore[assignment]
    brevo.request("POST", "/contacts", {"email": "bert@elsewhere.org", "attributes": {"SMS": "4915123456789"}})
    if known:
        pipeline.subscribe("anna", "weekly")
        pipeline.work()
    refused = pipeline.subscribe("anna", "daily", first_name="Anna", attributes={"mobile": "+4915123456789"})
    outcomes = pipeline.work_once()

    assert {key: type(error) for key, error in outcomes.dead.items()} == {refused: RejectedNumberError}
    assert outcomes.waiting == {}
    held = pipeline.held("anna")
    assert (3 in held["listIds"], held["attributes"]["FIRSTNAME"]) == (True, "Anna")


@pytest.mark.parametrize("named", ["exactly", "together", "in_words"])
def test_an_ext_id_that_another_contact_has_is_named_although_a_number_is_named_beside_it(
    pipeline: Pipeline, brevo: Sandbox, named: str
) -> None:
    brevo.quirks.duplicates_named = named  # type: ignore[assignment]
    brevo.request("POST", "/contacts", {"email": "bert@elsewhere.org", "ext_id": "anna"})
    refused = pipeline.subscribe("anna", "daily", attributes={"mobile": "+4915123456789"})

    assert {key: type(error) for key, error in pipeline.work_once().dead.items()} == {refused: ForeignContactError}


@pytest.mark.parametrize("null", [True, False])
def test_an_erasure_whose_number_no_empty_text_clears_tries_null_and_names_what_is_left(
    pipeline: Pipeline, brevo: Sandbox, *, null: bool
) -> None:
    pipeline.subscribe("anna", "daily", first_name="Anna", attributes={"mobile": "+4915123456789"})
    pipeline.work()
    brevo.edit(pipeline.held("anna")["email"], {"attributes": {"HOBBY": "chess"}, "listIds": [9]})
    brevo.quirks.empty_number_refused, brevo.quirks.null_clears = True, null
    brevo.quirks.example_addresses_refused = False
    erased = pipeline.anonymize("anna")
    outcomes = pipeline.work_once()

    (held,) = brevo.contacts()
    assert not {"Anna", "chess"} & set(held["attributes"].values())  # type: ignore[attr-defined]
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)
    assert "anna" not in str(held)
    assert ("SMS" in held["attributes"]) is not null  # type: ignore[operator]
    assert (erased in outcomes.dead) is not null
    if not null:
        assert "SMS" in str(outcomes.dead[erased])


def test_an_erasure_whose_new_address_is_refused_leaves_no_name(make_pipeline: MakePipeline, brevo: Sandbox) -> None:
    pipeline = make_pipeline(anonymize={"email": "deleted-{token}@deleted.example.com"})
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.work()
    brevo.edit(pipeline.held("anna")["email"], {"attributes": {"HOBBY": "chess"}})
    brevo.quirks.example_addresses_refused = True
    erased = pipeline.anonymize("anna")
    outcomes = pipeline.work_once()

    (held,) = brevo.contacts()
    assert not {"Anna", "chess"} & set(held["attributes"].values())  # type: ignore[attr-defined]
    assert (held["listIds"], held["emailBlacklisted"]) == ([], True)
    assert "address" in str(outcomes.dead[erased])


def test_an_address_whose_letters_brevo_refuses_is_shown_to_a_person(pipeline: Pipeline) -> None:
    refused = pipeline.subscribe("zoe", email="zoë@portal.org")
    assert pipeline.work().dead.keys() == {refused}
    assert pipeline.brevo.contacts() == []
