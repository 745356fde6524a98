"""Whose request got no answer is looked at by the ids, twenty in a request; whom that is not enough for goes alone."""

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of

READ, READ_ALONE, LIST_CALL = "GET /v3/contacts", "GET /v3/contacts/{id}", "POST /v3/contacts/lists/5/contacts/remove"
COUNT = 60
PEOPLE = [f"user-{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(COUNT)]
QUIET = 60


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """People who read the weekly newsletter, and a batch at each request."""
    made = make_pipeline(BatchingLimiter, pipeline={"quiet_seconds": QUIET})
    brevo.settings.import_seconds = SHORT / 3
    for user_id in PEOPLE:
        made.subscribe(user_id, "weekly", first_name="Ada")
    made.work()
    return made


def leave_unanswered(readers: Pipeline, brevo: Sandbox, fault: str) -> None:
    """Let everybody leave the list by one list call that gets no answer."""
    for user_id in PEOPLE:
        readers.unsubscribe(user_id, "weekly")
    brevo.add_fault(fault, count=1, path="remove")
    readers.sync(PEOPLE[0])
    assert unknown(readers) == PEOPLE
    make_due(readers)


def make_due(readers: Pipeline) -> None:
    """Let the wait of everybody for the next try be over."""
    readers.store.redis.zadd(readers.store.key("due"), dict.fromkeys(PEOPLE, readers.store.now()))


def unknown(readers: Pipeline) -> list[str]:
    return [user_id for user_id in PEOPLE if readers.state(user_id).unknown_since]


def pending(readers: Pipeline) -> list[str]:
    return [user_id for user_id in PEOPLE if readers.state(user_id).pending]


def end_quiet_period(readers: Pipeline) -> None:
    """Let the quiet period of everybody be over, and each look be due."""
    since = f"{int(readers.store.now()) - QUIET * 1_000_000:016d}"
    for user_id in unknown(readers):
        readers.store.redis.hset(readers.store.key(f"contacts:{user_id}"), "unsure", since)
    make_due(readers)


def test_a_list_call_without_an_answer_costs_a_look_for_twenty(readers: Pipeline, brevo: Sandbox) -> None:
    leave_unanswered(readers, brevo, "drop_after")

    with readers.requests() as requests:
        readers.work()
    assert requests == [READ] * (COUNT // 20)
    assert (pending(readers), unknown(readers)) == ([], PEOPLE), "a slow old request is never the last word"
    end_quiet_period(readers)
    with readers.requests() as requests:
        readers.work()

    assert requests == [READ] * (COUNT // 20)
    assert unknown(readers) == []
    assert not readers.store.redis.exists(readers.store.key("pending:unanswered"))


def test_what_such_a_look_shows_undone_is_done_in_company(readers: Pipeline, brevo: Sandbox) -> None:
    leave_unanswered(readers, brevo, "drop")

    with readers.requests() as requests:
        readers.work()

    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * COUNT
    assert pending(readers) == []
    assert len(requests) <= COUNT // 20 + COUNT, requests


def test_after_the_quiet_period_one_look_ends_an_unknown_outcome_though_more_is_to_be_sent(
    readers: Pipeline, brevo: Sandbox
) -> None:
    leave_unanswered(readers, brevo, "drop_after")
    readers.work()
    end_quiet_period(readers)
    for user_id in PEOPLE:
        brevo.edit(address_of(user_id), {"listIds": [5]})

    readers.work()

    assert [readers.lists(user_id) for user_id in PEOPLE] == [set()] * COUNT
    assert unknown(readers) == []


def test_who_is_blocked_by_then_is_read_alone(readers: Pipeline, brevo: Sandbox) -> None:
    leave_unanswered(readers, brevo, "drop_after")
    brevo.act("complain", address_of(PEOPLE[7]))

    with readers.requests() as requests:
        readers.work()

    assert requests.count(READ_ALONE) == 1
    block = readers.state(PEOPLE[7]).seen["default"].block
    assert block is not None
    assert block.kind == "complaint"


@pytest.mark.parametrize("trouble", ["known block", "reported opt-out", "more trouble"])
def test_who_may_be_blocked_or_met_more_trouble_is_read_alone(readers: Pipeline, brevo: Sandbox, trouble: str) -> None:
    if trouble == "known block":
        brevo.act("complain", address_of(PEOPLE[7]))
        readers.subscribe(PEOPLE[7], "monthly")
        readers.work()
    leave_unanswered(readers, brevo, "drop_after")
    key = readers.store.key(f"contacts:{PEOPLE[7]}")
    if trouble == "reported opt-out":
        readers.store.redis.hset(key, "b:default:complaint", readers.store.now())
    if trouble == "more trouble":
        readers.store.redis.hset(key, "tries", "2")

    with readers.requests() as requests:
        readers.work()

    assert requests.count(READ_ALONE) == 1
    assert requests.count(READ) == COUNT // 20
