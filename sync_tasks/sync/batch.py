"""Many contacts in one request: whoever waits for its grant takes along all who could use the same one.

Without load nobody waits, and each contact goes alone and at once. The scarcer the grants, the longer the waiting, the
larger the company: there is nothing to tune. A crowd of people with the same wish takes company without waiting. One
lease for each contact keeps everybody else away from it; whoever cannot be served together is given back untouched and
comes by its own nudge.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from sync_tasks.domain.batching import Shape, kind_of, shape_of
from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.diff import Change, NewContact, wanted_of
from sync_tasks.domain.pauses import CREATING, parts_of
from sync_tasks.domain.planning import (
    Read,
    Step,
    View,
    Write,
    after_write,
    concerns,
    first_view,
    next_step,
    seen_of,
    without_lists,
)
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.errors import GatewayUnavailableError, RejectedContactError, SyncError
from sync_tasks.providers import Gateway
from sync_tasks.state.store import Lease
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.context import Resources
from sync_tasks.sync.finish import blame, conclude_all
from sync_tasks.sync.settlement import Pushed

# From so many on, the work itself is what is scarce: company is worth while even where no request has to wait.
CROWD = 50
# How many leases one round trip takes: Redis does nothing else meanwhile.
AT_ONCE = 250
# An import is looked for at these distances, in seconds; whom Brevo does not show then is created alone.
LOOKS = (0.5, 1.0, 1.5, 2.5, 4.0)
# So many contacts may have been created since: others import, too, and Brevo shows the newest first.
MOST_SHOWN = 10_000
# So far may Brevo's clock be from ours.
SKEW = timedelta(minutes=2)


@dataclass(slots=True, repr=False)
class Member:
    """One contact of a company, and its next step."""

    push: AccountPush
    step: Write | NewContact | Read
    served: bool = False


@dataclass(slots=True, repr=False)
class Company:
    """The contact that waits for a grant, and those that one request can serve with it."""

    own: Member
    shape: Shape
    using: Resources
    task_id: str
    others: list[Member] = field(default_factory=list)
    done: list[tuple[Lease, Pushed]] = field(default_factory=list)
    now: str = ""

    @property
    def gateway(self) -> Gateway:
        """Where the request goes."""
        return self.own.push.gateway

    @property
    def _change(self) -> Change:
        """What a list call changes in each of them."""
        return Change(join=self.shape.lists) if self.shape.verb == "join" else Change(leave=self.shape.lists)

    @property
    def members(self) -> list[Member]:
        """Everybody, the one that waits first."""
        return [self.own, *self.others]

    def gather(self) -> None:
        """Lease whom the same request could serve."""
        kind = kind_of(self.shape, self.own.push.layout, self.own.push.lease.contact)
        most = self.shape.most - 1
        while kind and len(self.others) < most:
            found = self._gather(kind, min(AT_ONCE, most - len(self.others)))
            if not found:
                break

    def _gather(self, kind: str, most: int) -> bool:
        """Return whether it is worth asking for more."""
        own, fitting = self.own.push, 0
        leases = own.store.take_company(kind, most, own.lease_seconds)
        for lease in leases:
            view = without_lists(first_view(lease.contact, own.account), own.layout.absent)
            push = AccountPush(own.account, own.layout, own.gateway, own.store, lease, own.lease_seconds, view=view)
            step = self._next_step(push)
            if isinstance(step, Write | NewContact | Read) and shape_of(step) == self.shape:
                self.others.append(Member(push, step))
                fitting += 1
            else:
                own.store.release(lease, kind)
        return len(leases) == most and fitting > most // 2

    def _next_step(self, push: AccountPush) -> Step | None:
        contact, layouts = push.lease.contact, self.using.layouts
        elsewhere = any(
            concerns(contact, account, layout) for account, layout in layouts.items() if account != push.account
        )
        try:
            return None if elsewhere else next_step(contact, push.layout, push.view)
        except SyncError:
            return None

    def serve(self) -> None:
        """Send the one request, and conclude for everybody it served; the others are given back.

        What Brevo refuses as a whole is for each to find out alone.
        """
        self.now = self.own.push.store.now()
        try:
            with suppress(RejectedContactError):
                self._send()
        except GatewayUnavailableError as error:
            if error.doubtful:
                self._doubt(self.members, error)
            raise
        finally:
            self._conclude_all()
            self.give_back()

    def _send(self) -> None:
        self.own.push.keep()
        match self.shape.verb:
            case "create":
                self._create()
            case "look":
                self._look()
            case _:
                self._move()

    def _look(self) -> None:
        """Whom Brevo does not show has not changed; where it shows too many, each must look alone."""
        looked = min(member.push.known().looked for member in self.members)
        if not looked:
            return
        most = 1000 * max(len(self.members) // 2, 1)
        changed = list(islice(self.gateway.modified_since(moment_of(looked) - SKEW), most + 1))
        self.now = self.own.push.store.now()
        found = {remote.id: remote for remote in changed}
        for member in self.members if len(changed) <= most else ():
            remote = found.get(member.push.known().id or 0)
            if remote is None:
                member.push.view = View(replace(member.push.known(), looked=self.now), fresh=True)
                self._served(member)
            elif not remote.block:
                self._found(member, remote)

    def _move(self) -> None:
        (list_id,) = self.shape.lists
        members = {member.step.contact_id: member for member in self.members if isinstance(member.step, Write)}
        move = self.gateway.join_list if self.shape.verb == "join" else self.gateway.leave_list
        moved = move(list_id, members.keys())
        self.now = self.own.push.store.now()
        for contact_id in moved.ids & members.keys():
            member = members[contact_id]
            push = member.push
            push.doubtful |= moved.doubtful
            wanted = wanted_of(push.lease.contact, push.layout, push.known())
            push.view = after_write(push.view, self._change, wanted)
            push.note_repair(self._change)
            self._served(member)

    def _create(self) -> None:
        steps = [member.step for member in self.members if isinstance(member.step, NewContact)]
        since = datetime.now(UTC) - SKEW
        twice = self.gateway.start_import(self.shape.lists, steps)
        for member in self.members:
            member.push.doubtful |= twice
        missing = {step.address: member for member, step in zip(self.members, steps, strict=True)}
        trouble: SyncError | None = None
        try:
            self._look_until_found(missing, since)
        except SyncError as error:
            trouble = error
        # The import was accepted: whoever is not there yet may still be created.
        doubt = GatewayUnavailableError("Brevo does not show the imported contact yet", doubtful=True)
        self._doubt(missing.values(), doubt)
        if not self.own.served:
            raise trouble or doubt

    def _look_until_found(self, missing: dict[str, Member], since: datetime) -> None:
        for seconds in LOOKS:
            self.using.throttle.rest(seconds)
            self._look_for(missing, since)
            if not missing:
                return

    def _look_for(self, missing: dict[str, Member], since: datetime) -> None:
        """Take over what Brevo shows of the imported contacts; the newest come first."""
        self.own.push.keep()
        self.now = self.own.push.store.now()
        for remote in islice(self.gateway.modified_since(since), MOST_SHOWN):
            member = missing.pop(remote.address or "", None)
            if member:
                self._found(member, remote)
            if not missing:
                return

    def _found(self, member: Member, remote: RemoteContact) -> None:
        """A page does not tell why a contact is blocklisted, nor whether that may be lifted: it must be read alone."""
        push = member.push
        known = seen_of(remote, push.lease.contact, push.layout, push.known(), self.now)
        if remote.ext_id == push.layout.ext_ids.of(push.lease.user_id) and not remote.block:
            push.view = View(known, fresh=True)
            if self.shape.verb == "create":
                push.note_creation(remote.id)
            self._served(member)

    def _served(self, member: Member) -> None:
        """Conclude for somebody else at once; the contact that waited goes on by itself."""
        push = member.push
        if member is self.own:
            member.served = True
        elif next_step(push.lease.contact, push.layout, push.view) is None:
            self._conclude(member)
        else:
            push.keep()

    def _conclude(self, member: Member, error: SyncError | None = None) -> None:
        push, member.served = member.push, True
        seen = {push.account: push.view.seen} if push.view.seen else {}
        errors = {push.account: blame(error, push.account, self.using)} if error else {}
        told, paused = push.history(self.now), self.own.push.lease.paused
        pushed = Pushed(push.lease.contact, self.now, seen, errors, push.doubtful, paused, push.lacking, told)
        self.done.append((push.lease, pushed))

    def _conclude_all(self) -> None:
        """Write down what came of everybody who was served."""
        for start in range(0, len(self.done), AT_ONCE):
            done = self.done[start : start + AT_ONCE]
            self.own.push.woken |= conclude_all(done, self.using, self.task_id)

    def _doubt(self, members: Iterable[Member], error: GatewayUnavailableError) -> None:
        """What was asked for may still happen: nobody knows for whom."""
        for member in members:
            member.push.doubtful = True
            if member is not self.own and not member.served:
                self._conclude(member, error)

    def give_back(self) -> None:
        """Give back the leases of all who were not served."""
        kind = kind_of(self.shape, self.own.push.layout, self.own.push.lease.contact) or ""
        for member in self.others:
            if not member.served:
                member.push.store.release(member.push.lease, kind)


def go_together(push: AccountPush, step: Step, *, using: Resources, task_id: str) -> bool:
    """Tell whether a step was taken in company, which is only looked for where the request has to wait for its grant.

    Raises:
        SyncError: the request's own trouble, or that of its account.
    """
    shape = shape_of(step)
    if shape is None or not isinstance(step, Write | NewContact | Read) or not push.lease.crowd:
        return False
    # A probe goes alone: it may fail, and with it everybody would be in doubt.
    part = CREATING if shape.verb == "create" else ""
    if part in parts_of(push.lease.paused, push.account):
        return False
    company = Company(Member(push, step), shape, using, task_id)
    try:
        if push.lease.crowd >= CROWD and not using.throttle.paused(push.account):
            company.gather()
        # The question whose account it is must not use the permit that is waited for.
        push.gateway.confirm_owner()
        if push.gate:
            push.gate.reserve("contacts", company.gather, part)
        if len(company.others) + 1 < shape.least:
            company.give_back()
            return False
    except SyncError:
        company.give_back()
        raise
    company.serve()
    return company.own.served
