"""Marked addresses and names go down every path of a pipeline, and everything that anybody could see is gathered."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from kombu import Connection, Exchange, Producer

from tests.integration.station import SETTLED_WITHIN, Station
from tests.integration.watching import Event
from tests.servers import Program, wait_until

MARK = "zz-marked"
NAME = f"Name-{MARK}"


def address(number: int) -> str:
    return f"{MARK}-{number}@secret.example"


def person(number: int) -> dict[str, Any]:
    """Return what a portal says of a person in a subscription."""
    return {
        "user_id": f"user-{number}",
        "newsletter": "daily",
        "email": address(number),
        "first_name": NAME,
        "last_name": NAME,
        "attributes": {"city": f"City-{MARK}"},
    }


def now() -> str:
    return datetime.now(UTC).isoformat()


def is_marked(text: str) -> bool:
    """Tell whether a mark is in a text, however it is written."""
    return MARK in text.lower() or base64.b64encode(MARK.encode()).decode()[:9] in text


def succeed(station: Station) -> None:
    """One person of each kind of success."""
    station.portal.accept("subscribe", **person(1))
    station.portal.accept("update", user_id="user-1", email=address(101), previous_email=address(1), last_name=NAME)
    station.portal.accept("subscribe", **person(2))
    station.portal.accept("unsubscribe", user_id="user-2", newsletter="daily", email=address(2))
    station.portal.accept("subscribe", **person(3))
    station.portal.accept("anonymize", user_id="user-3", email=address(3))
    wait_until(lambda: station.store.peek("user-3") is None, "an erasure", SETTLED_WITHIN)


PASSING: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 425},
    {"kind": "not_utf8"},
    {"kind": "html"},
    {"kind": "drop"},
    {"kind": "drop_after"},
    {"kind": "status", "status": 401},
)


def meet_trouble(station: Station) -> None:
    """Answers that never come, answers of proxies, an account in trouble: all pass."""
    for fault in PASSING:
        station.brevo.add_fault(count=1, method="POST", **fault)
    users = range(10, 10 + len(PASSING))
    for number in users:
        station.portal.accept("subscribe", **person(number))
    for number in users:
        station.wait_for_lists(f"user-{number}", 3)


def be_refused(station: Station) -> None:
    """Permanent errors: a value Brevo refuses, an address that is taken, a newsletter that does not exist."""
    station.portal.accept("subscribe", **person(30) | {"attributes": {"mobile": MARK}})
    station.portal.accept("subscribe", **person(31) | {"email": address(101)})
    station.portal.accept("subscribe", **person(32) | {"newsletter": "hourly"})
    for number in (30, 31, 32):
        station.wait_for_letter(f"user-{number}")


def crash(station: Station, workers: list[Program]) -> None:
    """An error nobody expected, whose text holds what it stumbled over."""
    station.portal.accept("subscribe", **person(40))
    station.wait_for_lists("user-40", 3)
    station.store.redis.hset("sync_tasks:contacts:user-40", "tries", f"{MARK}-40")
    station.portal.accept("update", user_id="user-40", first_name=f"{NAME}-Anew")
    wait_until(lambda: any("unexpected error in" in worker.output for worker in workers), "the error", SETTLED_WITHIN)
    station.store.redis.hdel("sync_tasks:contacts:user-40", "tries", "crashes")


def misuse_tasks(station: Station) -> list[dict[str, str]]:
    """Bad input in the portal; return what it got to see."""
    return [
        station.portal.call("subscribe", **person(50) | {"email": f"{MARK} no address"}),
        station.portal.call("subscribe", **person(50) | {"user_id": address(50)}),
        station.portal.call("subscribe", **person(50) | {"newsletter": address(50)}),
        station.portal.call("subscribe", **person(50) | {"first_name": NAME * 500}),
        station.portal.call("subscribe", **person(50) | {"attributes": {address(50): 1}}),
        station.portal.call("subscribe", **person(50) | {"occurred_at": MARK}),
        station.portal.call("subscribe", **person(50) | {address(50): MARK}),
        station.portal.call("unsubscribe", {"args": [address(50), NAME]}),
    ]


def send_in_full(station: Station) -> list[str]:
    """Messages of other producers, good ones and bad ones; return the ids of those that can end."""
    full = person(60) | {"occurred_at": now()}
    task = "sync_tasks.subscribe_contact"
    ids = [
        station.send(task, **full),
        station.send(task, **full | {"user_id": "user-61", "email": address(61), "shoe": MARK, address(61): MARK}),
        station.send(task, **full | {"user_id": "user-62", "email": f"{MARK} no address"}),
        station.send(task, **full | {"user_id": address(63)}),
        station.send(task, **full | {"newsletter": address(63)}),
        station.send(task, **full | {"occurred_at": address(63)}),
        station.send(task, **full | {"attributes": {address(63): MARK}}),
        station.send(task, args=(address(64), NAME), **full),
        station.send("sync_tasks.sync_contact", email=address(64)),
        station.send("sync_tasks.sync_contact", user_id=address(64)),
        station.send("sync_tasks.sweep", args=(address(64),)),
    ]
    station.send("portal.no_such_task", args=(address(65),), email=address(65))
    station.producer.send_task(task, kwargs=person(66) | {"occurred_at": now()}, queue="sync_tasks", countdown=0.5)
    return ids


def send_nonsense(station: Station) -> None:
    """What is no message of Celery at all, or not one that may be read."""
    pickle = "application/x-python-serialize"
    with Connection(station.redis.url) as connection, connection.channel() as channel:
        producer = Producer(channel, Exchange("sync_tasks", type="direct"), routing_key="sync_tasks")
        producer.publish({address(70): MARK}, serializer="json")
        producer.publish(f"{MARK} no json", content_type="application/json", content_encoding="utf-8")
        producer.publish(f"{MARK} pickled".encode(), content_type=pickle, content_encoding="binary")
        producer.publish([[MARK], {"email": MARK}, {}], serializer="json", headers={"task": MARK, "id": MARK})
    station.store.redis.lpush("sync_tasks", f"{MARK} garbage")
    station.store.redis.lpush("sync_tasks", json.dumps({"body": MARK, MARK: MARK}))


def inspect_workers(station: Station) -> Iterator[tuple[str, object]]:
    """Yield what `celery inspect` shows while messages are under way."""
    station.brevo.add_fault("slow", method="POST", seconds=2, count=2)
    full = person(80) | {"occurred_at": now()}
    ids = [station.send("sync_tasks.subscribe_contact", **full)]
    ids.append(station.portal.accept("subscribe", **person(81)))
    later: Any = station.producer.send_task(
        "sync_tasks.subscribe_contact", kwargs=person(82) | {"occurred_at": now()}, queue="sync_tasks", countdown=3
    )
    inspect: Any = station.producer.control.inspect(timeout=1.0, limit=2)

    def find_both() -> object:
        told = inspect.active()
        return told if str(told).count("subscribe_contact") >= len(ids) else None

    yield "active", wait_until(find_both, "both at work", SETTLED_WITHIN)
    yield "reserved", inspect.reserved()
    yield "scheduled", wait_until(lambda: "user-82" in str(found := inspect.scheduled()) and found, "one scheduled")
    yield "query_task", inspect.query_task(*ids, later.id)
    yield "revoked", inspect.revoked()


def read_keys(station: Station) -> Iterator[tuple[str, str]]:
    """Yield the name of each key in Redis and all that it holds, messages unpacked."""
    redis: Any = station.store.redis
    for key in redis.keys():
        read = {
            "string": redis.get,
            "hash": redis.hgetall,
            "set": redis.smembers,
            "list": lambda name: [_unpacked(text) for text in redis.lrange(name, 0, -1)],
            "zset": lambda name: redis.zrange(name, 0, -1),
        }[redis.type(key)]
        yield key, f"{key} {read(key)} {_unpacked(str(read(key)))}"


def _unpacked(text: str) -> str:
    with suppress(ValueError, TypeError, KeyError):
        return text + base64.b64decode(json.loads(text)["body"]).decode(errors="replace")
    return text


def states_of_all(heard: list[Event], ids: list[str]) -> list[str]:
    """Return how each of these messages ended, as far as it has."""
    ends = {"task-succeeded", "task-failed", "task-rejected"}
    return [event["type"] for event in heard if event.get("uuid") in ids and event["type"] in ends]
