"""Creating, changing, showing and deleting single contacts."""

from typing import Any, Literal

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.sandbox_clock import Clock

BERT = {"email": "Bert@Portal.org", "ext_id": "u-2", "attributes": {"FIRSTNAME": "Bert"}, "listIds": [3, 5]}
TAKEN = {"duplicate_identifiers": ["email"]}


@pytest.mark.parametrize(
    ("shown", "field", "attribute"), [("attribute", None, "u-2"), ("field", "u-2", None), ("nowhere", None, None)]
)
def test_an_ext_id_is_shown_in_one_of_three_ways(
    brevo: Sandbox, shown: Literal["attribute", "field", "nowhere"], field: str | None, attribute: str | None
) -> None:
    brevo.quirks.ext_id_shown = shown
    brevo.request("POST", "/contacts", BERT)
    contacts: Any = [
        brevo.request("GET", "/contacts/1").json(),
        brevo.request("GET", "/contacts/u-2", identifierType="ext_id").json(),
        *brevo.request("GET", "/contacts").json()["contacts"],  # type: ignore[index]
    ]
    assert [(one.get("ext_id"), one["attributes"].get("EXT_ID")) for one in contacts] == [(field, attribute)] * 3


def test_a_created_contact_is_shown_with_its_address_in_lower_case(brevo: Sandbox) -> None:
    created = brevo.request("POST", "/contacts", BERT)
    shown = brevo.request("GET", "/contacts/1").json()

    assert (created.status, created.json()) == (201, {"id": 1})
    assert shown == {
        "email": "bert@portal.org",
        "id": 1,
        "emailBlacklisted": False,
        "smsBlacklisted": False,
        "whatsappBlacklisted": False,
        "createdAt": "2027-01-15T08:00:00.000Z",
        "modifiedAt": "2027-01-15T08:00:00.000Z",
        "listIds": [3, 5],
        "listUnsubscribed": [],
        "attributes": {"FIRSTNAME": "Bert", "EXT_ID": "u-2"},
        "statistics": {},
    }


def test_updating_through_a_create_answers_204_without_a_body(brevo: Sandbox, anna: int) -> None:
    reply = brevo.request("POST", "/contacts", {"email": "ANNA@portal.org", "listIds": [5], "updateEnabled": True})

    assert (reply.status, reply.body) == (204, b"")
    assert brevo.contact(anna)["listIds"] == [3, 5]


@pytest.mark.parametrize("status", [200, 201])
def test_updating_through_a_create_shows_the_id_when_asked(brevo: Sandbox, anna: int, status: int) -> None:
    brevo.quirks.get_id_status_on_update = status  # type: ignore[assignment]

    reply = brevo.request("POST", "/contacts", {"email": "anna@portal.org", "updateEnabled": True, "getId": True})

    assert (reply.status, reply.json()) == (status, {"id": anna})


@pytest.mark.parametrize("code", ["duplicate_parameter", "invalid_parameter"])
def test_creating_an_address_again_is_refused_word_for_word(brevo: Sandbox, anna: int, code: str) -> None:
    brevo.quirks.duplicate_code_on_create = code  # type: ignore[assignment]

    reply = brevo.request("POST", "/contacts", {"email": "anna@portal.org"})

    message = "Unable to create contact, email is already associated with another Contact"
    assert (reply.status, reply.json()) == (400, {"code": code, "message": message, "metadata": TAKEN})
    assert brevo.contact(anna)["ext_id"] == "u-1"


def test_changing_to_a_taken_address_is_refused_word_for_word(brevo: Sandbox, anna: int) -> None:
    brevo.request("POST", "/contacts", BERT)

    reply = brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"EMAIL": "bert@PORTAL.org"}, "listIds": [5]})

    message = "Unable to update contact, email is already associated with another Contact"
    assert (reply.status, reply.json()) == (400, {"code": "invalid_parameter", "message": message, "metadata": TAKEN})
    assert brevo.contact(anna)["listIds"] == [3]


@pytest.mark.parametrize(
    ("body", "kind"),
    [({"ext_id": "u-1"}, "ext_id"), ({"attributes": {"SMS": "+491701234567"}}, "SMS")],
)
def test_an_upsert_whose_other_identifier_sits_elsewhere_names_it(
    brevo: Sandbox, anna: int, body: dict[str, object], kind: str
) -> None:
    brevo.edit(anna, {"attributes": {"SMS": "00491701234567"}})
    brevo.quirks.duplicates_named = "exactly"

    reply = brevo.request("POST", "/contacts", {"email": "new@portal.org", "updateEnabled": True, **body})

    assert reply.status == 400
    assert reply.json()["metadata"] == {"duplicate_identifiers": [kind]}  # type: ignore[index]


