"""Who tries a paused part again: those who wait for it longest, but nobody for a list; the sweep asks for that one."""

import pytest

from sync_tasks.domain.pauses import CREATING, list_part, name_of
from sync_tasks.errors import MissingListError, OutOfCreditsError
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.rate_limits.recovery import find_probes
from sync_tasks.state.keys import paused_users_key
from sync_tasks.state.store import Store


@pytest.mark.parametrize(
    ("part", "soon", "found"),
    [
        pytest.param(CREATING, True, ["u1", "u2"], id="the two who wait longest"),
        pytest.param(CREATING, False, [], id="nobody before a probe may go out"),
        pytest.param(list_part(3), True, [], id="nobody for a list"),
    ],
)
def test_a_paused_part_is_tried_by_whoever_waits_for_it_longest(
    store: Store, part: str, *, soon: bool, found: list[str]
) -> None:
    limiter = Limiter(store, {}, probe_every=60)
    limiter.pause("news", OutOfCreditsError("402") if part == CREATING else MissingListError("404", (3,)), part)
    store.redis.zadd(store.key(paused_users_key(name_of("news", part))), {"u3": 3, "u1": 1, "u2": 2})
    if soon:
        store.redis.delete(store.key(f"probed:{name_of('news', part)}"))
    assert list(find_probes(store, limiter, ["news", "sports"])) == found
