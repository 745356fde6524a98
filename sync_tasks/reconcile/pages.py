"""All contacts of an account, a thousand a request, none of them left out while the set moves."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sync_tasks.domain.contact import RemoteContact, UnreadContact
from sync_tasks.errors import AccountPausedError, GatewayUnavailableError, TransientError
from sync_tasks.providers import Gateway
from sync_tasks.rate_limits.patience import ask_patiently
from sync_tasks.reconcile.id_index import ShownIds
from sync_tasks.sync.context import Resources

# Rows of the page before that are asked for again: if none of them shows up, contacts were deleted meanwhile and
# others moved past us.
OVERLAP = 10
# So far back we go then.
STEP_BACK = 500


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """Contacts that were on no page before; Brevo was asked at the moment ``read_at``, and next from ``after`` on.

    ``unread``: those of whom the page shows no more than who they are.
    """

    remotes: list[RemoteContact]
    read_at: str
    after: int
    unread: list[UnreadContact]

    @property
    def ids(self) -> list[int]:
        """Everybody on it."""
        return [*(remote.id for remote in self.remotes), *(one.id for one in self.unread)]


def read_pages(gateway: Gateway, context: Resources, shown: ShownIds, offset: int = 0) -> Iterator[Page]:
    """Yield every contact of the account once, the oldest first, but for those shown already.

    Raises:
        SyncError: the account cannot be read to its end.
    """
    while True:
        read_at = context.store.now()
        found = ask_patiently(partial(gateway.read_page, offset), context.limiter, refuse_pause)
        ids = [*(remote.id for remote in found.contacts), *(one.id for one in found.unread)]
        new = list({remote.id: remote for remote in found.contacts if remote.id not in shown}.values())
        unread = [one for one in found.unread if one.id not in shown]
        if offset and not any(number in shown for number in ids):
            offset = max(offset - STEP_BACK, 0)
            continue
        offset += max(len(ids) - OVERLAP, 0)
        page = Page(new, read_at, offset, unread)
        if not page.ids and len(shown) < (found.total or 0):
            raise GatewayUnavailableError("a page shows no further contact, though there are more")
        if not page.ids:
            return
        yield page
        for number in page.ids:
            shown.add(number)


def refuse_pause(error: TransientError) -> None:
    """A paused account is not waited for: the next comparison comes anyway."""
    if isinstance(error, AccountPausedError):
        raise error
