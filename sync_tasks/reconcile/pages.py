"""All contacts of an account, a thousand a request, none of them left out while the set moves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.errors import AccountPausedError, TransientError
from sync_tasks.providers import Gateway
from sync_tasks.reconcile.id_index import ShownIds
from sync_tasks.sync.context import Resources

# Rows of the page before that are asked for again: where none of them shows up, contacts were deleted meanwhile and
# others moved past us.
OVERLAP = 10
# So far back we go then.
STEP_BACK = 500
TRIES = 6
LONGEST_PAUSE = 30.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """Contacts that were on no page before; Brevo was asked at the moment ``read_at``, and next from ``after`` on."""

    remotes: list[RemoteContact]
    read_at: str
    after: int


def read_pages(gateway: Gateway, context: Resources, shown: ShownIds, offset: int = 0) -> Iterator[Page]:
    """Yield every contact of the account once, the oldest first, but for those shown already.

    Raises:
        SyncError: the account cannot be read to its end.
    """
    while True:
        read_at = context.store.now()
        remotes = _patiently(lambda start=offset: gateway.read_page(start), context)  # type: ignore[misc]
        if offset and not any(remote.id in shown for remote in remotes):
            offset = max(offset - STEP_BACK, 0)
            continue
        new = [remote for remote in remotes if remote.id not in shown]
        if not new:
            return
        offset += max(len(remotes) - OVERLAP, 0)
        yield Page(new, read_at, offset)
        for remote in new:
            shown.add(remote.id)


def _patiently(request: Callable[[], T], context: Resources) -> T:
    """Return what a request brings; while Brevo is out of reach it is tried again."""
    for number in range(TRIES - 1):
        try:
            return request()
        except AccountPausedError:
            raise
        except TransientError:
            if context.limiter.stopping:
                raise
            context.limiter.rest(min(2.0**number, LONGEST_PAUSE))
    return request()