@pytest.mark.parametrize(
    ("named", "metadata"), [("together", {"duplicate_identifiers": ["SMS", "ext_id"]}), ("in_words", None)]
)
def test_a_number_that_another_contact_has_may_be_named_together_with_the_ext_id(
    brevo: Sandbox, anna: int, named: str, metadata: object
) -> None:
    brevo.edit(anna, {"attributes": {"SMS": "00491701234567"}})
    brevo.quirks.duplicates_named = named  # type: ignore[assignment]

    reply = brevo.request("POST", "/contacts", {"email": "new@portal.org", "attributes": {"SMS": "+491701234567"}})

    reported = reply.json()
    assert isinstance(reported, dict)
    assert "SMS or EXT_ID are already associated" in reported["message"]
    assert reported.get("metadata") == metadata


def test_a_put_does_any_mixture_at_once(brevo: Sandbox, anna: int) -> None:
    change = {
        "attributes": {"EMAIL": "anna@elsewhere.org", "LASTNAME": "Ash", "DAILY_UNSUBSCRIBED": True},
        "ext_id": "u-9",
        "smsBlacklisted": True,
        "listIds": [5],
        "unlinkListIds": [3],
    }

    assert brevo.request("PUT", f"/contacts/{anna}", change).status == 204

    contact = brevo.contact("anna@elsewhere.org")
    assert contact["attributes"] == {"FIRSTNAME": "Anna", "LASTNAME": "Ash", "DAILY_UNSUBSCRIBED": True}
    assert (contact["id"], contact["ext_id"], contact["listIds"]) == (anna, "u-9", [5])
    assert contact["smsBlacklisted"] is True


def test_unknown_attributes_and_values_of_the_wrong_type_are_ignored_without_a_word(brevo: Sandbox, anna: int) -> None:
    values = {"NOPE": "x", "firstname": "x", "FIRSTNAME": 7, "BORN": "soon", "VISITS": "3", "DAILY_UNSUBSCRIBED": "yes"}

    reply = brevo.request("PUT", f"/contacts/{anna}", {"attributes": values})

    assert reply.status == 204
    assert brevo.contact(anna)["attributes"] == {"FIRSTNAME": "Anna"}


def test_an_empty_string_clears_an_attribute(brevo: Sandbox, anna: int) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": "", "VISITS": 2, "BORN": "1990-05-01"}})

    assert brevo.contact(anna)["attributes"] == {"VISITS": 2, "BORN": "1990-05-01"}


@pytest.mark.parametrize(("clears", "left"), [(True, {}), (False, {"FIRSTNAME": "Anna"})])
def test_null_clears_an_attribute_or_not(brevo: Sandbox, anna: int, clears: bool, left: dict[str, str]) -> None:  # noqa: FBT001
    brevo.quirks.null_clears = clears

    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": None}})

    assert brevo.contact(anna)["attributes"] == left


def test_a_phone_number_is_kept_as_digits_and_checked(brevo: Sandbox, anna: int) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"SMS": "+491701234567"}})
    reply = brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"SMS": "DELETED"}})

    assert reply.status == 400
    assert brevo.contact(anna)["attributes"] == {"FIRSTNAME": "Anna", "SMS": "491701234567"}
    assert brevo.request("GET", "/contacts/491701234567", identifierType="phone_id").status == 200


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [("1", "contact_id"), ("anna%40portal.org", "email_id"), ("u-1", "ext_id"), ("1", None), ("Anna@Portal.org", None)],
)
def test_a_contact_is_found_by_each_identifier(brevo: Sandbox, anna: int, identifier: str, kind: str | None) -> None:
    reply = brevo.request("GET", f"/contacts/{identifier}", **({"identifierType": kind} if kind else {}))

    assert reply.json()["id"] == anna  # type: ignore[index]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_missing_contact_is_reported_word_for_word(brevo: Sandbox, method: str) -> None:
    reply = brevo.request(method, "/contacts/77", {} if method == "PUT" else None)

    assert (reply.status, reply.json()) == (
        404,
        {"code": "document_not_found", "message": "Contact does not exist"},
    )


def test_a_wrong_path_is_reported_word_for_word_and_so_is_the_retired_batch(brevo: Sandbox) -> None:
    wrong, batch = brevo.request("GET", "/nowhere"), brevo.request("POST", "/contacts/batch", {"contacts": []})

    assert wrong.status == batch.status == 404
    assert wrong.json() == batch.json() == {"code": "not_found", "message": "Invalid route/ method passed"}


@pytest.mark.parametrize("ending", ["zip", "old", "back", "tar"])
def test_an_address_in_a_path_meets_the_firewall(brevo: Sandbox, ending: str) -> None:
    reply = brevo.request("GET", f"/contacts/anna%40portal.{ending}")

    assert reply.status == 403
    assert reply.body.startswith(b"<html>")


def test_an_address_in_a_body_does_not_meet_the_firewall(brevo: Sandbox) -> None:
    assert brevo.request("POST", "/contacts", {"email": "anna@portal.zip"}).status == 201


@pytest.mark.parametrize("address", ["anna", "anna@portal", "a b@portal.org", 7, ""])
def test_a_malformed_address_is_refused_word_for_word(brevo: Sandbox, address: object) -> None:
    reply = brevo.request("POST", "/contacts", {"email": address})

    assert (reply.status, reply.json()) == (400, {"code": "invalid_parameter", "message": "Invalid email address"})


