"""What ``sync-tasks doctor`` reports of privacy: the secret of hashes, the files of Redis, connections."""

from typing import Any

import pytest

from sync_tasks.cli.views.privacy_checks import LATE, check_privacy
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.disk import OWED
from tests.support.desk import Desk

FIRST, SECOND = "f" * 64, "s" * 64


def read(desk: Desk) -> dict[str, Any]:
    return {check["what"]: check for check in desk.read("doctor", exits=1)}


def find(desk: Desk, what: str) -> tuple[str, str]:
    check = read(desk)[what]
    return check["state"], check["found"]


def test_the_secret_of_hashes_is_well_outside_redis_and_in_force(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(desk, "hash secret") == ("warn", "lies in Redis")
    monkeypatch.setenv("SYNC_STATE_SECRET", FIRST)
    assert find(desk, "hash secret") == ("warn", "the newest is not in force")
    desk.run("secret", "use")
    assert find(desk, "hash secret") == ("ok", "outside Redis")
    monkeypatch.setenv("SYNC_STATE_SECRET", f"{SECOND} {FIRST}")
    assert find(desk, "hash secret") == ("warn", "the newest is not in force")
    monkeypatch.setenv("SYNC_STATE_SECRET", SECOND)
    assert find(desk, "hash secret") == ("fail", "another one is in force")


def test_a_snapshot_that_redis_writes_by_itself_is_warned_about(desk: Desk) -> None:
    redis = desk.pipeline.store.redis
    before = str(redis.config_get("save")["save"])
    try:
        redis.config_set("save", "")
        assert find(desk, "redis snapshots") == ("ok", "none")
        redis.config_set("save", "3600 1")
        assert find(desk, "redis snapshots") == ("warn", "save 3600 1")
    finally:
        redis.config_set("save", before)


@pytest.mark.parametrize(
    ("age", "state", "found"),
    [(None, "ok", "hold nobody erased"), (3600, "ok", "rewritten tonight"), (LATE + 60, "warn", "hold people erased")],
)
def test_files_that_hold_erased_people_for_more_than_a_night_are_warned_about(
    desk: Desk, age: int | None, state: str, found: str
) -> None:
    store = desk.pipeline.store
    if age:
        since = int(store.now()) - age * MICROSECONDS_PER_SECOND
        store.redis.hset(store.key(OWED), mapping={"since": since, "count": 1})
    state_found = find(desk, "redis files")
    assert (state_found[0], found in state_found[1]) == (state, True)


@pytest.mark.parametrize(
    ("broker", "looked_at"),
    [
        (None, {"redis connection"}),
        ("redis://queue.internal:6379/0", {"redis connection", "broker connection"}),
        ("amqp://queue.internal//", {"redis connection"}),
    ],
)
def test_a_broker_of_its_own_is_looked_at_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, broker: str | None, looked_at: set[str]
) -> None:
    if broker:
        monkeypatch.setenv("SYNC_BROKER_URL", broker)
    found = {check.what: check.state for check in check_privacy(desk.pipeline.store)}
    assert {what for what in found if "connection" in what} == looked_at
    assert found.get("broker connection", "warn") == "warn"
