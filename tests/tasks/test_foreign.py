"""What another producer sends in full is accepted by the worker, or is a dead letter that names the field."""

from typing import Any

import pytest
import redis
from celery.exceptions import Reject

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Event, Subscribe, Unsubscribe
from sync_tasks.errors import ConfigurationError, InvalidEventError, UnexpectedError
from sync_tasks.state.dead_letters import read_letters
from sync_tasks.state.store import Store
from sync_tasks.tasks.accept import Nudge
from sync_tasks.tasks.foreign import receive_event
from tests.support.saying import stamp

SECRET = "marked@portal.example"
WHOLE: dict[str, Any] = {
    "user_id": "u1",
    "newsletter": "daily",
    "email": SECRET,
    "occurred_at": "2026-03-01T00:01:00Z",
}


def without(name: str) -> dict[str, Any]:
    return {other: value for other, value in WHOLE.items() if other != name}


def test_a_whole_event_is_accepted_with_its_own_moment(store: Store) -> None:
    nudge = receive_event(store, Subscribe, WHOLE, "task-1")
    assert nudge == Nudge("u1", EventKey("subscribe_contact", "daily", stamp(1)))
    contact = store.peek("u1")
    assert contact is not None
    assert (contact.address, contact.subscriptions()) == (SECRET, {"daily": (stamp(1), True)})


def test_whoever_waited_is_looked_at_too(store: Store) -> None:
    receive_event(store, Subscribe, WHOLE, "task-1")
    receive_event(store, Subscribe, WHOLE | {"user_id": "u2"}, "task-2")
    moved = WHOLE | {"email": "elsewhere@portal.example", "occurred_at": "2026-03-01T00:02:00Z"}
    assert receive_event(store, Subscribe, moved, "task-3").users_to_nudge == ("u2",)


def test_an_argument_of_a_newer_portal_is_ignored_and_named(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "sync_tasks"):
        receive_event(store, Subscribe, WHOLE | {"nickname": "Marked", SECRET: 1}, "task-1")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "subscribe_contact: unknown arguments ignored: (unprintable), nickname"
    assert store.peek("u1") is not None


@pytest.mark.parametrize(
    ("wire", "why", "user_id", "newsletter"),
    [
        (without("user_id"), "user_id: missing", "", "daily"),
        (WHOLE | {"user_id": SECRET}, "user_id: is an e-mail address; pass the portal's own, stable id", "", "daily"),
        (without("occurred_at"), "occurred_at: missing", "u1", "daily"),
        (WHOLE | {"occurred_at": None}, "occurred_at: missing", "u1", "daily"),
        (
            WHOLE | {"occurred_at": "2026-03-01T00:01:00"},
            "occurred_at: has no zone; give it one, such as Z or +01:00",
            "u1",
            "daily",
        ),
        (WHOLE | {"email": f"{SECRET}@"}, "email: not an e-mail address", "u1", "daily"),
        (
            WHOLE | {"newsletter": SECRET},
            "newsletter: must be a slug of at most 64 letters, digits, dots, hyphens and underscores",
            "u1",
            "",
        ),
    ],
)
def test_bad_input_is_a_dead_letter_that_names_the_field(
    store: Store, caplog: pytest.LogCaptureFixture, *, wire: dict[str, Any], why: str, user_id: str, newsletter: str
) -> None:
    with pytest.raises(InvalidEventError):
        receive_event(store, Subscribe, wire, "task-1")
    (letter,) = read_letters(store)
    assert letter.message == f"subscribe_contact refused: {why}"
    assert (letter.user_id, letter.newsletter, letter.stamp, letter.task_id) == (user_id, newsletter, "", "task-1")
    assert letter.error == "InvalidEventError"
    kept = ["sync_tasks:dead_letters", "sync_tasks:letter_counts", *(["sync_tasks:unaccepted"] if user_id else [])]
    assert sorted(store.redis.keys()) == kept
    assert SECRET not in letter.as_json() + caplog.text


def test_the_same_message_handed_out_again_is_the_same_letter(store: Store) -> None:
    for task_id in ("task-1", "task-1", "task-2"):
        with pytest.raises(InvalidEventError):
            receive_event(store, Unsubscribe, {"user_id": "u1"}, task_id)
    assert [letter.task_id for letter in read_letters(store)] == ["task-1", "task-2"]


def test_a_letter_shows_a_foreign_id_of_a_message_on_one_line_and_not_at_any_length(store: Store) -> None:
    with pytest.raises(InvalidEventError):
        receive_event(store, Unsubscribe, {"user_id": "u1"}, "x\n\x1b[2J" + "y" * 1000)
    (letter,) = read_letters(store)
    assert letter.task_id.startswith(r"x\n\x1b[2Jyyy")
    assert len(letter.task_id) == 255


def refuse(monkeypatch: pytest.MonkeyPatch, store: Store, error: Exception) -> None:
    def accept(_event: Event) -> None:
        raise error

    monkeypatch.setattr(store, "accept", accept)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ConfigurationError("this process lacks the secret"), Reject),
        (redis.ConnectionError("away"), redis.ConnectionError),
        (redis.ResponseError("OOM command not allowed"), redis.ResponseError),
    ],
    ids=["this process lacks something", "Redis is away", "Redis is full"],
)
def test_an_event_that_may_be_accepted_later_stays_a_message(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception, raised: type[Exception]
) -> None:
    refuse(monkeypatch, store, error)
    with pytest.raises(raised) as caught:
        receive_event(store, Subscribe, WHOLE, "task-1")
    assert getattr(caught.value, "requeue", True)
    assert read_letters(store) == []


def test_an_event_that_redis_will_never_accept_is_a_letter(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, store, redis.ResponseError("ERR a script of ours is wrong"))
    with pytest.raises(UnexpectedError):
        receive_event(store, Subscribe, WHOLE, "task-1")
    assert [(letter.user_id, letter.error) for letter in read_letters(store)] == [("u1", "UnexpectedError")]
