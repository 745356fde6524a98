"""The comparison that beat asks for, and what the portal is told of opt-outs.

Keys under ``<namespace>:``: ``reconciling`` while a comparison runs, six hours at most.
"""

from dataclasses import asdict

from sync_tasks.celery import app
from sync_tasks.reconciling.running import reconcile
from sync_tasks.resources import open_patiently, worker_resources
from sync_tasks.suppressing import Suppressed, tell_untold

# A message that takes long is handed out again: whoever comes second has nothing to do.
_LONGEST = 21_600


def compare_all() -> int:
    """Compare all accounts, unless somebody is at it, and return how many contacts are to be repaired."""
    using = worker_resources()
    if not using.store.redis.set(using.store.key("reconciling"), "1", nx=True, ex=_LONGEST):
        return 0
    try:
        with open_patiently(using.settings, using.store) as patient:
            return sum(run.repaired for run in reconcile(patient))
    finally:
        using.store.redis.delete(using.store.key("reconciling"))


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
