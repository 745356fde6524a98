"""A worker handles one message: what it says became of the event, and when the message comes again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_tasks import anonymize_contact, subscribe_contact, unsubscribe_contact, update_contact
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Subscribe, parse_event
from sync_tasks.domain.outcomes import Outcomes
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND, stamp_of
from sync_tasks.errors import (
    AddressBusyError,
    TakenAlongError,
    TooEarlyError,
    UnauthorizedError,
    UnknownContactError,
    UnknownNewsletterError,
)
from sync_tasks.meters import EVENTS
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.faults import Fault
from sync_tasks.state.dead_letters import read_letters
from sync_tasks.state.store import Lease, Store
from sync_tasks.tasks.accept import NUDGE, Nudge
from sync_tasks.tasks.bootstrap import worker_resources
from tests.support.messages import Sent, handle, queued
from tests.support.pipeline import held_by
from tests.support.saying import ADA

READER: dict[str, Any] = {"user_id": "u1", "newsletter": "daily", "email": ADA}
pytestmark = pytest.mark.usefixtures("worker_environment", "brevo")


def work(message: Sent) -> tuple[str, Any]:
    return handle(message.task, message.kwargs, message.headers)


def last(store: Store, queue: str = "sync_tasks") -> Sent:
    return queued(store.redis, queue)[-1]


def test_an_accepted_event_ends_as_synced(store: Store, brevo: Sandbox) -> None:
    subscribe_contact.delay(**READER)
    assert work(last(store)) == ("SUCCESS", "synced")
    assert held_by(brevo, "u1")["listIds"] == [3]


def test_the_same_message_again_finds_nothing_left_to_do(store: Store) -> None:
    subscribe_contact.delay(**READER)
    work(last(store))
    assert work(last(store)) == ("SUCCESS", "unchanged")


def test_an_event_that_newer_ones_overtook_is_superseded(store: Store, brevo: Sandbox) -> None:
    subscribe_contact.delay(**READER)
    work(last(store))
    subscribe_contact.delay(**READER, occurred_at="2026-03-01T00:00:00Z")
    assert work(last(store)) == ("SUCCESS", "superseded")
    assert held_by(brevo, "u1")["listIds"] == [3]


def test_a_whole_event_of_another_producer_ends_the_same_way(brevo: Sandbox) -> None:
    whole = READER | {"occurred_at": datetime.now(UTC).isoformat()}
    assert handle("sync_tasks.subscribe_contact", whole) == ("SUCCESS", "synced")
    assert held_by(brevo, "u1")["listIds"] == [3]


def test_whoever_finds_the_contact_in_other_hands_joins(store: Store) -> None:
    subscribe_contact.delay(**READER)
    assert isinstance(store.lease("u1", 60), Lease)
    assert work(last(store)) == ("SUCCESS", "joined")


def counted() -> dict[tuple[str, str], float]:
    """Return how many events of each task had each outcome in this process, as its metrics say."""
    samples = [sample for metric in EVENTS.collect() for sample in metric.samples if sample.name.endswith("_total")]
    return {(sample.labels["task"], sample.labels["outcome"]): sample.value for sample in samples}


def news_since(before: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Return how much was counted since then."""
    return {key: value - before.get(key, 0.0) for key, value in counted().items() if value != before.get(key, 0.0)}


def test_each_outcome_is_counted_once(store: Store) -> None:
    whole = READER | {"occurred_at": datetime.now(UTC).isoformat()}
    before = counted()
    subscribe_contact.delay(**READER)
    message = last(store)
    assert [work(message)[1] for _ in range(2)] == ["synced", "unchanged"]
    assert isinstance(store.lease("u1", 60), str), "nothing is left to do"
    subscribe_contact.delay(**READER, occurred_at="2026-03-01T00:00:00Z")
    assert work(last(store))[1] == "superseded"
    assert handle("sync_tasks.subscribe_contact", whole | {"user_id": ADA})[0] == "FAILURE"
    unsubscribe_contact.delay(user_id="u2", newsletter="daily")
    assert work(last(store, "sync_tasks.urgent"))[0] == "FAILURE"
    update_contact.delay(user_id="u1", first_name="Ada")
    lease = store.lease("u1", 60)
    assert isinstance(lease, Lease)
    assert work(last(store))[1] == "joined"
    assert news_since(before) == {
        ("subscribe_contact", "synced"): 1,
        ("subscribe_contact", "unchanged"): 1,
        ("subscribe_contact", "superseded"): 1,
        ("subscribe_contact", "dead letter"): 1,
        ("unsubscribe_contact", "dead letter"): 1,
        ("update_contact", "joined"): 1,
    }


