"""A body of unexpected types is refused like any other nonsense: no request ends in a 500."""

import pytest

from sync_tasks.sandbox import Sandbox

WEBHOOK = {"url": "https://portal.org/hook", "events": ["spam"]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/contacts/lists/5/contacts/add", {"emails": [["anna@portal.org"]]}),
        ("/contacts/lists/5/contacts/add", {"ids": [{}]}),
        ("/contacts/lists/3/contacts/remove", {"extIds": [[]]}),
        ("/contacts/lists/3/contacts/remove", {"all": "true"}),
        ("/contacts/lists", {"name": "monthly", "folderId": True}),
        ("/contacts/import", {"newList": {"listName": "new", "folderId": "x"}, "jsonBody": []}),
        ("/contacts/attributes/normal/CHOICE", {"type": "multiple-choice", "multiCategoryOptions": [{}]}),
        ("/webhooks", {**WEBHOOK, "type": ["marketing"]}),
        ("/webhooks", {**WEBHOOK, "events": [{}]}),
        ("/webhooks", {**WEBHOOK, "events": [["spam"]]}),
        ("/webhooks", {**WEBHOOK, "headers": ["X-Shared"]}),
    ],
)
def test_an_unexpected_type_is_refused(brevo: Sandbox, anna: int, path: str, body: object) -> None:
    assert brevo.request("POST", path, body).status == 400
    assert brevo.contact(anna)["listIds"] == [3]


def test_an_unexpected_type_is_refused_when_a_webhook_changes(brevo: Sandbox) -> None:
    brevo.request("POST", "/webhooks", WEBHOOK)

    assert brevo.request("PUT", "/webhooks/1", {"events": [{}]}).status == 400


def test_a_body_nested_too_deep_is_no_json_object(brevo: Sandbox) -> None:
    assert brevo.handle("POST", "/v3/contacts", body=b'{"a":' + b"[" * 100_000, key="key").status == 400


@pytest.mark.parametrize("digits", ["%C2%B2", "%D9%A3", "9" * 5000])
@pytest.mark.parametrize("path", ["contacts/lists", "contacts/folders", "processes", "webhooks"])
def test_digits_that_are_no_id_name_nothing(brevo: Sandbox, path: str, digits: str) -> None:
    assert brevo.handle("GET", f"/v3/{path}/{digits}", key="key").status == 404


@pytest.mark.parametrize("query", [{"limit": "²"}, {"offset": "9" * 5000}, {"listIds": "²"}])
def test_digits_that_are_no_number_are_refused_in_a_query(brevo: Sandbox, query: dict[str, str]) -> None:
    assert brevo.request("GET", "/contacts", **query).status == 400
