"""Who is known and not dirty is read with all fields; of anybody else nothing comes."""

from sync_tasks.state import bulk
from sync_tasks.state.store import Store
from tests.state.test_store import of, put_in_sync
from tests.support.saying import subscribe


def test_only_who_is_known_and_not_dirty_is_read(store: Store) -> None:
    store.accept(subscribe(1))
    put_in_sync(store)
    store.accept(of("u2", subscribe(1, email="u2@example.com")))
    clean, dirty, unknown = bulk.read_clean(store, [["u1", "u2"], ["u3"]])
    assert dict(zip(clean[::2], clean[1::2], strict=True)) == store.redis.hgetall(store.key("contacts:u1"))
    assert clean
    assert (dirty, unknown) == ([], [])
