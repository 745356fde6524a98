"""Whether Brevo shows that the state is older than the world: changes with our mark of which the state knows nothing.

An outage alone is no restore: what was changed by the state's own pushes, or by nobody, is explained. An editor's hand
looks like a push that the state has lost; then a person decides.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import islice

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import desired_of, difference
from sync_tasks.domain.erasure import is_anonymized
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.pauses import list_of
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
    review = _Review(account, context, stamp_of(hold.since - CLOCK_SKEW - LAST_ANSWERS))
    suspects = islice(review.suspects(changed), USER_CHUNK)
    sure = list(islice((remote.id for remote in suspects if review.is_sure(remote)), NAMED))
    names = ", ".join(map(str, sure))
    return f"changed at Brevo after {since}, and the state knows nothing of it: contacts {names}" if sure else ""


def _readable(remote: ShownContact, gateway: Gateway) -> RemoteContact | None:
    """Return the contact, or what a look at it alone shows if its row cannot be read."""
    return remote if isinstance(remote, RemoteContact) else gateway.read(remote.id)


@dataclass(frozen=True)
class _Review:
    """Whether the state explains contacts of an account; ``since``: from when on what it does is no idleness."""

    account: str
    context: Resources
    since: str

    def suspects(self, remotes: Iterable[RemoteContact]) -> Iterator[RemoteContact]:
        """Yield whom the state does not explain."""
        for chunk in chunks(remotes, USER_CHUNK):
            known = self._known(chunk)
            yield from (remote for remote in chunk if not self._explains(remote, known))

    def is_sure(self, suspect: RemoteContact) -> bool:
        """Return whether a look at the contact alone is not explained either.

        While a page or an answer is on its way, pushes go on. So neither the state of before the look nor the one of
        after it may explain what Brevo shows.
        """
        before = self._known([suspect])
        remote = self.context.gateways[self.account].read(suspect.id)
        if remote is None or self._explains(remote, before):
            return False
        known = self._known([remote])
        return not self._explains(remote, known) and self._has_our_mark(remote, known)

    def _has_our_mark(self, remote: RemoteContact, known: Mapping[int, tuple[Contact, str]]) -> bool:
        """Return whether a contact was ever ours; if Brevo shows no ``ext_id``, a look by the user's own decides.

        Whoever has the address of a user may have been at Brevo before.
        """
        if not _may_be_a_strangers(remote, known, self._mapping):
            return True
        contact, _ = known[remote.id]
        found = self.context.gateways[self.account].find_ext_id(self._mapping.ext_ids.of(contact.user_id))
        return found is not None and found.id == remote.id

    @cached_property
    def _mapping(self) -> AccountMapping:
        """Return the mapping without the lists that the account lacks: nobody is on them any more."""
        parts = map(list_of, self.context.limiter.paused_parts(self.account))
        return self.context.mappings[self.account].without(frozenset(part for part in parts if part is not None))

    @cached_property
    def _holders(self) -> Holders:
        return walk_state(self.context.store, self._mapping).holders

    @cached_property
    def _now(self) -> str:
        return self.context.store.now()

    def _known(self, remotes: Collection[RemoteContact]) -> Mapping[int, tuple[Contact, str]]:
        """Return the user of each contact, and when the state last did something about them."""
        mapping, store = self._mapping, self.context.store
        holders = self._holders if any(map(is_anonymized, remotes)) else Holders(())
        users, called = find_users(remotes, holders, store, mapping.ext_ids)
        users |= called
        read = dict(_read(set(users.values()), store))
        return {number: read[user] for number, user in users.items() if user in read}

    def _explains(self, remote: RemoteContact, known: Mapping[int, tuple[Contact, str]]) -> bool:
        if remote.id not in known:
            return _is_of_nobody(remote, self._mapping, self.context.store)
        if self.context.gateways[self.account].shows_ext_ids and _may_be_a_strangers(remote, known, self._mapping):
            return True
        contact, active = known[remote.id]
        return explains(contact, remote, self._mapping, idle=active < self.since, now=self._now)


def _may_be_a_strangers(
    remote: RemoteContact, known: Mapping[int, tuple[Contact, str]], mapping: AccountMapping
) -> bool:
    """Return whether nothing but the address shows that a contact is the user's."""
    if remote.id not in known or mapping.ext_ids.user_of(remote.ext_id) or is_anonymized(remote):
        return False
    seen = known[remote.id][0].seen.get(mapping.account)
    return seen is None or remote.id not in {seen.id, *seen.extra_contact_ids}


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


