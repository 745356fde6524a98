"""Messages that say no more than: look at this user's contact."""

from collections.abc import Iterable

from sync_tasks.domain.priority import Priority
from sync_tasks.tasks.accept import NUDGE
from sync_tasks.tasks.app import app

# The ends of the queues' names; the portal's other events go to the one without.
_ENDS = {Priority.URGENT: ".urgent", Priority.ORDINARY: ""}


def queue_of(priority: Priority) -> str:
    """Return the queue of a priority; what no event waits for has one of its own, served last."""
    return f"{app.conf.task_default_queue}{_ENDS.get(priority, '.background')}"


def nudge_contacts(user_ids: Iterable[str], priority: Priority = Priority.ORDINARY) -> None:
    """Ask a worker, for each of these users, to look at the contact."""
    queue = queue_of(priority)
    for user_id in user_ids:
        app.send_task("sync_tasks.sync_contact", kwargs={"user_id": user_id}, headers=NUDGE, queue=queue)
