"""What ``sync-tasks doctor`` looks at if webhooks are received: the token, Brevo's side, the way from there."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sync_tasks.cli.connections import open_desks
from sync_tasks.cli.views.doctor_checks import Check
from sync_tasks.config import environment
from sync_tasks.errors import ConfigurationError, SyncError

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.providers.brevo.webhook_setup import FoundWebhook, WebhookDesk
    from sync_tasks.state.store import Store

VARIABLES = ("SYNC_WEBHOOK_TOKEN", "SYNC_WEBHOOK_TOKEN_FILE")
ANSWERED_WITHIN = 5.0
_INSTALL = "run `sync-tasks webhooks install --url URL`"
_HERE = {"127.0.0.1", "localhost", "::1"}


def check_webhooks(store: "Store", settings: "Settings") -> Iterator[Check]:
    """Look whether Brevo's changes reach us; without a token here, whether anybody receives them."""
    from sync_tasks.http.tokens import load_tokens

    token = ""
    if any(map(os.environ.get, VARIABLES)):
        try:
            token = load_tokens().current
        except ConfigurationError as error:
            yield Check("webhook token", "fail", "of no use", str(error))
            return
    with open_desks(store, settings) as desks:
        for name, desk in desks.items():
            yield from _check_webhook(name, desk, token)


def _check_webhook(name: str, desk: "WebhookDesk", token: str) -> Iterator[Check]:
    from sync_tasks.providers.brevo.webhook_setup import describe_webhook, find_webhook

    what = f"{name}: webhook"
    try:
        found = find_webhook(desk, describe_webhook(environment.namespace()))
    except SyncError as error:
        yield Check(what, "fail", type(error).__name__, str(error))
        return
    if found:
        yield _judge(what, name, found)
        yield _check_receiver(f"{name}: receiver", found.url, token)
    elif token:
        yield Check(what, "warn", "not installed at Brevo", _INSTALL)
    else:
        yield Check(what, "ok", "none: what changes at Brevo is found at night")


def _judge(what: str, account: str, found: "FoundWebhook") -> Check:
    url = urlsplit(found.url)
    if found.missing:
        return Check(what, "warn", f"reports nothing of {', '.join(found.missing)}", _INSTALL)
    if not url.path.endswith(f"/webhooks/brevo/{account}"):
        return Check(what, "warn", f"reports to {found.url}, which is not this account's", _INSTALL)
    if url.scheme != "https" and url.hostname not in _HERE:
        return Check(
            what, "warn", f"reports to {found.url} in the clear", "let it be https: the token goes with each event"
        )
    return Check(what, "ok", f"reports to {found.url} all changes")


def _check_receiver(what: str, url: str, token: str) -> Check:
    """Send no event at all, as Brevo would, and look at the answer."""
    import urllib3

    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        answer = urllib3.request("POST", url, body=b"[]", headers=headers, timeout=ANSWERED_WITHIN, retries=False)
    except urllib3.exceptions.HTTPError as error:
        return Check(what, "warn", f"no answer from here: {type(error).__name__}", "start `sync-tasks serve`")
    match answer.status:
        case 200:
            return Check(what, "ok", "answers, and takes the token")
        case 401 if not token:
            return Check(what, "ok", "answers")
        case 401:
            return Check(what, "fail", "refuses the token", "restart it with the token of this environment")
        case 429:
            return Check(what, "fail", "cannot write down what it gets", "see its log: Redis is away, or too slow")
        case status:
            return Check(what, "fail", f"answers with {status}", "look at the proxy before it, and at its accounts")
