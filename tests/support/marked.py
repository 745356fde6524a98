"""Marked addresses and names go down every path of a pipeline, and everything that anybody could see is gathered."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from kombu import Connection, Exchange, Producer

from tests.support.processes import Program, wait_until
from tests.support.station import SETTLED_WITHIN, Station
from tests.support.watching import Event

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
    """Return whether a mark is in a text, however it is written."""
    return MARK in text.lower() or base64.b64encode(MARK.encode()).decode()[:9] in text


def succeed(station: Station) -> None:
    """One person of each kind of success."""
    station.portal.accept("subscribe", **person(1))
    station.portal.accept("update", user_id="user-1", email=address(101), previous_email=address(1), last_name=NAME)
    station.portal.accept("subscribe", **person(2))
    station.portal.accept("unsubscribe", user_id="user-2", newsletter="daily", email=address(2))
    station.portal.accept("subscribe", **person(3))
    station.portal.accept("anonymize", user_id="user-3", email=address(3))
    station.wait_until_erased("user-3")


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
    station.wait_until_settled()
    for number in users:
        station.wait_for_lists(f"user-{number}", 3)


def be_refused(station: Station) -> None:
    """Permanent errors: a value Brevo refuses, an address that is taken, a newsletter that does not exist."""
    station.portal.accept("subscribe", **person(30) | {"attributes": {"mobile": MARK}})
    station.portal.accept("subscribe", **person(31) | {"email": address(101)})
    station.send("sync_tasks.subscribe_contact", **person(32) | {"newsletter": "hourly", "occurred_at": now()})
    for number in (30, 31, 32):
        station.wait_for_letter(f"user-{number}")


def crash(station: Station, workers: list[Program]) -> None:
    """An error nobody expected, whose text holds what it stumbled over."""
    station.portal.accept("subscribe", **person(40))
    wait_until(lambda: not station.store.redis.zscore("sync_tasks:dirty", "user-40"), "user-40 is in sync")
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
    task, long_ago = "sync_tasks.subscribe_contact", full["occurred_at"][:4] + "-01-01T00:00:00Z"
    ids = [
        station.send(task, **full),
        station.send(task, **person(1) | {"occurred_at": long_ago}),
        station.send("sync_tasks.unsubscribe_contact", user_id="user-10", newsletter="daily", occurred_at=long_ago),
        station.send(task, **full | {"user_id": "user-61", "email": address(61), "shoe": MARK, address(61): MARK}),
        station.send(task, **full | {"user_id": "user-62", "email": f"{MARK} no address"}),
        station.send(task, **full | {"user_id": address(63)}),
        station.send(task, **full | {"newsletter": address(63)}),
        station.send(task, **full | {"occurred_at": address(63)}),
        station.send(task, **full | {"attributes": {address(63): MARK}}),
        station.send(task, address(64), NAME, **full),
        station.send("sync_tasks.sync_contact", email=address(64)),
        station.send("sync_tasks.sync_contact", user_id=address(64)),
    ]
    station.send("sync_tasks.sweep", address(64))
    station.send("portal.no_such_task", address(65), email=address(65))
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
        producer.publish([[MARK], {"email": MARK}, {}], serializer="json", headers={"task": "portal.other", "id": "1"})
    station.store.redis.lpush("sync_tasks", f"{MARK} garbage")
    station.store.redis.lpush("sync_tasks", json.dumps({"body": MARK, MARK: MARK}))


def inspect_workers(station: Station) -> Iterator[tuple[str, object]]:
    """Yield what `celery inspect` shows while messages are under way."""
    task, inspect = "sync_tasks.subscribe_contact", station.producer.control.inspect(timeout=1.0, limit=2)
    full = person(82) | {"occurred_at": now()}
    later: Any = station.producer.send_task(task, kwargs=full, queue="sync_tasks", countdown=3)
    # An event of another producer is accepted at once, whatever its message says of a later moment.
    yield "scheduled", inspect.scheduled()
    station.brevo.add_fault("slow", method="POST", seconds=5, count=2)
    ids = [station.send(task, **person(80) | {"occurred_at": now()}), station.portal.accept("subscribe", **person(81))]
    yield "active", wait_until(lambda: _find(inspect.active(), "user-80", "user-81"), "both at work")
    yield "query_task", inspect.query_task(*ids, later.id)
    yield "reserved", inspect.reserved()
    yield "revoked", inspect.revoked()


def _find(reported: object, *users: str) -> object:
    return reported if all(user in str(reported) for user in users) else None


def operate(station: Station) -> Iterator[tuple[str, str]]:
    """Yield what the operator's commands print, about people and dead letters as they are now."""
    events = [
        {"task": "subscribe_contact", **person(90)},
        {"task": MARK},
        {"task": "update_contact", address(91): NAME},
    ]
    file = station.folder / "events.jsonl"
    file.write_text("\n".join([*map(json.dumps, events), f"{MARK} no json"]))
    letter = station.letters()[0].id
    commands = [
        ["failed", "list"],
        ["failed", "show", letter, "--json"],
        ["failed", "replay", "--all", "--dry-run"],
        ["status", "--json"],
        ["contact", "user-1"],
        ["contact", "user-1", "--json"],
        ["send", str(file)],
    ]
    for command, program in [(command, station.start_command(*command)) for command in commands]:
        program.process.wait(SETTLED_WITHIN)
        yield " ".join(command[:3]), program.output


def read_keys(station: Station) -> Iterator[tuple[str, str]]:
    """Yield the name of each key in Redis and all that it holds, messages unpacked."""
    redis: Any = station.store.redis
    for key in redis.scan_iter():
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