def test_a_dead_letter_is_a_failure_reported_once(store: Store) -> None:
    unsubscribe_contact.delay(user_id="u1", newsletter="daily")
    message = last(store, "sync_tasks.urgent")
    state, error = work(message)
    assert (state, type(error)) == ("FAILURE", UnknownContactError)
    (letter,) = read_letters(store)
    assert str(error) == f"{letter.message}; dead letter {letter.id}"
    assert (letter.user_id, letter.task, letter.error) == ("u1", "unsubscribe_contact", "UnknownContactError")
    assert work(message) == ("SUCCESS", "unchanged")
    assert read_letters(store) == [letter]


def test_one_bad_newsletter_spoils_no_other_event_of_the_user(store: Store, brevo: Sandbox) -> None:
    event = parse_event(Subscribe, READER | {"newsletter": "unheard-of"})
    key = EventKey(event.task, "unheard-of", store.accept(event).stamp)
    bad = Sent("sync_tasks.subscribe_contact", Nudge("u1", key).arguments, dict(NUDGE), "")
    subscribe_contact.delay(**READER)
    assert work(last(store)) == ("SUCCESS", "synced")
    assert held_by(brevo, "u1")["listIds"] == [3]
    assert [letter.error for letter in read_letters(store)] == [UnknownNewsletterError.__name__]
    assert work(bad)[0] == "SUCCESS"


