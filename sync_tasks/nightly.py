"""The comparison that beat asks for every night, and what the portal is told of opt-outs.

Keys under ``<namespace>:``: ``nightly`` while tonight's comparison is owed, six hours at most: since when, and when it
is asked for again; then ``done``, for an hour.
"""

from dataclasses import asdict

from celery.exceptions import Reject

from sync_tasks.celery import app
from sync_tasks.celeryconfig import NIGHT_EXPIRES
from sync_tasks.reconciling.alone import standing_alone
from sync_tasks.reconciling.running import reconcile
from sync_tasks.resources import open_patiently, worker_resources
from sync_tasks.store import SECOND, Store
from sync_tasks.suppressing import Suppressed, tell_untold

GIVEN_UP = 6 * 3600
AGAIN = 60
DONE = "done"


def compare_all() -> int:
    """Compare all accounts, unless that was done tonight or somebody is at it; return how many are to be repaired.

    Raises:
        celery.exceptions.Reject: this worker must end; another one takes the message.
    """
    using = worker_resources()
    _owe(using.store)
    # A message that takes long is handed out again, and two beats send two: whoever comes second has nothing to do.
    with standing_alone(using.store) as alone, open_patiently(using) as patient:
        if not alone or not _is_owed(using.store):
            return 0
        repaired = sum(run.repaired for run in reconcile(patient))
        if using.throttle.stopping:
            raise Reject("the worker is ending", requeue=True)
        # As long as another beat's message may still be on its way.
        using.store.redis.set(using.store.key("nightly"), DONE, ex=NIGHT_EXPIRES)
    return repaired


def ask_again() -> None:
    """Ask for tonight's comparison where nobody is at it: its worker was killed, or an operator was comparing.

    Each time it waits as long as it is owed already: a comparison that kills its workers shall not kill all of them.
    """
    store = worker_resources().store
    if store.redis.exists(store.key("reconciling")) or not (owed := _is_owed(store)):
        return
    since, again = map(int, owed.split())
    now = int(store.now())
    # What is owed since a moment yet to come is from before Redis' clock was put back.
    if now >= again or since > now:
        _write(store, since, now, xx=True, keepttl=True)
        app.send_task("sync_tasks.reconcile", expires=AGAIN)


def _owe(store: Store) -> None:
    now = int(store.now())
    _write(store, now, now, nx=True, ex=GIVEN_UP)


def _write(store: Store, since: int, now: int, **how: bool | int) -> None:
    again = now + max(AGAIN * SECOND, now - since)
    store.redis.set(store.key("nightly"), f"{since} {again}", **how)  # type: ignore[arg-type]


def _is_owed(store: Store) -> str:
    """Return since when and until when, or nothing."""
    told = str(store.redis.get(store.key("nightly")) or "")
    return "" if told == DONE else told


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
