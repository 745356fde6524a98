"""Many contacts in one request: whoever waits for its permit takes along all who could use the same one.

Without load nobody waits, and each contact goes alone and at once. The scarcer the permits, the longer the waiting, the
larger the batch: there is nothing to tune. Many people with the same wish make a batch without waiting. One
lease for each contact keeps everybody else away from it; whoever cannot be served together is given back untouched and
comes by its own nudge.
"""

import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from sync_tasks.chunks import chunks
from sync_tasks.domain.batching import BatchKind, batch_kind_of, import_size, is_findable, pending_kinds_of
from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.diff import NewContact, desired_of
from sync_tasks.domain.planning import Search, SyncView, Write, after_write, next_step
from sync_tasks.domain.remote_state import name_created, recall_ext_id, remote_state_of
from sync_tasks.domain.timestamps import CLOCK_SKEW, stamp_of
from sync_tasks.errors import (
    GatewayUnavailableError,
    RejectedContactError,
    SyncError,
    TakenAlongError,
    TransientError,
)
from sync_tasks.meters import BATCHES
from sync_tasks.providers import Gateway
from sync_tasks.rate_limits.import_lock import LOCK_SECONDS, ImportLock, import_under_way
from sync_tasks.state.store import Lease
from sync_tasks.sync.address_pages import find_on_pages, take_over
from sync_tasks.sync.anonymize import is_erased
from sync_tasks.sync.batch_item import (
    IMPORTING,
    SERVING_FIRST,
    BatchItem,
    is_theirs,
    most_served,
    push_beside,
    relies_on_others,
    step_of_one_account,
)
from sync_tasks.sync.context import Resources
from sync_tasks.sync.import_watch import Finding, ImportWatch, changed_since, find_created, goes_on_alone
from sync_tasks.sync.settlement import Pushed, attribute_error, conclude_all

# How many leases one round trip takes: Redis does nothing else meanwhile.
LEASE_CHUNK = 250
# So many show first whether those who wish the same need the same step. If less than one in five does, nobody else is
# leased: whoever is given back was out of everybody's reach meanwhile.
FIRST_FEW, ONE_IN = 25, 5