@pytest.mark.parametrize(("refused", "status"), [(True, 400), (False, 201)])
@pytest.mark.parametrize("address", ["anna@example.com", "anna@mail.example.org", "anna@portal.invalid"])
def test_example_addresses_are_refused_or_not(brevo: Sandbox, address: str, refused: bool, status: int) -> None:  # noqa: FBT001
    brevo.quirks.example_addresses_refused = refused

    assert brevo.request("POST", "/contacts", {"email": address}).status == status


@pytest.mark.parametrize(("refused", "status"), [(True, 400), (False, 201)])
@pytest.mark.parametrize(
    ("quirk", "address"),
    [("unicode_domains_refused", "anna@bücher.org"), ("unicode_local_parts_refused", "zoë@portal.org")],
)
def test_letters_beyond_ascii_are_refused_or_not(
    brevo: Sandbox, *, quirk: str, address: str, refused: bool, status: int
) -> None:
    setattr(brevo.quirks, quirk, refused)

    assert brevo.request("POST", "/contacts", {"email": address}).status == status


@pytest.mark.parametrize(("finds", "status"), [(True, 200), (False, 404)])
@pytest.mark.parametrize(
    ("quirk", "path", "kind"),
    [("address_look_finds", "bert@portal.org", "email_id"), ("ext_id_look_finds", "u-2", "ext_id")],
)
def test_a_look_finds_a_contact_or_not(
    brevo: Sandbox, *, quirk: str, path: str, kind: str, finds: bool, status: int
) -> None:
    setattr(brevo.quirks, quirk, finds)
    brevo.request("POST", "/contacts", BERT)

    assert brevo.request("GET", f"/contacts/{path}", identifierType=kind).status == status


@pytest.mark.parametrize("clears", [True, False])
def test_an_empty_text_clears_a_text_or_not(brevo: Sandbox, anna: int, *, clears: bool) -> None:
    brevo.quirks.empty_clears_texts = clears
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": ""}})

    assert brevo.contact(anna)["attributes"] == ({} if clears else {"FIRSTNAME": "Anna"})


@pytest.mark.parametrize(
    "body",
    [
        {"attributes": []},
        {"emailBlacklisted": "yes"},
        {"listIds": 3},
        {"listIds": [99]},
        {"unlinkListIds": ["3"]},
        {"ext_id": 7},
        {"attributes": {"EMAIL": "nonsense"}},
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(
    brevo: Sandbox, anna: int, body: dict[str, object]
) -> None:
    before = brevo.contact(anna)

    assert brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"LASTNAME": "x"}, **body}).status == 400
    assert brevo.contact(anna) == before


def test_a_body_that_is_no_json_object_is_refused(brevo: Sandbox) -> None:
    assert brevo.handle("POST", "/v3/contacts", body=b"{", key="k").status == 400
    assert brevo.handle("POST", "/v3/contacts", body=b"[]", key="k").status == 400


def test_a_contact_needs_an_identifier_and_may_have_no_address(brevo: Sandbox) -> None:
    nothing = brevo.request("POST", "/contacts", {"attributes": {"FIRSTNAME": "Anna"}})
    only_ext_id = brevo.request("POST", "/contacts", {"ext_id": "u-7"})

    assert (nothing.status, only_ext_id.status) == (400, 201)
    assert "email" not in brevo.contact(1)


def test_a_deleted_contact_takes_the_memory_of_its_opt_out_along(brevo: Sandbox, anna: int) -> None:
    brevo.act("unsubscribe", anna)

    assert brevo.request("DELETE", f"/contacts/{anna}").status == 204
    again = brevo.request("POST", "/contacts", {"email": "anna@portal.org", "ext_id": "u-1"})

    assert again.json() == {"id": anna + 1}
    assert brevo.contact("anna@portal.org")["emailBlacklisted"] is False


def test_the_owner_of_the_account_cannot_be_deleted(brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": "owner@sandbox.example"}])

    assert brevo.request("DELETE", "/contacts/1").status == 405


def test_a_contact_written_again_too_soon_is_refused_with_425_where_that_is_played(
    brevo: Sandbox, anna: int, clock: Clock
) -> None:
    brevo.quirks.too_early_seconds = 2
    early = brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": "Ann"}})
    clock.pass_seconds(2)
    later = brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": "Ann"}})

    assert (early.status, later.status) == (425, 204)


def test_statistics_may_be_left_out(brevo: Sandbox, anna: int) -> None:
    brevo.quirks.statistics_left_out = True

    assert "statistics" not in brevo.request("GET", f"/contacts/{anna}").json()  # type: ignore[operator]


def test_no_key_and_a_wrong_key_are_refused_word_for_word(brevo: Sandbox) -> None:
    brevo.settings.accepted_keys = frozenset({"good"})
    without, wrong = brevo.request("GET", "/account", key=None), brevo.request("GET", "/account", key="bad")

    assert (without.status, wrong.status) == (401, 401)
    assert without.json() == {"message": "authentication not found in headers", "code": "unauthorized"}
    assert wrong.json() == {"code": "unauthorized", "message": "Key not found"}
    assert brevo.request("GET", "/account", key="good").status == 200
