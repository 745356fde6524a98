"""Of a newsletter with an ``unsubscribed_attribute`` a batch leaves the list first, and each gets the flag then."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import pytest

from sync_tasks.domain.priority import Priority, priority_at
from sync_tasks.providers import Moved
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.sandbox import Sandbox
from sync_tasks.sync.contact import sync_contact
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.loading import KilledError, die
from tests.support.pipeline import MakePipeline, Pipeline

LIST_CALL, CHANGE = "POST /v3/contacts/lists/3/contacts/remove", "PUT /v3/contacts/{id}"
COUNT = 160
PEOPLE = [f"user-{number}" for number in range(COUNT)]


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """People who read the newsletter with a flag, and a batch at each request."""
    brevo.settings.import_seconds = SHORT / 3
    batched = make_pipeline(BatchingLimiter)
    for user_id in PEOPLE:
        batched.subscribe(user_id)
    batched.work()
    return batched


def flags(readers: Pipeline) -> list[object]:
    return [readers.held(user_id)["attributes"].get("DAILY_UNSUBSCRIBED") for user_id in PEOPLE]


def test_a_batch_is_off_the_list_after_two_requests_and_gets_its_flags_then(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id)

    with readers.requests() as requests:
        readers.work()

    changes = [number for number, request in enumerate(requests) if request == CHANGE]
    assert requests.count(LIST_CALL) == 2
    assert requests.index(LIST_CALL, requests.index(LIST_CALL) + 1) <= 4, "the list calls go first"
    assert len(changes) == COUNT
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * COUNT
    assert flags(readers) == [True] * COUNT
    assert not any(readers.state(user_id).pending for user_id in PEOPLE)
    assert not any("put right" in line for user_id in PEOPLE for line in readers.store.history(user_id))


def test_an_opt_out_is_not_done_before_its_flag_is_set(readers: Pipeline) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id)

    with readers.requests() as requests:
        readers.sync(PEOPLE[0])

    assert requests == [LIST_CALL, LIST_CALL], "nobody waits for the flags of others"
    assert not any(readers.lists(user_id) for user_id in PEOPLE)
    assert len([user_id for user_id in PEOPLE if readers.state(user_id).pending]) == COUNT


def test_a_flag_is_still_owed_if_the_process_dies_between(readers: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id)
    with monkeypatch.context() as patch, suppress(KilledError):
        patch.setattr(Operations, "change", lambda *_: die())
        sync_contact(PEOPLE[0], readers.resources)

    for key in readers.store.redis.scan_iter(readers.store.key("contacts:*")):
        readers.store.redis.hdel(key, "lease")
    readers.work()

    assert flags(readers) == [True] * COUNT
    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * COUNT


def test_one_who_leaves_alone_takes_one_request(readers: Pipeline) -> None:
    readers.unsubscribe(PEOPLE[0])

    with readers.requests() as requests:
        readers.work()

    assert requests.count(CHANGE) == 1
    assert LIST_CALL not in requests


def test_a_flag_asks_behind_the_opt_outs_of_others_once_the_list_is_left(readers: Pipeline) -> None:
    for user_id in PEOPLE[:5]:
        readers.unsubscribe(user_id)
    granted = readers.resources.limiter.__dict__["granted"]
    granted.clear()

    first = readers.sync(PEOPLE[0])
    assert set(granted) == {Priority.URGENT}
    assert first.users_with_rest == {*PEOPLE[:5]}
    assert not any(readers.lists(user_id) for user_id in PEOPLE[:5])

    granted.clear()
    assert readers.sync(PEOPLE[0]).done
    assert set(granted) == {Priority.ORDINARY}


def test_who_is_on_another_list_still_is_urgent(readers: Pipeline) -> None:
    readers.subscribe(PEOPLE[0], "weekly")
    readers.work()
    readers.unsubscribe(PEOPLE[0])
    readers.unsubscribe(PEOPLE[0], "weekly")
    mapping = readers.resources.mappings["default"]
    assert priority_at(readers.state(PEOPLE[0]), mapping) is Priority.URGENT


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "status", "status": 429}], ids=["unanswered", "refused"])
def test_a_list_call_that_fails_undoes_nothing_of_the_one_before(
    readers: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    for user_id in PEOPLE:
        readers.unsubscribe(user_id)
    leave, calls = Operations.leave_list, list[int]()

    def leave_list(gateway: Operations, list_id: int, ids: Collection[int]) -> Moved:
        calls.append(len(ids))
        if len(calls) == 2:
            brevo.add_fault(path="contacts/remove", **fault)
        return leave(gateway, list_id, ids)

    monkeypatch.setattr(Operations, "leave_list", leave_list)
    readers.sync(PEOPLE[0])

    unknown = [user_id for user_id in PEOPLE if readers.state(user_id).unknown_since]
    assert calls == [150, 10]
    assert len([user_id for user_id in PEOPLE if not readers.lists(user_id)]) == 150
    assert len(unknown) == (10 if fault["kind"] == "drop" else 0)
    brevo.faults.clear()
    monkeypatch.undo()

    readers.work()
    assert not any(readers.lists(user_id) for user_id in PEOPLE)
    assert flags(readers) == [True] * COUNT
