"""The comparison that beat asks for, and what the portal is told of opt-outs."""

from dataclasses import asdict

from celery.exceptions import Reject

from sync_tasks.celery import app
from sync_tasks.reconciling.alone import standing_alone
from sync_tasks.reconciling.running import reconcile
from sync_tasks.resources import open_patiently, worker_resources
from sync_tasks.suppressing import Suppressed, tell_untold


def compare_all() -> int:
    """Compare all accounts, unless somebody is at it, and return how many contacts are to be repaired.

    Raises:
        celery.exceptions.Reject: this worker must end; another one takes the message.
    """
    using = worker_resources()
    # A message that takes long is handed out again: whoever comes second has nothing to do.
    with standing_alone(using.store) as alone, open_patiently(using) as patient:
        repaired = sum(run.repaired for run in reconcile(patient)) if alone else 0
    if alone and using.throttle.stopping:
        raise Reject("the worker is ending", requeue=True)
    return repaired


def tell_portal() -> int:
    """Send the portal its task for each opt-out it was not told of; where it wants none, they are only listed."""
    using = worker_resources()
    portal = using.settings.portal
    task = portal.suppressed_task
    if not task:
        return 0

    def tell(one: Suppressed) -> None:
        app.send_task(task, kwargs=asdict(one), queue=portal.suppressed_queue)

    return tell_untold(using.store, tell)
