"""What the sandbox writes down: the journal of requests, the history of contacts, the outbox for webhooks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox, SandboxSettings
from tests.support.sandbox_clock import Clock


def test_the_journal_shows_each_request_without_its_query(brevo: Sandbox, anna: int, clock: Clock) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"listIds": [5]}, identifierType="contact_id")
    clock.pass_seconds(1)
    brevo.request("POST", "/contacts/lists/5/contacts/remove", {"ids": [anna, 77]})

    first, second = brevo.journal.requests()
    assert (first.number, first.method, first.path, first.status) == (1, "PUT", f"/v3/contacts/{anna}", 204)
    assert (second.number, second.time - first.time, second.status) == (2, 1, 201)
    assert first.contact_ids == second.contact_ids == [anna]


def test_the_history_shows_what_became_of_a_contact_and_through_which_request(brevo: Sandbox) -> None:
    brevo.request("POST", "/contacts", {"email": "anna@portal.org", "listIds": [3]})
    brevo.request("PUT", "/contacts/1", {"unlinkListIds": [3], "listIds": [5], "emailBlacklisted": True})
    brevo.request("PUT", "/contacts/1", {"attributes": {"EMAIL": "ann@portal.org"}, "listIds": [5]})
    brevo.act("unsubscribe", 1)
    brevo.request("DELETE", "/contacts/1")
    brevo.request("POST", "/contacts", {"email": "bert@portal.org"})

    assert [(entry.request, entry.what, entry.list_id) for entry in brevo.history.entries(1)] == [
        (1, "created", None),
        (1, "joined", 3),
        (2, "blocklisted", None),
        (2, "left", 3),
        (2, "joined", 5),
        (3, "address_changed", None),
        (3, "unblocklisted", None),
        (None, "blocklisted", None),
        (4, "deleted", None),
    ]
    assert len(brevo.history.entries()) == 10


def test_the_history_knows_that_a_late_effect_was_an_old_request(brevo: Sandbox, anna: int, clock: Clock) -> None:
    brevo.add_fault("late", count=1)
    brevo.request("PUT", f"/contacts/{anna}", {"listIds": [5]})
    brevo.request("GET", f"/contacts/{anna}")
    clock.pass_seconds(1)
    brevo.run_due()

    joined = list(brevo.history.entries(anna))[-1]
    assert (joined.what, joined.list_id, joined.request, joined.time) == ("joined", 5, 1, clock.now)


@pytest.mark.parametrize("kind", ["requests", "entries", "events"])
def test_records_can_be_read_while_requests_are_made(brevo: Sandbox, anna: int, kind: str) -> None:
    def change_address(number: int) -> None:
        brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"EMAIL": f"ann{number}@portal.org"}})

    change_address(0)
    records: dict[str, Callable[[], Sequence[object]]] = {
        "requests": brevo.journal.requests,
        "entries": brevo.history.entries,
        "events": brevo.outbox.events,
    }
    read = records[kind]
    for number, _one in enumerate(read(), start=1):
        change_address(number)

    assert len(read()) > number


@pytest.mark.parametrize("limit", [0, 2])
def test_records_are_bounded(settings: SandboxSettings, clock: Clock, limit: int) -> None:
    brevo = Sandbox(replace(settings, history_limit=limit, journal_limit=limit, outbox_limit=limit), clock)

    for number in range(5):
        brevo.request("POST", "/contacts", {"email": f"c{number}@portal.org", "listIds": [3]})

    counts = [
        sum(1 for _ in kept) for kept in (brevo.history.entries(), brevo.journal.requests(), brevo.outbox.events())
    ]
    assert counts == [limit] * 3
    assert brevo.journal.total == 5


def payloads(brevo: Sandbox) -> list[dict[str, Any]]:
    return [event.payload for event in brevo.outbox.events()]


def test_an_update_shows_the_changed_attributes_only_and_who_caused_it(brevo: Sandbox, anna: int) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"LASTNAME": "Ash"}})
    brevo.edit(anna, {"attributes": {"LASTNAME": "Oak"}})

    by_api, by_hand = payloads(brevo)[-2:]
    assert by_api["event"] == "contact_updated"
    assert by_api["content"] == [{"email": "anna@portal.org", "attributes": {"LASTNAME": "Ash"}}]
    assert (by_api["api_key_name"], by_hand["api_key_name"]) == ("sandbox key", "")
    assert "contact_id" not in by_api


def test_a_deletion_shows_the_address_in_an_array(brevo: Sandbox, anna: int) -> None:
    brevo.act("delete", anna)

    assert payloads(brevo)[-1]["event"] == "contact_deleted"
    assert payloads(brevo)[-1]["email"] == ["anna@portal.org"]


def test_joins_are_reported_and_leaves_are_not(brevo: Sandbox, anna: int) -> None:
    brevo.request("PUT", f"/contacts/{anna}", {"listIds": [5]})
    brevo.request("PUT", f"/contacts/{anna}", {"unlinkListIds": [3, 5]})

    assert [(each["event"], each["list_id"]) for each in payloads(brevo)] == [
        ("list_addition", [3]),
        ("list_addition", [5]),
    ]


@pytest.mark.parametrize(
    ("act", "kind", "names"),
    [
        ("unsubscribe", "unsubscribed", {"unsubscribed", "unsubscribe"}),
        ("bounce", "hardBounce", {"hard_bounced", "hard_bounce", "hardBounce"}),
        ("complain", "spam", {"spam", "complaint"}),
    ],
)
def test_opt_outs_go_by_several_names(brevo: Sandbox, anna: int, act: str, kind: str, names: set[str]) -> None:
    for _ in range(6):
        brevo.act(act, anna)

    reported = [event for event in brevo.outbox.events() if event.kind == kind]
    assert len(reported) == 6
    assert {event.payload["event"] for event in reported} == names
    assert {event.payload["email"] for event in reported} == {"anna@portal.org"}


def test_the_two_formats_of_an_unsubscription_differ_as_on_brevo(brevo: Sandbox, anna: int, clock: Clock) -> None:
    brevo.act("unsubscribe", anna)
    brevo.act("unsubscribe", anna)

    new, old = sorted(payloads(brevo)[-2:], key=lambda payload: "ts_event" in payload)
    assert (new["campaign_name"], new["list_id"], new["ts"]) == ("News", [3], clock.now)
    assert (old["campaign name"], old["ts_event"], old["ts"]) == ("News", clock.now, clock.now + 3600)


@pytest.mark.parametrize(("fires", "count"), [(True, 1), (False, 0)])
def test_blocklisting_through_the_api_fires_unsubscribed_or_not(
    brevo: Sandbox,
    anna: int,
    fires: bool,  # noqa: FBT001
    count: int,
) -> None:
    brevo.quirks.api_blocklisting_fires_unsubscribed = fires

    brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": True})
    brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": True})

    assert [event.kind for event in brevo.outbox.events()].count("unsubscribed") == count


def test_an_event_names_the_webhooks_that_asked_for_it(brevo: Sandbox, anna: int) -> None:
    hook = {"url": "https://portal.org/brevo", "events": ["contactDeleted"], "type": "marketing"}
    brevo.request("POST", "/webhooks", hook)
    brevo.request("POST", "/webhooks", {**hook, "events": ["unsubscribed"]})
    brevo.act("unsubscribe", anna)
    brevo.act("bounce", anna)

    unsubscribed, bounced = list(brevo.outbox.events())[-2:]
    assert (unsubscribed.webhook_ids, unsubscribed.payload["id"]) == ([2], 2)
    assert (bounced.webhook_ids, bounced.payload["id"]) == ([], 0)
