"""Whether Brevo shows that the state is older than the world: changes with our mark of which the state knows nothing.

An outage alone is no restore: what was changed by the state's own pushes, or by nobody, is explained. An editor's hand
looks like a push that the state has lost; then a person decides.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.domain.erasure import is_anonymized
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.timestamps import CLOCK_SKEW, stamp_of
from sync_tasks.providers import Gateway, ShownContact
from sync_tasks.reconcile.id_index import Holders
from sync_tasks.reconcile.ownership import USER_CHUNK, find_users, walk_state
from sync_tasks.state.bulk import read_with_history
from sync_tasks.state.holds import Hold, clear_examined, place_hold
from sync_tasks.state.store import Store
from sync_tasks.sync.context import Resources

# So long before may a push have ended whose change Brevo shows as one of then.
LAST_ANSWERS = timedelta(minutes=1)
# More changes than the gateway's hundred pages show are not looked through: a person decides.
MOST = 95 * USER_CHUNK
# So many are named, and looked at once more on their own.
NAMED = 5


def examine(context: Resources, hold: Hold) -> None:
    """Place a hold for a person if Brevo shows that the state is older than the world; else end this one.

    Raises:
        SyncError: Brevo cannot be asked now; the hold stays as it is.
    """
    found = [
        f"account {account}: {finding}" for account in context.mappings if (finding := _examine(account, context, hold))
    ]
    if found:
        place_hold(context.store, "; ".join(found))
    else:
        clear_examined(context.store)


def _examine(account: str, context: Resources, hold: Hold) -> str:
    """Return what an account shows that the state cannot explain, or nothing."""
    gateway = context.gateways[account]
    shown = list(islice(gateway.modified_since(hold.since - CLOCK_SKEW), MOST + 1))
    since = f"{hold.since:%Y-%m-%d %H:%M:%S} UTC"
    if len(shown) > MOST:
        return f"more than {MOST} contacts changed at Brevo after {since}"
    changed = (remote for each in shown if (remote := _readable(each, gateway)))
    active = stamp_of(hold.since - CLOCK_SKEW - LAST_ANSWERS)
    suspects = islice(_find_unexplained(changed, account, context, active), USER_CHUNK)
    sure = list(islice(_look_again(suspects, account, context, active), NAMED))
    names = ", ".join(str(contact_id) for contact_id in sure)
    return f"changed at Brevo after {since}, and the state knows nothing of it: contacts {names}" if sure else ""


def _readable(remote: ShownContact, gateway: Gateway) -> RemoteContact | None:
    """Return the contact, or what a look at it alone shows if its row cannot be read."""
    return remote if isinstance(remote, RemoteContact) else gateway.read(remote.id)


def _look_again(suspects: Iterable[int], account: str, context: Resources, since: str) -> Iterator[int]:
    """Yield whom a look at each alone does not explain either: while the page was read, pushes may have gone on."""
    for contact_id in suspects:
        remote = context.gateways[account].read(contact_id)
        if remote and any(_find_unexplained([remote], account, context, since)):
            yield contact_id


def _find_unexplained(remotes: Iterable[RemoteContact], account: str, context: Resources, since: str) -> Iterator[int]:
    mapping, store = context.mappings[account], context.store
    known: Holders | None = None
    for chunk in chunks(remotes, USER_CHUNK):
        if known is None and any(is_anonymized(remote) for remote in chunk):
            known = walk_state(store, mapping).holders
        users, called = find_users(chunk, known or Holders(()), store, mapping.ext_ids)
        users |= called
        read = dict(_read(set(users.values()), store))
        for remote in chunk:
            contact, active = read.get(users.get(remote.id, ""), (None, ""))
            if contact is None:
                explained = _is_of_nobody(remote, mapping, store)
            else:
                explained = explains(contact, remote, mapping, idle=active < since)
            if not explained:
                yield remote.id


def _is_of_nobody(remote: RemoteContact, mapping: AccountMapping, store: Store) -> bool:
    """Return whether a contact without a user in the state was never ours, or is one of an erased user."""
    user = mapping.ext_ids.user_of(remote.ext_id)
    ours = user and remote.lists & mapping.lists and not is_anonymized(remote)
    return not ours or store.is_erased(user)


def _read(users: Iterable[str], store: Store) -> Iterator[tuple[str, tuple[Contact, str]]]:
    """Yield each user who is known, and when the state last did something about them."""
    users = list(users)
    for user_id, (contact, last) in zip(users, read_with_history(store, users), strict=True):
        if contact:
            yield user_id, (contact, max([last, *(seen.read_at for seen in contact.seen.values())]))


def explains(contact: Contact, remote: RemoteContact, mapping: AccountMapping, *, idle: bool) -> bool:
    """Return whether the state knows how its user's contact came to be as it is at Brevo.

    A block alone came from Brevo's side, or is that of an erasure. Names and further attributes subscribe nobody.
    ``idle``: the state did nothing about the user lately, so that whoever changed the contact was somebody else.
    """
    if contact.erased:
        return True
    seen = contact.seen.get(mapping.account) or RemoteState()
    if is_anonymized(remote) and remote.address != seen.address:
        return False
    if seen.id != remote.id:
        return bool(contact.unknown_since)
    if remote.address not in {None, seen.address, *contact.addresses}:
        return False
    return _explains_lists(contact, remote, mapping, seen, idle=idle)


def _explains_lists(
    contact: Contact, remote: RemoteContact, mapping: AccountMapping, seen: RemoteState, *, idle: bool
) -> bool:
    """What is under way may be there already; what waits to be subscribed may have been ended meanwhile."""
    wanted = frozenset(desired_of(contact, mapping, seen).subscribed)
    waiting = {one.list_id for slug, one in mapping.newsletters.items() if not mapping.shows(slug, remote.lists)}
    if idle and not remote.block and wanted & waiting:
        return False
    under_way = wanted if contact.pending or contact.unknown_since else seen.lists
    return all((number in remote.lists) in {number in seen.lists, number in under_way} for number in mapping.lists)
