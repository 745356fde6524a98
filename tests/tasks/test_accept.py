"""The portal's side: an event is refused before anything is accepted, or it is accepted for good."""

from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection

from sync_tasks import subscribe_contact, tasks, unsubscribe_contact, update_contact
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Event, Subscribe, Unsubscribe, Update
from sync_tasks.errors import InvalidEventError
from sync_tasks.state.store import Store
from sync_tasks.tasks.accept import NUDGE, Nudge, accept_event, check, is_nudge, portal_store, read_nudge
from tests.support.messages import queued
from tests.support.saying import stamp


def accept(kind: type[Event], args: object, kwargs: dict[str, Any]) -> Nudge:
    return accept_event(check(kind, args, kwargs))


SECRET = "marked@portal.example"
NOBODY_THERE = "redis://127.0.0.1:1/0"
WHOLE: dict[str, Any] = {"user_id": "u1", "newsletter": "daily", "email": SECRET}
KEY = EventKey("subscribe_contact", "daily", stamp(1))

pytestmark = pytest.mark.usefixtures("worker_environment")


def test_accepted_is_what_lies_in_the_state_with_a_message_that_says_nothing_personal(store: Store) -> None:
    sent = subscribe_contact.delay(**WHOLE, first_name="Marked")
    (message,) = queued(store.redis, "sync_tasks")
    contact = store.peek("u1")
    assert contact is not None
    assert (contact.address, contact.attributes()) == (SECRET, {"first_name": "Marked"})
    (key,) = contact.pending
    assert message.kwargs == {"user_id": "u1", **key.shown}
    assert (message.headers["id"], message.headers["kwargsrepr"]) == (sent.id, repr(message.kwargs))
    assert is_nudge(message.headers)
    assert "marked" not in message.text.lower()


def test_opt_outs_have_a_queue_of_their_own(store: Store) -> None:
    unsubscribe_contact.delay(user_id="u1", newsletter="daily")
    assert (len(queued(store.redis, "sync_tasks")), len(queued(store.redis, "sync_tasks.urgent"))) == (0, 1)


def test_celerys_own_options_are_handed_on(store: Store) -> None:
    sent = update_contact.apply_async(kwargs={"user_id": "u1"}, task_id="mine", headers={"trace": "7"}, queue="other")
    (message,) = queued(store.redis, "other")
    assert (sent.id, message.headers["id"], message.headers["trace"]) == ("mine", "mine", "7")
    assert is_nudge(message.headers)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"newsletter": "daily", "email": SECRET}, "user_id: missing"),
        (WHOLE | {"user_id": ""}, "user_id: must be 1 to 255 characters without white space"),
        (WHOLE | {"email": f"{SECRET}@"}, "email: not an e-mail address"),
        (WHOLE | {"nickname": SECRET}, "nickname: unknown argument"),
        (WHOLE | {"occurred_at": "2026-03-01T00:00:00"}, "occurred_at: has no zone; give it one, such as Z or +01:00"),
        (
            WHOLE | {"occurred_at": "2999-03-01T00:00:00Z"},
            "occurred_at: lies more than 5 minutes in the future by Redis' clock",
        ),
        (WHOLE | {"newsletter": "dayly"}, "newsletter: not in the configuration"),
        (WHOLE | {"attributes": {"age": SECRET}}, "attributes.age: mapped to no Brevo attribute"),
    ],
)
def test_bad_input_raises_in_the_portal_and_leaves_nothing_behind(store: Store, said: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidEventError) as caught:
        subscribe_contact.delay(**said)
    assert str(caught.value) == f"subscribe_contact refused: {why}"
    assert store.redis.keys() == []


def test_a_sign_up_for_a_retired_newsletter_is_refused_where_the_configuration_is_at_hand(
    store: Store, worker_environment: Path
) -> None:
    worker_environment.write_text("[newsletters.daily]\nlist_id = 3\nretired = true\n")
    with pytest.raises(InvalidEventError) as caught:
        subscribe_contact.delay(**WHOLE)
    reported = "subscribe_contact refused: newsletter: it is retired and takes no sign-ups any more"
    assert (str(caught.value), store.redis.keys()) == (reported, [])
    unsubscribe_contact.delay(user_id="u1", newsletter="daily", email=WHOLE["email"])
    assert store.peek("u1") is not None


