"""When a contact looks for others to take along, and when it goes alone at once."""

from typing import Any

import pytest

from sync_tasks.domain.planning import Read, SyncView
from sync_tasks.state.store import Lease
from sync_tasks.sync import batch_choice
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch import Batch
from tests.support.pipeline import Pipeline
from tests.support.saying import blocked, contact_of, stamp, subscribe


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """All batches that are made from now on."""
    made = list[Batch]()

    def make(*parts: Any) -> Batch:
        made.append(Batch(*parts))
        return made[-1]

    monkeypatch.setattr(batch_choice, "Batch", make)
    return made


def test_a_contact_whose_permit_came_with_the_lease_goes_alone_at_once_if_nobody_else_waits(
    pipeline: Pipeline, batches: list[Batch]
) -> None:
    pipeline.subscribe("anna")
    assert pipeline.sync("anna").done
    assert batches == []


def test_it_looks_for_others_if_one_waits_for_the_same(pipeline: Pipeline, batches: list[Batch]) -> None:
    pipeline.subscribe("anna")
    pipeline.subscribe("bea")
    assert pipeline.sync("anna").done
    assert [batch.own.push.lease.user_id for batch in batches] == ["anna"]


def test_it_looks_for_others_if_its_permit_is_no_good_any_more(
    pipeline: Pipeline, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_tasks.rate_limits.limiter._GOOD_FOR", 0.0)
    pipeline.subscribe("anna")
    assert pipeline.sync("anna").done
    assert len(batches) == 1


@pytest.mark.parametrize(("people", "together"), [(2, 1), (3, 3)])
def test_from_so_many_on_they_leave_together_although_nobody_waits_for_a_permit(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, people: int, together: int
) -> None:
    users = [f"u{number}" for number in range(people)]
    for user in users:
        pipeline.subscribe(user)
    pipeline.work()
    for user in users:
        pipeline.unsubscribe(user)
    monkeypatch.setattr(batch_choice, "WORTH_A_BATCH", 3)
    pipeline.sync("u0")
    left = [user for user in users if not pipeline.lists(user)]
    assert len(left) == together


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"unknown_since": stamp(1)}, {}),
        ({}, {"outcome_unknown": True}),
        ({}, {"view": SyncView(guarded=blocked(1))}),
    ],
)
def test_whoever_may_change_still_is_read_alone(
    pipeline: Pipeline, batches: list[Batch], known: dict[str, Any], said: dict[str, Any]
) -> None:
    context = pipeline.resources
    lease = Lease("u1", "token", contact_of(subscribe(1), **known), pending_count=3)
    push = AccountPush(
        "default", context.mappings["default"], context.gateways["default"], context.store, lease, **said
    )
    assert not batch_choice.send_as_batch(push, Read(7), context=context, task_id="")
    assert batches == []
