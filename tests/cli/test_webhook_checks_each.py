"""What ``sync-tasks doctor`` makes of a webhook and of each answer of a receiver."""

from typing import Any

import pytest
import urllib3

from sync_tasks.cli.views import webhook_checks
from sync_tasks.cli.views.webhook_checks import _check_receiver, _judge
from sync_tasks.providers.brevo.webhook_setup import FoundWebhook

INSTALL = "run `sync-tasks webhooks install --url URL`"


@pytest.mark.parametrize(
    ("url", "state", "found"),
    [
        ("https://portal.org/webhooks/brevo/default", "ok", "reports to {} all changes"),
        ("https://portal.org/x/webhooks/brevo/default", "ok", "reports to {} all changes"),
        ("https://portal.org/webhooks/brevo/default/", "warn", "reports to {}, which is not this account's"),
        ("https://portal.org/webhooks/brevo/other", "warn", "reports to {}, which is not this account's"),
        ("http://portal.org/webhooks/brevo/default", "warn", "reports to {} in the clear"),
        ("http://127.0.0.1:1/webhooks/brevo/default", "ok", "reports to {} all changes"),
        ("http://localhost/webhooks/brevo/default", "ok", "reports to {} all changes"),
        ("http://[::1]:8080/webhooks/brevo/default", "ok", "reports to {} all changes"),
    ],
)
def test_a_webhook_leads_to_its_account_and_not_in_the_clear(url: str, state: str, found: str) -> None:
    check = _judge("x", "default", webhook(url))
    assert (check.state, check.found, bool(check.advice)) == (state, found.format(url), state != "ok")


def test_a_webhook_that_reports_too_little_is_installed_anew() -> None:
    check = _judge("x", "default", webhook("https://portal.org/", "spam", "delivered"))
    assert (check.state, check.found, check.advice) == ("warn", "reports nothing of spam, delivered", INSTALL)


def webhook(url: str, *missing: str) -> FoundWebhook:
    found: Any = FoundWebhook.__new__(FoundWebhook)
    for name, value in {"url": url, "missing": missing}.items():
        object.__setattr__(found, name, value)
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("status", "token", "state", "found", "advice"),
    [
        (200, "a-token", "ok", "answers, and takes the token", ""),
        (200, "", "ok", "answers, and takes the token", ""),
        (401, "", "ok", "answers", ""),
        (401, "a-token", "fail", "refuses the token", "restart it with the token of this environment"),
        (429, "a-token", "fail", "cannot write down what it gets", "see its log: Redis is away, or too slow"),
        (404, "", "fail", "answers with 404", "look at the proxy before it, and at its accounts"),
        (302, "", "fail", "answers with 302", "look at the proxy before it, and at its accounts"),
    ],
)
def test_each_answer_of_a_receiver_says_what_to_do(  # noqa: PLR0917 - a table
    monkeypatch: pytest.MonkeyPatch, status: int, token: str, state: str, found: str, advice: str
) -> None:
    sent = dict[str, Any]()

    def request(method: str, url: str, **how: Any) -> Any:  # noqa: ANN401 - as much of an answer as is looked at
        sent.update(how, method=method, url=url)
        return urllib3.HTTPResponse(status=status)

    monkeypatch.setattr(urllib3, "request", request)
    check = _check_receiver("x", "https://portal.org/", token)
    assert (check.state, check.found, check.advice) == (state, found, advice)
    named = {"Authorization": f"Bearer {token}"} if token else {}
    assert sent == {
        "method": "POST",
        "url": "https://portal.org/",
        "body": b"[]",
        "headers": {"Content-Type": "application/json", **named},
        "timeout": webhook_checks.ANSWERED_WITHIN,
        "retries": False,
    }


def test_a_receiver_that_does_not_answer_is_to_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise urllib3.exceptions.ConnectTimeoutError

    monkeypatch.setattr(urllib3, "request", refuse)
    check = _check_receiver("x", "https://portal.org/", "")
    assert (check.state, check.found) == ("warn", "no answer from here: ConnectTimeoutError")
    assert check.advice == "start `sync-tasks serve`"
