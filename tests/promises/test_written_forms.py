"""One person has many spellings: the pipeline and Brevo must agree that it is one."""

from typing import Any

from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline

UNICODE, PUNYCODE = "anna@m\u00fcnchen.de", "anna@xn--mnchen-3ya.de"


def email_of(contact: Any) -> str:  # noqa: ANN401 - as the sandbox shows it
    return str(contact["email"])


def test_a_domain_beyond_ascii_reaches_brevo_as_punycode(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", email=UNICODE)
    pipeline.work()
    assert pipeline.held("anna")["email"] == PUNYCODE
    assert pipeline.letters() == []


def test_a_contact_that_brevo_has_with_its_letters_is_found_and_no_second_one_made(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    (known,) = brevo.add_contacts([{"email": UNICODE, "attributes": {}, "listIds": [5]}])
    pipeline.subscribe("anna", email=PUNYCODE)
    pipeline.work()
    assert (pipeline.held("anna")["id"], len(brevo.contacts())) == (known, 1)
    assert pipeline.lists("anna") == {3, 5}


def test_an_erasure_finds_the_contact_in_either_form(pipeline: Pipeline, brevo: Sandbox) -> None:
    for form, reported in ((UNICODE, PUNYCODE), ("bea@xn--strae-oqa.de", "bea@stra\u00dfe.de")):
        (known,) = brevo.add_contacts([{"email": form, "attributes": {}, "listIds": [5]}])
        pipeline.anonymize(reported[:3], email=reported)
        pipeline.work()
        assert email_of(brevo.contact(known)).startswith("deleted-")


def test_a_change_to_an_address_that_a_contact_has_in_its_other_form_takes_that_contact_over(
    pipeline: Pipeline, brevo: Sandbox
) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    (known,) = brevo.add_contacts([{"email": UNICODE, "attributes": {}, "listIds": [5]}])
    pipeline.update("anna", email=PUNYCODE)
    pipeline.work()
    assert pipeline.held("anna")["id"] == known
    assert sorted(email_of(contact)[:5] for contact in brevo.contacts()) == ["anna@", "delet"]


def test_an_erasure_with_invisible_characters_around_erases_the_person(pipeline: Pipeline) -> None:
    pipeline.subscribe("zo\u00eb", email="zoe@portal.org")
    pipeline.work()
    pipeline.anonymize("\ufeffzoe\u0308\u200b")
    pipeline.work()
    (held,) = pipeline.brevo.contacts()
    assert email_of(held).startswith("deleted-")
