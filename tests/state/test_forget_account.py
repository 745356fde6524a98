"""What an account held of a user is forgotten once it is another account; opt-outs there are not."""

import pytest

from sync_tasks.domain.contact import RemoteState
from sync_tasks.state import bulk
from sync_tasks.state.codec import dump_seen
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import due_in, is_dirty, known, lease_of, of
from tests.support.saying import ACCOUNT, ADA, BEA, blocked, stamp, subscribe

HELD = RemoteState(7, ADA, frozenset({3}))
OTHER = "second"


def hold(store: Store, seen: RemoteState, *accounts: str) -> None:
    """Let accounts be known to hold this of a user who is in sync."""
    store.accept(subscribe(1))
    lease = lease_of(store)
    fields = {f"p:{key}": "" for key in lease.contact.pending}
    for account in accounts or (ACCOUNT,):
        fields |= dump_seen(account, seen)
    store.settle(lease, Settlement(fields=fields, clean=True))


def forget(store: Store, user_id: str = "u1") -> bool:
    (done,) = bulk.forget_account(store, [user_id], ACCOUNT)
    return done


def test_what_an_account_held_is_forgotten_and_looked_for_at_once(store: Store) -> None:
    hold(store, HELD)
    assert forget(store)
    assert known(store).seen == {}
    assert known(store).looks == {ACCOUNT: known(store).rev}
    assert is_dirty(store)
    assert (due_in(store) or 0) <= 0


@pytest.mark.parametrize(
    "seen",
    [
        RemoteState(7, ADA, ended_up_to=stamp(5)),
        RemoteState(7, ADA, block=blocked(5)),
        RemoteState(7, ADA, block=blocked(5), ended_up_to=stamp(4)),
        RemoteState(7, ADA, block=blocked(4), ended_up_to=stamp(5)),
    ],
    ids=["ended", "blocked", "blocked since", "blocked before"],
)
def test_up_to_when_an_opt_out_ended_subscriptions_stays(store: Store, seen: RemoteState) -> None:
    hold(store, seen)
    assert forget(store)
    assert known(store).seen == {ACCOUNT: RemoteState(ended_up_to=stamp(5))}


def test_what_another_account_holds_stays(store: Store) -> None:
    hold(store, HELD, ACCOUNT, OTHER)
    assert forget(store)
    assert known(store).seen == {OTHER: HELD}


def test_whom_the_account_never_held_is_left_in_peace(store: Store) -> None:
    hold(store, HELD, OTHER)
    before = known(store)
    assert forget(store)
    assert (known(store), is_dirty(store)) == (before, False)


def test_whom_nobody_knows_is_not_brought_into_being(store: Store) -> None:
    assert forget(store)
    assert (store.peek("u1"), is_dirty(store)) == (None, False)


def test_whom_somebody_pushes_is_asked_for_again(store: Store) -> None:
    hold(store, HELD)
    store.accept(subscribe(2, "weekly"))
    lease = lease_of(store)
    assert not forget(store)
    assert known(store).seen == {ACCOUNT: HELD}
    store.settle(lease, Settlement())
    assert forget(store)


def test_a_lease_that_ran_out_keeps_nothing(store: Store) -> None:
    hold(store, HELD)
    store.accept(subscribe(2, "weekly"))
    store.redis.hset(store.key("contacts:u1"), "lease", f"{stamp(1)}token")
    assert forget(store)
    assert known(store).seen == {}


def test_that_brevo_may_not_mail_a_user_there_is_forgotten_too(store: Store) -> None:
    reported = {ACCOUNT: f"unsubscribed {stamp(1)}", OTHER: f"unsubscribed {stamp(1)}"}
    for user_id, address in (("u1", ADA), ("u2", BEA)):
        store.accept(of(user_id, subscribe(1, email=address)))
        store.settle(lease_of(store, user_id), Settlement(fields=dump_seen(ACCOUNT, HELD), suppressed=reported))
    assert forget(store)
    left = {f"{OTHER} u1", f"{ACCOUNT} u2", f"{OTHER} u2"}
    assert set(store.redis.hkeys(store.key("suppressed"))) == left
    assert set(store.redis.zrange(store.key("untold"), 0, -1)) == left


def test_a_push_under_way_does_not_settle_what_was_forgotten(store: Store) -> None:
    hold(store, HELD)
    store.accept(subscribe(2, "weekly"))
    lease = lease_of(store)
    store.redis.hset(store.key("contacts:u1"), "lease", f"{stamp(1)}{lease.token}")
    assert forget(store)
    assert store.settle(lease, Settlement(clean=True)) == "again"
    assert is_dirty(store)
