"""Steps that concern many at once: tombstones of an account that is gone, and whom the end of a pause wakes."""

import pytest

from sync_tasks.state import bulk
from sync_tasks.state import store as module
from sync_tasks.state.settlement import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, lease_of, of
from tests.support.saying import anonymize, stamp, subscribe


def erase(store: Store, user_id: str, contacts: str) -> None:
    """Let a user be erased for good, whose contacts at Brevo were these."""
    store.accept(of(user_id, anonymize(1)))
    tombstone = f"{stamp(1)} {contacts}"
    assert store.settle(lease_of(store, user_id), Settlement(clean=True, tombstone=tombstone)) == "settled"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("default=7,second=8", "second=8"),
        ("second=8,default=7", "second=8"),
        ("default=7", ""),
        ("second=8", "second=8"),
        ("defaults=7", "defaults=7"),
        ("", ""),
    ],
)
def test_a_tombstone_forgets_the_contact_of_one_account_alone(store: Store, before: str, after: str) -> None:
    erase(store, "u1", before)
    bulk.forget_in_tombstones(store, "default")
    assert list(bulk.read_tombstones(store).values()) == [f"{stamp(1)} {after}"]
    assert bulk.read_erased_at(store, "u1") == stamp(1)
    assert store.is_erased("u1")


@pytest.mark.parametrize("people", [3, 4, 5])
def test_the_end_of_a_pause_wakes_everybody_however_many_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    part, users = "default/creating", [f"u{number}" for number in range(people)]
    store.redis.hset(store.key("paused_parts"), part, "{}")
    for user_id in users:
        store.accept(of(user_id, subscribe(1, email=f"{user_id}@example.com")))
        store.settle(lease_of(store, user_id), Settlement(waits={part: True}, due=60))
    store.resume(part)
    assert [user_id for user_id in users if (due_in(store, user_id) or 0) > 0] == []
    assert not store.redis.exists(store.key("paused_parts"))
