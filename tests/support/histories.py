"""Generated histories of one user: what a portal may say, in any order, with ties."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from sync_tasks.domain.events import EVENTS, Event, parse_event

START = datetime(2026, 3, 1, tzinfo=UTC)
ADDRESSES = st.sampled_from(["ada@example.com", "ADA@example.com", "bea@example.org", "cäcilie@example.net"])
NEWSLETTERS = st.sampled_from(["daily", "weekly"])
NAMES = st.sampled_from(["", "Ada", "Zoë", "Ω", "z", "Z"])
MOMENTS = st.integers(0, 6).map(lambda step: START + timedelta(microseconds=step))
CONSENTS = [{}, *({"consent": {"source": source, "version": "1", "at": START}} for source in ("form", "Ω"))]
REQUESTS = [{}, {"requested_by": "ticket 4711"}, {"requested_by": "Ω"}]


@st.composite
def events(draw: st.DrawFn, user_id: str = "u1", *, stamped: bool = True, erasing: bool = True) -> Event:
    """Any event of one user; few moments, so that many are the same."""
    tasks = sorted(EVENTS) if erasing else sorted(EVENTS.keys() - {"anonymize_contact"})
    kind = EVENTS[draw(st.sampled_from(tasks))]
    reported: dict[str, Any] = {"user_id": user_id}
    if stamped:
        reported["occurred_at"] = draw(MOMENTS)
    if "newsletter" in kind.model_fields:
        reported["newsletter"] = draw(NEWSLETTERS)
    reported |= draw(st.sampled_from(CONSENTS)) if "consent" in kind.model_fields else {}
    reported |= draw(st.sampled_from(REQUESTS)) if "requested_by" in kind.model_fields else {}
    for name in ("email", "previous_email"):
        if name in kind.model_fields and (kind.model_fields[name].is_required() or draw(st.booleans())):
            reported[name] = draw(ADDRESSES)
    for name in ("first_name", "last_name"):
        if name in kind.model_fields and draw(st.booleans()):
            reported[name] = draw(NAMES)
    if "attributes" in kind.model_fields and draw(st.booleans()):
        reported["attributes"] = {"city": draw(st.sampled_from(["Århus", None, 3, 2.5, True]))}
    return parse_event(kind, reported)
