"""A complete export of the portal as the truth beyond our state: newer wins, and who is missing is told."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import cast

from sync_tasks.backfill.loading import load
from sync_tasks.backfill.rows import BadRow, Row, Source, moment_of_row
from sync_tasks.contacts import HINT, OWN, STAMP, SUBSCRIBED, TOLD, UNSUBSCRIBED, Contact, merge
from sync_tasks.events import Anonymize, stamp_of
from sync_tasks.store import Store

AT_ONCE = 1000
# Workers keep away from what a comparison has not allowed; whoever breaks it off runs it again within this time.
ON_TRIAL = 7 * 86_400


@dataclass(slots=True, repr=False)
class Weighed:
    """What an export would do to the state, before anything is done.

    ``users`` the state knows, of whom ``changed`` would get newer wishes and ``losing`` would lose a subscription by
    them; ``new`` are users it does not know; ``missing`` are those whom the export lacks.
    """

    users: int = 0
    new: int = 0
    changed: int = 0
    losing: int = 0
    missing: list[str] = field(default_factory=list)


def weigh(source: Source, as_of: datetime, store: Store) -> Weighed:
    """Compare an export with the state and change nothing."""
    weighed, told = Weighed(), dict[str, tuple[bool, bool]]()
    rows = (row for row in source.rows() if isinstance(row, Row))
    while chunk := list(islice(rows, AT_ONCE)):
        for row, held in zip(chunk, _read(chunk, store), strict=True):
            before = Contact(row.user_id, held, tolerance=store.tolerance)
            after = replace(before, registers=merge(held, moment_of_row(row, as_of)[1], row.values, told=True))
            changed, losing = told.get(row.user_id, (False, False))
            told[row.user_id] = changed or _differ(row, before, after), losing or _loses(row, before, after)
            weighed.new += "rev" not in held and not changed
    weighed.changed = sum(changed for changed, _ in told.values()) - weighed.new
    weighed.losing = sum(losing for _, losing in told.values())
    _look_for_missing(weighed, told, stamp_of(as_of), store)
    return weighed


def _read(rows: Iterable[Row], store: Store) -> Iterator[Mapping[str, str]]:
    rows, pipeline = list(rows), store.redis.pipeline(transaction=False)
    for row in rows:
        pipeline.hmget(store.key(f"contacts:{row.user_id}"), _names_of(row))
    for row, texts in zip(rows, pipeline.execute(), strict=True):
        yield {name: text for name, text in zip(_names_of(row), texts, strict=True) if text}


def _names_of(row: Row) -> list[str]:
    return ["rev", *row.values, *(TOLD + newsletter for newsletter in row.newsletters)]


def _differ(row: Row, before: Contact, after: Contact) -> bool:
    """Tell whether a row changes a value that the state holds."""
    plain = (name for name in row.values if not name.startswith((OWN, HINT)))
    return any(before.registers.get(name, "")[STAMP:] != after.registers[name][STAMP:] for name in plain) or any(
        before.said_last(newsletter) != after.said_last(newsletter) for newsletter in row.newsletters
    )


def _loses(row: Row, before: Contact, after: Contact) -> bool:
    """Tell whether a row ends a subscription that the state holds."""
    return any(
        (before.said_last(newsletter), after.said_last(newsletter)) == (SUBSCRIBED, UNSUBSCRIBED)
        for newsletter in row.newsletters
    )


def _look_for_missing(weighed: Weighed, told: Mapping[str, object], stamp: str, store: Store) -> None:
    """Find users of whom the state knows and the export does not, nor was anything newer told of them."""
    start = len(store.key("contacts:"))
    keys = cast("Iterator[str]", store.redis.scan_iter(match=store.key("contacts:*"), count=AT_ONCE))
    missing = set[str]()
    while users := [key[start:] for key in islice(keys, AT_ONCE)]:
        weighed.users += len(users)
        missing.update(_without_news([user for user in users if user not in told], stamp, store))
    weighed.missing = sorted(missing)


def _without_news(users: list[str], stamp: str, store: Store) -> Iterator[str]:
    pipeline = store.redis.pipeline(transaction=False)
    for user in users:
        pipeline.hmget(store.key(f"contacts:{user}"), "latest", "erased")
    for user, (latest, erased) in zip(users, pipeline.execute(), strict=True):
        if not erased and (latest or "") <= stamp:
            yield user


def bring_in(source: Source, as_of: datetime, store: Store, *, on_trial: bool) -> None:
    """Bring into the state what is newer than what it holds; on trial only what it knows nothing of."""
    rows = source.rows()
    load(_unknown(rows, store) if on_trial else rows, as_of, store, left_alone=ON_TRIAL)


def _unknown(rows: Iterator[Row | BadRow], store: Store) -> Iterator[Row]:
    good = (row for row in rows if isinstance(row, Row))
    while chunk := list(islice(good, AT_ONCE)):
        pipeline = store.redis.pipeline(transaction=False)
        for row in chunk:
            pipeline.hmget(store.key(f"contacts:{row.user_id}"), "rev", "filling")
        held = zip(chunk, pipeline.execute(), strict=True)
        yield from (row for row, (rev, filling) in held if rev == filling)


def take_back(source: Source, store: Store) -> None:
    """Forget those whom an export brought into the state and nobody was told of since."""
    good = (row.user_id for row in source.rows() if isinstance(row, Row))
    while chunk := list(islice(good, AT_ONCE)):
        store.run_all("unload", ((user,) for user in dict.fromkeys(chunk)))


def delete_users(users: Iterable[str], as_of: datetime, store: Store) -> int:
    """Have the workers anonymize users whom the portal deleted, unless they were heard of since; return how many."""
    rest, deleted = iter(users), 0
    while chunk := list(islice(rest, AT_ONCE)):
        still = _without_news(chunk, stamp_of(as_of), store)
        deleted += sum(store.accept(Anonymize.model_construct(user_id=user)).status == "accepted" for user in still)
    return deleted
