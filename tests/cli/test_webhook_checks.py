"""``sync-tasks doctor`` where webhooks are received: token, Brevo's side and the way from there are looked at."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sync_tasks.config.settings import Settings
from tests.support.desk import Desk
from tests.support.pipeline import SETTINGS
from tests.support.receiving import FORMER_TOKEN, TOKEN, Receiving, receiving

OTHER = "https://hooks.portal.org/webhooks/brevo/other"


def examine(desk: Desk) -> dict[str, dict[str, str]]:
    return {check["what"]: check for check in desk.read("doctor", exits=1)}


@pytest.fixture
def receiver(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiving]:
    """A receiver that is installed at Brevo as it should be."""
    monkeypatch.setenv("SYNC_WEBHOOK_TOKEN", TOKEN)
    desk.pipeline.brevo.account.webhooks.clear()
    with receiving(desk.pipeline.store, Settings.model_validate(SETTINGS)) as receiver:
        desk.run("webhooks", "install", "--url", receiver.origin)
        yield receiver


def webhook(desk: Desk) -> dict[str, Any]:
    (found,) = desk.pipeline.brevo.account.webhooks.values()
    return found


def test_where_nobody_asks_for_webhooks_there_is_nothing_to_do(desk: Desk) -> None:
    desk.pipeline.brevo.account.webhooks.clear()
    found = examine(desk)["default: webhook"]
    assert (found["state"], found["advice"]) == ("ok", "")


def test_without_its_token_a_receiver_is_looked_at_as_far_as_that_goes(
    desk: Desk, receiver: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYNC_WEBHOOK_TOKEN")
    found = examine(desk)
    assert receiver.origin in found["default: webhook"]["found"]
    assert (found["default: receiver"]["state"], found["default: receiver"]["found"]) == ("ok", "answers")


def test_a_token_of_no_use_is_reported_without_showing_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_WEBHOOK_TOKEN", "zz-short")
    found = examine(desk)
    assert (found["webhook token"]["state"], "zz-short" in str(found)) == ("fail", False)


def test_a_webhook_that_is_not_installed_is_warned_about(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_WEBHOOK_TOKEN", TOKEN)
    desk.pipeline.brevo.account.webhooks.clear()
    found = examine(desk)["default: webhook"]
    assert (found["state"], "webhooks install" in found["advice"]) == ("warn", True)


def test_a_receiver_that_hears_of_everything_is_ok(desk: Desk, receiver: Receiving) -> None:
    found = examine(desk)
    assert [found[f"default: {what}"]["state"] for what in ("webhook", "receiver")] == ["ok", "ok"]
    assert receiver.origin in found["default: webhook"]["found"]
    assert TOKEN not in str(found)
    assert receiver.counts() == {}


Break = Callable[[Desk, Receiving, pytest.MonkeyPatch], object]
BREAKS: dict[str, tuple[Break, str, str, str]] = {
    "events": (
        lambda desk, *_: webhook(desk).update(events=["spam"]),
        "webhook",
        "warn",
        "reports nothing of contactDeleted",
    ),
    "path": (lambda desk, *_: webhook(desk).update(url=OTHER), "webhook", "warn", "not this account's"),
    "clear": (
        lambda desk, *_: webhook(desk).update(url="http://203.0.113.7:1/webhooks/brevo/default"),
        "webhook",
        "warn",
        "in the clear",
    ),
    "gone": (
        lambda desk, *_: webhook(desk).update(url="http://127.0.0.1:1/webhooks/brevo/default"),
        "receiver",
        "warn",
        "no answer from here",
    ),
    "token": (
        lambda _desk, _receiver, env: env.setenv("SYNC_WEBHOOK_TOKEN", "another-token-of-today"),
        "receiver",
        "fail",
        "refuses the token",
    ),
    "proxy": (
        lambda desk, receiver, _: webhook(desk).update(url=f"{receiver.origin}/x/webhooks/brevo/default"),
        "receiver",
        "fail",
        "answers with 404",
    ),
    "key": (
        lambda desk, *_: desk.pipeline.brevo.add_fault("status", status=401, path="/webhooks"),
        "webhook",
        "fail",
        "UnauthorizedError",
    ),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_each_fault_is_found(desk: Desk, receiver: Receiving, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    break_it, what, state, said = BREAKS[fault]
    monkeypatch.setattr("sync_tasks.cli.views.webhook_checks.ANSWERED_WITHIN", 0.3)
    break_it(desk, receiver, monkeypatch)
    found = examine(desk)[f"default: {what}"]
    assert (found["state"], said in found["found"]) == (state, True), found
    assert desk.pipeline.resources.limiter.paused("default") is None


@pytest.mark.usefixtures("receiver")
def test_two_tokens_are_valid_while_one_is_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_WEBHOOK_TOKEN", f"{FORMER_TOKEN} {TOKEN}")
    assert examine(desk)["default: receiver"]["state"] == "ok"
