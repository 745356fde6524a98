"""One account: everything it holds is compared before anything is changed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from sync_tasks.chunks import chunks
from sync_tasks.domain.contact import Contact, RemoteContact, RemoteState, UnreadContact
from sync_tasks.domain.erasure import is_anonymized
from sync_tasks.domain.identity import is_stranger
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.planning import concerns
from sync_tasks.domain.remote_state import is_erased_unknown
from sync_tasks.domain.timestamps import MICROSECONDS_PER_DAY
from sync_tasks.reconcile.checkpoint import FoundCheckpoint, Memory
from sync_tasks.reconcile.drift import UNREADABLE, Drift, Sharing, find_drift, find_missing
from sync_tasks.reconcile.fast_path import FastComparison
from sync_tasks.reconcile.id_index import Holders, ShownIds
from sync_tasks.reconcile.ownership import (
    USER_CHUNK,
    find_users,
    number_of,
    read_calm,
    read_contacts,
    read_waiting,
    walk_state,
)
from sync_tasks.reconcile.pages import Page, read_pages
from sync_tasks.state.bulk import read_erased_ids
from sync_tasks.state.records import RemoteRecord
from sync_tasks.sync.context import Resources

Progress = Callable[[str, int], None]


def ignore(_account: str, _compared: int) -> None:
    """Hear how far a comparison is, and do nothing about it."""


@dataclass(slots=True, repr=False)
class Comparison:
    """What an account holds against what the portal wants; ``drifts`` are the contacts that differ.

    ``counting``: the walk through the state counts wishes and accounts, in ``counts``.
    ``report`` gets how many contacts were compared so far. ``resumed``: how many an earlier comparison did before
    it was broken off. ``anew``: none of them counts. ``alone``: contacts left to the push that is under way.
    """

    account: str
    context: Resources
    dry: bool = False
    report: Progress = ignore
    anew: bool = False
    counting: bool = False
    compared: int = 0
    resumed: int = 0
    alone: int = 0
    drifts: list[Drift] = field(default_factory=list)
    memory: Memory = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    _strays: dict[str, int] = field(default_factory=dict)
    _lacking: Holders = field(default_factory=lambda: Holders(()))
    _met: list[str] = field(default_factory=list)
    _sharing: Sharing = field(default_factory=Sharing)

    def __post_init__(self) -> None:
        self.memory = Memory(self.context.store, self.mapping, self.dry)
        if self.anew:
            self.memory.begin_anew()

    @property
    def mapping(self) -> AccountMapping:
        """How the portal's words map to those of the account."""
        return self.context.mappings[self.account]

    @property
    def kinds(self) -> Counter[str]:
        """How many contacts there are of each class of drift."""
        return Counter(kind for drift in self.drifts for kind in drift.kinds)

    @property
    def night(self) -> int:
        """The day on which the comparison began, counted since 1970."""
        return int(self.memory.began) // MICROSECONDS_PER_DAY

    def run(self) -> None:
        """Read and compare everything; nothing is written but what was seen of contacts that agree.

        Raises:
            SyncError: the account cannot be read to its end.
        """
        store = self.context.store
        walk, tombs = walk_state(store, self.mapping, counting=self.counting), read_erased_ids(store, self.account)
        holders, self._lacking, self.counts = walk.holders, walk.lacking, walk.counts
        fast, shown = FastComparison(self.mapping, store.tolerance, self.night), ShownIds()
        offset = self._go_on(holders, shown)
        for page in read_pages(self.context.gateways[self.account], self.context, shown, offset):
            drifts, strays = len(self.drifts), len(self._strays)
            self.compared += len(page.remotes)
            self._compare(replace(page, remotes=self._look_closer(page.remotes, fast)), holders, tombs)
            self._note_unread(page.unread, holders)
            for number in page.ids:
                holders.found(number)
            self._keep(page, drifts, strays)
            self.report(self.account, self.compared)
        self._find_gone(holders.missing(), self.memory.began)
        self._find_lacking(self._lacking.missing(), self.memory.began)

    def _go_on(self, holders: Holders, shown: ShownIds) -> int:
        """Take over what an earlier comparison came to before it was broken off, and return where it stopped.

        A contact that had no user then and has one by now is no longer what it was.
        """
        offset = 0
        for found in self.memory.recall():
            offset, self.alone = found.offset, found.alone
            self._add(drift for drift in found.drifts if _still_is(drift, holders))
            self._strays |= {user: number for user, number in found.strays.items() if number not in holders}
            for user in found.met:
                self._lacking.found(number_of(user))
            for number in found.ids:
                shown.add(number)
                holders.found(number)
            self.resumed += len(found.ids) - sum(UNREADABLE in drift.kinds for drift in found.drifts)
        self.compared = self.resumed
        return offset

    def _add(self, drifts: Iterable[Drift]) -> None:
        self.drifts.extend(map(self._sharing.share, drifts))

    def _keep(self, page: Page, drifts: int, strays: int) -> None:
        """Remember what a page came to: what was found beyond so many drifts and strays."""
        found, news = self.drifts[drifts:], dict(islice(self._strays.items(), strays, None))
        self.memory.renew_lease(FoundCheckpoint(page.after, self.alone, page.ids, found, news, self._met))
        self._met = []

    def _look_closer(self, remotes: list[RemoteContact], fast: FastComparison) -> list[RemoteContact]:
        """Return the contacts that may not agree by the fast comparison."""
        names = {remote.id: user for remote in remotes if (user := self.mapping.ext_ids.user_of(remote.ext_id))}
        calm = read_calm(set(names.values()), self.context.store)
        return [
            remote
            for remote in remotes
            if (user := names.get(remote.id, "")) not in calm or not fast.agrees(remote, user, calm[user])
        ]

    def _compare(self, page: Page, holders: Holders, tombs: frozenset[int]) -> None:
        users, claims = find_users(page.remotes, holders, self.context.store, self.mapping.ext_ids)
        contacts = read_contacts(set(users.values()), self.context.store)
        self._meet(users.values())
        agreed = []
        self._leave_alone({user: number for number, user in users.items() if user not in contacts})
        for remote in page.remotes:
            user = users.get(remote.id)
            if remote.id in claims:
                self._strays[claims[remote.id]] = remote.id
            elif user is None:
                self._note_unknown(remote, tombs)
            elif contact := contacts.get(user):
                found = self.look_at(remote, contact, page.read_at)
                if isinstance(found, Drift):
                    self._add([found])
                elif found:
                    agreed.append(RemoteRecord(user, contact.rev, self.account, found, self._agrees(contact)))
        if agreed and not self.dry:
            self.context.store.record_remote(agreed)

    def _leave_alone(self, users: Mapping[str, int | None]) -> None:
        """Leave users to the push that is under way; one that has taken long is reported."""
        self.alone += len(users)
        if users:
            waiting = read_waiting(users, self.context.store)
            self.drifts += (Drift(("waiting",), user, users[user]) for user in waiting)

    def _meet(self, users: Iterable[str]) -> None:
        """Note who has a contact here after all, though the state knew of none."""
        for user in users:
            if number_of(user) in self._lacking:
                self._lacking.found(number_of(user))
                self._met.append(user)

    def look_at(self, remote: RemoteContact, contact: Contact, read_at: str) -> Drift | RemoteState | None:
        """Return a drift; or what is news of a contact that agrees, or nothing."""
        known = contact.seen.get(self.account)
        if known and known.id == remote.id and self._is_another(remote, contact, known):
            return find_drift(remote, contact, self.mapping, read_at)
        if contact.erased:
            return Drift(("unfinished erasure",), contact.user_id, remote.id, contact.rev)
        if known and known.id not in {None, remote.id}:
            self._strays[contact.user_id] = remote.id
            return None
        links = self.mapping.links.left_for_later(contact.user_id, remote.attributes, self.night)
        remote = replace(remote, attributes={**remote.attributes, **links}) if links else remote
        found = find_drift(remote, contact, self.mapping, read_at)
        return found if isinstance(found, Drift) or known is None or known.id is None else None

    def _is_another(self, remote: RemoteContact, contact: Contact, known: RemoteState) -> bool:
        """Return whether an erased person or a stranger is found under the id of a living user."""
        if contact.erased:
            return False
        erased = is_erased_unknown(remote, contact, self.mapping, known)
        return erased or is_stranger(remote, contact, self.mapping, known)

    def _agrees(self, contact: Contact) -> Literal["clean", ""]:
        """Return whether every other account that may hold anything of the user agrees too, as far as is known."""
        others = ((account, mapping) for account, mapping in self.context.mappings.items() if account != self.account)
        known = all(account in contact.seen for account, mapping in others if concerns(contact, account, mapping))
        return "clean" if known else ""

    def _note_unknown(self, remote: RemoteContact, tombs: frozenset[int]) -> None:
        anonymized = is_anonymized(remote)
        entombed = remote.id in tombs or self._is_erased(remote)
        if entombed and not anonymized:
            self.drifts.append(Drift(("erased person",), contact_id=remote.id, loses=True))
        elif lists := remote.lists & self.mapping.watched - self.mapping.manual:
            self.drifts.append(Drift(("unknown contact",), contact_id=remote.id, lists=lists))

    def _is_erased(self, remote: RemoteContact) -> bool:
        """Return whether a contact is that of an erased user, whom it is called by more than an ``ext_id``."""
        store, user = self.context.store, self.mapping.ext_ids.user_of(remote.ext_id)
        if not user or not store.is_erased(user):
            return False
        return self.mapping.ext_ids.proves(remote.ext_id, user) or store.is_vacated(remote.address or "")

    def _note_unread(self, unread: list[UnreadContact], holders: Holders) -> None:
        """Name those whose row cannot be read, and compare nothing; they are there."""
        users, claims = find_users(unread, holders, self.context.store, self.mapping.ext_ids)
        named = users | claims
        self.drifts.extend(Drift((UNREADABLE,), named.get(one.id, ""), one.id) for one in unread)

    def _leave_out_unread(self, users: Iterator[str]) -> Iterator[str]:
        """Yield those who are on no page by any row; nobody if a row that cannot be read may be anybody's."""
        unread = {drift.user_id for drift in self.drifts if UNREADABLE in drift.kinds}
        return (user for user in users if not unread or not {"", user} & unread)

    def _find_gone(self, users: Iterator[str], read_at: str) -> None:
        """Whoever was on no page is missing, or has another contact by now."""
        for chunk in chunks(self._leave_out_unread(users), USER_CHUNK):
            contacts = read_contacts(chunk, self.context.store)
            self._leave_alone(dict.fromkeys((user for user in chunk if user not in contacts), None))
            for contact in contacts.values():
                drift = None if contact.erased else find_missing(contact, self.mapping, read_at)
                self._strays.pop(contact.user_id, None)
                if drift:
                    self._add([drift])
        self._note_strays()

    def _find_lacking(self, users: Iterator[str], read_at: str) -> None:
        """Whoever subscribed and was on no page lacks a contact, unless it is about to be created."""
        for chunk in chunks(self._leave_out_unread(users), USER_CHUNK):
            for contact in read_contacts(chunk, self.context.store).values():
                known = contact.seen.get(self.account)
                if not contact.erased and (known is None or known.id is None):
                    self._add(filter(None, [find_missing(contact, self.mapping, read_at)]))

    def _note_strays(self) -> None:
        duplicates = (Drift(("duplicate contact",), user, number) for user, number in self._strays.items())
        self.drifts.extend(duplicates)


def _still_is(drift: Drift, holders: Holders) -> bool:
    """Return whether what was found before still is so: a contact that had no user then may have one by now."""
    return bool(drift.user_id) or UNREADABLE in drift.kinds or (drift.contact_id or 0) not in holders
