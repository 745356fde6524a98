"""What the push of a contact to one account knows and keeps, before and after each request."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.domain.diff import Change, describe_change, desired_of, differing, owed_flags
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.opt_outs import note_bounce
from sync_tasks.domain.planning import Step, SyncView, after_write, view_of_nobody
from sync_tasks.domain.registers import hint
from sync_tasks.domain.remote_state import (
    is_erased_unknown,
    recall_ext_id,
    remote_state_of,
    still_guarded,
)
from sync_tasks.domain.timestamps import seconds_since
from sync_tasks.errors import (
    LeaseLostError,
    MissingListError,
    RejectedPartError,
    SyncError,
    TooEarlyError,
)
from sync_tasks.providers import Gateway, Written
from sync_tasks.rate_limits.limiter import AccountGate
from sync_tasks.state.store import Lease, Store
from sync_tasks.sync.ownership import ContactOwnership
from sync_tasks.sync.parts import send_in_parts


@dataclass(slots=True, repr=False)
class Push:
    """One contact on one account; ``view`` is what is known.

    ``outcome_unknown``: a request of this push may still take effect later. ``outcome_known``: a look after the quiet
    period ended an unknown outcome. ``together``: it may be looked at with others after its erasure. ``explores``: its
    next look shows whether Brevo lifts a block by a new address. ``blocked_by_user``: a user whose pending change this
    one waits for. ``users_to_nudge``: users whose newer events came while this one pushed for them, too.
    ``users_with_rest``: users who left a list with this one, and lack something still, such as a flag.
    ``just_leased``: the lease, a moment ago. ``written``: the attributes that were sent, ``cleared``: those sent empty.
    ``taken``: the attributes that Brevo took although it refused others.
    ``repaired``: attributes were put right that no event asked for.
    ``notes``: lines for the user's history, nothing personal. ``met``: whether an erasure found the contact. ``gate``:
    where its requests pass, and where the next one can be reserved. ``addresses``: all of the user's, also those that
    were looked for. ``differing``: the names of the attributes that a look found otherwise than wanted.
    ``answered``: when Brevo answered a creation, if nothing was asked of it since. ``quiet_seconds``: so long a look
    may show what was there before a request that Brevo has confirmed.
    """

    account: str
    mapping: AccountMapping
    gateway: Gateway
    store: Store
    lease: Lease
    lease_seconds: float = 25.0
    gate: AccountGate | None = None
    send_together: Callable[[Any, Step], bool] = lambda _push, _step: False
    lack: Callable[[Any, MissingListError], None] = lambda _push, _error: None
    view: SyncView = field(default_factory=SyncView)
    outcome_unknown: bool = False
    outcome_known: bool = False
    together: bool = False
    explores: bool = False
    blocked_by_user: str = ""
    users_to_nudge: set[str] = field(default_factory=set)
    users_with_rest: set[str] = field(default_factory=set)
    just_leased: bool = True
    written: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    cleared: frozenset[str] = frozenset()
    repaired: bool = False
    notes: list[str] = field(default_factory=list)
    addresses: frozenset[str] = frozenset()
    met: bool | None = None
    differing: tuple[str, ...] | None = None
    answered: str = ""
    quiet_seconds: float = 0.0

    @property
    def looked(self) -> bool:
        """Whether this push saw all that there is to see: who goes on from here need not look again."""
        view, contact = self.view, self.lease.contact
        sure = view.fresh and not (view.outcome_unknown or view.guarded or self.outcome_unknown)
        if view.seen is None or not sure:
            return False
        searched = contact.looked.get(self.account) or not {*contact.hints} - {view.seen.address}
        return bool(searched)

    @property
    def has_looked(self) -> bool:
        """Whether this push itself has looked: what an earlier one saw may have changed by a request of a batch."""
        return self.view.fresh and not self.lease.contact.looked.get(self.account)

    def look_again(self) -> None:
        """Let the next step be a look at the contact."""
        self.lease = replace(self.lease, contact=replace(self.lease.contact, looked={}))
        self.view = replace(self.view, outcome_unknown=True)

    @property
    def nobody(self) -> bool:
        """Whether this account turned out to hold no contact of the user."""
        return self.met is False or (self.view.seen is not None and self.view.seen.id is None and not self.met)

    def known(self) -> RemoteState:
        """What is known now; after an unknown outcome, what was: an opt-out that we saw is never forgotten."""
        return self.view.seen or self.lease.contact.seen.get(self.account) or RemoteState()

    def with_guarded(self, seen: RemoteState) -> RemoteState:
        """A block that a request of ours may have lifted is remembered until it is seen again."""
        return replace(seen, block=seen.block or self.view.guarded) if seen.id is not None else seen

    def renew_lease(self, seen: RemoteState | None = None) -> None:
        """Before each request: lengthen the lease, and remember what an unanswered request must not make us forget."""
        known = seen or self.view.seen
        known = self.with_guarded(known) if known else None
        news = {self.account: known} if known and known != self.lease.contact.seen.get(self.account) else {}
        just_leased, self.just_leased, self.answered = self.just_leased, False, ""
        if just_leased and not news:
            return
        if not self.store.renew_lease(self.lease, self.lease_seconds, news):
            raise LeaseLostError("the push took longer than its lease")

    def noting(self, request: Callable[[], Written]) -> Written:
        """Send a request, and remember if its outcome is unknown."""
        try:
            written = request()
        except SyncError as error:
            self.outcome_unknown |= error.outcome_unknown
            raise
        self.outcome_unknown |= written.outcome_unknown
        return written

    def note_repair(self, change: Change) -> None:
        """Note for the history what a change put right that no pending event asked for."""
        asked = {task: self._lists_of(task) for task in ("subscribe_contact", "unsubscribe_contact")}
        names = self.differing if self.differing is not None else ("attributes",)
        repaired = Change(
            address=None if self.lease.contact.pending else change.address,
            attributes=dict.fromkeys(names) if change.attributes and not self.lease.contact.pending else {},
            join=change.join - asked["subscribe_contact"],
            leave=change.leave - asked["unsubscribe_contact"],
        )
        if repaired:
            self.notes.append(f"put right: {describe_change(repaired)}")

    def _lists_of(self, task: str) -> set[int]:
        """Return the lists of the newsletters that pending events of a task name."""
        named = (self.mapping.find(key.newsletter) for key in self.lease.contact.pending if key.task == task)
        return {newsletter.list_id for newsletter in named if newsletter}

    @property
    def unflagged(self) -> frozenset[str]:
        """The newsletters that the user left, and whose attribute at Brevo does not say so, as far as is known."""
        contact, owed = self.lease.contact, owed_flags(self.lease.contact, self.mapping, self.view.seen) - self.taken
        named = ((slug, self.mapping.find(slug)) for slug in contact.newsletters if owed)
        return frozenset(slug for slug, one in named if one and one.unsubscribed_attribute in owed)

    def note_creation(self, contact_id: int) -> None:
        """Note for the history that a contact was created without an event that asked for it."""
        if not self.lease.contact.pending:
            self.notes.append(f"put right: created as contact {contact_id}")

    @property
    def ownership(self) -> ContactOwnership:
        """Whose a contact is that is found."""
        return ContactOwnership(self.gateway, self.mapping, self.store, self.lease.contact, self.addresses)

    def learn(self, remote: RemoteContact | None, read_at: str = "") -> None:
        """Take over what a contact of ours looks like, or that it is gone; ``read_at``: when, if not just now."""
        if remote is None:
            self.view = SyncView(self.with_guarded(self.known()).forgotten, fresh=True)
        elif self.ownership.is_stranger(remote, self.known()):
            # Somebody else has the id that we know: the user is searched for anew, unless it is another account's.
            self.gateway.recheck_owner()
            self._search_anew()
        elif self._is_known_erased(remote) and (moved := self.ownership.find_by_ext_id()):
            # It was anonymized because the user has another contact since.
            self.take_over(moved, self.known().forgotten)
        elif self._is_known_erased(remote) or self.ownership.is_mine(remote):
            contact, before, guarded = self.lease.contact, self.known(), self.view.guarded
            if before.id not in {None, remote.id}:
                before, guarded = _left_for_another(before), guarded or before.block
            remote = recall_ext_id(remote, contact, self.mapping)
            known = remote_state_of(remote, contact, self.mapping, before, read_at or self.store.now(), guarded=guarded)
            self.differing = differing(remote, desired_of(contact, self.mapping, known))
            self.view = SyncView(known, fresh=True, guarded=still_guarded(known, contact, guarded))
        else:
            self._search_anew()

    def lose(self, known: RemoteState | None = None) -> None:
        """Brevo has no contact of the id that we know: contacts are deleted and imported again, or merged.

        Until nobody else is found, nothing is known to be over.

        Raises:
            TooEarlyError: it was there a moment ago, and a search might not show it either.
        """
        before = known or self.known()
        contact, seen = self.lease.contact, self.with_guarded(before).forgotten
        hints = dict.fromkeys(map(hint, self.addresses - {contact.wished_address}), "1")
        contact = replace(contact, registers={**hints, **contact.registers}, seen={**contact.seen, self.account: seen})
        view = view_of_nobody(contact, self.mapping, seen)
        if view.seen is None:
            self.refuse_late_look(before.read_at)
        self.lease = replace(self.lease, contact=contact)
        self.view = view

    def refuse_late_look(self, since: str) -> None:
        """Brevo may show for a while what was there before: a look that denies what it has confirmed proves nothing.

        Raises:
            TooEarlyError: it has confirmed that within the quiet period.
        """
        if since and seconds_since(since, self.store.now()) < self.quiet_seconds:
            self.outcome_unknown |= not self.lease.contact.unknown_since
            raise TooEarlyError("Brevo does not show yet what it has confirmed")

    def _search_anew(self) -> None:
        """Nothing shows that a contact is the user's; a block that we may have lifted is the user's all the same."""
        self.view = SyncView(None, outcome_unknown=True, guarded=self.view.guarded)

    def _is_known_erased(self, remote: RemoteContact) -> bool:
        known = self.known()
        return remote.id == known.id and is_erased_unknown(remote, self.lease.contact, self.mapping, known)

    def take_over(self, other: RemoteContact, old: RemoteState) -> None:
        """The contact that has the address becomes the user's; the old one is an extra one, its opt-out stays."""
        contact = self.lease.contact
        known = remote_state_of(other, contact, self.mapping, _left_for_another(old), self.store.now())
        extra_contact_ids = old.extra_contact_ids | ({old.id} if old.id is not None else set())
        guarded = still_guarded(known, contact, old.block or self.view.guarded)
        self.view = SyncView(replace(known, extra_contact_ids=extra_contact_ids), fresh=True, guarded=guarded)

    def remember_extra_contacts(self, ids: Iterable[int]) -> None:
        """Remember contacts that the user has beside the one that is kept."""
        seen = self.known()
        self.view = replace(
            self.view, seen=replace(seen, extra_contact_ids=seen.extra_contact_ids | frozenset(ids) - {seen.id or 0})
        )

    def read(self, contact_id: int) -> RemoteContact | None:
        """Renew the lease and return a contact, None if Brevo has none with this id."""
        self.renew_lease()
        return self.gateway.read(contact_id)

    def send(self, contact_id: int, change: Change) -> None:
        """Renew the lease and change a contact."""
        self.renew_lease()
        self.noting(lambda: self.gateway.change(contact_id, change))

    def change(self, contact_id: int, change: Change, *, at_least: Change) -> None:
        """Send a change; if Brevo refuses the whole, send what is sound, or at least what ends something.

        Raises:
            RejectedPartError: Brevo has all but some parts.
            RejectedContactError: Brevo refused the whole.
        """

        def send(part: Change) -> None:
            self.noting(lambda: self.gateway.change(contact_id, part))

        wanted = desired_of(self.lease.contact, self.mapping, self.known())
        with_address = frozenset(number for number, since in wanted.subscribed.items() if since == wanted.address_since)
        # Brevo may refuse to take a contact off a list that it has left already: only a look shows.
        sure = self.has_looked or not change.leave
        taken, refused = send_in_parts(send, change, sure=sure, with_address=with_address)
        if refused and not isinstance(refused, RejectedPartError) and at_least and at_least != change:
            send(at_least)
            taken = at_least
        if refused:
            # The attributes as a whole are still to be sent.
            known = replace(self.view, seen=self.known())
            self.view = after_write(known, replace(taken, ext_id=None), wanted) if taken else self.view
            self.taken |= taken.attributes.keys()
            raise refused


def _left_for_another(old: RemoteState) -> RemoteState:
    """Return what holds at another contact of the user: what opt-outs ended, but not the block of the old contact."""
    old = note_bounce(old)
    return replace(old.forgotten, ended_up_to=max(old.ended_up_to, old.unblocked), edited=frozenset())
