"""An approval lets one comparison do what was refused, no more than that, and once."""

import json

import pytest

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.reconcile import approvals
from sync_tasks.reconcile.approvals import VALID, approve, find_refused, read_approvals, take_approval
from sync_tasks.reconcile.history import Run
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.faults import Fault
from sync_tasks.state.audit import read_audit
from sync_tasks.state.store import Store
from tests.support.pipeline import Pipeline, address_of

LOSES = "lose a subscription or be erased"


@pytest.fixture
def refused(pipeline: Pipeline, brevo: Sandbox) -> Run:
    """A comparison that the safety catch held: Anna was put on a list at Brevo that she left."""
    for user_id in ("anna", "ben"):
        pipeline.subscribe(user_id)
        pipeline.subscribe(user_id, "weekly")
        pipeline.unsubscribe(user_id, "weekly")
    pipeline.work()
    brevo.edit(address_of("anna"), {"listIds": [3, 5]})
    (run,) = reconcile(pipeline.resources, Scope(max_changes=0))
    return run


def test_what_was_refused_is_known_by_kind(pipeline: Pipeline, refused: Run) -> None:
    assert refused.grave[LOSES] == 1
    assert find_refused(pipeline.store) == {"default": refused}


def test_an_approval_lets_one_comparison_do_it(pipeline: Pipeline, refused: Run) -> None:
    assert approve(pipeline.store, "default", refused.started, "ops")
    approval = take_approval(pipeline.store, "default")
    assert approval
    (run,) = reconcile(pipeline.resources, Scope(max_changes=0, approved=approval.grave))
    pipeline.work()
    assert (run.repaired, run.refused, pipeline.lists("anna")) == (1, "", {3})
    assert take_approval(pipeline.store, "default") is None
    assert find_refused(pipeline.store) == {}
    (deed,) = read_audit(pipeline.store)
    assert (deed.who, deed.what, deed.about) == ("ops", "approve comparison", f"default 1 contact would {LOSES}")


def test_more_than_was_approved_is_refused_again(pipeline: Pipeline, brevo: Sandbox, refused: Run) -> None:
    brevo.edit(address_of("ben"), {"listIds": [3, 5]})
    (run,) = reconcile(pipeline.resources, Scope(max_changes=0, approved=refused.grave))
    pipeline.work()
    assert (run.repaired, run.grave[LOSES], pipeline.lists("anna")) == (0, 2, {3, 5})


def test_another_grave_thing_is_not_approved_along(pipeline: Pipeline, brevo: Sandbox, refused: Run) -> None:
    brevo.edit(address_of("anna"), {"listIds": [3], "unlinkListIds": [5]})
    brevo.edit(address_of("ben"), {"unlinkListIds": [3]})
    (run,) = reconcile(pipeline.resources, Scope(max_changes=0, approved=refused.grave))
    assert (run.repaired, run.grave[LOSES], bool(run.refused)) == (0, 0, True)


def test_only_the_last_comparison_can_be_approved(pipeline: Pipeline, refused: Run) -> None:
    assert not approve(pipeline.store, "default", "1700000000000000", "ops")
    assert not approve(pipeline.store, "other", refused.started, "ops")
    reconcile(pipeline.resources, Scope(max_changes=0))
    assert not approve(pipeline.store, "default", refused.started, "ops")
    assert read_approvals(pipeline.store) == {}


def test_an_approval_ends_after_six_hours(pipeline: Pipeline, refused: Run) -> None:
    assert approve(pipeline.store, "default", refused.started, "ops")
    redis, name = pipeline.store.redis, pipeline.store.key("approvals")
    assert 0 < int(redis.ttl(name)) <= VALID
    approval = json.loads(str(redis.hget(name, "default")))
    long_ago = str(int(approval["at"]) - (VALID + 1) * MICROSECONDS_PER_SECOND)
    redis.hset(name, "default", json.dumps(approval | {"at": long_ago}))
    assert read_approvals(pipeline.store) == {}
    assert take_approval(pipeline.store, "default") is None


def test_if_an_approved_comparison_breaks_off_the_same_can_be_approved_again(
    pipeline: Pipeline, brevo: Sandbox, refused: Run
) -> None:
    assert approve(pipeline.store, "default", refused.started, "ops")
    approval = take_approval(pipeline.store, "default")
    assert approval
    brevo.faults.add(Fault(kind="status", status=401))
    (broken,) = reconcile(pipeline.resources, Scope(max_changes=0, approved=approval.grave))
    assert broken.broken_off
    assert find_refused(pipeline.store) == {"default": refused}
    assert take_approval(pipeline.store, "default") is None
    assert approve(pipeline.store, "default", refused.started, "ops")
    approval = take_approval(pipeline.store, "default")
    brevo.faults.clear()
    pipeline.resources.limiter.resume("default")
    assert approval
    (run,) = reconcile(pipeline.resources, Scope(max_changes=0, approved=approval.grave))
    assert (run.repaired, run.refused) == (1, "")
    assert find_refused(pipeline.store) == {}


def test_what_broke_off_alone_cannot_be_approved(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.faults.add(Fault(kind="status", status=401))
    (run,) = reconcile(pipeline.resources)
    assert run.broken_off
    assert find_refused(pipeline.store) == {}


def test_an_approval_is_over_once_another_comparison_was_refused(pipeline: Pipeline, refused: Run) -> None:
    assert approve(pipeline.store, "default", refused.started, "ops")
    (again,) = reconcile(pipeline.resources, Scope(max_changes=0))
    assert again.grave == refused.grave
    assert take_approval(pipeline.store, "default") is None


def test_of_two_who_take_an_approval_at_once_one_gets_it(
    pipeline: Pipeline, refused: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert approve(pipeline.store, "default", refused.started, "ops")
    found = approvals.find_refused(pipeline.store)

    def find_while_another_takes(store: Store) -> dict[str, Run]:
        store.redis.hdel(store.key("approvals"), "default")
        return found

    monkeypatch.setattr(approvals, "find_refused", find_while_another_takes)
    assert take_approval(pipeline.store, "default") is None
