"""What a file would do to the state, before anything is done: who is new, who loses what, who would get mail again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sync_tasks.backfill.load import last_opt_out
from sync_tasks.backfill.rows import Row, Source, stamp_of_row
from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact
from sync_tasks.domain.events import Unsubscribe
from sync_tasks.domain.merge import merge
from sync_tasks.domain.registers import both_clocks, is_hint, is_subscription, value
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.state.bulk import find_without_news, read_registers, scan_users
from sync_tasks.state.store import Store

PREVIEW_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Extent:
    """What a file is weighed against: newsletters that it lists completely, and the accounts that know of blocks.

    ``was``: the earlier slugs of newsletters, under which the state may know a wish. ``whole``: it lists every user.
    """

    newsletters: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    whole: bool = False
    was: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def slugs(self, newsletter: str) -> tuple[str, ...]:
        """Return all slugs a newsletter has or had."""
        return (newsletter, *self.was.get(newsletter, ()))


@dataclass(slots=True, repr=False)
class Weighed:
    """What a file would do to the state, before anything is done.

    ``users`` the state knows, of whom ``changed`` would get newer wishes and ``losing`` would lose a subscription;
    ``new`` are users it does not know; ``missing`` are those whom a whole export lacks. ``lacking``: subscriptions
    that the file does not name and that are older, each a user and a newsletter. ``undated`` and ``dated`` unsubscribed
    and would be subscribed again. Rows without a moment of their own say so of ``undated``, rows with one of ``dated``.
    ``moved`` would get another address by rows without one.
    """

    users: int = 0
    new: int = 0
    changed: int = 0
    losing: int = 0
    missing: list[str] = field(default_factory=list)
    lacking: list[tuple[str, str]] = field(default_factory=list)
    undated: int = 0
    dated: int = 0
    moved: int = 0

    @property
    def resubscribed(self) -> int:
        """How many unsubscribed and would get mail again."""
        return self.undated + self.dated


@dataclass(slots=True)
class _Changes:
    """What all rows of a user known to the state come to; ``alive`` are subscriptions that no row has named so far."""

    new: bool = False
    changed: bool = False
    losing: bool = False
    undated: bool = False
    dated: bool = False
    moved: bool = False
    alive: frozenset[str] = frozenset()

    @property
    def notable(self) -> bool:
        """Whether there is something to say of this user."""
        return self.losing or self.dated or self.undated or self.moved


def weigh(source: Source, as_of: datetime, store: Store, extent: Extent) -> Weighed:
    """Compare a file with the state and change nothing.

    One moment in all rows is that of the file, whoever wrote it into a column.
    """
    changes, rows_read, moments = dict[str, _Changes](), 0, set[datetime | None]()
    rows = (row for row in source.rows() if isinstance(row, Row))
    for chunk in chunks(rows, PREVIEW_CHUNK):
        rows_read += len(chunk)
        moments |= {row.occurred_at for row in chunk} if len(moments) <= 1 else set()
        for row, held in zip(chunk, _read(chunk, store, extent), strict=True):
            _weigh_row(row, held, as_of, changes, extent=extent, tolerance=store.tolerance)
    for user in [user for user, one in changes.items() if one.undated]:
        contact = store.peek(user)
        changes[user].undated = contact is not None and not last_opt_out(contact)
    weighed = _sum_up(changes)
    if rows_read > 1 and len(moments) == 1:
        weighed.undated, weighed.dated = weighed.resubscribed, 0
    if extent.whole:
        _look_for_missing(weighed, changes, stamp_of(as_of), store)
    return weighed


def knows_anybody(store: Store) -> bool:
    """Return whether the state holds a contact: a first load need not be weighed."""
    return next(scan_users(store), None) is not None


def _sum_up(changes: Mapping[str, _Changes]) -> Weighed:
    weighed = Weighed()
    for user, one in changes.items():
        weighed.new += one.new
        weighed.changed += one.changed and not one.new
        weighed.losing += one.losing or bool(one.alive)
        weighed.undated += one.undated
        weighed.moved += one.moved
        weighed.dated += one.dated and not one.undated
        weighed.lacking += ((user, slug) for slug in sorted(one.alive))
    return weighed


def _read(rows: Iterable[Row], store: Store, extent: Extent) -> Iterator[Contact | None]:
    """Return of each row's user what the state holds of all that the row may change; nothing of who is unknown."""
    names = frozenset(_registers(extent.newsletters, extent))
    wanted = ((row.user_id, {*row.values, *_registers(row.newsletters, extent)} | names) for row in rows)
    return read_registers(store, wanted, extent.accounts)


