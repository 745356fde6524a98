"""The load's contacts to Brevo: imports as large as allowed, read back page by page, the rest left to the workers.

A contact stays the load's own until somebody else reports it or leases it (``filling``, see ``load.lua``).
While Brevo may still import it, its outcome is unknown: whoever pushes it looks first. So a load may be killed at any
moment, and the next one goes on where it ended.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple, cast

from sync_tasks.backfill.load import LEFT_ALONE
from sync_tasks.backfill.loaded_contacts import LOADED_CHUNK, LoadedContact, hand_over, mark_sent, read_own, read_users
from sync_tasks.backfill.read_back import MOST_PAGES, Wave, read_back, read_once
from sync_tasks.chunks import chunks
from sync_tasks.domain.batching import import_size
from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.timestamps import CLOCK_SKEW, moment_of
from sync_tasks.errors import RejectedContactError
from sync_tasks.state.bulk import count_loaded, forget_loaded
from sync_tasks.sync.context import Resources

# So many are imported before they are read back: the gateway reads a hundred pages at most.
WAVE = 80_000
# Fewer are not worth an import and a look at what came of it.
LEAST = 3
# So many more imports of a batch may be refused than are taken, and one for each hundred contacts: then it is no row.
MOST_REFUSED = 16
_WEEK = 7 * 86_400


class Importable(NamedTuple):
    """A contact that an import shall create; ``before``: an earlier import may still create it."""

    user_id: str
    new: NewContact
    before: bool


@dataclass(slots=True, repr=False)
class ImportBatch:
    """Users whom one request can import."""

    account: str
    lists: frozenset[int]
    ids: bytearray = field(default_factory=bytearray)
    count: int = 0
    size: int = 0

    def add(self, user_id: str, size: int) -> None:
        """Put a user in."""
        self.ids += f"{user_id} ".encode()
        self.count += 1
        self.size += size

    def chunks(self) -> Iterator[list[str]]:
        """Yield who is in, some at a time."""
        return chunks(self.ids.decode().split(), LOADED_CHUNK)


class Importing:
    """Brings the load's contacts to Brevo; ``became`` counts how: ``imported`` or ``handed over``, and the requests."""

    def __init__(
        self,
        context: Resources,
        report: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> None:
        """Read nothing yet; ``report`` gets how many of all contacts are done."""
        self._using = context
        self._store = context.store
        self._report = report
        self._open: dict[tuple[str, frozenset[int]], ImportBatch] = {}
        self._full: dict[str, list[ImportBatch]] = {account: [] for account in context.mappings}
        self._all = 0
        self._expected = 0.0
        self.became: Counter[str] = Counter()

    def run(self) -> Counter[str]:
        """Import everybody who was loaded and whom nobody else handles.

        Raises:
            SyncError: the account's trouble; the next load goes on from here.
        """
        redis, key = self._store.redis, self._store.key
        self._all = count_loaded(self._store)
        if self._all:
            self._look_for_earlier()
            redis.set(key("filled_since"), self._store.now(), nx=True, ex=_WEEK)
            self._import_all()
            forget_loaded(self._store, self._all)
            redis.delete(key("filled_since"))
        return self.became

    def _import_all(self) -> None:
        for own in read_own(self._store, self._all):
            self._sort(own)
        for batch in self._open.values():
            self._close(batch)
        for account in self._full:
            self._send_wave(account)

    def _look_for_earlier(self) -> None:
        """What a load sent that was killed, Brevo may have by now; whom it does not show is imported once more."""
        since = cast("str | None", self._store.redis.get(self._store.key("filled_since")))
        waves = {account: self._wave(account, moment_of(since)) for account in self._full} if since else {}
        for own in read_own(self._store, self._all) if since else ():
            for account, new in own.creations(self._using.mappings).items() if own.sent else ():
                waves[account].missing[new.address] = own.user_id
        for wave in waves.values():
            read_once(wave, MOST_PAGES)

    def _wave(self, account: str, since: datetime) -> Wave:
        return Wave(account, since - CLOCK_SKEW, self._using, self._count)

    def _count(self, what: str, number: int) -> None:
        self.became[what] += number
        self._report(self.became["imported"] + self.became["handed over"], self._all)

    def _sort(self, own: LoadedContact) -> None:
        """Put a contact with those that one request can create along with it."""
        creations = own.creations(self._using.mappings)
        for account, new in creations.items():
            self._batch_for(account, new.lists, size := import_size(new)).add(own.user_id, size)
        if not creations:
            self._hand_over([own])

    def _batch_for(self, account: str, lists: frozenset[int], size: int) -> ImportBatch:
        batch = self._open.get((account, lists))
        largest = self._using.gateways[account].capabilities.import_bytes
        if batch and (batch.size + size > largest or batch.count >= WAVE):
            self._close(batch)
            batch = None
        if batch is None:
            batch = self._open[account, lists] = ImportBatch(account, lists)
        return batch

    def _close(self, batch: ImportBatch) -> None:
        """Nobody else goes with this batch; a wave goes out before it gets too large to be read back."""
        waiting = self._full[batch.account]
        if sum(each.count for each in waiting) + batch.count > WAVE:
            self._send_wave(batch.account)
        waiting.append(batch)

    def _send_wave(self, account: str) -> None:
        batches, wave = self._full[account], self._wave(account, datetime.now(UTC))
        for batch in batches:
            self._send(batch, wave)
        batches.clear()
        self._expected = read_back(wave, self._expected) or self._expected

    def _send(self, batch: ImportBatch, wave: Wave) -> None:
        """Import a batch; halve what Brevo refuses as a whole, because one row may be the reason."""
        if not wave.gateway.imports_safely:
            for users in batch.chunks():
                self._hand_over(read_users(self._store, users))
            return
        parts, excess = deque([list(self._news(batch))]), 0
        most = MOST_REFUSED + len(parts[0]) // 100
        while parts:
            part = parts.popleft()
            if len(part) < LEAST or excess > most:
                self._leave(part, wave)
            elif _start_import(batch, [sent.new for sent in part], wave):
                excess -= 1
                self.became["imports"] += 1
                wave.missing |= {sent.new.address: sent.user_id for sent in part}
            else:
                excess += 1
                parts.extend((part[: len(part) // 2], part[len(part) // 2 :]))

    def _news(self, batch: ImportBatch) -> Iterator[Importable]:
        """Yield what is to be created, and nothing else: it may be very much."""
        for users in batch.chunks():
            for own in mark_sent(self._store, users, LEFT_ALONE):
                new = own.creations(self._using.mappings).get(batch.account)
                if new:
                    yield Importable(own.user_id, replace(new, lists=batch.lists), own.sent)

    def _leave(self, part: Iterable[Importable], wave: Wave) -> None:
        """Hand over contacts that this import does not create; only an earlier import may still create them."""
        for some in chunks(part, LOADED_CHUNK):
            before = {sent.user_id: sent.before or wave.outcome_unknown for sent in some}
            self._hand_over(replace(own, sent=before[own.user_id]) for own in read_users(self._store, before))

    def _hand_over(self, owns: Iterable[LoadedContact]) -> None:
        self._count("handed over", sum(hand_over(self._store, owns, sent=False)))


def _start_import(batch: ImportBatch, news: Iterable[NewContact], wave: Wave) -> bool:
    """Return whether Brevo takes them."""
    try:
        wave.outcome_unknown |= wave.asking(lambda: wave.gateway.start_import(batch.lists, news))
    except RejectedContactError as error:
        wave.outcome_unknown |= error.outcome_unknown
        return False
    return True
