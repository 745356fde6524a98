"""Reading back what was imported, the newest first, a thousand contacts a request."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from sync_tasks.backfill.loaded_contacts import hand_over, read_users
from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.remote_state import name_created
from sync_tasks.domain.timestamps import stamp_of
from sync_tasks.errors import GatewayUnavailableError, TransientError
from sync_tasks.providers import Gateway, ShownContact
from sync_tasks.rate_limits.patience import ask_patiently
from sync_tasks.state import bulk
from sync_tasks.sync.anonymize import erase_at_once
from sync_tasks.sync.context import Resources
from sync_tasks.sync.import_watch import look_until_shown

# The gateway takes a hundred pages for an endless row.
MOST_PAGES = 95

T = TypeVar("T")


@dataclass(slots=True, repr=False)
class Wave:
    """Contacts that Brevo imports: whose they are by address, until it shows them.

    ``count`` gets what became of how many. ``outcome_unknown``: an import was asked for without an answer.
    """

    account: str
    since: datetime
    context: Resources
    count: Callable[[str, int], None]
    missing: dict[str, str] = field(default_factory=dict)
    outcome_unknown: bool = False

    @property
    def gateway(self) -> Gateway:
        """Where they are imported."""
        return self.context.gateways[self.account]

    def asking(self, request: Callable[[], T]) -> T:
        """Return what a request brings; while Brevo is out of reach it is tried again."""

        def look_at(error: TransientError) -> None:
            self.outcome_unknown |= isinstance(error, GatewayUnavailableError) and error.outcome_unknown

        return ask_patiently(request, self.context.limiter, look_at)


def read_back(wave: Wave, expected: float = 0.0) -> float:
    """Look until Brevo shows all of them, or nobody new any more; who is missing then is handed over.

    Return after how many seconds it showed somebody, as was ``expected``. An import that may be carried out twice is
    waited for: only then nobody can be put on a list again who has just left it.
    """
    limiter = wave.context.limiter
    if wave.outcome_unknown:
        limiter.rest(wave.context.settings.pipeline.quiet_seconds)
    shown_after = look_until_shown(wave.missing, lambda: read_once(wave), limiter.rest, expected)
    _give_up(wave, wave.missing.values())
    return shown_after


def read_once(wave: Wave, past: int = 0) -> bool:
    """Take over whom Brevo shows, as long as pages show somebody new, but for so many; return that it answered."""
    found = [0]
    wave.asking(lambda: _read_pages(wave, found, past))
    return True


def _read_pages(wave: Wave, found: list[int], past: int) -> None:
    """Whoever reads again after a failure goes past the pages that are taken over already."""
    most = wave.gateway.capabilities.page
    past, remotes = past + sum(map(bool, found)), islice(wave.gateway.modified_since(wave.since), MOST_PAGES * most)
    while wave.missing and (page := list(islice(remotes, most))):
        wave.count("pages", 1)
        taken = _take_over(page, wave)
        found.append(taken)
        past -= not taken
        if past < 0:
            return


def _take_over(page: list[ShownContact], wave: Wave) -> int:
    """Write down what a page shows of the load's contacts, and return of how many."""
    readable = (remote for remote in page if isinstance(remote, RemoteContact))
    shown = {wave.missing.pop(remote.address): remote for remote in readable if remote.address in wave.missing}
    store, now, mappings = wave.context.store, wave.context.store.now(), wave.context.mappings
    ext_ids, since, are_shown = mappings[wave.account].ext_ids, stamp_of(wave.since), wave.gateway.shows_ext_ids
    named = {user: name_created(one, ext_ids.of(user), since, shown=are_shown) for user, one in shown.items()}
    owns = {own.user_id: own for own in read_users(store, shown)}
    calls = {user: own.confirmation(named[user], wave.account, mappings, now) for user, own in owns.items()}
    done = bulk.confirm(store, (call for call in calls.values() if call))
    wave.count("imported", done.count(2))
    _give_up(wave, (user for user, call in calls.items() if call is None))
    for user in _mark_unknown(wave, shown.keys() - owns.keys()):
        # The user was deleted before Brevo came to import the contact.
        erase_at_once(shown[user].id, mappings[wave.account], wave.gateway, store)
    return len(shown)


def _give_up(wave: Wave, users: Iterable[str]) -> None:
    """What Brevo does not show in time, or otherwise than it should be, is for the workers."""
    users = set(users)
    owns = list(read_users(wave.context.store, users))
    wave.count("handed over", sum(hand_over(wave.context.store, owns, sent=True)))
    _mark_unknown(wave, users - {own.user_id for own in owns})


def _mark_unknown(wave: Wave, users: Iterable[str]) -> list[str]:
    """Whoever pushed these contacts meanwhile may not have seen the import; return the users who are gone."""
    users = list(users)
    known = bulk.mark_unknown(wave.context.store, users)
    return [user for user, found in zip(users, known, strict=True) if not found]
