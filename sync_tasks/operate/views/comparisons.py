"""The last comparisons, and those that wait for somebody to look: what they would do, and the approval."""

from sync_tasks.operate.pages import HtmlPage, Move
from sync_tasks.operate.visit import Visit
from sync_tasks.reconcile.approvals import approve, describe_grave, find_refused, read_approvals
from sync_tasks.reconcile.history import last_runs, read_runs


def approve_comparison(visit: Visit) -> HtmlPage | Move:
    """Let the next comparison of an account do what the last one was refused."""
    if approve(visit.store, visit.value("account"), visit.value("run"), visit.operator.name):
        return Move("/comparisons")
    return show_comparisons(visit, "Another comparison was made since: look at that one.")


def show_comparisons(visit: Visit, trouble: str = "") -> HtmlPage:
    """Show what waits for an approval, and the last runs."""
    refused, approvals = find_refused(visit.store), read_approvals(visit.store)
    facts: dict[str, object] = {"runs": read_runs(visit.store), "approvals": approvals, "trouble": trouble}
    facts["broken_off"] = {name: run for name, run in last_runs(visit.store).items() if run.broken_off}
    waiting = [(run, describe_grave(run.grave)) for account, run in refused.items() if account not in approvals]
    return HtmlPage("comparisons.html", facts | {"waiting": waiting})