def explains(contact: Contact, remote: RemoteContact, mapping: AccountMapping, *, idle: bool, now: str) -> bool:
    """Return whether the state knows how its user's contact came to be as it is at Brevo.

    A block alone came from Brevo's side, or is that of an erasure. Names and further attributes subscribe nobody.
    ``idle``: the state did nothing about the user lately, so that whoever changed the contact was somebody else.
    """
    seen = contact.seen.get(mapping.account) or RemoteState()
    # One contact too many is anonymized, whatever it holds.
    if contact.erased or remote.id in seen.extra_contact_ids:
        return True
    if is_anonymized(remote) and remote.address != seen.address and not _stepped_aside(contact, remote, mapping):
        return False
    if seen.id != remote.id:
        return bool(contact.unknown_since) and (seen.id is not None or _was_created(contact, remote, mapping, now))
    if remote.address not in {None, seen.address, *contact.addresses} and not is_anonymized(remote):
        return False
    return _explains_lists(contact, remote, mapping, seen, idle=idle)


def _stepped_aside(contact: Contact, remote: RemoteContact, mapping: AccountMapping) -> bool:
    """Return whether a request of unknown outcome may have given the contact a placeholder for its address."""
    return bool(contact.unknown_since) and remote.ext_id in mapping.ext_ids.all_of(contact.user_id)


def _was_created(contact: Contact, remote: RemoteContact, mapping: AccountMapping, now: str) -> bool:
    """Return whether a request that got no answer may have created a contact as it is.

    It is created on its lists. If it is on none of them, an opt-out that the state lost took it off. A worker that has
    the user in hand may have found it, and is about to put it on them; its lease ends later than ``now``.
    """
    asked = _asked_before(contact, mapping)
    joined = {number for number, on_it in asked if on_it} | desired_of(contact, mapping).subscribed.keys()
    ended = {number for number, on_it in asked if not on_it}
    leased = contact.unknown_since > now
    return leased or bool(ended or remote.block) or not joined or not joined.isdisjoint(remote.lists)


def _explains_lists(
    contact: Contact, remote: RemoteContact, mapping: AccountMapping, seen: RemoteState, *, idle: bool
) -> bool:
    """Return whether the state explains on which lists a contact is.

    A change under way may be there already. A subscription that waits may have been ended meanwhile. A list on which an
    editor decides is no evidence: the state neither joins nor leaves it.
    """
    desired = desired_of(contact, mapping, seen)
    wanted = frozenset(desired.subscribed)
    waiting = {one.list_id for slug, one in mapping.newsletters.items() if not mapping.shows(slug, remote.lists)}
    if idle and not remote.block and wanted & waiting:
        return False
    under_way = wanted if contact.pending or contact.unknown_since else seen.lists
    known = {(number, number in lists) for lists in (seen.lists, under_way) for number in mapping.lists}
    if contact.unknown_since:
        # Some lists are left before they are joined again, or before a block is lifted.
        known |= _asked_before(contact, mapping) | {(number, False) for number in difference(desired, seen).leave}
    return all((number, number in remote.lists) in known for number in mapping.lists - desired.kept)


def _asked_before(contact: Contact, mapping: AccountMapping) -> frozenset[tuple[int, bool]]:
    """Return the lists that an older request may still join or leave, although a newer event says otherwise.

    An event without an outcome shows what was asked. An opt-out ended a subscription, whose request may come after it.
    """
    asked = {(event.newsletter, event.task == "subscribe_contact") for event in contact.pending}
    asked |= {(slug, True) for slug, (_, wished) in contact.subscriptions().items() if not wished}
    return frozenset((found.list_id, on_it) for slug, on_it in asked if (found := mapping.find(slug)))
