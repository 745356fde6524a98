"""``sync-tasks webhooks``: installed at Brevo, served, and a change at Brevo undone within seconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.gateway.webhooks import EVENTS, Webhook, WebhookDesk, install_webhook
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.server import ServedSandbox
from tests.integration.station import READY, Station, building
from tests.servers import Program, wait_until

TOKEN = "a-token-for-the-webhook"
WANTED = Webhook("https://hooks.portal.org/webhooks/brevo/default", "sync-tasks tests")


@pytest.fixture
def desk(served: ServedSandbox, brevo: Sandbox) -> Iterator[WebhookDesk]:
    brevo.account.webhooks.clear()
    desk = WebhookDesk("key", base_url=served.url)
    yield desk
    desk.close()


def only(brevo: Sandbox) -> dict[str, Any]:
    (webhook,) = brevo.account.webhooks.values()
    return dict(webhook)


def test_the_webhook_is_created_once_and_then_kept_as_it_should_be(desk: WebhookDesk, brevo: Sandbox) -> None:
    first = install_webhook(desk, WANTED, "an-old-token")
    again = install_webhook(desk, Webhook(WANTED.url, WANTED.description, batched=True), TOKEN)
    assert (first.what, again.what, again.id) == ("created", "updated", first.id)
    webhook = only(brevo)
    assert (webhook["type"], set(webhook["events"]), webhook["batched"]) == ("marketing", set(EVENTS), True)
    assert webhook["auth"] == {"type": "bearer", "token": TOKEN}


def test_a_new_address_moves_our_webhook_and_leaves_those_of_others(desk: WebhookDesk, brevo: Sandbox) -> None:
    desk.create_webhook({"url": "https://elsewhere.org/hook", "description": "theirs", "events": ["opened"]})
    install_webhook(desk, WANTED, TOKEN)
    moved = install_webhook(desk, Webhook("https://new.portal.org/x", WANTED.description), TOKEN)
    urls = [webhook["url"] for webhook in brevo.account.webhooks.values()]
    assert (moved.what, urls) == ("updated", ["https://elsewhere.org/hook", "https://new.portal.org/x"])


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Station]:
    """A pipeline whose processes have a webhook token."""
    with building(tmp_path, more_env={"SYNC_WEBHOOK_TOKEN": TOKEN}) as station:
        yield station


def command(station: Station, *words: str) -> Program:
    return station.start_command("webhooks", *words)


def run(station: Station, *words: str) -> tuple[int, str]:
    program = command(station, *words)
    return program.process.wait(30), program.output


def start_receiver(station: Station) -> tuple[Program, str]:
    """Return the process that serves, and its origin."""
    receiver = command(station, "serve", "--port", "0")
    receiver.wait_for("/webhooks/brevo/default")
    return receiver, receiver.output.split("receiving on ")[1].split("/webhooks")[0]


def test_a_change_at_brevo_is_undone_within_seconds(hooked: Station) -> None:
    worker = hooked.start_worker()
    receiver, origin = start_receiver(hooked)
    assert run(hooked, "install", "--url", origin)[0] == 0
    worker.wait_for(READY)
    anna = {"user_id": "anna", "email": "anna@portal.org", "first_name": "Anna"}
    hooked.portal.accept("subscribe", newsletter="daily", **anna)
    hooked.wait_for_lists("anna", 3)
    hooked.wait_until_settled()
    hooked.brevo.edit("anna@portal.org", {"attributes": {"FIRSTNAME": "Hanna"}, "listIds": [5]})
    wait_until(lambda: hooked.held("anna")["attributes"]["FIRSTNAME"] == "Anna", "the name is the portal's again")
    assert receiver.stop() == 143
    assert "portal.org" not in receiver.output + worker.output
    assert TOKEN not in receiver.output


def test_install_tells_what_it_did_and_no_token(hooked: Station) -> None:
    told = [run(hooked, "install", "--url", "https://hooks.portal.org/") for _ in range(2)]
    assert [(code, text.split()[3:5]) for code, text in told] == [(0, ["1", "created,"]), (0, ["1", "updated,"])]
    assert all(TOKEN not in text for _, text in told)
    assert only(hooked.brevo)["url"] == "https://hooks.portal.org/webhooks/brevo/default"
    hooked.brevo.add_fault("status", status=401)
    code, text = run(hooked, "install", "--url", "https://hooks.portal.org/", "--account", "default")
    assert (code, "401" in text, TOKEN in text) == (1, True, False)


def test_wrong_use_ends_with_2(hooked: Station) -> None:
    assert run(hooked, "install", "--url", "https://x.org", "--account", "other")[0] == 2
    del hooked.env["SYNC_WEBHOOK_TOKEN"]
    code, text = run(hooked, "serve", "--port", "0")
    assert (code, "SYNC_WEBHOOK_TOKEN" in text) == (2, True)
