"""A person trusts Brevo more than a state that went backwards: what Brevo does not show any more was ended there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sync_tasks.domain.contact import Contact
from sync_tasks.domain.erasure import is_anonymized
from sync_tasks.domain.events import Anonymize, Event, Unsubscribe
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.reconcile.id_index import ShownIds
from sync_tasks.reconcile.pages import read_pages
from sync_tasks.state.bulk import read_contacts, scan_users
from sync_tasks.state.holds import Hold
from sync_tasks.state.store import Store
from sync_tasks.sync.context import Resources

_NONE = frozenset[int]()


@dataclass(slots=True, repr=False)
class Picture:
    """What an account holds: on which managed lists a contact is, by its number and its ``ext_id``."""

    mapping: AccountMapping
    lists: dict[int | str, frozenset[int]] = field(default_factory=dict)
    anonymized: set[int] = field(default_factory=set)

    def has(self, contact: Contact, slug: str) -> bool:
        """Return whether a contact is on the list of a newsletter, or on one that it had before."""
        return self.mapping.shows(slug, self._lists_of(contact))

    def _lists_of(self, contact: Contact) -> frozenset[int]:
        seen = contact.seen.get(self.mapping.account)
        number = seen.id if seen and seen.id is not None else 0
        return self.lists.get(contact.user_id if contact.user_id in self.lists else number, _NONE)

    def events_of(self, contact: Contact, hold: Hold, pictures: Iterable["Picture"]) -> Iterator[Event]:
        """Yield what must have happened to a living user for Brevo to be as these pictures show."""
        seen = contact.seen.get(self.mapping.account)
        number = seen.id if seen and seen.id is not None else 0
        moved = contact.user_id in self.lists
        if number in self.anonymized and not moved:
            yield Anonymize(user_id=contact.user_id)
            return
        for slug, (since, wished) in contact.subscriptions().items():
            old = wished and since <= hold.moment and self.mapping.find(slug)
            if old and not any(picture.has(contact, slug) for picture in pictures):
                yield Unsubscribe(user_id=contact.user_id, newsletter=slug, occurred_at=moment_of(since))


def concede(context: Resources, hold: Hold) -> list[Event]:
    """Read every account, accept what Brevo shows to have been ended, and return it.

    Each opt-out has the moment of the subscription that it ends, for a tie unsubscribes: nothing newer is ended by it.

    Raises:
        SyncError: an account cannot be read to its end; nothing was accepted.
    """
    pictures = [_take_picture(account, context) for account in context.mappings]
    events = list(dict.fromkeys(_events(pictures, hold, context.store)))
    for event in events:
        context.store.accept(event)
    return events


def _take_picture(account: str, context: Resources) -> Picture:
    picture, alike = Picture(context.mappings[account]), dict[frozenset[int], frozenset[int]]()
    for page in read_pages(context.gateways[account], context, ShownIds()):
        if page.unread:
            raise GatewayUnavailableError(f"account {account}: contact {page.unread[0].id} cannot be read")
        for remote in page.remotes:
            lists = remote.lists & picture.mapping.watched
            lists = alike.setdefault(lists, lists)
            picture.lists[remote.id] = lists
            if user := picture.mapping.ext_ids.user_of(remote.ext_id):
                picture.lists[user] = lists
            if is_anonymized(remote):
                picture.anonymized.add(remote.id)
    return picture


def _events(pictures: list[Picture], hold: Hold, store: Store) -> Iterator[Event]:
    for users in scan_users(store):
        for contact in read_contacts(store, users):
            if contact and not contact.erased:
                yield from (event for picture in pictures for event in picture.events_of(contact, hold, pictures))
