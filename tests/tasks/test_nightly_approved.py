"""What an operator approved is compared by a worker, as soon as a sweep sees it."""

import json
from pathlib import Path

import pytest

from sync_tasks.reconcile.approvals import approve, read_approvals
from sync_tasks.reconcile.history import Run, read_runs
from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.store import Store
from sync_tasks.tasks.bootstrap import worker_resources
from sync_tasks.tasks.nightly import ask_for_approved
from tests.support.messages import handle, queued
from tests.support.saying import ADA

READER = {"user_id": "u1", "newsletter": "daily", "email": ADA, "occurred_at": "2026-03-01T00:00:00Z"}


@pytest.fixture
def refused(worker_environment: Path, brevo: Sandbox, store: Store) -> Run:
    """A comparison that was refused: Ada would lose a list that she left."""
    assert worker_environment.exists()
    handle("sync_tasks.subscribe_contact", READER)
    left = {name: value for name, value in READER.items() if name != "email"}
    handle("sync_tasks.unsubscribe_contact", left | {"newsletter": "weekly"})
    brevo.edit(ADA, {"listIds": [3, 5]})
    reconcile(worker_resources(), Scope(max_changes=0))
    (run,) = read_runs(store)
    assert run.refused
    return run


def asked(store: Store) -> list[str]:
    return [message.task for message in queued(store.redis, "sync_tasks")]


def test_a_sweep_asks_for_it_and_a_worker_does_it_once(refused: Run, store: Store) -> None:
    approve(store, "default", refused.started, "ops")
    ask_for_approved()
    assert "sync_tasks.reconcile_approved" in asked(store)
    assert handle("sync_tasks.reconcile_approved", {}) == ("SUCCESS", 1)
    assert handle("sync_tasks.reconcile_approved", {}) == ("SUCCESS", 0)
    assert len(read_runs(store)) == 2


def test_what_was_approved_is_over_once_the_account_was_compared_again(
    refused: Run, store: Store, brevo: Sandbox
) -> None:
    approve(store, "default", refused.started, "ops")
    reconcile(worker_resources(), Scope(max_changes=0))
    assert handle("sync_tasks.reconcile_approved", {}) == ("SUCCESS", 0)
    assert brevo.contact(ADA)["listIds"] == [3, 5]
    assert read_approvals(store) == {}


def test_what_was_refused_of_one_newsletter_is_not_approved_for_all(refused: Run, store: Store) -> None:
    assert refused.grave
    reconcile(worker_resources(), Scope(max_changes=0, newsletter="weekly"))
    (_, latest) = sorted(read_runs(store), key=lambda run: run.started)
    assert latest.refused
    assert not approve(store, "default", latest.started, "ops")


def test_without_an_approval_nobody_is_asked(refused: Run, store: Store) -> None:
    assert refused.grave
    before = asked(store)
    ask_for_approved()
    assert asked(store) == before


def test_while_somebody_compares_it_waits(refused: Run, store: Store) -> None:
    approve(store, "default", refused.started, "ops")
    before = asked(store)
    with standing_alone(store):
        ask_for_approved()
        assert handle("sync_tasks.reconcile_approved", {}) == ("SUCCESS", 0)
    assert asked(store) == before
    assert list(read_approvals(store)) == ["default"]


def test_an_account_that_is_configured_no_more_is_left_alone(refused: Run, store: Store) -> None:
    approve(store, "default", refused.started, "ops")
    text = json.loads(str(store.redis.hget(store.key("approvals"), "default")))
    store.redis.hset(store.key("approvals"), "gone", json.dumps(text | {"account": "gone"}))
    store.redis.hdel(store.key("approvals"), "default")
    assert handle("sync_tasks.reconcile_approved", {}) == ("SUCCESS", 0)
    assert read_approvals(store) == {}
