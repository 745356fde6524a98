"""The Celery tasks. For the portal: ``subscribe_contact.delay(user_id=…)`` returning means accepted."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypedDict

from celery import _state

from sync_tasks.domain.events import EVENTS, Anonymize, Held, Json, Subscribe, Unsubscribe, Update, parse_event
from sync_tasks.tasks.accept import Nudge
from sync_tasks.tasks.app import app
from sync_tasks.tasks.base import ContactTask, EventTask
from sync_tasks.tasks.portal_task import portal_task, take_in

Value = str | int | float | bool | None
Moment = datetime | str


class ConsentProof(TypedDict):
    """What proves a consent; nothing in it is personal."""

    source: str
    version: str
    at: Moment


_NOTHING: Mapping[str, Value] = MappingProxyType({})


@portal_task(Subscribe)
def subscribe_contact(
    *,
    user_id: str,
    newsletter: str,
    email: str,
    first_name: str | None = None,
    last_name: str | None = None,
    attributes: Mapping[str, Value] = _NOTHING,
    consent: ConsentProof | None = None,
    occurred_at: Moment | None = None,
) -> None:
    """Create the contact on the newsletter's list, now that the subscription has been confirmed."""


@portal_task(Update)
def update_contact(
    *,
    user_id: str,
    email: str | None = None,
    previous_email: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    attributes: Mapping[str, Value] = _NOTHING,
    occurred_at: Moment | None = None,
) -> None:
    """Give the contact its new name or address."""


@portal_task(Unsubscribe)
def unsubscribe_contact(
    *, user_id: str, newsletter: str, email: str | None = None, occurred_at: Moment | None = None
) -> None:
    """Take the user off one newsletter's list, now that the portal has confirmed it."""


@portal_task(Anonymize)
def anonymize_contact(
    *, user_id: str, email: str | None = None, requested_by: str | None = None, occurred_at: Moment | None = None
) -> None:
    """Unsubscribe a deleted user everywhere and replace all personal data."""


@app.task(name="sync_tasks.sync_contact", base=ContactTask, bind=True, shared=False)
def sync_contact(self: ContactTask, /, user_id: str, **_from_newer_releases: Json) -> str:
    """Bring a contact in sync again: after a deferral, a replay, or a lost nudge."""
    return self.settle(Nudge(parse_event(Held, {"user_id": user_id}).user_id))


# Every five seconds: in Flower their rows would hide all others.
@app.task(name="sync_tasks.sweep", base=ContactTask, shared=False, send_events=False)
def sweep() -> int:
    """Nudge the contacts that are due: deferred ones, and those whose nudge was lost."""
    from sync_tasks.tasks import sweeper

    return sweeper.sweep()


@app.task(name="sync_tasks.reconcile", base=ContactTask, shared=False, send_events=False)
def reconcile() -> int:
    """Compare everything that Brevo holds with what the portal wants; return how many contacts are repaired."""
    from sync_tasks.tasks import nightly

    return nightly.compare_all()


@app.task(name="sync_tasks.reconcile_approved", base=ContactTask, shared=False, send_events=False)
def reconcile_approved() -> int:
    """Compare what an operator approved; return how many contacts are repaired."""
    from sync_tasks.tasks import nightly

    return nightly.compare_approved()


@app.task(name="sync_tasks.post_notices", base=ContactTask, shared=False, send_events=False)
def post_notices() -> int:
    """Report to the portal over HTTP what is due; return how many notices it has taken."""
    from sync_tasks.tasks import notice_posts

    return notice_posts.post_notices()


# Celery shares the four with applications that are made complete after this; those that were complete before get them
# here, so that no application of the portal's sends such an event to a queue that nobody of ours reads.
for other in tuple(_state._get_active_apps()):  # type: ignore[attr-defined]  # noqa: SLF001 - as shared_task does
    if other is not app and other.finalized:
        for kind in EVENTS.values():
            other.task(name=f"sync_tasks.{kind.task}", base=EventTask, bind=True, event=kind, shared=False)(take_in)
