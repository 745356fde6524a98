"""Comparisons that an operator approved, once each; the sweep asks for them."""

from sync_tasks.log import log
from sync_tasks.reconcile.approvals import read_approvals, take_approval
from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.tasks.app import app
from sync_tasks.tasks.bootstrap import open_patiently, worker_resources

EXPIRES = 60


def compare_approved() -> int:
    """Compare each account of which an operator approved that, unless somebody compares; return how many are repaired.

    An approval ends as the comparison begins. If that breaks off, the same can be approved again.
    """
    context, repaired = worker_resources(), 0
    with standing_alone(context.store) as alone, open_patiently(context) as patient:
        for account in read_approvals(context.store) if alone else ():
            approval = take_approval(context.store, account)
            if approval is not None and account in context.mappings:
                log.info("account %s: compared anew, as %s approved", account, approval.by)
                runs = reconcile(patient, Scope(account=account, approved=approval.grave))
                repaired += sum(run.repaired for run in runs)
    return repaired


def ask_for_approved() -> None:
    """Have a worker compare what was approved, unless somebody compares."""
    store = worker_resources().store
    if read_approvals(store) and not store.redis.exists(store.key("reconciling")):
        app.send_task("sync_tasks.reconcile_approved", expires=EXPIRES)
