"""What is no event is refused by its envelope, whatever another producer sent: no worker ends of it."""

import base64
import json
from typing import Any

import pytest
from kombu import Message

from sync_tasks.tasks.envelope import find_fault, open_envelope
from tests.support.processes import wait_until
from tests.support.station import SETTLED_WITHIN, Station
from tests.support.watching import watching

SECRET = "marked@portal.example"
TASK = "sync_tasks.subscribe_contact"
HEADERS = {"task": TASK, "id": "task-1"}
EMPTY: list[Any] = [[], {}, {}]


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def raw(body: object = EMPTY, headers: object = HEADERS, text: str | None = None, **more: object) -> str:
    """Return a message as it lies in Redis."""
    properties: dict[str, object] = {"delivery_tag": "tag", "delivery_mode": 2, "body_encoding": "base64"}
    properties["delivery_info"] = {"exchange": "", "routing_key": "sync_tasks"}
    reported = {
        "body": encode(json.dumps(body) if text is None else text),
        "headers": headers,
        "properties": properties,
    }
    return json.dumps(reported | {"content-encoding": "utf-8", "content-type": "application/json"} | more)


def message(body: object = EMPTY, headers: object = HEADERS) -> Message:
    reported: Any = headers
    return Message(json.dumps(body), headers=reported, content_type="application/json", content_encoding="utf-8")


@pytest.mark.parametrize(
    ("body", "headers", "fault"),
    [
        (EMPTY, HEADERS, None),
        ([[], {}, None], HEADERS, None),
        ({"task": TASK, "id": "1", "args": [], "kwargs": {}}, {}, None),
        ({"task": TASK, "id": "1"}, {}, None),
        ({"args": [], "kwargs": {}}, HEADERS, None),
        (EMPTY, {}, "it names no task"),
        ({"kwargs": {}}, {}, "it names no task"),
        ([1, 2], HEADERS, "its body is no task's arguments"),
        ("text", HEADERS, "its body is no task's arguments"),
        (None, HEADERS, "its body is no task's arguments"),
        ([[], {}, "x"], HEADERS, "its body is no task's arguments"),
        ([{}, {}, {}], HEADERS, "its args are no list"),
        ([[], [SECRET], {}], HEADERS, "its kwargs are no object"),
        (EMPTY, {"task": TASK}, "its task or id is no text"),
        (EMPTY, {"task": 5, "id": "1"}, "its task or id is no text"),
    ],
)
def test_what_is_wrong_is_said_without_what_it_holds(body: object, headers: object, fault: str | None) -> None:
    assert find_fault(message(body, headers)) == fault


def test_a_body_that_cannot_be_read_is_reported_by_the_class_of_the_error() -> None:
    broken = Message(SECRET, headers=HEADERS, content_type="application/json", content_encoding="utf-8")
    assert find_fault(broken) == "its body cannot be read: DecodeError"
    envelope = open_envelope(broken)
    assert envelope is not None
    assert (envelope.shown, envelope.kwargs) == ("subscribe_contact", {})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (TASK, "subscribe_contact"),
        ("portal.mails.send", "portal.mails.send"),
        (SECRET, "(unprintable)"),
        ("a\nb", "(unprintable)"),
        (5, "(unprintable)"),
        ("x" * 101, "(unprintable)"),
    ],
)
def test_the_name_of_a_task_is_shown_if_it_is_one(name: object, shown: str) -> None:
    envelope = open_envelope(message(headers={"task": name, "id": "1"}))
    assert envelope is not None
    assert envelope.shown == shown


MARKED = [[], {"user_id": "u9", "newsletter": "daily", "email": SECRET}, {}]
LETTERS = {
    "unknown": raw(MARKED, {"task": "sync_tasks.subscribe_contacts", "id": "unknown"}),
    "old-protocol": raw({"task": "foo.bar", "id": "old-protocol", "args": [], "kwargs": {"email": SECRET}}, {}),
    "no-list": raw({"email": SECRET}, HEADERS | {"id": "no-list"}),
    "kwargs": raw([[], [SECRET], {}], HEADERS | {"id": "kwargs"}),
    "null": raw(None, HEADERS | {"id": "null"}),
    "no-json": raw(headers=HEADERS | {"id": "no-json"}, text=SECRET),
    "pickle": raw(headers=HEADERS | {"id": "pickle"}, **{"content-type": "application/x-python-serialize"}),
    "strange": raw(headers=HEADERS | {"id": "strange"}, **{"content-type": f"application/{SECRET}"}),
    "compression": raw(headers=HEADERS | {"id": "compression", "compression": SECRET}),
    "eta": raw(headers=HEADERS | {"id": "eta", "eta": SECRET}),
    "limit": raw(headers=HEADERS | {"id": "limit", "timelimit": SECRET}),
}
NOTHINGS = ["{}", "[]", '"x"', "5", "null", SECRET, raw(headers=None), raw(headers="x"), raw(headers={})]
PROPERTIES: tuple[object, ...] = ({}, [], {"delivery_tag": 5})
NOTHINGS += [json.dumps({"body": "", "headers": {}, "properties": reported}) for reported in PROPERTIES]
NOTHINGS += [raw(body={"kwargs": {"email": SECRET}}, headers={}), raw() + "}"]


def test_a_worker_outlives_whatever_lies_in_its_queue_and_shows_none_of_it(lonely_station: Station) -> None:
    worker = lonely_station.worker()
    with watching(lonely_station.producer) as heard:
        for text in [*NOTHINGS, *LETTERS.values()]:
            lonely_station.store.redis.lpush("sync_tasks", text)
        wait_until(lambda: len(lonely_station.letters()) == len(LETTERS), "a letter each", SETTLED_WITHIN)
        lonely_station.portal.accept("subscribe", user_id="after", newsletter="daily", email="after@portal.org")
        lonely_station.wait_for_lists("after", 3)
        wait_until(lambda: len([one for one in heard if one["type"] == "task-failed"]) == len(LETTERS), "failures")
    letters = {letter.task_id: letter for letter in lonely_station.letters()}
    assert letters.keys() == LETTERS.keys()
    unknown = letters["unknown"]
    assert (unknown.task, unknown.user_id, unknown.newsletter) == ("subscribe_contacts", "u9", "daily")
    assert (unknown.error, unknown.message[:39]) == ("UnknownTaskError", "no task is called subscribe_contacts: s")
    reported = {event["uuid"]: event for event in heard if event["type"] == "task-failed"}
    assert f"dead letter {unknown.id}" in reported["unknown"]["exception"]
    names = {event["uuid"]: event["name"] for event in heard if event["type"] == "task-received"}
    assert names["old-protocol"] == "sync_tasks.foo.bar"
    assert worker.output.count("was dropped") == len(NOTHINGS)
    assert "queue sync_tasks held something that is no message; it was dropped" in worker.output
    assert "Unrecoverable" not in worker.output
    wait_until(lambda: not lonely_station.store.redis.exists("sync_tasks:unacked"), "all are acknowledged")
    assert "marked" not in f"{worker.output} {heard} {lonely_station.store.redis.hgetall('sync_tasks:dead_letters')}"
