"""The end of a pause wakes who waits for it; who has a contact on a list that was missing is read again."""

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, is_dirty, known, lease_of, of
from tests.support.saying import ACCOUNT, ADA, subscribe

PART = "default/list 3"


@pytest.fixture
def waiting(store: Store) -> Store:
    """Two users wait for a list; of the first Brevo holds a contact, of the second it holds none."""
    store.redis.hset(store.key("paused_parts"), PART, "{}")
    store.redis.set(store.key(f"probed:{PART}"), "1", ex=60)
    for user_id, contact_id in (("u1", 7), ("u2", None)):
        store.accept(of(user_id, subscribe(1, email=f"{user_id}@example.com")))
        lease = lease_of(store, user_id)
        store.renew_lease(lease, 60, {ACCOUNT: RemoteState(contact_id, ADA)})
        store.settle(lease, Settlement(clean=True, waits={PART: True}))
    return store


def test_who_waits_is_due_and_no_push_under_way_settles_it(waiting: Store) -> None:
    before = [int(known(waiting, user_id).rev) for user_id in ("u1", "u2")]
    waiting.resume(PART)
    assert [int(known(waiting, user_id).rev) for user_id in ("u1", "u2")] == [rev + 1 for rev in before]
    assert [is_dirty(waiting, user_id) for user_id in ("u1", "u2")] == [True, True]
    assert [(due_in(waiting, user_id) or 0) <= 0 for user_id in ("u1", "u2")] == [True, True]
    assert [known(waiting, user_id).looks for user_id in ("u1", "u2")] == [{}, {}]
    assert waiting.redis.keys("*paused*") + waiting.redis.keys("*probed*") == []


def test_who_has_a_contact_is_read_again_once_the_list_is_there(waiting: Store) -> None:
    waiting.resume(PART, look_at=ACCOUNT)
    assert known(waiting, "u1").looks == {ACCOUNT: known(waiting, "u1").rev}
    assert known(waiting, "u2").looks == {}


def test_whose_state_is_gone_is_not_brought_back(waiting: Store) -> None:
    waiting.redis.delete(waiting.key("contacts:u2"))
    waiting.redis.zrem(waiting.key("due"), "u2")
    waiting.resume(PART)
    assert waiting.peek("u2") is None
    assert due_in(waiting, "u2") is None
