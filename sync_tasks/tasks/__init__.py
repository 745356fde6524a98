"""The Celery tasks. For the portal: ``subscribe_contact.delay(user_id=…)`` returning means accepted."""

from celery import _state

from sync_tasks.domain.events import EVENTS, Anonymize, Held, Json, Subscribe, Unsubscribe, Update, parse_event
from sync_tasks.tasks.accept import Nudge
from sync_tasks.tasks.app import app
from sync_tasks.tasks.base import ContactTask, EventTask


@app.task(name="sync_tasks.subscribe_contact", base=EventTask, bind=True, event=Subscribe)
def subscribe_contact(self: EventTask, /, **wire: Json) -> str:
    """Create the contact on the newsletter's list, now that the subscription has been confirmed."""
    return self.settle(self.receive(wire))


@app.task(name="sync_tasks.update_contact", base=EventTask, bind=True, event=Update)
def update_contact(self: EventTask, /, **wire: Json) -> str:
    """Give the contact its new name or address."""
    return self.settle(self.receive(wire))


@app.task(name="sync_tasks.unsubscribe_contact", base=EventTask, bind=True, event=Unsubscribe)
def unsubscribe_contact(self: EventTask, /, **wire: Json) -> str:
    """Take the user off one newsletter's list, now that the portal has confirmed it."""
    return self.settle(self.receive(wire))


@app.task(name="sync_tasks.anonymize_contact", base=EventTask, bind=True, event=Anonymize)
def anonymize_contact(self: EventTask, /, **wire: Json) -> str:
    """Unsubscribe a deleted user everywhere and replace all personal data."""
    return self.settle(self.receive(wire))


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


@app.task(name="sync_tasks.post_notices", base=ContactTask, shared=False, send_events=False)
def post_notices() -> int:
    """Tell the portal over HTTP what is due; return how many notices it has taken."""
    from sync_tasks.tasks import notice_posts

    return notice_posts.post_notices()


def _take_in(self: EventTask, /, **wire: Json) -> str:
    """Handle an event of whichever kind."""
    return self.settle(self.receive(wire))


# Celery shares the four with applications that are made complete after this; those that were complete before get them
# here, so that no application of the portal's sends such an event to a queue that nobody of ours reads.
for other in tuple(_state._get_active_apps()):  # type: ignore[attr-defined]  # noqa: SLF001 - as shared_task does
    if other is not app and other.finalized:
        for kind in EVENTS.values():
            other.task(name=f"sync_tasks.{kind.task}", base=EventTask, bind=True, event=kind, shared=False)(_take_in)
