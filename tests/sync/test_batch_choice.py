"""When a contact looks for others to take along, and when it goes alone at once."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from sync_tasks.domain.batching import BatchKind, Verb
from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.outcomes import Outcomes
from sync_tasks.domain.planning import Read, SyncView
from sync_tasks.errors import ImportUnderWayError, TakenAlongError
from sync_tasks.state.store import Lease
from sync_tasks.sync import batch_choice, batch_item, contact
from sync_tasks.sync.account import AccountPush
from sync_tasks.sync.batch import Batch
from tests.support.batching import BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of
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


def let_all_opt_out(pipeline: Pipeline, people: int) -> list[str]:
    users = [f"u{number}" for number in range(people)]
    for user in users:
        pipeline.subscribe(user)
    pipeline.work()
    for user in users:
        pipeline.unsubscribe(user)
    return users


def test_whoever_leaves_it_to_another_leases_nobody_meanwhile(
    pipeline: Pipeline, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_all_opt_out(pipeline, 4)
    monkeypatch.setattr(batch_choice, "WORTH_A_BATCH", 3)
    batches.clear()
    monkeypatch.setattr(batch_choice, "_name_of", lambda *_: "the same")
    monkeypatch.setattr(contact, "PATIENCE", 0.0)

    with pipeline.resources.limiter.gatherers.waiting("the same"):
        waiting = pipeline.sync("u0").waiting

    assert [type(error) for error in waiting.values()] == [TakenAlongError]
    assert [batch.others for batch in batches] == [[]], "their own messages would find them leased, and end"


@pytest.mark.parametrize(("people", "together"), [(2, 1), (3, 3)])
def test_from_so_many_on_they_leave_together_although_nobody_waits_for_a_permit(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, people: int, together: int
) -> None:
    users = let_all_opt_out(pipeline, people)
    monkeypatch.setattr(batch_choice, "WORTH_A_BATCH", 3)
    pipeline.sync("u0")
    left = [user for user in users if not pipeline.lists(user)]
    assert len(left) == together


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"unknown_since": stamp(1), "tries": 2}, {}),
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


def push_of(pipeline: Pipeline, pending_count: int) -> AccountPush:
    context = pipeline.resources
    lease = Lease("u1", "token", contact_of(subscribe(1)), pending_count=pending_count)
    return AccountPush("default", context.mappings["default"], context.gateways["default"], context.store, lease)


@pytest.mark.parametrize(
    ("verb", "people", "held", "waits"),
    [
        ("create", 10, True, True),
        ("find", 10, True, True),
        ("create", 9, True, False),
        ("create", 10, False, False),
        ("locate", 10, True, False),
        ("join", 10, True, False),
    ],
)
def test_one_sign_up_of_many_waits_while_another_import_is_under_way(
    pipeline: Pipeline, verb: Verb, people: int, *, held: bool, waits: bool
) -> None:
    lock = pipeline.resources.limiter.import_lock("default")
    assert not held or lock.acquire()
    with pytest.raises(ImportUnderWayError) if waits else nullcontext():
        batch_choice._wait_for_import(push_of(pipeline, people), BatchKind(verb, frozenset()), pipeline.resources)


def test_who_waits_for_an_import_takes_nobody_along(pipeline: Pipeline, batches: list[Batch]) -> None:
    assert pipeline.resources.limiter.import_lock("default").acquire()
    push = push_of(pipeline, 10)
    step = NewContact(address_of("anna"), "u1", {}, frozenset({3}))
    with pipeline.requests() as requests, pytest.raises(ImportUnderWayError):
        batch_choice.send_as_batch(push, step, context=pipeline.resources, task_id="")
    assert (requests, batches) == ([], [])


@pytest.fixture
def movers(make_pipeline: MakePipeline) -> Pipeline:
    """Two people with a new address, and a batch at each request."""
    batched = make_pipeline(BatchingLimiter)
    for user in ("anna", "bea"):
        batched.subscribe(user)
    batched.work()
    for user in ("anna", "bea"):
        batched.update(user, email=f"{user}@elsewhere.org", previous_email=address_of(user))
    return batched


def line_of(pipeline: Pipeline, *name: object) -> AbstractContextManager[bool]:
    """Return a block for which another thread of the process waits for the permit of such a batch."""
    return pipeline.resources.limiter.gatherers.waiting(name)


def test_who_needs_what_another_thread_waits_for_is_left_to_it_without_a_request(
    movers: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_tasks.sync.contact.PATIENCE", 0.1)
    with line_of(movers, "default", BatchKind("read", frozenset()), "look:default"), movers.requests() as requests:
        left = movers.sync("bea")

    assert requests == []
    assert [type(error) for error in left.waiting.values()] == [TakenAlongError]
    with movers.requests() as requests:
        movers.sync("anna")
    assert requests[0] == "GET /v3/contacts", "it can be taken along at once"
    assert movers.state("bea").looked


def test_what_was_over_before_it_was_left_to_another_is_not_forgotten(
    movers: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = iter([Outcomes(users_to_nudge=frozenset({"cleo"}), retry_in=1.0)])
    settle = contact._settle

    def settle_and_hear(*parts: Any) -> tuple[str, Outcomes]:
        settled, outcomes = settle(*parts)
        return settled, next(heard, outcomes)

    monkeypatch.setattr(contact, "_settle", settle_and_hear)
    left = iter([True])
    monkeypatch.setattr(contact, "_is_left_to_another", lambda *_: next(left, False))
    outcomes = movers.sync("bea")
    assert ("cleo" in outcomes.users_to_nudge, outcomes.retry_in) == (True, None)


def test_nobody_who_has_waited_for_long_is_left_to_others(movers: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_item, "_RELIES_ON_OTHERS", -1.0)
    with line_of(movers, "default", BatchKind("read", frozenset()), "look:default"):
        assert movers.sync("bea").done


def test_an_opt_out_is_not_left_to_a_thread_that_reads_for_others(movers: Pipeline) -> None:
    movers.unsubscribe("bea")
    with line_of(movers, "default", BatchKind("read", frozenset()), "look:default"):
        movers.sync("bea")
    assert movers.lists("bea") == set()


def test_a_push_shows_nothing_of_its_person(pipeline: Pipeline) -> None:
    context = pipeline.resources
    lease = Lease("u1", "token", contact_of(subscribe(1)))
    push = AccountPush("default", context.mappings["default"], context.gateways["default"], context.store, lease)
    push.addresses = frozenset({address_of("anna")})
    assert address_of("anna") not in repr(push)
