"""Whom Brevo may not mail, the latest opt-out first, some at a time."""

from itertools import islice

from sync_tasks.operate.pages import HtmlPage
from sync_tasks.operate.visit import Visit
from sync_tasks.state.suppressions import scan_suppressed

SHOWN = 200


def show_suppressed(visit: Visit) -> HtmlPage:
    """Show a page of them."""
    total, found = scan_suppressed(visit.store)
    start = visit.start(total, SHOWN)
    people = list(islice(found, start, start + SHOWN))
    return HtmlPage("suppressed.html", {"people": people, "total": total, "start": start, "shown": SHOWN})
