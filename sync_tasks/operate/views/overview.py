"""The first page: whether events arrive, how fresh Brevo was over the last day, accounts, queues, workers."""

from kombu.exceptions import OperationalError

from sync_tasks.monitoring.status import SWEPT_WITHIN, Overview, read_overview
from sync_tasks.operate.pages import HtmlPage
from sync_tasks.operate.plot import draw
from sync_tasks.operate.visit import Visit
from sync_tasks.rate_limits.scarcity import read_budget
from sync_tasks.reconcile.approvals import find_refused
from sync_tasks.state.freshness import read_freshness

CAUSES_SHOWN = 3
_CONNECTS_WITHIN = 2


def show_overview(visit: Visit) -> HtmlPage:
    """Show how the pipeline is now."""
    store, (overview, away) = visit.store, _read(visit)
    facts = {
        "overview": overview,
        "broker_away": away,
        "budgets": {one.account: read_budget(store, one) for one in overview.scarcity},
        "paces": {one.account: one.pace for one in overview.scarcity},
        "scarce": {one.account for one in overview.scarcity if [*one.alarms]},
        "swept_within": SWEPT_WITHIN,
        "refused": [*find_refused(store)],
        "plot": draw(*read_freshness(store)),
        "causes": visit.board.read(store)[:CAUSES_SHOWN] if overview.dead_letters else [],
    }
    return HtmlPage("overview.html", facts)


def _read(visit: Visit) -> tuple[Overview, str]:
    """Return how the pipeline is, and why the broker cannot be asked, if it cannot."""
    from sync_tasks.tasks.app import app

    with app.connection_for_write() as broker:
        try:
            broker.ensure_connection(max_retries=1, timeout=_CONNECTS_WITHIN)
            return read_overview(visit.store, visit.settings, broker), ""
        except OperationalError as error:
            return read_overview(visit.store, visit.settings, None), type(error.__cause__ or error).__name__
