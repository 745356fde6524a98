"""Looks until Brevo shows whom an import has created, for minutes at most."""

from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.errors import GatewayUnavailableError, RateLimitedError
from sync_tasks.providers import Gateway

# An import is looked for at these distances, in seconds: "usually within a minute" it has ended, by Brevo's help
# (article 32331116133522, November 2026). What became of whom Brevo does not show then is unknown.
LOOKS = (0.5, 1.0, 1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0, 30.0, 45.0)
# After so many looks in a row that show nobody new, an import that has shown somebody is over.
SILENT_LOOKS = 2
# After so many that failed in a row nobody is looked for any more.
FAILED_LOOKS = 3
# So many contacts may have been created since: others import, too, and Brevo shows the newest first.
MOST_SHOWN = 20_000

T = TypeVar("T")


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
        """Look until Brevo shows all of them, or nobody new any more; the next look makes up for one that fails.

        Raises:
            SyncError: too many looks in a row failed.
        """
        imported, silent, failed = len(self._missing), 0, 0
        for seconds in LOOKS:
            self._rest(seconds)
            before = len(self._missing)
            try:
                self._look(since)
            except (GatewayUnavailableError, RateLimitedError):
                failed += 1
                if failed == FAILED_LOOKS:
                    raise
                continue
            failed, silent = 0, silent + 1 if before == len(self._missing) < imported else 0
            if not self._missing or silent == SILENT_LOOKS:
                return

    def _look(self, since: datetime) -> None:
        """Take over what Brevo shows of the imported contacts; the newest come first."""
        page = self._gateway.capabilities.page
        for number, remote in enumerate(islice(self._gateway.modified_since(since), MOST_SHOWN)):
            if number % page == 0:
                self._keep()
            item = self._missing.pop(remote.address or "", None)
            if item is not None:
                self._found(item, remote)
            if not self._missing:
                return
