"""What was paused in part is tried again: whoever waits for it, one after the other, until one gets through."""

from collections.abc import Iterable, Iterator
from typing import cast

from sync_tasks.pauses import name_of
from sync_tasks.store import Store
from sync_tasks.throttle import Throttle

# One of them probes; the other is for the case that the first need not ask any more.
_TRIED = 2


def find_probes(store: Store, throttle: Throttle, accounts: Iterable[str]) -> Iterator[str]:
    """Yield users whose events wait for a part of an account that may be probed now, the longest waiting first."""
    for account in accounts:
        for part in throttle.paused_parts(account):
            if not throttle.is_probed(account, part):
                waiting = store.key(f"paused_users:{name_of(account, part)}")
                yield from cast("list[str]", store.redis.zrange(waiting, 0, _TRIED - 1))
