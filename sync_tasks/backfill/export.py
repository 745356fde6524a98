"""A complete export of the portal as the truth beyond our state: newer wins, and users who are missing are reported."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from sync_tasks.backfill.load import load
from sync_tasks.backfill.preview import PREVIEW_CHUNK
from sync_tasks.backfill.rows import BadRow, Row, Source
from sync_tasks.chunks import chunks
from sync_tasks.domain.events import Anonymize
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.state.bulk import find_loads_own, find_without_news, unload
from sync_tasks.state.store import Store

# Workers keep away from what a comparison has not allowed; whoever breaks it off runs it again within this time.
ON_TRIAL = 7 * 86_400


def bring_in(source: Source, as_of: datetime, store: Store, *, on_trial: bool) -> None:
    """Bring into the state what is newer than what it holds; on trial only what it knows nothing of."""
    rows = source.rows()
    load(_unknown(rows, store) if on_trial else rows, as_of, store, left_alone=ON_TRIAL)


def _unknown(rows: Iterator[Row | BadRow], store: Store) -> Iterator[Row]:
    good = (row for row in rows if isinstance(row, Row))
    for chunk in chunks(good, PREVIEW_CHUNK):
        own = find_loads_own(store, [row.user_id for row in chunk])
        yield from (row for row, is_own in zip(chunk, own, strict=True) if is_own)


def take_back(source: Source, store: Store) -> None:
    """Forget those whom an export brought into the state and nobody has reported since."""
    good = (row.user_id for row in source.rows() if isinstance(row, Row))
    for chunk in chunks(good, PREVIEW_CHUNK):
        unload(store, dict.fromkeys(chunk))


def delete_users(users: Iterable[str], as_of: datetime, store: Store) -> int:
    """Have the workers anonymize users whom the portal deleted, unless they were heard of since; return how many."""
    deleted = 0
    for chunk in chunks(users, PREVIEW_CHUNK):
        still = find_without_news(store, chunk, stamp_of(as_of))
        deleted += sum(store.accept(Anonymize.model_construct(user_id=user)).status == "accepted" for user in still)
    return deleted
