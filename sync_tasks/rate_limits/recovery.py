"""What was paused in part is tried again: by whoever waits for it longest, or by a look whether a list exists."""

from collections.abc import Iterable, Iterator, Mapping

from sync_tasks.config.settings import Settings
from sync_tasks.domain.pauses import list_of, list_part, name_of
from sync_tasks.errors import SyncError
from sync_tasks.providers import Gateway
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.bulk import read_waiting
from sync_tasks.state.store import Store

# One of them probes; the other is for the case that the first need not ask any more.
_TRIED = 2


def find_probes(store: Store, limiter: Limiter, accounts: Iterable[str]) -> Iterator[str]:
    """Yield users whose events wait for a part of an account that may be probed now, the longest waiting first."""
    for account in accounts:
        for part in limiter.paused_parts(account):
            if list_of(part) is None and not limiter.is_probed(account, part):
                yield from read_waiting(store, name_of(account, part), _TRIED)


def look_for_lists(settings: Settings, limiter: Limiter, gateways: Mapping[str, Gateway]) -> None:
    """Let newsletters go on whose lists exist by now, or for which the configuration names others."""
    for account, newsletters in settings.newsletters_by_account.items():
        for part in limiter.paused_parts(account):
            list_id = list_of(part)
            slug = next((slug for slug, known in newsletters.items() if known.list_id == list_id), "")
            if list_id is not None and (not slug or _exists(list_id, account, limiter, gateways[account])):
                limiter.resume_part(account, part, slug)


def _exists(list_id: int, account: str, limiter: Limiter, gateway: Gateway) -> bool:
    try:
        return limiter.take_probe(account, list_part(list_id)) and gateway.has_list(list_id)
    except SyncError:
        return False