def _registers(newsletters: Iterable[str], extent: Extent) -> Iterator[str]:
    return (name for one in newsletters for slug in extent.slugs(one) for name in both_clocks(slug))


def _weigh_row(
    row: Row, held: Contact | None, as_of: datetime, changes: dict[str, _Changes], *, extent: Extent, tolerance: int
) -> None:
    stamp = stamp_of_row(row, as_of)
    before = held or Contact(row.user_id, tolerance=tolerance)
    after = replace(before, registers=merge(before.registers, stamp, row.values, reported=True))
    one = changes.get(row.user_id) or _Changes(held is None, alive=_alive(before, stamp_of(as_of), extent))
    turns = [(_says(before, slug, extent), _says(after, slug, extent)) for slug in row.newsletters]
    one.alive -= row.newsletters.keys()
    one.changed |= _differ(row, before, after)
    one.losing |= (True, False) in turns
    back = _comes_back(row, stamp, before, extent)
    if row.occurred_at:
        one.dated |= back or (any(row.newsletters.values()) and _lifts(before, stamp, extent))
    else:
        one.undated |= back
        one.moved |= before.wished_address not in {"", after.wished_address}
    # A first load may name very many: only those are remembered of whom there is something to say.
    if extent.whole or (held and (extent.newsletters or one.notable)):
        changes[row.user_id] = one


def _says(contact: Contact, newsletter: str, extent: Extent) -> bool | None:
    """Return whether a newsletter is subscribed, as far as anything was said of it."""
    wish = contact.subscription(extent.slugs(newsletter))
    return wish[1] if wish else None


def _comes_back(row: Row, stamp: str, contact: Contact, extent: Extent) -> bool:
    """Return whether a row is newer than an opt-out by less than two clocks may be apart: somebody must look."""
    wished = (slug for slug, subscribed in row.newsletters.items() if subscribed)
    held = (contact.subscription(extent.slugs(slug)) for slug in wished)
    return any(wish is not None and not wish[1] and wish[0] < stamp for wish in held)


def _differ(row: Row, before: Contact, after: Contact) -> bool:
    """Return whether a row changes a value that the state holds."""
    plain = (name for name in row.values if not is_subscription(name) and not is_hint(name))
    return any(value(before.registers.get(name, "")) != value(after.registers[name]) for name in plain) or any(
        before.said_last(slug) != after.said_last(slug) for slug in row.newsletters
    )


def _alive(contact: Contact, limit: str, extent: Extent) -> frozenset[str]:
    """Return the subscriptions that a complete file ends unless it names them."""
    wishes = ((slug, contact.subscription(extent.slugs(slug))) for slug in extent.newsletters)
    return frozenset(slug for slug, wish in wishes if wish and wish[1] and wish[0] <= limit)


def _lifts(held: Contact, stamp: str, extent: Extent) -> bool:
    """Return whether a subscription of that moment would lift an unsubscription at Brevo."""
    blocks = (held.seen[account].block for account in extent.accounts & held.seen.keys())
    return any(block is not None and block.kind == "unsubscribed" and block.since < stamp for block in blocks)


def _look_for_missing(weighed: Weighed, listed: Mapping[str, object], stamp: str, store: Store) -> None:
    """Find users of whom the state knows and the export does not, nor was anything newer reported of them."""
    missing = set[str]()
    for users in scan_users(store):
        weighed.users += len(users)
        missing.update(find_without_news(store, [user for user in users if user not in listed], stamp))
    weighed.missing = sorted(missing)


def end_lacking(lacking: Iterable[tuple[str, str]], as_of: datetime, store: Store) -> int:
    """Unsubscribe as of a complete file what it does not name, unless something newer was reported; return how many."""
    events = (Unsubscribe(user_id=user, newsletter=slug, occurred_at=as_of) for user, slug in lacking)
    return sum(store.accept(event).status == "accepted" for event in events)
