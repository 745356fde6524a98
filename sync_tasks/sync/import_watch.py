"""Looks whom an import has created, for minutes at most, and whom a request with an unknown outcome has created."""

import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sized
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Generic, TypeVar

from sync_tasks.domain.batching import found_since
from sync_tasks.domain.contact import Contact, RemoteContact, UnreadContact
from sync_tasks.domain.timestamps import CLOCK_SKEW, moment_of
from sync_tasks.errors import GatewayUnavailableError, RateLimitedError
from sync_tasks.providers import Gateway, ShownContact

# An import is looked for at these distances, in seconds: "usually within a minute" it has ended, by Brevo's help
# (article 32331116133522, November 2026). What became of whom Brevo does not show then is unknown.
GAPS = (0.5, 1.0, 1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0, 30.0, 45.0)
# After so many looks in a row that show nobody new, an import that has shown somebody is over.
SILENT_LOOKS = 2
# After so many that failed in a row nobody is looked for any more.
FAILED_LOOKS = 3
# So many contacts may have been created since: others import, too, and Brevo shows the newest first.
MOST_SHOWN = 20_000

T = TypeVar("T")


def look_until_shown(
    missing: Sized, look: Callable[[], bool], rest: Callable[[float], None], expected: float = 0.0
) -> float:
    """Look until nobody is ``missing``, or nobody new is shown; the gap grows with each look that shows nobody.

    ``look`` takes out of ``missing`` whom Brevo shows, and returns whether Brevo answered at all. ``expected``: after
    how many seconds the last such import was shown. Return the same of this one, or 0 if nobody was shown.
    """
    started, shown_after, silent = time.monotonic(), 0.0, 0
    gaps = iter(GAPS[max(bisect_right(GAPS, expected) - 1, 0) :])
    gap = next(gaps)
    while missing and gap and silent < SILENT_LOOKS:
        rest(gap)
        before = len(missing)
        answered = look()
        if len(missing) < before:
            shown_after, silent = shown_after or time.monotonic() - started, 0
        else:
            gap, silent = next(gaps, 0.0), silent + bool(shown_after and answered)
    return shown_after


class ImportWatch(Generic[T]):
    """Takes those whom Brevo shows out of ``missing`` (by address), and hands each to ``found``.

    ``rest`` waits for some seconds; ``keep`` is called before each page, and keeps what must not run out meanwhile.
    """

    def __init__(
        self,
        missing: dict[str, T],
        gateway: Gateway,
        *,
        rest: Callable[[float], None],
        keep: Callable[[], None],
        found: Callable[[T, RemoteContact], None],
    ) -> None:
        self._missing = missing
        self._gateway = gateway
        self._rest = rest
        self._keep = keep
        self._found = found

    def run(self, since: datetime) -> None:
        """Look until Brevo shows all of them, or nobody new any more; the next look replaces one that fails.

        Raises:
            SyncError: too many looks in a row failed.
        """
        failed = 0

        def look() -> bool:
            nonlocal failed
            try:
                self._look(since)
            except (GatewayUnavailableError, RateLimitedError):
                failed += 1
                if failed == FAILED_LOOKS:
                    raise
                return False
            failed = 0
            return True

        look_until_shown(self._missing, look, self._rest)

    def _look(self, since: datetime) -> None:
        """Take over what Brevo shows of the imported contacts; the newest come first."""
        page = self._gateway.capabilities.page
        for number, remote in enumerate(islice(self._gateway.modified_since(since), MOST_SHOWN)):
            if number % page == 0:
                self._keep()
            item = self._missing.pop(remote.address or "", None) if isinstance(remote, RemoteContact) else None
            if isinstance(remote, RemoteContact) and item is not None:
                self._found(item, remote)
            if not self._missing:
                return


class Finding(Enum):
    """What a look on pages shows of somebody: to be looked for alone, to wait for, or surely not created."""

    ALONE = "alone"
    WAITS = "waits"
    NOBODY = "nobody"


def changed_since(stamp: str | int, gateway: Gateway, people: int) -> list[ShownContact] | None:
    """Return the contacts changed since a moment; ``None`` if these are more pages than half as many as people."""
    most = gateway.capabilities.page * max(people // 2, 1)
    changed = list(islice(gateway.modified_since(moment_of(stamp) - CLOCK_SKEW), most + 1))
    return changed if len(changed) <= most else None


def find_created(
    contacts: Collection[Contact], gateway: Gateway, now: str, quiet_seconds: float
) -> Iterator[RemoteContact | Finding]:
    """Yield for each contact, in order, who has its address by now, or what that nobody is shown means."""
    since = [moment for contact in contacts if (moment := found_since(contact)) is not None]
    changed = changed_since(min(since), gateway, len(contacts)) if len(since) == len(contacts) else None
    shown = {remote.address: remote for remote in changed or ()}
    anybody = any(isinstance(remote, UnreadContact) and not remote.address for remote in changed or ())
    for contact in contacts:
        quiet = contact.quiet_left(now, quiet_seconds) <= 0
        absent = Finding.ALONE if anybody else Finding.NOBODY if quiet else Finding.WAITS
        yield Finding.ALONE if changed is None else _unblocked(shown, contact) or absent


def _unblocked(shown: Mapping[str | None, ShownContact], contact: Contact) -> RemoteContact | Finding | None:
    """Return what pages show of a contact; ``ALONE`` if it is blocklisted or unreadable, as pages do not say why."""
    remote = shown.get(contact.address)
    if remote is None or (isinstance(remote, RemoteContact) and not remote.block):
        return remote
    return Finding.ALONE


def goes_on_alone() -> GatewayUnavailableError:
    """Return the error of somebody of whom a look on pages is not enough."""
    return GatewayUnavailableError("the outcome of the creation is unknown, and a page does not show it; looking alone")
