"""Which values, addresses and bodies the sandbox takes, how it keeps them, and what it refuses word for word."""

from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.sandbox_clock import Clock

KEPT = {
    "as_sent": {"SMS": "+491701234567", "BORN": "1815-12-10", "VISITS": 7, "LASTNAME": " Ash ", "GENDER": "Women"},
    "phones_as_digits": {
        "SMS": "491701234567",
        "BORN": "1815-12-10",
        "VISITS": 7,
        "LASTNAME": " Ash ",
        "GENDER": "Women",
    },
    "otherwise": {
        "SMS": "491701234567",
        "BORN": "1815-12-10T00:00:00.000Z",
        "VISITS": "7",
        "LASTNAME": "Ash",
        "GENDER": 2,
    },
}


def ask(brevo: Sandbox, path: str) -> Any:  # noqa: ANN401
    return brevo.request("GET", path).json()


@pytest.mark.parametrize("kept", KEPT)
def test_values_are_kept_in_one_of_three_ways(brevo: Sandbox, anna: int, kept: Any) -> None:  # noqa: ANN401
    brevo.quirks.values_kept = kept
    brevo.account.attributes["GENDER"].options[:] = ["Men", "Women"]
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {**KEPT["as_sent"], "DAILY_UNSUBSCRIBED": True}})

    shown: Any = brevo.contact(anna)["attributes"]
    assert shown == {"FIRSTNAME": "Anna", **KEPT[kept], "DAILY_UNSUBSCRIBED": True}


@pytest.fixture(autouse=True)
def _gender(brevo: Sandbox) -> None:
    brevo.request("POST", "/contacts/attributes/category/gender", {"type": "text"})


def test_attributes_are_shown_with_category_and_choices(brevo: Sandbox) -> None:
    brevo.account.attributes["GENDER"].options[:] = ["Men", "Women"]
    drinks = {"type": "multiple-choice", "multiCategoryOptions": ["tea"]}
    brevo.request("POST", "/contacts/attributes/normal/DRINKS", drinks)

    shown = {row.pop("name"): row for row in ask(brevo, "/contacts/attributes")["attributes"]}
    choices = [{"value": 1, "label": "Men"}, {"value": 2, "label": "Women"}]
    assert shown["GENDER"] == {"category": "category", "type": "text", "enumeration": choices}
    assert shown["DRINKS"] == {"category": "normal", "type": "multiple-choice", "multiCategoryOptions": ["tea"]}
    assert shown["BORN"] == {"category": "normal", "type": "date"}


@pytest.mark.parametrize(
    ("name", "good", "ignored"),
    [
        ("GENDER", ["Men", "Women", "1", "2"], ["men", "0", "3"]),
        ("BORN", ["1815-12-10"], ["10.12.1815", "1815-13-01", 1815]),
        ("VISITS", [0, 7, 1.5, -1], [True, "7"]),
        ("DAILY_UNSUBSCRIBED", [True, False], ["true", 1, 0]),
        ("LASTNAME", ["x", " "], [1, True, ["x"]]),
        ("DRINKS", [["tea"], ["tea", "milk"], []], [["mud"], ["tea", "mud"], "tea"]),
    ],
)
def test_a_value_of_another_type_is_ignored_without_a_word(
    brevo: Sandbox, anna: int, name: str, good: list[object], ignored: list[object]
) -> None:
    brevo.account.attributes["GENDER"].options[:] = ["Men", "Women"]
    drinks = {"type": "multiple-choice", "multiCategoryOptions": ["tea", "milk"]}
    brevo.request("POST", "/contacts/attributes/normal/DRINKS", drinks)
    for value in good:
        for other in ignored:
            for sent in (value, other):
                assert brevo.request("PUT", f"/contacts/{anna}", {"attributes": {name: sent}}).status == 204
            held: Any = brevo.contact(anna)["attributes"]
            assert (held[name], type(held[name])) == (value, type(value))


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("+491701234567", "491701234567"),
        ("00491701234567", "491701234567"),
        ("491701234567", "491701234567"),
        ("123456", "123456"),
        ("123456789012345", "123456789012345"),
        ("12345", None),
        ("1234567890123456", None),
        ("0170123456", None),
        ("+0170123456", None),
        ("+49 170 1234567", None),
        ("", None),
    ],
)
def test_a_telephone_number_is_kept_as_digits_or_refused(
    brevo: Sandbox, anna: int, number: str, kept: str | None
) -> None:
    reply = brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"SMS": number, "FIRSTNAME": "B"}})

    held: Any = brevo.contact(anna)["attributes"]
    assert (reply.status, held) == ((204, {"FIRSTNAME": "B", "SMS": kept}) if kept else (400, {"FIRSTNAME": "Anna"}))
    if not kept:
        assert reply.json() == {"code": "invalid_parameter", "message": "Invalid phone number"}