def test_what_is_said_must_be_named(store: Store) -> None:
    with pytest.raises(InvalidEventError, match="keyword arguments only"):
        subscribe_contact.apply_async(("u1",))  # type: ignore[arg-type]
    assert store.redis.keys() == []


def test_where_the_configuration_is_not_at_hand_the_worker_judges_the_attributes(
    store: Store, worker_environment: Path
) -> None:
    worker_environment.unlink()
    accept(Update, (), {"user_id": "u1", "attributes": {"age": 36}})
    contact = store.peek("u1")
    assert contact is not None
    assert contact.attributes() == {"age": 36}


def test_where_the_configuration_is_not_at_hand_the_worker_judges_the_newsletter(
    store: Store, worker_environment: Path
) -> None:
    worker_environment.unlink()
    accept(Unsubscribe, (), {"user_id": "u1", "newsletter": "unheard-of"})
    contact = store.peek("u1")
    assert contact is not None
    assert "unheard-of" in contact.subscriptions()


def test_the_former_name_of_a_newsletter_is_taken(store: Store, worker_environment: Path) -> None:
    worker_environment.write_text(worker_environment.read_text().replace("list_id = 3", 'list_id = 3\nwas = ["dayly"]'))
    accept(Unsubscribe, (), {"user_id": "u1", "newsletter": "dayly"})
    assert store.peek("u1") is not None


def test_without_redis_nothing_is_accepted_and_the_portal_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", NOBODY_THERE)
    portal_store.cache_clear()
    with pytest.raises(redis.ConnectionError):
        subscribe_contact.delay(**WHOLE)


def test_a_nudge_that_cannot_be_sent_costs_delay_only(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with Connection(NOBODY_THERE) as away:
        sent = subscribe_contact.apply_async(kwargs=WHOLE, connection=away)
    assert sent.id
    contact = store.peek("u1")
    assert contact is not None
    assert contact.subscriptions()["daily"][1]
    assert [record.getMessage() for record in caplog.records if record.name == "sync_tasks"] == [
        "sync_tasks.subscribe_contact: accepted, but the nudge could not be sent: OperationalError"
    ]
    assert SECRET not in caplog.text


def test_whoever_waited_for_an_address_is_nudged_when_it_is_given_up(store: Store) -> None:
    accept(Subscribe, (), WHOLE)
    accept(Subscribe, (), WHOLE | {"user_id": "u2"})
    update_contact.delay(user_id="u1", email="elsewhere@portal.example")
    assert [message.kwargs["user_id"] for message in queued(store.redis, "sync_tasks")] == ["u2", "u1"]


def test_a_nudge_names_the_event_and_nothing_else() -> None:
    assert Nudge("u1", KEY).arguments == {
        "user_id": "u1",
        "newsletter": "daily",
        "occurred_at": "2026-03-01T00:01:00+00:00",
    }
    assert Nudge("u1").arguments == {"user_id": "u1"}


def test_our_own_message_is_read_as_it_was_written() -> None:
    assert read_nudge(Subscribe, Nudge("u1", KEY).arguments) == Nudge("u1", KEY)
    assert [is_nudge(headers) for headers in (NUDGE, {"other": 1}, {}, None)] == [True, False, False, False]


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        ({}, "user_id: must be a text"),
        ({"user_id": "u1"}, "occurred_at is missing or malformed"),
        ({"user_id": "u1", "occurred_at": SECRET}, "occurred_at is missing or malformed"),
        ({"user_id": "u1", "occurred_at": 5}, "occurred_at is missing or malformed"),
        ({"user_id": "u1", "occurred_at": "2026-03-01T00:00:00"}, "occurred_at is missing or malformed"),
        (
            {"user_id": "u1", "occurred_at": "2026-03-01T00:00:00Z", "newsletter": "daily\n\x1b[2J"},
            "newsletter is malformed",
        ),
        ({"user_id": "u1", "occurred_at": "2026-03-01T00:00:00Z", "newsletter": ["daily"]}, "newsletter is malformed"),
    ],
)
def test_a_nudge_that_is_none_after_all_is_refused(wire: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidEventError, match=why) as caught:
        read_nudge(Unsubscribe, wire)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("task", ["subscribe_contact", "update_contact", "unsubscribe_contact", "anonymize_contact"])
def test_the_four_tasks_have_the_names_of_the_contract(task: str) -> None:
    assert getattr(tasks, task).name == f"sync_tasks.{task}"
