"""What one would write without the pipeline: a plain Celery app whose task makes one SDK call for each event.

An honest one: acknowledged late, retried with growing distance, on threads, with a time-out that the SDK heeds. It
loses events when a worker is killed, brings back old wishes when messages overtake each other, knows no limits of the
account and leaves addresses in messages and logs.
"""

import os
from functools import cache
from typing import Any

from celery import Celery
from sib_api_v3_sdk import ApiClient, Configuration, ContactsApi
from sib_api_v3_sdk.rest import ApiException
from urllib3.exceptions import HTTPError

app = Celery("naive", broker=os.environ.get("SYNC_REDIS_URL", "redis://localhost:6379/0"))
app.conf.update(
    task_default_queue="naive",
    task_acks_late=True,
    task_ignore_result=True,
    worker_pool="threads",
    worker_concurrency=16,
    worker_prefetch_multiplier=1,
    # As whoever wants to watch it with Flower must set it.
    worker_send_task_events=True,
)


@cache
def contacts() -> ContactsApi:
    """Return this process' way to Brevo."""
    configuration = Configuration()
    configuration.host = os.environ["SYNC_BASE_URL"]
    configuration.api_key["api-key"] = os.environ["SYNC_API_KEY"]
    return ContactsApi(ApiClient(configuration))


RETRYING: dict[str, Any] = {
    "autoretry_for": (ApiException, HTTPError),
    "retry_backoff": True,
    "retry_kwargs": {"max_retries": 50},
}
TIMEOUTS = (3, 10)
LISTS = {"daily": 3, "weekly": 5, "monthly": 6, "sports": 7, "culture": 8, "offers": 9}
FLAGS = {"offers": {"OFFERS_OFF": True}}


@app.task(**RETRYING)
def subscribe(user_id: str, newsletter: str, email: str, first_name: str, last_name: str) -> None:
    """Create the contact on the newsletter's list."""
    body: dict[str, Any] = {
        "email": email,
        "ext_id": user_id,
        "attributes": {"FIRSTNAME": first_name, "LASTNAME": last_name},
        "listIds": [LISTS[newsletter]],
        "updateEnabled": True,
        "getId": True,
    }
    contacts().create_contact(body, _request_timeout=TIMEOUTS)


@app.task(**RETRYING)
def unsubscribe(email: str, newsletter: str) -> None:
    """Take the contact off the newsletter's list, and set its flag if it has one."""
    body = {"unlinkListIds": [LISTS[newsletter]], "attributes": FLAGS.get(newsletter, {})}
    contacts().update_contact(email, body, _request_timeout=TIMEOUTS)


@app.task(**RETRYING)
def update(email: str, first_name: str) -> None:
    """Change the contact's name."""
    contacts().update_contact(email, {"attributes": {"FIRSTNAME": first_name}}, _request_timeout=TIMEOUTS)


@app.task(**RETRYING)
def move(email: str, new_email: str) -> None:
    """Change the contact's address; of a block at Brevo it knows nothing, and this lifts it."""
    contacts().update_contact(email, {"attributes": {"EMAIL": new_email}}, _request_timeout=TIMEOUTS)


@app.task(**RETRYING)
def anonymize(email: str, token: str) -> None:
    """Replace what is personal, and hope for the best."""
    gone = {"FIRSTNAME": "DELETED", "LASTNAME": "DELETED", "EMAIL": f"deleted-{token}@deleted.example.com"}
    body = {"attributes": gone, "emailBlacklisted": True, "unlinkListIds": [*LISTS.values()]}
    contacts().update_contact(email, body, _request_timeout=TIMEOUTS)
