"""Messages that say no more than: look at this user's contact."""

from collections.abc import Iterable

from sync_tasks.tasks.accept import NUDGE
from sync_tasks.tasks.app import app


def queue_of(*, urgent: bool) -> str:
    """Return the queue of opt-outs and erasures, or that of all others."""
    return f"{app.conf.task_default_queue}.urgent" if urgent else str(app.conf.task_default_queue)


def nudge_contacts(user_ids: Iterable[str], *, urgent: bool = False) -> None:
    """Ask a worker, for each of these users, to look at the contact."""
    queue = queue_of(urgent=urgent)
    for user_id in user_ids:
        app.send_task("sync_tasks.sync_contact", kwargs={"user_id": user_id}, headers=NUDGE, queue=queue)
