"""What the state knows: whose contact is whose, read once and kept small, and the fields of users, page by page."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact, RemoteContact, UnreadContact
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.ext_ids import ExtIds
from sync_tasks.reconcile.id_index import Holders
from sync_tasks.state import bulk
from sync_tasks.state.codec import is_leased, is_loads_own, is_unknown, load_contact
from sync_tasks.state.store import Store

USER_CHUNK = 1000
# A push that has been under way for so many microseconds may hide drift: it is reported.
LONG = 3600 * MICROSECONDS_PER_SECOND
# So many users are read in one atomic step: others wait for its end, two milliseconds.
BRIEFLY = 250


@dataclass(frozen=True, slots=True, repr=False)
class Walk:
    """What one walk through the state shows of an account.

    ``holders`` knows the user of each numeric id. ``lacking``: users with a living subscription and no contact there,
    by ``number_of``. ``counts``: how many users have a wish, a list, an account (see ``ids.lua``).
    """

    holders: Holders
    lacking: Holders
    counts: Counter[str]


def number_of(user: str) -> int:
    """Return a number that stands for a user in this process."""
    return hash(user) & 0x7FFF_FFFF_FFFF_FFFF


def walk_state(store: Store, mapping: AccountMapping, *, counting: bool = False) -> Walk:
    """Look at every user once, without standing in anybody's way."""
    lacking, counts = list[tuple[str, str]](), Counter[str]()
    holders = Holders(_read_parts(store, mapping, lacking, counts, counting=counting))
    return Walk(holders, Holders(lacking), counts)


def _read_parts(
    store: Store, mapping: AccountMapping, lacking: list[tuple[str, str]], counts: Counter[str], *, counting: bool
) -> Iterator[tuple[str, str]]:
    cursor = "0"
    slugs = [slug for slug in (*mapping.newsletters, *mapping.renamed) if not mapping.takes_nobody(slug)]
    while True:
        about = BRIEFLY if counting else USER_CHUNK
        part = store.walk(mapping.account, cursor, about, slugs, counting=counting)
        cursor = part.cursor
        if part.ids:
            yield part.ids, part.users
        if part.lacking:
            lacking.append((",".join(str(number_of(user)) for user in part.lacking.split(" ")), part.lacking))
        counts.update(part.counts)
        if cursor == "0":
            return


def read_calm(users: Iterable[str], store: Store) -> dict[str, dict[str, str]]:
    """Return the fields of those users who are known and not dirty."""
    some = list(chunks(users, BRIEFLY))
    pairs = zip(chain.from_iterable(some), bulk.read_clean(store, some), strict=True)
    return {user: dict(zip(texts[::2], texts[1::2], strict=True)) for user, texts in pairs if texts}


def find_users(
    remotes: Iterable[RemoteContact | UnreadContact], holders: Holders, store: Store, ext_ids: ExtIds
) -> tuple[dict[int, str], dict[int, str]]:
    """Return the user of each contact, by numeric id, ``ext_id``, or address; and who is only called by an ``ext_id``.

    Without a fixed part an ``ext_id`` proves nothing: another system may count its customers, too.
    """
    users = {remote.id: user for remote in remotes if (user := holders.user_of(remote.id))}
    rest = [remote for remote in remotes if remote.id not in users]
    owners = iter(store.claimants([remote.address or "" for remote in rest]))
    named = {remote.id: user for remote in rest if (user := ext_ids.user_of(remote.ext_id))}
    known, claims = bulk.find_existing(store, list(set(named.values()))), dict[int, str]()
    for remote in rest:
        owner, called = next(owners), named.get(remote.id, "")
        if called in known and called != owner and not ext_ids.proves(remote.ext_id, called):
            claims[remote.id] = called
        elif user := called if called in known else owner:
            users[remote.id] = user
    return users, claims


def read_contacts(users: Iterable[str], store: Store) -> dict[str, Contact]:
    """Return the states of users whom nobody handles at this moment; a load waits for what we find."""
    users = list(users)
    stored = zip(users, bulk.read_with_queues(store, users), strict=True)
    load = partial(load_contact, tolerance=store.tolerance)
    return {
        user: replace(load(user, fields), pending={}) if dirty else load(user, fields)
        for user, (fields, dirty, due) in stored
        if fields and not _is_under_way(fields, dirty=dirty is not None, due=due is not None)
    }


def _is_under_way(fields: Mapping[str, str], *, dirty: bool, due: bool) -> bool:
    """Return whether somebody handles a contact, or will. An unknown outcome alone hides nothing for ever."""
    if is_leased(fields) or (is_unknown(fields) and (due or dirty)):
        return True
    return dirty and not is_loads_own(fields)


def read_waiting(users: Iterable[str], store: Store) -> list[str]:
    """Return those of these users whose push has been under way for longer than an hour."""
    users, long_ago = list(users), int(store.now()) - LONG
    moments = zip(users, bulk.read_dirty_since(store, users), strict=True)
    return [user for user, since in moments if since and since < long_ago]
