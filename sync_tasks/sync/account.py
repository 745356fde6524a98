"""One contact on one account: ask the planner for the next step, take it, until nothing is left to do."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.domain.diff import NUMBERS, Change, NewContact, desired_of, digest, essential
from sync_tasks.domain.identity import foreign_contact
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
    is_met_by_creation,
    next_step,
    without_lists,
)
from sync_tasks.domain.priority import Priority, priority_of
from sync_tasks.domain.refused_parts import may_be_a_number, rejected, without_number, without_numbers
from sync_tasks.domain.remote_state import before_write
from sync_tasks.errors import (
    AccountError,
    DuplicateContactError,
    GatewayUnavailableError,
    ImportUnderWayError,
    MissingContactError,
    MissingListError,
    PartPausedError,
    RateLimitedError,
    RejectedContactError,
    RejectedPartError,
    StateHeldError,
    SyncError,
    TakenAlongError,
)
from sync_tasks.providers import Written
from sync_tasks.sync.anonymize import erase
from sync_tasks.sync.conflicts import address_taken, adopt, find_heir, find_holder, give_way, leave_to, make_room
from sync_tasks.sync.push import Push

MAX_STEPS = 12


@dataclass(slots=True, repr=False)
class AccountPush(Push):
    """Brings one contact on one account in line; afterwards ``view`` is what is known, whatever happened."""

    def run(self) -> None:
        """Take steps until Brevo agrees.

        Raises:
            SyncError: whatever kept it from that.
        """
        self.view = first_view(self.lease.contact, self.account, self.mapping.absent)
        self.addresses = frozenset(self.lease.contact.addresses)
        try:
            self._plan_and_send()
        finally:
            if self.view.guarded:
                self.outcome_unknown = True
                self.view = replace(self.view, seen=self.with_guarded(self.known()))
        if error := self.left_over():
            raise error

    def left_over(self) -> SyncError | None:
        """Return why a wish is left although there is no next step, or ``None`` if Brevo agrees."""
        contact = self.lease.contact
        if contact.address_taken and not contact.erased:
            return address_taken(self.store.claimant(contact.wished_address))
        waits = contact.held and (contact.pending or contact.dead)
        if waits and next_step(replace(contact, held=""), self.mapping, self.view) is not None:
            return StateHeldError("the state may be older than the world: see `sync-tasks state show`")
        return None

    def _plan_and_send(self) -> None:
        for _ in range(MAX_STEPS):
            step = next_step(self.lease.contact, self.mapping, self.view)
            if step is None:
                return
            try:
                self._send_patiently(step)
            except MissingListError as error:
                self._do_without(error)
            except RejectedPartError:
                # A block that the rest may have lifted is looked at before anything else.
                if not self.view.guarded:
                    raise
        raise GatewayUnavailableError("Brevo answers differently at each look; trying again later")

    def _send_patiently(self, step: Step) -> None:
        """Take a step; if it is refused for a limit that is soon over, wait, and keep what the steps before have shown.

        Raises:
            RateLimitedError: that takes too long.
        """
        deadline = 0.0
        while True:
            try:
                if self._goes_alone or not self.send_together(self, step):
                    self._send_alone(step)
            except RateLimitedError as error:
                deadline = deadline or time.monotonic() + (self.gate.patience if self.gate else 0.0)
                waits = error.retry_after or 1.0
                if isinstance(error, ImportUnderWayError | TakenAlongError) or time.monotonic() + waits > deadline:
                    raise
            else:
                return

    @property
    def _goes_alone(self) -> bool:
        """Whether nobody can come along: the contact must go alone, or nobody waits and the permit is here."""
        count = self.lease.pending_count
        return count == 0 or (count == 1 and self.gate is not None and self.gate.is_reserved)

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
                self._read(contact_id)
            case Search(addresses, by_ext_id):
                self._search(addresses, by_ext_id=by_ext_id)
            case NewContact():
                self._create(step)
            case Write(contact_id, change):
                self._write(contact_id, change)
            case Erase(contact_id):
                erase(self, contact_id)

    def _read(self, contact_id: int) -> None:
        if remote := self.gateway.read(contact_id):
            self.learn(remote)
        else:
            self.lose()

    def _search(self, addresses: tuple[str, ...], *, by_ext_id: bool) -> None:
        self._take_in(addresses, by_ext_id=by_ext_id)
        self.lease = replace(self.lease, contact=self.lease.contact.searched)

    def _take_in(self, addresses: tuple[str, ...], *, by_ext_id: bool) -> None:
        """Whatever is found beside a contact that we know is one too many."""
        mine = dict[int, RemoteContact]()
        if by_ext_id and (created := self.ownership.find_by_ext_id()):
            mine[created.id] = created
            # An address is one contact's: no other can have it.
            if not self.lease.contact.erased:
                addresses = tuple(address for address in addresses if address != created.address)
        elif by_ext_id and self._is_met_by_creation:
            addresses = ()
        mine |= {remote.id: remote for remote in self._found(addresses) if remote.id not in mine}
        self._take_all(mine)

    @property
    def _is_met_by_creation(self) -> bool:
        """Return whether a creation comes next that shows who has the address; not if Brevo reported a change."""
        contact = self.lease.contact
        noticed = self.account in contact.looks or contact.opt_outs(self.account)
        seen = self.with_guarded(self.known()).forgotten
        return not noticed and is_met_by_creation(contact, self.mapping, seen)

    def take_found(self, remote: RemoteContact, read_at: str) -> None:
        """Take for the user's a contact that was found at that moment at the one address that the state knows."""
        self._take_all({remote.id: remote}, read_at)
        self.lease = replace(self.lease, contact=self.lease.contact.searched)

    def _take_all(self, mine: Mapping[int, RemoteContact], read_at: str = "") -> None:
        if not (self.view.seen and self.view.seen.id is not None):
            first = next(iter(mine.values()), None)
            self.learn(adopt(self, first) if first and not self.lease.contact.erased else first, read_at)
        self.remember_extra_contacts(number for number, remote in mine.items() if not self.ownership.is_foreign(remote))

    def _found(self, addresses: tuple[str, ...]) -> Iterator[RemoteContact]:
        for address in addresses:
            remote = self.gateway.find_address(address)
            if remote is None:
                self._refuse_blindness()
            heir = find_heir(self, remote) if remote and self.lease.contact.erased else None
            if remote and heir:
                leave_to(self, heir, remote)
            elif remote and self.ownership.is_mine(remote):
                yield remote
            elif remote and address == self.lease.contact.address and not self.lease.contact.erased:
                give_way(self, remote)

    def _refuse_blindness(self) -> None:
        """Believe that an opt-out or an erasure finds nobody only if looks by address find those who are there.

        Raises:
            RejectedContactError: they do not.
        """
        urgent = priority_of(self.lease.contact) is Priority.URGENT or self.lease.contact.erased
        if urgent and not self.gateway.finds_addresses():
            raise RejectedContactError("nobody can find out who has the address: looks find nobody who is there")

    def _create(self, new: NewContact) -> None:
        try:
            written = self.noting(lambda: self.gateway.create(new))
        except AccountError as error:
            self._wait_to_create(error)
            return
        except MissingListError:
            raise
        except RejectedContactError as error:
            refused = self._create_in_part(new, error)
            if not isinstance(refused, DuplicateContactError):
                raise refused from None
            self._meet_holder(new, refused)
            return
        self._note_created(new, written)

    def _meet_holder(self, new: NewContact, error: DuplicateContactError) -> None:
        """Take the contact that has the address or the ``ext_id`` already for the user's, or give way to its user."""
        holder = find_holder(self.gateway, error, new.address, new.ext_id)
        if not self.ownership.is_mine(holder):
            give_way(self, holder)
        if not self.ownership.is_proven(holder):
            raise foreign_contact(holder.id) from None
        self.learn(adopt(self, holder))

    def _create_in_part(self, new: NewContact, error: RejectedContactError) -> RejectedContactError:
        """Create the contact without the telephone numbers for which it may have been refused.

        Return why it cannot be created without them either.

        Raises:
            RejectedNumberError: it was created.
        """
        sound, numbers = without_numbers(new), NUMBERS & new.attributes.keys()
        if not numbers or (isinstance(error, DuplicateContactError) and not may_be_a_number(error)):
            return error
        try:
            written = self.noting(lambda: self.gateway.create(sound))
        except MissingListError:
            raise
        except DuplicateContactError as other:
            return without_number(other)
        except RejectedContactError:
            return error
        self._note_created(sound, written)
        raise rejected(numbers, new)

    def _note_created(self, new: NewContact, written: Written) -> None:
        sent, self.answered = digest(new.attributes, new.ext_id), self.store.now()
        seen = replace(self.known(), id=written.contact_id, address=new.address, lists=new.lists, digest=sent)
        self.view = SyncView(
            replace(seen, absent_lists=self.mapping.watched - new.lists, read_at=self.answered), fresh=True
        )
        self.note_creation(written.contact_id)
        self.written |= new.attributes.keys()

    def _wait_to_create(self, error: AccountError) -> None:
        """Look before a contact waits: one that exists need not be created, and the look shows whether all is refused.

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
            message = (
                str(error) if isinstance(error, PartPausedError) else f"{describe(self.account, CREATING)}: {error}"
            )
            raise PartPausedError(message, error.seconds if isinstance(error, PartPausedError) else 0.0, CREATING)

    def _write(self, contact_id: int, change: Change) -> None:
        before = before_write(self.known(), change)
        self.renew_lease(before)
        try:
            self.ownership.refuse_twin(contact_id, change.address or "")
            self.change(contact_id, change, at_least=essential(change, self.mapping))
        except MissingContactError:
            self.lose(before)
        except DuplicateContactError as error:
            make_room(self, error, change)
        except (MissingListError, RejectedPartError):
            raise
        except RejectedContactError:
            if self.has_looked or not change.leave:
                raise
            # Brevo may refuse to take a contact off a list that it has left already: look, and ask for the rest.
            self.look_again()
        else:
            self._note_written(change, before)

    def _note_written(self, change: Change, before: RemoteState) -> None:
        # A block that the change lifts ends subscriptions only from the next step on.
        sent = desired_of(self.lease.contact, self.mapping, self.known())
        self.view = after_write(self.view, change, sent)
        if change.address:
            self.lease = replace(self.lease, contact=self.lease.contact.left(before.address))
        self.note_repair(change)
        self.written |= change.attributes.keys()
        self.cleared |= {name for name, value in change.attributes.items() if value in ("", None)}
        contact = self.lease.contact
        self.repaired |= bool(change.attributes) and not contact.pending and self.account not in contact.looks
