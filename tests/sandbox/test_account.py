"""The account itself, its attributes and its webhooks."""

import pytest

from sync_tasks.sandbox import Sandbox

HOOK = {"url": "https://portal.org/brevo", "events": ["unsubscribed", "contactUpdated"], "type": "marketing"}


def test_the_account_is_shown(brevo: Sandbox) -> None:
    assert brevo.request("GET", "/account").json()["email"] == "owner@sandbox.example"  # type: ignore[index]


def test_attributes_are_shown_with_their_types(brevo: Sandbox) -> None:
    shown = brevo.request("GET", "/contacts/attributes").json()["attributes"]  # type: ignore[index]

    assert {each["name"]: each["type"] for each in shown} == {
        "FIRSTNAME": "text",
        "LASTNAME": "text",
        "SMS": "text",
        "DAILY_UNSUBSCRIBED": "boolean",
        "BORN": "date",
        "VISITS": "float",
    }


def test_a_created_attribute_takes_values(brevo: Sandbox, anna: int) -> None:
    town = brevo.request("POST", "/contacts/attributes/normal/town", {"type": "text"})
    options = {"type": "multiple-choice", "multiCategoryOptions": ["tea", "coffee"]}
    brevo.request("POST", "/contacts/attributes/normal/DRINKS", options)
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"TOWN": "Ulm", "DRINKS": ["tea"]}})
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"DRINKS": ["mud"]}})

    assert (town.status, town.body) == (201, b"")
    assert brevo.contact(anna)["attributes"] == {"FIRSTNAME": "Anna", "TOWN": "Ulm", "DRINKS": ["tea"]}
    assert brevo.request("GET", "/contacts/attributes").status == 200


def test_a_deleted_attribute_is_gone_from_every_contact(brevo: Sandbox, anna: int) -> None:
    deleted = brevo.request("DELETE", "/contacts/attributes/normal/FIRSTNAME")
    again = brevo.request("DELETE", "/contacts/attributes/normal/FIRSTNAME")

    assert (deleted.status, again.status, brevo.contact(anna)["attributes"]) == (204, 404, {})


@pytest.mark.parametrize("path", ["normal/FIRSTNAME", "unexpected/TOWN"])
def test_an_attribute_that_makes_no_sense_is_refused(brevo: Sandbox, path: str) -> None:
    assert brevo.request("POST", f"/contacts/attributes/{path}", {"type": "text"}).status == 400
    assert brevo.request("POST", "/contacts/attributes/normal/TOWN", {"type": "colour"}).status == 400


def test_a_webhook_is_created_shown_changed_and_deleted(brevo: Sandbox) -> None:
    created = brevo.request("POST", "/webhooks", {**HOOK, "auth": {"type": "bearer", "token": "t"}, "batched": True})
    changed = brevo.request("PUT", "/webhooks/1", {"events": ["spam"]})
    shown = brevo.request("GET", "/webhooks/1").json()
    deleted = brevo.request("DELETE", "/webhooks/1")

    assert (created.status, created.json(), changed.status, deleted.status) == (201, {"id": 1}, 204, 204)
    assert (shown["events"], shown["url"], shown["batched"]) == (["spam"], HOOK["url"], True)  # type: ignore[index]
    assert brevo.request("GET", "/webhooks/1").status == 404


def test_webhooks_are_transactional_unless_asked_otherwise(brevo: Sandbox) -> None:
    brevo.request("POST", "/webhooks", HOOK)
    brevo.request("POST", "/webhooks", {"url": HOOK["url"], "events": ["delivered"]})

    by_default = brevo.request("GET", "/webhooks").json()["webhooks"]  # type: ignore[index]
    marketing = brevo.request("GET", "/webhooks", type="marketing", sort="asc").json()["webhooks"]  # type: ignore[index]

    assert [each["id"] for each in by_default] == [2]
    assert [each["id"] for each in marketing] == [1]


@pytest.mark.parametrize(
    "body",
    [
        {"events": ["spam"]},
        {"url": "https://portal.org"},
        {"url": "portal.org", "events": ["spam"]},
        {**HOOK, "type": "transactional"},
        {**HOOK, "type": "strange"},
        {**HOOK, "type": "inbound"},
        {"url": HOOK["url"], "type": "inbound", "events": ["inboundEmailProcessed"]},
    ],
)
def test_a_webhook_that_makes_no_sense_is_refused(brevo: Sandbox, body: dict[str, object]) -> None:
    assert brevo.request("POST", "/webhooks", body).status == 400


def test_webhooks_may_wait_for_mails_and_short_messages_that_come_in(brevo: Sandbox) -> None:
    mails = {"url": HOOK["url"], "type": "inbound", "events": ["inboundEmailProcessed"], "domain": "portal.org"}
    replies = {**HOOK, "channel": "sms", "events": ["reply"]}

    assert [brevo.request("POST", "/webhooks", hook).status for hook in (mails, replies)] == [201, 201]
    shown = brevo.request("GET", "/webhooks", type="inbound").json()["webhooks"]  # type: ignore[index]
    assert [each["domain"] for each in shown] == ["portal.org"]
