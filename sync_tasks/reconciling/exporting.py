"""A complete export of the portal as the truth beyond our state: newer wins, and who is missing is told."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import cast

from sync_tasks.backfill.rows import Row, Source
from sync_tasks.events import Anonymize, stamp_of
from sync_tasks.store import Store

AT_ONCE = 1000


def find_missing_users(source: Source, as_of: datetime, store: Store) -> list[str]:
    """Return the users of whom the state knows and the export does not, nor was anything newer told of them."""
    told = {row.user_id for row in source.rows() if isinstance(row, Row)}
    start, stamp = len(store.key("contacts:")), stamp_of(as_of)
    keys = cast("Iterator[str]", store.redis.scan_iter(match=store.key("contacts:*"), count=AT_ONCE))
    missing = (user for key in keys if (user := key[start:]) not in told)
    return sorted(set(_chunked(missing, stamp, store)))


def _chunked(users: Iterator[str], stamp: str, store: Store) -> Iterator[str]:
    while chunk := list(islice(users, AT_ONCE)):
        pipeline = store.redis.pipeline(transaction=False)
        for user in chunk:
            pipeline.hmget(store.key(f"contacts:{user}"), "latest", "erased")
        for user, (latest, erased) in zip(chunk, pipeline.execute(), strict=True):
            if not erased and (latest or "") <= stamp:
                yield user


def delete_users(users: Iterable[str], store: Store) -> int:
    """Have the workers anonymize users whom the portal deleted, and return how many."""
    return sum(store.accept(Anonymize(user_id=user)).status == "accepted" for user in users)
