"""Whoever may be held otherwise than the last push found is looked at again."""

from sync_tasks.state import bulk
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, is_dirty, known, put_in_sync
from tests.support.saying import subscribe


def test_a_contact_whose_outcome_is_unknown_is_due_at_once(store: Store) -> None:
    store.accept(subscribe(1))
    put_in_sync(store)
    store.redis.zadd(store.key("pending:erased"), {"u1": 1, "u2": 1})
    rev = known(store).rev
    assert bulk.mark_unknown(store, ["u1"]) == [1]
    assert (known(store).unknown_since != "", int(known(store).rev)) == (True, int(rev) + 1)
    assert is_dirty(store)
    assert (due_in(store) or 0) <= 0
    assert store.redis.zrange(store.key("pending:erased"), 0, -1) == ["u2"]
    store.redis.delete(store.key("pending:erased"))


def test_nobody_unknown_is_marked(store: Store) -> None:
    assert bulk.mark_unknown(store, ["u1"]) == [0]
    assert store.redis.keys("*") == []
