"""Reports to the portal over HTTP: signed as Standard Webhooks asks, at least once, tried again for a day.

The schedule: again after 5 seconds, and then after as long as the notice has waited, an hour at most.
"""

import os
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import urllib3

from sync_tasks.config.environment import needing
from sync_tasks.config.secrets import read_secrets
from sync_tasks.config.settings import load_settings
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import ConfigurationError
from sync_tasks.log import log
from sync_tasks.state.posts import (
    Post,
    end_post,
    end_posting,
    is_posting_alone,
    put_off_post,
    read_due_posts,
    renew_posting,
)
from sync_tasks.state.store import Store
from sync_tasks.tasks.bootstrap import worker_resources

if TYPE_CHECKING:
    from standardwebhooks import Webhook

_PREFIX = "whsec_"
VARIABLE = "SYNC_PORTAL_SECRET"
ANSWERED_WITHIN = 10.0
FIRST_RETRY, LONGEST_RETRY, GIVEN_UP = 5.0, 3600.0, 86_400.0
NO_ANSWER, SUCCESS, REFUSED = 0, range(200, 300), range(400, 500)
# These 4xx say that the portal has no time, not that it does not like the notice.
LATER = frozenset({408, 425, 429})


def check_posts() -> None:
    """Return if reports to the portal over HTTP can be signed.

    Raises:
        ConfigurationError: it cannot; the message shows no secret.
    """
    if load_settings().portal.suppressed_url:
        load_signers()


def load_signers(environment: Mapping[str, str] = os.environ) -> "list[Webhook]":
    """Return what signs: one for each secret, two while it is changed.

    Raises:
        ConfigurationError: there is no secret, or it makes no sense.
    """
    with needing("worker"):
        from standardwebhooks import Webhook

    secrets = read_secrets(VARIABLE, environment)
    if not secrets:
        raise ConfigurationError(f"portal.suppressed_url: no secret; set {VARIABLE} or {VARIABLE}_FILE")
    try:
        # The library itself takes whatever is no Base64 for nothing.
        return [Webhook(b64decode(secret.removeprefix(_PREFIX), validate=True)) for secret in secrets]
    except ValueError:
        raise ConfigurationError(f"{VARIABLE}: must be whsec_ and Base64, as `openssl rand -base64 32` draws") from None


def post_notices() -> int:
    """Post what is due, unless another process is doing it; return how many the portal has taken."""
    context = worker_resources()
    url, store = context.settings.portal.suppressed_url, context.store
    if not url or not is_posting_alone(store):
        return 0
    signers = load_signers()
    try:
        with urllib3.PoolManager(retries=False, timeout=ANSWERED_WITHIN) as http:
            return _post_all(http, url, store, signers)
    finally:
        end_posting(store)


def _post_all(http: urllib3.PoolManager, url: str, store: Store, signers: "list[Webhook]") -> int:
    taken = 0
    for post in read_due_posts(store):
        renew_posting(store)
        status = _post(http, url, post, signers)
        taken += status in SUCCESS
        _settle(store, post, status)
        if status not in SUCCESS and (status not in REFUSED or status in LATER):
            break  # The portal is away: all others would wait for their answers, too.
    return taken


def _post(http: urllib3.PoolManager, url: str, post: Post, signers: "list[Webhook]") -> int:
    """Return the portal's status, or ``NO_ANSWER``."""
    now = datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": post.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signer.sign(post.id, now, post.body) for signer in signers),
    }
    try:
        # The status is all that counts. A body may never end.
        answer = http.request(
            "POST", url, body=post.body.encode(), headers=headers, redirect=False, preload_content=False
        )
        answer.close()
    except urllib3.exceptions.HTTPError:
        return NO_ANSWER
    return answer.status


def _settle(store: Store, post: Post, status: int) -> None:
    """Forget what was taken or has waited for a day; try all else again."""
    if status in SUCCESS:
        end_post(store, post)
        return
    waited = (int(store.now()) - post.since) / MICROSECONDS_PER_SECOND
    what = f"answered {status}" if status else "did not answer"
    if waited < GIVEN_UP:
        put_off_post(store, post, min(max(waited, FIRST_RETRY), LONGEST_RETRY, max(GIVEN_UP - waited, 1)))
        log.warning("a notice was not taken, it goes again: the portal %s", what)
        return
    end_post(store, post, given_up=True)
    log.error("a notice of user %s is given up after a day: the portal %s", post.user_id, what)
