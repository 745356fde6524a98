"""Rows into the state: a row is older than any event that came since, and brings back nothing that ended."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from sync_tasks.backfill.rows import BadRow, Row, stamp_of_row
from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact
from sync_tasks.domain.registers import by_clock, subscription, value
from sync_tasks.domain.timestamps import moment_of, stamp_of
from sync_tasks.state import bulk
from sync_tasks.state.records import LoadedRow
from sync_tasks.state.store import Store

LOAD_CHUNK = 500
# Should the load never come to its end, workers handle its contacts after so long.
LEFT_ALONE = 3600


def load(
    rows: Iterable[Row | BadRow],
    as_of: datetime,
    store: Store,
    report: Callable[[int], None] = lambda _rows: None,
    *,
    left_alone: int = LEFT_ALONE,
) -> Counter[str]:
    """Merge all good rows into the state and count what became of them.

    ``loaded``: the contact is to be imported · ``accepted``: it was known and something changed, workers handle it ·
    ``unchanged`` · ``erased``: the user was deleted, nothing happened · ``ahead``: refused, its moment lies
    too far ahead of Redis' clock.
    """
    became: Counter[str] = Counter()
    good = (row for row in rows if isinstance(row, Row))
    for chunk in chunks(good, LOAD_CHUNK):
        results = bulk.load(store, (_record(row, as_of) for row in chunk), left_alone)
        for row, result in zip(chunk, results, strict=True):
            became[_accept(row, as_of, store) if result == "known" else result] += 1
        report(sum(became.values()))
    return became


def _record(row: Row, as_of: datetime) -> LoadedRow:
    return LoadedRow(row.user_id, stamp_of_row(row, as_of), by_clock(row.values, reported=True))


def _accept(row: Row, as_of: datetime, store: Store) -> str:
    """Accept what a row says of a known contact as ordinary events; the sweep nudges whom this makes due."""
    contact = store.peek(row.user_id) or Contact(row.user_id)
    events = (event for news, moment in find_news(row, as_of, contact) for event in news.events(moment))
    statuses = {store.accept(event).status for event in events}
    return "accepted" if "accepted" in statuses else "erased" if "erased" in statuses else "unchanged"


def find_news(row: Row, as_of: datetime, contact: Contact) -> Iterator[tuple[Row, datetime]]:
    """Yield what a row says that the state does not, and as of when.

    A file's moment is not that of a confirmed subscription. If a row brings no moment of its own, what it
    repeats is not newer for that. What it adds is no newer than an opt-out at Brevo.
    """
    if row.occurred_at:
        yield row, row.occurred_at
        return
    held = {name: value(text) for name, text in contact.registers.items()}
    held |= {subscription(slug): contact.said_last(slug) for slug in row.newsletters}
    news = {name for name, said in row.values.items() if held.get(name, "") != said}
    wishes = {slug: wished for slug, wished in row.newsletters.items() if subscription(slug) in news}
    ended = min(last_opt_out(contact), stamp_of(as_of))
    late = {slug: True for slug, wished in wishes.items() if wished and ended}
    if news:
        yield row.model_copy(update={"newsletters": {slug: wishes[slug] for slug in wishes if slug not in late}}), as_of
    if late:
        yield row.model_copy(update={"newsletters": late}), moment_of(ended)


def last_opt_out(contact: Contact) -> str:
    """Return the stamp of the last opt-out at Brevo that is known, or nothing."""
    blocks = (one.block.latest for one in contact.seen.values() if one.block)
    ends = (stamp for one in contact.seen.values() for stamp in (one.ended_up_to, one.unblocked, *one.ended.values()))
    return max((*blocks, *ends, *contact.reported.values()), default="")