@pytest.mark.parametrize(("checked", "held"), [(True, "Anna"), (False, "B")])
def test_a_wrong_number_is_refused_or_kept_as_it_is(brevo: Sandbox, anna: int, *, checked: bool, held: str) -> None:
    brevo.quirks.phone_numbers_checked = checked
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": "B", "SMS": "none"}})

    attributes: Any = brevo.contact(anna)["attributes"]
    assert (attributes["FIRSTNAME"], attributes.get("SMS")) == (held, None if checked else "none")


@pytest.mark.parametrize(
    ("sent", "texts", "everything", "null"), [("", True, False, False), (None, False, False, True)]
)
@pytest.mark.parametrize("name", ["FIRSTNAME", "BORN", "VISITS", "DAILY_UNSUBSCRIBED", "SMS"])
def test_an_empty_text_clears_texts_and_null_clears_all_as_the_account_has_it(
    brevo: Sandbox, anna: int, name: str, sent: object, *, texts: bool, everything: bool, null: bool
) -> None:
    held = {"FIRSTNAME": "B", "BORN": "1815-12-10", "VISITS": 7, "DAILY_UNSUBSCRIBED": True, "SMS": "4917012345"}
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": held})
    brevo.quirks.empty_clears_texts, brevo.quirks.empty_clears_all = texts, everything
    brevo.quirks.null_clears, brevo.quirks.empty_number_refused = null, False

    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {name: sent}})

    cleared = null or (texts and name in {"FIRSTNAME", "SMS"})
    assert brevo.contact(anna)["attributes"] == {
        key: value for key, value in held.items() if key != name or not cleared
    }


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("a@portal.org", 201),
        ("A@PORTAL.ORG", 201),
        ("a@example.com", 400),
        ("a@mail.example.net", 400),
        ("a@example.org", 400),
        ("a@deleted.invalid", 400),
        ("a@b.example", 400),
        ("a@example.de", 201),
        ("a@notexample.com", 201),
        ("a@müller.de", 400),
        ("jörg@portal.org", 400),
        ("a@portal", 400),
        ("a b@portal.org", 400),
        ("a@portal.o", 400),
        ("a;b@portal.org", 400),
        ("@portal.org", 400),
        ("a@@portal.org", 400),
        (7, 400),
    ],
)
def test_an_address_is_taken_or_refused(brevo: Sandbox, address: object, status: int) -> None:
    brevo.quirks.example_addresses_refused = True

    reply = brevo.request("POST", "/contacts", {"email": address})

    assert reply.status == status
    if status == 400:
        assert reply.json() == {"code": "invalid_parameter", "message": "Invalid email address"}
        assert brevo.contacts() == []
    brevo.quirks.example_addresses_refused = False
    assert brevo.request("POST", "/contacts", {"email": "b@mail.example.com"}).status == 201


@pytest.mark.parametrize("domains", [True, False])
@pytest.mark.parametrize("local", [True, False])
def test_letters_beyond_ascii_are_refused_on_each_side_of_the_at_by_a_quirk_of_its_own(
    brevo: Sandbox, *, domains: bool, local: bool
) -> None:
    brevo.quirks.unicode_domains_refused, brevo.quirks.unicode_local_parts_refused = domains, local
    statuses = [brevo.request("POST", "/contacts", {"email": one}).status for one in ("a@müller.de", "jörg@portal.org")]

    assert statuses == [400 if domains else 201, 400 if local else 201]


