"""Releases side by side on one Redis: this one understands what earlier ones left and leaves alone what newer add."""

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest

from sync_tasks.state.dead_letters import read_letters, replay
from tests.support.recording import FOLDER, load
from tests.support.rig import Rig

RECORDED = sorted(FOLDER.glob("*.json"))


def restore(rig: Rig, path: Path) -> dict[str, Any]:
    """Put back what a release left, at Brevo too, and return what was recorded."""
    reported = cast("dict[str, Any]", json.loads(path.read_text()))
    rows = [{name: value for name, value in row.items() if name != "id"} for row in reported["contacts"]]
    assert rig.brevo.add_contacts(rows) == [row["id"] for row in reported["contacts"]]
    load(rig.store, reported["keys"])
    return reported


def lists_of(rig: Rig, user_ids: Iterable[str]) -> dict[str, list[int]]:
    held = {contact.get("ext_id"): contact["listIds"] for contact in rig.brevo.contacts()}
    return {user_id: sorted(cast("list[int]", held.get(user_id, []))) for user_id in user_ids}


def assert_nothing_is_left(rig: Rig, user_ids: Iterable[str]) -> None:
    reported = repr(rig.brevo.contacts())
    for user_id in user_ids:
        assert rig.store.peek(user_id) is None
        assert f"{user_id}@" not in reported


def test_this_release_is_recorded() -> None:
    assert FOLDER / f"{version('sync-tasks')}.json" in RECORDED


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.stem))
def test_state_and_messages_of_each_release_are_understood(rig: Rig, path: Path) -> None:
    reported = restore(rig, path)
    rig.worker()
    rig.wait_in_a_hurry(lambda: not rig.count("due") and not rig.queued(), "all is synced and verified")
    assert rig.paused() is None
    assert lists_of(rig, reported["expected"]) == reported["expected"]
    assert_nothing_is_left(rig, reported["erased"])
    (letter,) = rig.letters()
    assert (letter.user_id, letter.error) == ("never_seen", "UnknownContactError")
    assert replay(rig.store, letter, "operator") == "replayed"


def test_what_a_newer_release_adds_is_left_alone(rig: Rig) -> None:
    reported = restore(rig, RECORDED[-1])
    redis, key = rig.store.redis, rig.store.key
    for user_id in ("stays", "leaves", "moves"):
        redis.hset(key(f"contacts:{user_id}"), mapping={"z:newer": "kept", "newer": "kept"})
    for letter_id, text in cast("dict[str, str]", redis.hgetall(key("dead_letters"))).items():
        redis.hset(key("dead_letters"), letter_id, json.dumps(json.loads(text) | {"newer": "kept"}))
    paused = str(redis.get(key("paused:default")))
    redis.set(key("paused:default"), json.dumps(json.loads(paused) | {"newer": "kept"}))
    assert rig.paused() == "UnauthorizedError"
    send_as_a_newer_release(rig)
    worker = rig.worker()
    rig.wait_in_a_hurry(lambda: not rig.count("due") and not rig.queued(), "all users are synced")
    assert lists_of(rig, reported["expected"]) == reported["expected"]
    for user_id in ("stays", "leaves", "moves"):
        assert redis.hmget(key(f"contacts:{user_id}"), "z:newer", "newer") == ["kept", "kept"]
    letter = next(letter for letter in read_letters(rig.store) if letter.user_id)
    assert replay(rig.store, letter, "operator") == "replayed"
    assert json.loads(str(redis.hget(key("dead_letters"), letter.id)))["newer"] == "kept"
    assert "unexpected error" not in worker.output


def send_as_a_newer_release(rig: Rig) -> None:
    """Send what a newer portal might: further arguments, a newer kind of nudge, and a task nobody knows."""
    when = "2026-01-02T00:00:00+00:00"
    newer = {"sync_tasks_nudge": "2", "sync_tasks_newer": "kept"}
    send: Any = rig.producer.send_task
    kept = {"queue": "sync_tasks", "ignore_result": True}
    send("sync_tasks.sync_contact", kwargs={"user_id": "stays", "newer": "kept"}, headers=newer, **kept)
    reported = {"user_id": "leaves", "newsletter": "daily", "occurred_at": when, "newer": "kept"}
    send("sync_tasks.unsubscribe_contact", kwargs=reported, headers=newer, **kept)
    send("sync_tasks.newer", kwargs={"user_id": "stays"}, headers=newer, **kept)
