"""The contacts of a load: those that it brought and nobody else got a report of or has leased since."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sync_tasks.domain.batching import is_importable
from sync_tasks.domain.contact import Contact, EventKey, RemoteContact
from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.planning import Step, SyncView, concerns, first_view, next_step
from sync_tasks.domain.remote_state import remote_state_of
from sync_tasks.errors import SyncError
from sync_tasks.state import bulk
from sync_tasks.state.codec import is_leased, is_loads_own, is_unknown, load_contact
from sync_tasks.state.records import Confirmation, HandOver
from sync_tasks.state.store import Store

LOADED_CHUNK = 500


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LoadedContact:
    """A contact of the load; ``sent``: Brevo may hold it already."""

    contact: Contact
    sent: bool

    @property
    def user_id(self) -> str:
        """Whose contact it is."""
        return self.contact.user_id

    def creations(self, mappings: Mapping[str, AccountMapping]) -> dict[str, NewContact]:
        """Return what an import can create, by account, or nothing if anything else is to do."""
        steps = self._steps(
            {account: mapping for account, mapping in mappings.items() if concerns(self.contact, account, mapping)}
        )
        creations = {account: step for account, step in steps.items() if isinstance(step, NewContact)}
        others = any(step is not None and account not in creations for account, step in steps.items())
        return creations if not others and all(map(is_importable, creations.values())) else {}

    def _steps(self, mappings: Mapping[str, AccountMapping]) -> dict[str, Step | None]:
        views = {account: first_view(self.contact, account) for account in mappings}
        try:
            return {account: next_step(self.contact, mappings[account], view) for account, view in views.items()}
        except SyncError:
            return {}

    def confirmation(
        self, remote: RemoteContact, account: str, mappings: Mapping[str, AccountMapping], now: str
    ) -> Confirmation | None:
        """Return that an account holds the contact as wished, or nothing if it does not.

        A contact that is blocklisted existed before, and only a look at it alone may show why.
        """
        seen = remote_state_of(remote, self.contact, mappings[account], self.contact.seen.get(account), now)
        if remote.block or remote.ext_id != mappings[account].ext_ids.of(self.user_id):
            return None
        if next_step(self.contact, mappings[account], SyncView(seen, fresh=True)) is not None:
            return None
        everywhere = self.contact.seen.keys() | {account}
        clean = all(one in everywhere for one, mapping in mappings.items() if concerns(self.contact, one, mapping))
        return Confirmation(self.user_id, self.contact.rev, account, seen, clean)

    def handing_over(self, *, sent: bool) -> HandOver:
        """Return that the contact is left to the workers: every wish becomes an event, which gets its outcome."""
        wishes = self.contact.subscriptions().items()
        tasks = {True: "subscribe_contact", False: "unsubscribe_contact"}
        events = (EventKey(tasks[wished], newsletter, since) for newsletter, (since, wished) in wishes)
        return HandOver(self.user_id, self.contact.rev, sent, tuple(events))


def read_own(store: Store, count: int) -> Iterator[LoadedContact]:
    """Yield the contacts among the first so many that were loaded."""
    for start in range(0, count, LOADED_CHUNK):
        yield from read_users(store, bulk.read_loaded(store, start, min(LOADED_CHUNK, count - start)))


def read_users(store: Store, users: Iterable[str]) -> Iterator[LoadedContact]:
    """Yield those of the users who are still the load's own."""
    users = list(users)
    return _parse(store, users, bulk.read_all_fields(store, users))


def mark_sent(store: Store, users: Iterable[str], left_alone: int) -> list[LoadedContact]:
    """Note that an import of these users goes out, and return those who are still the load's own."""
    users = list(users)
    return list(_parse(store, users, bulk.mark_sending(store, users, left_alone)))


def hand_over(store: Store, owns: Iterable[LoadedContact], *, sent: bool) -> list[int]:
    """Leave contacts to the workers, who get every wish as an event; return of each whether it still was the load's."""
    return bulk.hand_over(store, (own.handing_over(sent=sent or own.sent) for own in owns))


def _parse(store: Store, users: Iterable[str], stored: Iterable[Mapping[str, str]]) -> Iterator[LoadedContact]:
    held = store.held_until()
    for user_id, fields in zip(users, stored, strict=True):
        if fields and is_loads_own(fields) and not is_leased(fields):
            yield LoadedContact(
                replace(load_contact(user_id, fields, tolerance=store.tolerance, held=held), unknown_since=""),
                sent=is_unknown(fields),
            )