@pytest.mark.parametrize(
    "body",
    [
        {"attributes": []},
        {"ext_id": ""},
        {"ext_id": 7},
        {"listIds": 3},
        {"listIds": ["3"]},
        {"listIds": [True]},
        {"listIds": [3, 99]},
        {"unlinkListIds": [99]},
        {"emailBlacklisted": "true"},
        {"smsBlacklisted": 1},
    ],
)
def test_a_body_that_brevo_checks_is_refused_and_nothing_is_changed(
    brevo: Sandbox, anna: int, body: dict[str, object]
) -> None:
    before = brevo.contact(anna)
    reply = brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": "B"}, **body})

    answered: Any = reply.json()
    assert (reply.status, answered["code"]) == (400, "invalid_parameter")
    assert brevo.contact(anna) == before


@pytest.mark.parametrize(
    ("named", "message", "metadata"),
    [
        ("exactly", "SMS is already associated with another Contact", {"duplicate_identifiers": ["SMS"]}),
        (
            "together",
            "SMS or EXT_ID are already associated with another Contact",
            {"duplicate_identifiers": ["SMS", "ext_id"]},
        ),
        ("in_words", "SMS or EXT_ID are already associated with another Contact", None),
    ],
)
@pytest.mark.parametrize(("verb", "code"), [("create", "duplicate_parameter"), ("update", "invalid_parameter")])
def test_a_number_of_somebody_else_is_named_in_one_of_three_ways(  # noqa: PLR0917
    brevo: Sandbox,
    anna: int,
    named: Any,  # noqa: ANN401
    message: str,
    metadata: object,
    verb: str,
    code: str,
) -> None:
    brevo.quirks.duplicates_named = named
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"SMS": "491701234567"}})
    other = brevo.add_contacts([{"email": "bert@portal.org"}])[0]
    attributes = {"attributes": {"SMS": "+491701234567"}}
    if verb == "create":
        reply = brevo.request("POST", "/contacts", {"email": "c@portal.org", **attributes})
    else:
        reply = brevo.request("PUT", f"/contacts/{other}", attributes)

    answered: Any = reply.json()
    assert (reply.status, answered["code"], answered["message"]) == (400, code, f"Unable to {verb} contact, {message}")
    assert answered.get("metadata") == metadata


def test_a_contact_may_keep_what_is_its_own(brevo: Sandbox, anna: int) -> None:
    held = {"ext_id": "u-1", "attributes": {"EMAIL": "ANNA@portal.org", "SMS": "491701234567"}}

    assert [brevo.request("PUT", f"/contacts/{anna}", held).status for _ in range(2)] == [204, 204]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"attributes": {"FIRSTNAME": "B"}}, 400),
        ({"ext_id": "u-9"}, 201),
        ({"attributes": {"SMS": "491701234567"}}, 201),
        ({"attributes": {"EMAIL": "c@portal.org"}}, 201),
    ],
)
def test_a_contact_needs_an_identifier(brevo: Sandbox, body: dict[str, object], status: int) -> None:
    reply = brevo.request("POST", "/contacts", body)

    assert reply.status == status
    if status == 400:
        assert reply.json() == {"code": "missing_parameter", "message": "One of email, ext_id or SMS is required"}


def test_a_create_that_may_update_finds_by_address_ext_id_or_number_and_notes_whom(brevo: Sandbox, anna: int) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"SMS": "491701234567"}})
    for body in ({"email": "anna@portal.org"}, {"ext_id": "u-1"}, {"attributes": {"SMS": "+491701234567"}}):
        reply = brevo.request("POST", "/contacts", {**body, "updateEnabled": True, "getId": True})
        assert (reply.status, reply.json()) == (201, {"id": anna})
        assert brevo.journal.requests()[-1].contact_ids == [anna]
        assert brevo.request("POST", "/contacts", {**body, "updateEnabled": "true"}).status == 400
    assert len(brevo.contacts()) == 1


@pytest.mark.parametrize(("seconds", "status"), [(0.0, 425), (2.9, 425), (3.0, 204)])
def test_a_change_right_after_the_creation_may_be_too_early(
    brevo: Sandbox, anna: int, clock: Clock, seconds: float, status: int
) -> None:
    brevo.quirks.too_early_seconds = 3.0
    clock.pass_seconds(seconds)

    reply = brevo.request("PUT", f"/contacts/{anna}", {"listIds": [5]})

    assert (reply.status, brevo.contact(anna)["listIds"]) == (status, [3, 5] if status == 204 else [3])
