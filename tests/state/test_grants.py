"""How long a pause is not probed: opt-outs and erasures go first in the second half of the time."""

import pytest

from sync_tasks.state.records import Question
from sync_tasks.state.store import Store
from tests.support.saying import ACCOUNT

EVERY = 30_000


@pytest.mark.parametrize(
    ("left", "priority", "urgent", "wait"),
    [
        (0, 0, False, 0),
        (0, 1, True, 0),
        (20, 0, True, 0),
        (20, 1, False, 0),
        (20, 1, True, 20),
        (50, 0, True, 20),
        (50, 1, False, 20),
        (50, 1, True, 50),
    ],
)
def test_a_pause_is_probed_by_what_is_urgent_first(
    store: Store, left: int, priority: int, wait: int, *, urgent: bool
) -> None:
    store.redis.set(store.key(f"paused:{ACCOUNT}"), "401", ex=600)
    if left:
        store.redis.set(store.key(f"probed:{ACCOUNT}"), "1", ex=left)
    if urgent:
        store.redis.zadd(store.key("urgent"), {"u1": 1})
    kind, seconds, why, part = store.grant(Question(ACCOUNT, "contacts", priority, EVERY, ((1, 60_000_000),)))
    assert (kind, why, part) == (("paused", "401", "") if wait else ("probe", "1", ""))
    assert int(seconds) / 1_000_000 == pytest.approx(wait, abs=9)