def test_trouble_that_may_pass_brings_the_same_message_again_soon(
    store: Store, brevo: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted()
    brevo.faults.add(Fault(kind="status", status=425))
    subscribe_contact.delay(**READER)
    message = last(store)
    state, retry = work(message)
    assert (state, type(retry.exc)) == ("RETRY", TooEarlyError)
    assert 1 <= retry.when <= 2
    assert f"tried again in {retry.when:.0f} s" in caplog.text
    assert news_since(before) == {("subscribe_contact", "tried again"): 1}
    again = last(store)
    assert (again.kwargs, again.headers["eta"] is not None) == (message.kwargs, True)
    assert NUDGE.items() <= again.headers.items()


def test_trouble_of_the_account_ends_the_task_and_the_state_remembers(
    store: Store, brevo: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    brevo.faults.add(Fault(kind="status", status=401))
    subscribe_contact.delay(**READER)
    before = queued(store.redis, "sync_tasks")
    state, retry = work(last(store))
    assert (state, type(retry.exc)) == ("RETRY", UnauthorizedError)
    assert "deferred" in caplog.text
    assert queued(store.redis, "sync_tasks") == before
    assert worker_resources().limiter.paused("default")
    assert store.redis.zscore(store.key("due"), "u1") is not None
    assert store.redis.zscore(store.key("dirty"), "u1") is not None
    assert read_letters(store) == []


def test_what_waits_too_long_is_deferred(store: Store, brevo: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    before = counted()
    brevo.faults.add(Fault(kind="status", status=425))
    subscribe_contact.delay(**READER)
    an_hour_ago = stamp_of(datetime.now(UTC) - timedelta(hours=1))
    store.redis.hset(store.key("contacts:u1"), mapping={"tries": "7", "failing": an_hour_ago})
    state, retry = work(last(store))
    assert (state, type(retry.exc)) == ("RETRY", TooEarlyError)
    assert "deferred" in caplog.text
    assert news_since(before) == {("subscribe_contact", "deferred"): 1}
    due = store.redis.zscore(store.key("due"), "u1")
    assert due is not None
    assert due - int(store.now()) > 90 * MICROSECONDS_PER_SECOND


def test_a_nudge_without_an_event_looks_at_the_contact(brevo: Sandbox) -> None:
    subscribe_contact.delay(**READER)
    assert handle("sync_tasks.sync_contact", {"user_id": "u1", "of_a_newer_release": 1}) == ("SUCCESS", "synced")
    assert held_by(brevo, "u1")["listIds"] == [3]
    assert handle("sync_tasks.sync_contact", {"user_id": "u1"}) == ("SUCCESS", "unchanged")
    assert handle("sync_tasks.sync_contact", {"user_id": "nobody"}) == ("SUCCESS", "unchanged")


def test_a_nudge_without_an_event_is_tried_again_too(store: Store, brevo: Sandbox) -> None:
    brevo.faults.add(Fault(kind="status", status=425))
    subscribe_contact.delay(**READER)
    state, _ = handle("sync_tasks.sync_contact", {"user_id": "u1"})
    assert state == "RETRY"
    assert last(store).task == "sync_tasks.sync_contact"
    assert last(store).kwargs == {"user_id": "u1"}


def test_whoever_waited_for_an_address_is_nudged_by_the_message_that_sets_it_free(store: Store) -> None:
    whole = READER | {"occurred_at": "2026-03-01T00:00:00Z"}
    handle("sync_tasks.subscribe_contact", whole)
    handle("sync_tasks.subscribe_contact", whole | {"user_id": "u2"})
    moved = {"user_id": "u1", "email": "bea@example.com", "occurred_at": "2026-03-02T00:00:00Z"}
    handle("sync_tasks.update_contact", moved)
    assert (last(store).task, last(store).kwargs) == ("sync_tasks.sync_contact", {"user_id": "u2"})


def test_whose_address_is_still_in_other_hands_at_brevo_nudges_them_and_comes_again(store: Store) -> None:
    subscribe_contact.delay(**READER)
    work(last(store))
    update_contact.delay(user_id="u1", email="bea@example.com")
    subscribe_contact.delay(**READER | {"user_id": "u2"})
    state, retry = work(last(store))
    assert (state, type(retry.exc)) == ("RETRY", AddressBusyError)
    nudge, again = queued(store.redis, "sync_tasks")[-2:]
    assert (nudge.task, nudge.kwargs) == ("sync_tasks.sync_contact", {"user_id": "u1"})
    assert (again.task, again.kwargs["user_id"]) == ("sync_tasks.subscribe_contact", "u2")
    assert (work(nudge), work(again)) == (("SUCCESS", "synced"), ("SUCCESS", "synced"))


def test_an_update_of_somebody_brevo_does_not_hold_ends_well(store: Store) -> None:
    update_contact.delay(user_id="u1", email=ADA, first_name="Ada")
    assert work(last(store)) == ("SUCCESS", "not found")


def test_an_erasure_ends_as_synced_and_leaves_nobody_to_find(store: Store, brevo: Sandbox) -> None:
    subscribe_contact.delay(**READER)
    work(last(store))
    anonymize_contact.delay(user_id="u1")
    assert work(last(store, "sync_tasks.urgent"))[0] == "SUCCESS"
    assert [contact.get("ext_id") for contact in brevo.contacts()] != ["u1"]
    assert ADA not in str(brevo.contacts())


def test_a_stale_event_is_superseded_also_while_another_worker_pushes_the_contact(store: Store, brevo: Sandbox) -> None:
    old = "2026-01-01T10:00:00+00:00"
    subscribe_contact.delay(**READER)
    assert isinstance(store.lease("u1", 10), Lease)
    stale = {"user_id": "u1", "newsletter": "daily", "occurred_at": old}
    assert handle("sync_tasks.unsubscribe_contact", stale) == ("SUCCESS", "superseded")
    assert brevo.contacts() == []


def test_what_is_left_after_a_list_call_comes_through_the_queue_of_what_is_not_urgent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe_contact.delay(**READER)
    unsubscribe_contact.delay(user_id="u1", newsletter="daily")
    message, before = last(store, "sync_tasks.urgent"), len(queued(store.redis, "sync_tasks.urgent"))
    key = EventKey("unsubscribe_contact", "daily", stamp_of(datetime.fromisoformat(message.kwargs["occurred_at"])))
    users = frozenset({"u1"})
    outcomes = Outcomes(
        waiting={key: TakenAlongError("rest", 0.0)}, retry_in=0.0, users_to_nudge=users, users_with_rest=users
    )
    monkeypatch.setattr("sync_tasks.tasks.handler.sync_contact", lambda *_: outcomes)

    assert work(message)[0] == "RETRY"

    assert last(store).kwargs == {"user_id": "u1"}
    assert len(queued(store.redis, "sync_tasks.urgent")) == before, "the message does not come again as well"