@dataclass(slots=True, repr=False)
class Batch:
    """The contact that waits for a grant, and those that one request can serve with it.

    ``lock``: the right to import, or to read all pages. ``room``: how many bytes an import may still take.
    ``renewed``: when all leases were, by the monotonic clock. ``sent``: whom the latest request is about.
    """

    own: BatchItem
    batch_kind: BatchKind
    context: Resources
    task_id: str
    others: list[BatchItem] = field(default_factory=list)
    lock: ImportLock | None = None
    room: int = 0
    renewed: float = field(default_factory=time.monotonic)
    sent: list[BatchItem] = field(default_factory=list)
    done: list[tuple[Lease, Pushed]] = field(default_factory=list)
    now: str = ""

    def __post_init__(self) -> None:
        """An import has room for this contact, whatever its size."""
        self.room = self.gateway.capabilities.import_bytes - import_size(self.own.step)

    @property
    def gateway(self) -> Gateway:
        """Where the request goes."""
        return self.own.push.gateway

    @property
    def items(self) -> list[BatchItem]:
        """Everybody, the one that waits first."""
        return [self.own, *self.others]

    @property
    def kinds(self) -> list[str]:
        """Under which names those are kept who may need the same step."""
        push = self.own.push
        return pending_kinds_of(self.batch_kind, push.mapping, push.lease.contact)

    def gather(self) -> None:
        """Lease whom the same request could serve: who wishes the same. Looks serve those with other wishes, too."""
        if (kinds := self.kinds) and self._may_gather():
            for kind in kinds if self.batch_kind.verb in {"look", "read"} else kinds[:1]:
                self._gather_all(kind)

    def _gather_all(self, kind: str) -> None:
        most = most_served(self.batch_kind, self.gateway.capabilities, self.own.push.mapping.flagged) - 1
        at_once, enough = FIRST_FEW, FIRST_FEW // ONE_IN
        while len(self.others) < most:
            at_once = min(at_once, most - len(self.others))
            leased, fitting = self._gather(kind, at_once)
            if leased < at_once or fitting < enough:
                break
            at_once, enough = LEASE_CHUNK, LEASE_CHUNK // 2

    def _may_gather(self) -> bool:
        """Take the lock before anybody else is leased, if this is an import or reads all pages.

        Raises:
            ImportUnderWayError: this contact waits with many others for the end of another import.
            TakenAlongError: another push reads the pages, and takes it along.
        """
        own, locate, limiter = self.own.push, self.batch_kind.verb == "locate", self.context.limiter
        if self.lock or not (locate or self.batch_kind.verb in IMPORTING):
            return True
        lock = limiter.page_lock(own.account) if locate else limiter.import_lock(own.account)
        if lock.acquire():
            self.lock = lock
            return True
        if locate and relies_on_others(own):
            raise TakenAlongError("another one reads the pages, and takes it along", 1.0)
        if not locate and own.lease.pending_count >= self.batch_kind.least:
            raise import_under_way(own.account)
        return False

    def _gather(self, kind: str, most: int) -> tuple[int, int]:
        """Return how many were leased, and how many of them need the same step; the others are given back."""
        own, strangers = self.own.push, list[Lease]()
        leases = own.store.lease_batch(kind, most, own.lease_seconds)
        for lease in leases:
            push = push_beside(own, lease)
            step = step_of_one_account(push, self.context.mappings)
            fits = batch_kind_of(step) == self.batch_kind and import_size(step) <= self.room
            if step and fits and is_findable(self.batch_kind, lease.contact, own.account):
                self.others.append(BatchItem(push, step, kind))
                self.room -= import_size(step)
            else:
                strangers.append(lease)
        own.store.release_all((lease, kind) for lease in strangers)
        return len(leases), len(leases) - len(strangers)

    def serve(self) -> None:
        """Send the one request, and conclude for everybody it served; the others are given back.

        What Brevo refuses as a whole is for each to find out alone.
        """
        self.now = self.own.push.store.now()
        try:
            with suppress(RejectedContactError):
                self._send()
        except TransientError as error:
            if error.outcome_unknown:
                self._mark_unknown(self.sent, error)
            if not self.own.served:
                raise
        finally:
            self._conclude_all()
            self.give_back()
        if self.batch_kind.verb in {"read", "verify"}:
            self._nudge_next()

    def _send(self) -> None:
        BATCHES.labels(self.batch_kind.verb).observe(len(self.items))
        self.own.push.renew_lease()
        self.sent = self.items
        match self.batch_kind.verb:
            case "create":
                self._create()
            case "look":
                self._look()
            case "find":
                self._find()
            case "read" | "verify":
                self._read_all(self.items)
            case "locate":
                self._locate()
            case _:
                self._move()

    def _look(self) -> None:
        """Whom Brevo does not show has not changed; if it shows too many, each must look alone."""
        read_at = min(item.push.known().read_at for item in self.items)
        if not read_at:
            return
        changed = changed_since(read_at, self.gateway, len(self.items))
        self.now = self.own.push.store.now()
        found = {remote.id: remote for remote in changed or ()}
        for item in self.items if changed is not None else ():
            remote = found.get(item.push.known().id or 0)
            if remote is None:
                item.push.view = SyncView(replace(item.push.known(), read_at=self.now), fresh=True)
                self._served(item)
            elif isinstance(remote, RemoteContact) and not remote.block:
                self._found(item, remote)

    def _find(self) -> None:
        """Whom no page shows waits while an import may be under way, and is created alone after the quiet period.

        Raises:
            ImportUnderWayError: the contact that began this waits, too.
        """
        contacts, quiet = [item.push.lease.contact for item in self.items], self.context.settings.pipeline.quiet_seconds
        waits = import_under_way(self.own.push.account)
        findings = [*zip(self.items, find_created(contacts, self.gateway, self.now, quiet), strict=True)]
        for item, finding in findings:
            if isinstance(finding, RemoteContact):
                self._found(item, finding)
            if finding is Finding.NOBODY:
                item.push.view, item.push.outcome_known = SyncView(item.push.known().forgotten, fresh=True), True
            if item is self.own:
                item.served |= finding is Finding.NOBODY
            elif not item.served:
                self.own.push.users_to_nudge |= set() if finding is Finding.WAITS else {item.push.lease.user_id}
                self._conclude(item, waits if finding is Finding.WAITS else goes_on_alone())
        if any(finding is Finding.WAITS for _, finding in findings):
            # Nobody else imports until the lock runs out.
            self.lock = None
        if findings[0][1] is Finding.WAITS:
            raise waits

    def _read_all(self, items: Collection[BatchItem]) -> None:
        """Read these by their ids; whoever is not done by that goes on alone."""
        found = self.gateway.read_several([item.push.known().id or 0 for item in items])
        self.now = self.own.push.store.now()
        for item in items:
            push, item.kind = item.push, ""
            remote = found.get(push.known().id or 0)
            if self.batch_kind.verb == "verify" and is_erased(push, remote):
                push.view, push.together = SyncView(push.known(), fresh=True), True
                self._served(item)
            elif remote and not remote.block and self.batch_kind.is_done_by(remote.lists):
                self._found(item, recall_ext_id(remote, push.lease.contact, push.mapping))
            if not item.served:
                self.own.push.users_to_nudge.add(push.lease.user_id)

    def _locate(self) -> None:
        """Look for everybody on pages; whom these do not surely show is looked for alone."""
        people = [item.step.addresses[0] for item in self.items if isinstance(item.step, Search)]
        shown = find_on_pages(people, self.gateway, self.own.push.mapping, self._keep)
        for address, item in zip(people, self.items, strict=True):
            item.kind = ""
            if take_over(item.push, shown.get(address), self.now):
                self._served(item)
            if not item.served:
                self.own.push.users_to_nudge.add(item.push.lease.user_id)

    def _move(self) -> None:
        """Move all in a few list calls. Whom a later one does not reach is given back, and comes by its own nudge."""
        for some in chunks(self.items, self.gateway.capabilities.list_call_ids):
            self._keep()
            self.sent = some
            self._move_some({item.step.contact_id: item for item in some if isinstance(item.step, Write)})

    def _move_some(self, items: dict[int, BatchItem]) -> None:
        (list_id,), change = self.batch_kind.lists, self.batch_kind.change
        move = self.gateway.join_list if self.batch_kind.verb == "join" else self.gateway.leave_list
        moved = move(list_id, items.keys())
        self.now = self.own.push.store.now()
        for contact_id in moved.ids & items.keys():
            push = items[contact_id].push
            push.outcome_unknown |= moved.outcome_unknown
            push.view = after_write(push.view, change, desired_of(push.lease.contact, push.mapping, push.known()))
            push.note_repair(change)
            self._served(items[contact_id])
        unmoved = [item for contact_id, item in items.items() if contact_id not in moved.ids]
        if moved.outcome_unknown:
            error = GatewayUnavailableError("an earlier try of the list call was not answered", outcome_unknown=True)
            self._mark_unknown(unmoved, error)
        elif self.gateway.reads_several:
            # What keeps the look from an answer, each finds out alone.
            with suppress(TransientError):
                for some in chunks(unmoved, self.gateway.capabilities.ids):
                    self._keep()
                    self._read_all(some)

    def _create(self) -> None:
        try:
            self._import()
        finally:
            self._unlock()
            self._nudge_next()

    def _unlock(self) -> None:
        """Let the next one import, or read pages."""
        lock, self.lock = self.lock, None
        if lock:
            lock.release()

    def _nudge_next(self) -> None:
        """Let somebody begin the next batch: whoever left it to this one may have no message any more."""
        own = self.own.push
        waiting = (own.store.next_pending(kind, own.lease.user_id) for kind in self.kinds)
        if following := next(filter(None, waiting), None):
            own.users_to_nudge.add(following)

    def _import(self) -> None:
        self._keep()
        steps = [item.step for item in self.items if isinstance(item.step, NewContact)]
        since = datetime.now(UTC) - CLOCK_SKEW
        twice = self.gateway.start_import(self.batch_kind.lists, steps)
        for item in self.items:
            item.push.outcome_unknown |= twice
        missing = {step.address: item for item, step in zip(self.items, steps, strict=True)}
        trouble: SyncError | None = None
        try:
            found = partial(self._found_created, stamp_of(since))
            ImportWatch(missing, self.gateway, rest=self._rest, keep=self._keep, found=found).run(since)
        except SyncError as error:
            trouble = error
        # The import was accepted: whoever is not there yet may still be created.
        unknown = GatewayUnavailableError("Brevo does not show the imported contact yet", outcome_unknown=True)
        self._mark_unknown(missing.values(), unknown)
        if not self.own.served:
            raise trouble or unknown

    def _rest(self, seconds: float) -> None:
        """Wait, and keep all leases meanwhile."""
        while seconds > 0:
            self.context.limiter.rest(min(seconds, self._third))
            seconds -= self._third
            self._renew_all()
        self.own.push.renew_lease()
        self.now = self.own.push.store.now()

    @property
    def _third(self) -> float:
        """A third of the seconds that a lease and the import lock last."""
        return min(self.own.push.lease_seconds, LOCK_SECONDS) / 3

    def _keep(self) -> None:
        """Renew all leases if a third of their time is over."""
        if time.monotonic() - self.renewed > self._third:
            self._renew_all()

    def _renew_all(self) -> None:
        """Renew the leases, and the import lock; who lost one is somebody else's now, and is settled by nobody here."""
        leases = [item.push.lease for item in self.items if not item.served]
        self.own.push.store.renew_leases(leases, self.own.push.lease_seconds)
        if self.lock:
            self.lock.renew()
        self.renewed = time.monotonic()

    def _found_created(self, since: str, item: BatchItem, remote: RemoteContact) -> None:
        ext_id = item.push.mapping.ext_ids.of(item.push.lease.user_id)
        self._found(item, name_created(remote, ext_id, since, shown=self.gateway.shows_ext_ids))

    def _found(self, item: BatchItem, remote: RemoteContact) -> None:
        """A page does not show why a contact is blocklisted, nor whether that may be lifted: it must be read alone."""
        push = item.push
        known = remote_state_of(remote, push.lease.contact, push.mapping, push.known(), self.now)
        if is_theirs(push, remote) and not remote.block:
            push.view = SyncView(known, fresh=True)
            push.outcome_known = push.lease.contact.quiet_left(self.now, push.quiet_seconds) <= 0
            if self.batch_kind.verb == "create":
                push.note_creation(remote.id)
            self._served(item)

    def _served(self, item: BatchItem) -> None:
        """Conclude for somebody else at once; the contact that waited goes on by itself."""
        push = item.push
        if item is self.own:
            item.served = True
        elif next_step(push.lease.contact, push.mapping, push.view) is None:
            self._conclude(item, push.left_over())
        elif self.batch_kind.verb in SERVING_FIRST:
            # Whoever has left the list is not urgent any more.
            own, leaves = self.own.push, self.batch_kind.verb == "leave"
            (own.users_with_rest if leaves else own.users_to_nudge).add(push.lease.user_id)
            self._conclude(item, TakenAlongError("taken along with others", 0.0))
        else:
            push.renew_lease()

    def _conclude(self, item: BatchItem, error: SyncError | None = None) -> None:
        push, item.served = item.push, True
        errors = {push.account: attribute_error(error, push.account, self.context)} if error else {}
        self.done.append((push.lease, item.came_to(self.now, errors, self.own.push.lease.paused)))

    def _conclude_all(self) -> None:
        """Write down what came of everybody who was served."""
        for done in chunks(self.done, LEASE_CHUNK):
            self.own.push.users_to_nudge |= conclude_all(done, self.context, self.task_id)

    def _mark_unknown(self, items: Iterable[BatchItem], error: SyncError) -> None:
        """What was asked for may still happen: nobody knows for whom."""
        for item in items:
            item.push.outcome_unknown = True
            if item is not self.own and not item.served:
                self._conclude(item, error)

    def give_back(self) -> None:
        """Give back the leases of all who were not served, and the lock."""
        self._unlock()
        self.own.push.store.release_all((item.push.lease, item.kind) for item in self.others if not item.served)
