"""``sync-tasks webhooks``: installed at Brevo, served, and a change at Brevo undone within seconds."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sync_tasks.cli import app
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.providers.brevo.webhook_setup import EVENTS, Webhook, WebhookDesk, find_webhook, install_webhook
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.server import ServedSandbox
from tests.support.processes import wait_until
from tests.support.scripted_brevo import answer, scripted
from tests.support.station import READY, Station, building

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


def test_a_change_at_brevo_is_undone_within_seconds(hooked: Station) -> None:
    worker = hooked.start_worker()
    receiver, origin = hooked.receiver()
    assert hooked.start_command("webhooks", "install", "--url", origin).process.wait(30) == 0
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


@pytest.fixture
def command(
    redis_url: str, served: ServedSandbox, brevo: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """The command in this process, for a sandbox without webhooks."""
    (tmp_path / "sync_tasks.toml").write_text("[newsletters.daily]\nlist_id = 3\n")
    variables = {"REDIS_URL": redis_url, "BASE_URL": served.url, "API_KEY": "key", "WEBHOOK_TOKEN": TOKEN}
    for name, value in variables.items():
        monkeypatch.setenv(f"SYNC_{name}", value)
    monkeypatch.setenv("SYNC_CONFIG", str(tmp_path / "sync_tasks.toml"))
    assert not brevo.account.webhooks

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, ["webhooks", *words])

    return invoke


def test_install_shows_what_it_did_and_no_token(command: Callable[..., Result], brevo: Sandbox) -> None:
    for what in ("created", "updated"):
        done = command("install", "--url", "https://hooks.portal.org/")
        assert (done.exit_code, f"webhook 1 {what}" in done.output, TOKEN in done.output) == (0, True, False)
    assert only(brevo)["url"] == "https://hooks.portal.org/webhooks/brevo/default"


def test_where_brevo_refuses_install_says_so(command: Callable[..., Result], brevo: Sandbox) -> None:
    brevo.add_fault("status", status=401)
    done = command("install", "--url", "https://hooks.portal.org/", "--account", "default")
    assert (done.exit_code, "401" in done.output, TOKEN in done.output) == (1, True, False)


def test_wrong_use_ends_with_2(command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    assert command("install", "--url", "https://x.org", "--account", "other").exit_code == 2
    monkeypatch.delenv("SYNC_WEBHOOK_TOKEN")
    done = command("serve", "--port", "0")
    assert (done.exit_code, "SYNC_WEBHOOK_TOKEN" in done.output) == (2, True)


def test_an_answer_that_shows_nothing_installs_nothing(desk: WebhookDesk, brevo: Sandbox) -> None:
    for method in ("GET", "POST"):
        fault = brevo.add_fault("html", method=method)
        with pytest.raises(GatewayUnavailableError):
            install_webhook(desk, WANTED, TOKEN)
        brevo.faults.clear(fault.id)
    assert not brevo.account.webhooks


def test_a_port_that_is_taken_is_reported(command: Callable[..., Result]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = command("serve", "--port", str(taken.getsockname()[1]))
    assert (done.exit_code, "Address already in use; choose another" in done.output) == (2, True)


@pytest.mark.parametrize("url", ["hooks.portal.org", "ftp://hooks.portal.org", "https://hooks portal.org"])
def test_what_is_no_url_is_not_installed(command: Callable[..., Result], brevo: Sandbox, url: str) -> None:
    brevo.account.webhooks.clear()
    done = command("install", "--url", url)
    assert (done.exit_code, "https://" in done.output, brevo.account.webhooks) == (2, True, {})


ROW: dict[str, Any] = {
    "id": 1,
    "description": "sync-tasks sync_tasks",
    "url": "https://x.example/webhooks/brevo/default",
}


@pytest.mark.parametrize("number", ["1", None, True])
def test_a_webhook_without_an_id_that_can_be_read_is_not_installed_twice(number: object) -> None:
    with scripted() as script:
        desk = WebhookDesk("key", base_url=script.url)
        script.says(answer(200, {"webhooks": [{**ROW, "id": number}]}))
        with pytest.raises(GatewayUnavailableError, match="cannot be read"):
            install_webhook(desk, Webhook(ROW["url"], ROW["description"]), "token")
        desk.close()
        assert [asked.method for asked in script.asked] == ["GET"]


@pytest.mark.parametrize("events", [7, "unsubscribed", {"unsubscribed": True}, [None]])
def test_events_that_cannot_be_read_are_lacking(events: object) -> None:
    with scripted() as script:
        desk = WebhookDesk("key", base_url=script.url)
        script.says(answer(200, {"webhooks": [{**ROW, "events": events}]}))
        found = find_webhook(desk, ROW["description"])
        desk.close()
    assert found
    assert set(found.missing) == {*EVENTS}
