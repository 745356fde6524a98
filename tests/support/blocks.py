"""Anna, who opts out, bounces or comes back, and what one sees of it."""

from sync_tasks.domain.news import Notice
from sync_tasks.monitoring.sides import read_history
from sync_tasks.reconcile.run import reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Sighting
from sync_tasks.state.suppressions import report_notices, scan_suppressed
from tests.support.pipeline import Pipeline

ANNA, NEW = "anna@portal.org", "anna.tal@portal.org"


def subscribe_anna(pipeline: Pipeline) -> Pipeline:
    """Let Anna read the daily and the weekly newsletter."""
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.subscribe("anna", "weekly")
    pipeline.work()
    return pipeline


def is_blocked(pipeline: Pipeline) -> bool:
    return bool(pipeline.held("anna")["emailBlacklisted"])


def look(pipeline: Pipeline) -> None:
    """Let the pipeline look at Anna, as an event of Brevo's does."""
    pipeline.store.mark_changed("default", [Sighting(user_id="anna")])
    pipeline.work()


def steps(brevo: Sandbox, *kinds: str) -> list[tuple[str, int | None]]:
    """Return what requests did to contacts, in the order in which it happened."""
    entries = (entry for entry in brevo.history.entries() if entry.request is not None)
    return [(entry.what, entry.list_id) for entry in entries if entry.what in kinds]


def heard(pipeline: Pipeline) -> list[tuple[str, str, str]]:
    """Return what the portal hears of what ended and what was put back, and why."""
    reported: list[Notice] = []
    report_notices(pipeline.store, reported.append)
    return [(one.what, one.kind, one.why) for one in reported]


def suppressed(pipeline: Pipeline) -> list[tuple[str, int]]:
    return [(one.kind, one.list_id) for one in scan_suppressed(pipeline.store)[1]]


def happened(pipeline: Pipeline) -> list[str]:
    return [one.outcome for one in read_history(pipeline.store, "anna") if one.task == "brevo"]


def see(pipeline: Pipeline, how: str) -> None:
    """Let the pipeline see how Anna's contact is by now."""
    if how == "look":
        look(pipeline)
    else:
        reconcile(pipeline.resources)
        pipeline.work()
