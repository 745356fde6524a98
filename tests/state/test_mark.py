"""A user whose lists people manage by hand is marked so, and the history says by whom."""

from sync_tasks.state import bulk
from sync_tasks.state.store import Store
from tests.support.saying import subscribe


def test_a_user_is_managed_by_hand_until_somebody_ends_it(store: Store) -> None:
    store.accept(subscribe(1))
    bulk.mark_manual(store, "u1", "olga", manual=True)
    assert store.redis.hget(store.key("contacts:u1"), "manual") == "1"
    bulk.mark_manual(store, "u1", "olga", manual=False)
    assert store.redis.hget(store.key("contacts:u1"), "manual") is None
    shown = [line.split(" ", 2)[2] for line in store.history("u1")]
    assert shown == ["no longer managed by hand, by olga", "managed by hand, by olga"]


def test_nobody_unknown_is_managed_by_hand(store: Store) -> None:
    bulk.mark_manual(store, "u1", "olga", manual=True)
    assert store.redis.keys("*u1*") == []
