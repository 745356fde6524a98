"""How many requests an account has left in its longest window."""

from typing import cast

from sync_tasks.rate_limits.scarcity import Scarcity
from sync_tasks.state.store import Store


def read_budget(store: Store, scarcity: Scarcity) -> int:
    """Return how many requests are left; a window is a list of the moments of its requests, the newest first."""
    _, length, _, allowed = scarcity.windows[-1]
    name = store.key(f"granted:{scarcity.account}:contacts:{length}")
    since, low, high = int(store.now()) - length, 0, int(store.redis.llen(name))
    while low < high:
        middle = (low + high) // 2
        moment = cast("str | None", store.redis.lindex(name, middle))
        low, high = (middle + 1, high) if moment and int(moment) > since else (low, middle)
    return max(allowed - low, 0)
