"""One contact on one account: ask the planner for the next step, take it, until nothing is left to do."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from sync_tasks.domain.contact import STAMP, Contact, RemoteContact, RemoteState
from sync_tasks.domain.desired import desired_of, digest
from sync_tasks.domain.diff import ERASED, FOREIGNERS, Change, NewContact, differing, essential
from sync_tasks.domain.identity import foreign_contact
from sync_tasks.domain.opt_outs import note_bounce
from sync_tasks.domain.pauses import CREATING, describe, list_part, name_of, part_in_trouble
from sync_tasks.domain.planning import (
    Erase,
    Read,
    Search,
    Step,
    SyncView,
    Write,
    after_write,
    first_view,
    is_held_back,
    next_step,
    without_lists,
)
from sync_tasks.domain.remote_state import after_move, before_write, is_erased_unknown, remote_state_of, still_guarded
from sync_tasks.errors import (
    AccountError,
    AddressBusyError,
    AddressTakenError,
    DuplicateContactError,
    GatewayUnavailableError,
    MissingContactError,
    MissingListError,
    PartPausedError,
    RejectedContactError,
    StateHeldError,
    TooEarlyError,
)
from sync_tasks.state.store import Sighting
from sync_tasks.sync.anonymize import erase_contact, erase_seen
from sync_tasks.sync.conflicts import Whose, find_holder
from sync_tasks.sync.heirs import Heirs
from sync_tasks.sync.push import Push
from sync_tasks.tokens import make_token

MAX_STEPS = 12


@dataclass(slots=True, repr=False)
class AccountPush(Push):
    """Brings one contact on one account in line; afterwards ``view`` is what is known, whatever happened."""

    def run(self) -> None:
        """Take steps until Brevo agrees.

        Raises:
            SyncError: whatever kept it from that.
        """
        self.view = without_lists(first_view(self.lease.contact, self.account), self.mapping.absent)
        self.addresses = frozenset(self.lease.contact.addresses)
        try:
            self._plan_and_send()
        finally:
            if self.view.guarded:
                self.outcome_unknown = True
                self.view = replace(self.view, seen=self.with_guarded(self.known()))
        if self.lease.contact.address_taken and not self.lease.contact.erased:
            raise _taken(self.store.claimant(self.lease.contact.registers.get("address", "")[STAMP:]))
        if self.lease.contact.pending and is_held_back(self.lease.contact, self.mapping, self.view):
            raise StateHeldError("the state may be older than the world: see `sync-tasks state show`")

    def _plan_and_send(self) -> None:
        for _ in range(MAX_STEPS):
            step = next_step(self.lease.contact, self.mapping, self.view)
            if step is None:
                return
            try:
                if not self.send_together(self, step):
                    self._send_alone(step)
            except MissingListError as error:
                self._do_without(error)
        raise GatewayUnavailableError("Brevo answers differently at each look; trying again later")

    def _do_without(self, error: MissingListError) -> None:
        """A list that the account lacks holds back its own newsletter, and nothing else.

        Raises:
            MissingListError: we knew that already.
        """
        lists = frozenset(error.lists)
        view = without_lists(self.view, lists)
        if not self.mapping.lists & lists and view == self.view:
            raise error
        self.lack(self, error)
        self.mapping, self.view = self.mapping.without(lists), view

    @property
    def lacking(self) -> dict[str, str]:
        """The user's newsletters whose lists do not exist, and the name of the pause each waits for."""
        slugs = self.lease.contact.newsletters if self.mapping.absent else ()
        found = {slug: one.list_id for slug in slugs if (one := self.mapping.find(slug))}
        return {
            slug: name_of(self.account, list_part(one)) for slug, one in found.items() if one in self.mapping.absent
        }

    def _send_alone(self, step: Step) -> None:
        if not isinstance(step, Write | Erase):
            self.renew_lease()
        match step:
            case Read(contact_id):
                self.learn(self.gateway.read(contact_id))
            case Search(addresses, by_ext_id):
                self._search(addresses, by_ext_id=by_ext_id)
            case NewContact():
                self._create(step)
            case Write(contact_id, change):
                self._write(contact_id, change)
            case Erase(contact_id):
                self._erase(contact_id)

    @property
    def whose(self) -> Whose:
        """Whose a contact is that is found."""
        return Whose(self.gateway, self.mapping, self.store, self.lease.contact, self.addresses)

    def learn(self, remote: RemoteContact | None) -> None:
        """Take over what a contact of ours looks like, or that it is gone."""
        if remote is None:
            self.view = SyncView(self.known().forgotten, fresh=True)
        elif self.whose.is_stranger(remote, self.known()):
            self._forget()
        elif self._is_known_erased(remote) and (moved := self.whose.find_by_ext_id()):
            # It was anonymized because the user has another contact since.
            self._take_over(moved, self.known().forgotten)
        elif self._is_known_erased(remote) or self.whose.is_mine(remote):
            contact, guarded = self.lease.contact, self.view.guarded
            known = remote_state_of(remote, contact, self.mapping, self.known(), self.store.now(), guarded=guarded)
            self.differing = differing(remote, desired_of(contact, self.mapping, known))
            self.view = SyncView(known, fresh=True, guarded=still_guarded(known, contact, guarded))
        else:
            self.view = SyncView(None, outcome_unknown=True)

    def _search(self, addresses: tuple[str, ...], *, by_ext_id: bool) -> None:
        self._take_in(addresses, by_ext_id=by_ext_id)
        self.lease = replace(self.lease, contact=self.lease.contact.searched)

    def _take_in(self, addresses: tuple[str, ...], *, by_ext_id: bool) -> None:
        """Whatever is found beside a contact that we know is one too many."""
        mine = {remote.id: remote for remote in self._found(addresses)}
        if by_ext_id and (created := self.whose.find_by_ext_id()):
            mine.setdefault(created.id, created)
        if not (self.view.seen and self.view.seen.id is not None):
            first = next(iter(mine.values()), None)
            self.learn(self._adopt(first) if first and not self.lease.contact.erased else first)
        self._remember_extra_contacts(number for number, remote in mine.items() if not self.whose.is_foreign(remote))

    def _forget(self) -> None:
        """Somebody else has the id that we know: the user is searched for anew, unless it is another account's."""
        self.gateway.doubt_owner()
        self.view = SyncView(None, outcome_unknown=True)

    def _found(self, addresses: tuple[str, ...]) -> Iterator[RemoteContact]:
        for address in addresses:
            remote = self.gateway.find_address(address)
            heir = self._heirs.find(remote) if remote and self.lease.contact.erased else None
            if remote and heir:
                self._leave_to(heir, remote)
            elif remote and self.whose.is_mine(remote):
                yield remote
            elif remote and address == self.lease.contact.address and not self.lease.contact.erased:
                self._give_way(remote)

    @property
    def _heirs(self) -> Heirs:
        return Heirs(self.lease.user_id, self.mapping, self.gateway, self.store, self._read, self._send)

    def _leave_to(self, heir: Contact, remote: RemoteContact) -> None:
        """Let another user have a contact that was the deleted one's, without what the deleted one left in it.

        A deleted user of whom we know another contact has left nothing here.
        """
        if self.known().id is None and (note := self._heirs.clear(remote, heir)):
            self.notes.append(note)
            self.store.mark_changed(self.account, [Sighting(user_id=heir.user_id)])
            self.users_to_nudge.add(heir.user_id)

    def _adopt(self, remote: RemoteContact) -> RemoteContact | None:
        """Return a contact that becomes the user's, without what a deleted user left in it."""
        if self._heirs.is_inherited(remote) and (note := self._heirs.clear(remote, self.lease.contact)):
            self.notes.append(note)
            return self._read(remote.id)
        return remote

    def _read(self, contact_id: int) -> RemoteContact | None:
        self.renew_lease()
        return self.gateway.read(contact_id)

    def _send(self, contact_id: int, change: Change) -> None:
        self.renew_lease()
        self.noting(lambda: self.gateway.change(contact_id, change))

    def _remember_extra_contacts(self, ids: Iterator[int]) -> None:
        seen = self.known()
        self.view = replace(
            self.view, seen=replace(seen, extra_contact_ids=seen.extra_contact_ids | frozenset(ids) - {seen.id or 0})
        )

    def _is_known_erased(self, remote: RemoteContact) -> bool:
        known = self.known()
        return remote.id == known.id and is_erased_unknown(remote, self.lease.contact, self.mapping, known)

    def _create(self, new: NewContact) -> None:
        try:
            written = self.noting(lambda: self.gateway.create(new))
        except AccountError as error:
            self._wait_to_create(error)
            return
        except DuplicateContactError as error:
            holder = find_holder(self.gateway, error, new.address, new.ext_id)
            if not self.whose.is_mine(holder):
                self._give_way(holder)
            if not self.whose.is_proven(holder):
                raise foreign_contact(holder.id) from None
            self.learn(self._adopt(holder))
            return
        told = digest(new.attributes, new.ext_id)
        seen = replace(self.known(), id=written.contact_id, address=new.address, lists=new.lists, digest=told)
        self.view = SyncView(
            replace(seen, absent_lists=self.mapping.watched - new.lists, read_at=self.store.now()), fresh=True
        )
        self.note_creation(written.contact_id)
        self.written |= new.attributes.keys()

    def _wait_to_create(self, error: AccountError) -> None:
        """Look before a contact waits: one that exists need not be created, and the look tells whether all is refused.

        Raises:
            PartPausedError: there is none, and creating is paused.
            AccountError: the whole account is in trouble.
        """
        if not (isinstance(error, PartPausedError) or part_in_trouble(error, CREATING)):
            raise error
        if self.view.seen is None:
            self.renew_lease()
            self._search(self.lease.contact.addresses, by_ext_id=False)
        if self.view.seen is None or self.view.seen.id is None:
            told = str(error) if isinstance(error, PartPausedError) else f"{describe(self.account, CREATING)}: {error}"
            raise PartPausedError(told, error.seconds if isinstance(error, PartPausedError) else 0.0, CREATING)

    def _write(self, contact_id: int, change: Change) -> None:
        before = before_write(self.known(), change)
        self.renew_lease(before)
        try:
            self.whose.refuse_twin(contact_id, change.address or "")
            self._change(contact_id, change, at_least=essential(change, self.mapping))
        except MissingContactError:
            self.view = SyncView(before.forgotten, fresh=True)
        except DuplicateContactError as error:
            self._make_room(error, change)
        except MissingListError:
            raise
        except RejectedContactError:
            if self.view.fresh or not change.leave:
                raise
            # Brevo may refuse to take a contact off a list that it has left already: look, and ask for the rest.
            self.view = replace(self.view, outcome_unknown=True)
        else:
            # A block that the change lifts ends subscriptions only from the next step on.
            sent = desired_of(self.lease.contact, self.mapping, self.known())
            self.view = after_write(self.view, change, sent)
            self.note_repair(change)
            self.written |= change.attributes.keys()

    def _change(self, contact_id: int, change: Change, *, at_least: Change) -> None:
        """Send a change; where Brevo refuses the whole, what ends something must reach it all the same."""
        try:
            self.noting(lambda: self.gateway.change(contact_id, change))
        except MissingContactError:
            raise
        except RejectedContactError:
            if at_least and at_least != change:
                self.noting(lambda: self.gateway.change(contact_id, at_least))
                self.view = replace(self.view, seen=after_move(self.known(), at_least))
            raise

    def _make_room(self, error: DuplicateContactError, change: Change) -> None:
        """Another contact has what this one needs: it takes over, is anonymized, or is waited for."""
        by_address = "email" in error.identifiers and change.address is not None
        other = find_holder(self.gateway, error, change.address or "", self.mapping.ext_ids.of(self.lease.user_id))
        if other.id == self.known().id:
            raise TooEarlyError("Brevo refuses a duplicate that it does not show yet")
        if not self.whose.is_mine(other):
            self._give_way(other)
        if self.whose.is_foreign(other) or not self.whose.is_proven(other):
            raise foreign_contact(other.id)
        if by_address:
            self._take_over(self._adopt(other) or other, self.known())
        else:
            self._remember_extra_contacts(iter((other.id,)))

    def _take_over(self, other: RemoteContact, old: RemoteState) -> None:
        """The contact that has the address becomes the user's; the old one is a spare, its opt-out lives on."""
        contact, old = self.lease.contact, note_bounce(old)
        kept = replace(old.forgotten, ended_up_to=old.ended_up_to, edited=frozenset())
        known = remote_state_of(other, contact, self.mapping, kept, self.store.now())
        extra_contact_ids = old.extra_contact_ids | ({old.id} if old.id is not None else set())
        guarded = still_guarded(known, contact, old.block)
        self.view = SyncView(replace(known, extra_contact_ids=extra_contact_ids), fresh=True, guarded=guarded)

    def _give_way(self, other: RemoteContact) -> None:
        """Another user has the address: wait where that one is about to give it up, refuse where not."""
        owner = self.whose.owner(other)
        holder = self.store.peek(owner)
        if holder and not holder.erased and holder.address == other.address:
            raise _taken(owner)
        self.blocked_by_user = owner
        here = self.known()
        if here.id is not None and here.address and self.store.claimant(here.address) not in (None, self.lease.user_id):
            self._step_aside(here, here.id)
        raise AddressBusyError("waits until another user's contact has given up the address")

    def _step_aside(self, here: RemoteState, contact_id: int) -> None:
        """Two contacts, or a circle of them, wait for each other's address: a placeholder breaks the circle."""
        address = self.mapping.erased_address.format(token=make_token())
        self.renew_lease()
        change = Change(address=address, blocklisted=True if here.block else None)
        self.noting(lambda: self.gateway.change(contact_id, change))
        self.view = replace(self.view, seen=replace(here, address=address), guarded=here.block)

    def _erase(self, contact_id: int) -> None:
        if self.view.outcome_unknown:
            self._look_for_another(contact_id)
        if self._is_sure_of(contact_id):
            with suppress(RejectedContactError):
                self._send_erasure(contact_id, erase_seen(self.known(), self.mapping, self.gateway))
        read, send = partial(self._read_own, contact_id), partial(self._send_erasure, contact_id)
        erase_contact(contact_id, self.mapping, self.gateway, read=read, send=send)
        seen = self.known()
        if self.view.seen is None or (contact_id == seen.id and seen.digest in FOREIGNERS):
            return
        if contact_id in seen.extra_contact_ids:
            self.view = replace(self.view, seen=replace(seen, extra_contact_ids=seen.extra_contact_ids - {contact_id}))
        else:
            self.view = SyncView(
                RemoteState(id=contact_id, digest=ERASED, extra_contact_ids=seen.extra_contact_ids), fresh=True
            )

    def _look_for_another(self, contact_id: int) -> None:
        """A slow old creation may have brought the person back, as a contact of its own."""
        created = self.whose.find_by_ext_id()
        if created and created.id != contact_id:
            self._remember_extra_contacts(iter((created.id,)))

    def _is_sure_of(self, contact_id: int) -> bool:
        seen, view = self.known(), self.view
        known_well = not (view.outcome_unknown or view.fresh or self.mapping.ext_ids.shared)
        return contact_id == seen.id and known_well and seen.digest not in {"", ERASED, *FOREIGNERS}

    def _read_own(self, contact_id: int) -> RemoteContact | None:
        self.renew_lease()
        remote = self.gateway.read(contact_id)
        found = remote is not None and self._is_own(remote)
        self.met = found or bool(self.met)
        return remote if found else None

    def _is_own(self, remote: RemoteContact) -> bool:
        if self.whose.owner(remote):
            return False
        if self.whose.is_foreign(remote) or self.whose.is_stranger(remote, self.known()):
            if remote.id not in self.known().extra_contact_ids:
                self.learn(remote)
            return False
        return True

    def _send_erasure(self, contact_id: int, change: Change) -> None:
        self.renew_lease()
        self._change(contact_id, change, at_least=replace(change, attributes={}))


def _taken(owner: str | None) -> AddressTakenError:
    """Return the error that names whose address it is."""
    return AddressTakenError(f"the address belongs to another living user, {owner or 'unknown'}; nothing was changed")
