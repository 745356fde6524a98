"""What a server lacks is found before anything is written, each lack in a line that says what to do."""

import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, cast

import pytest
from redis import Redis, ResponseError

from sync_tasks.state.disk import RIGHTS
from sync_tasks.state.fitness import QUEUE, STATE, WATCHER, find_lacks, find_server_lacks, show_version
from tests.support.servers import granting, read_least_rights

KEY = "sync_tasks:"
OF_A_CONNECTION = {"multi", "exec", "discard", "watch", "unwatch", "ping", "select", "psubscribe", "publish", "wait"}
GOOD = {"redis_version": "7.0.15", "maxmemory": 0, "maxmemory_policy": "noeviction", "aof_last_write_status": "ok"}


@pytest.mark.parametrize(
    ("reported", "what", "words"),
    [
        ({"redis_version": "6.0.16"}, "version", "is Redis 6.0.16, which is too old"),
        ({"redis_version": "5.0"}, "version", "take Redis 6.2 or newer, or Valkey"),
        ({"cluster_enabled": 1}, "cluster", r"one server, with replicas and sentinels .*sentinel://"),
        ({"redis_mode": "sentinel"}, "sentinel", "is a sentinel"),
        ({"role": "slave", "slave_read_only": 1}, "replica", "is a replica; name its primary, or its sentinels"),
        ({"maxmemory_policy": "volatile-lru"}, "eviction", "set it to noeviction"),
        ({"maxmemory": 2**20}, "memory", "maxmemory of 1.0 MB: .*16 MB or more"),
        ({"aof_last_write_status": "err"}, "disk", "cannot write to its disk; make room"),
    ],
)
def test_a_server_that_cannot_hold_the_state_is_reported_by_its_own_words(
    reported: dict[str, Any], what: str, words: str
) -> None:
    (lack,) = find_server_lacks(GOOD | reported)
    assert lack.what == what
    assert re.search(words, lack.line)


@pytest.mark.parametrize(("read_only", "passing"), [(1, True), (0, False)])
def test_only_a_replica_that_takes_no_writes_may_mend_by_itself(read_only: int, passing: bool) -> None:  # noqa: FBT001
    (lack,) = find_server_lacks(GOOD | {"role": "slave", "slave_read_only": read_only})
    assert lack.passing is passing


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "8.4", "10.0.1"])
def test_a_server_that_is_new_enough_lacks_nothing(version: str) -> None:
    assert list(find_server_lacks(GOOD | {"redis_version": version})) == []


def test_a_server_is_called_by_its_own_name() -> None:
    assert show_version({"redis_version": "7.2.4", "valkey_version": "9.1.2"}) == "Valkey 9.1.2"
    assert show_version({"redis_version": "7.4.0", "dragonfly_version": "df-v1.30"}) == "Dragonfly df-v1.30"
    assert show_version(GOOD) == "Redis 7.0.15"


@pytest.fixture
def granted(redis_client: Redis) -> Iterator[Callable[..., Redis]]:
    """A client of a user with all rights but those that are taken away."""
    with granting(redis_client) as grant:
        yield grant


@pytest.mark.parametrize("word", sorted({one.split()[0] for one in (*STATE, "MULTI")} - {"SCRIPT"}))
def test_each_right_that_is_missing_is_named(granted: Callable[..., Redis], word: str) -> None:
    (lack,) = find_lacks(granted(f"-{word}"), "state", [KEY])
    assert lack.line == f"denies the user the right to {word}; grant it, see docker/users.conf"


@pytest.mark.parametrize("word", sorted({one.split()[0] for one in (*QUEUE, "PUBLISH", "PSUBSCRIBE")} - {"SCRIPT"}))
def test_each_right_to_the_queue_is_named(granted: Callable[..., Redis], word: str) -> None:
    (lack,) = find_lacks(granted(f"-{word}"), "queue", ["sync_tasks"], ["/0.sync_tasks.events"])
    assert f"right to {word};" in lack.line


@pytest.mark.parametrize("word", sorted({one.split()[0] for one in (*WATCHER, "PSUBSCRIBE")} - {"SCRIPT"}))
def test_each_right_of_a_watcher_is_named(granted: Callable[..., Redis], word: str) -> None:
    (lack,) = find_lacks(granted(f"-{word}"), "watcher", ["sync_tasks", "binding"], ["/0.sync_tasks.events"])
    assert f"right to {word};" in lack.line


def test_every_command_of_a_script_is_among_the_rights() -> None:
    reported = {one.split()[0] for one in STATE}
    scripts = files("sync_tasks.state") / "lua"
    used = {word for path in scripts.iterdir() for word in re.findall(r"redis\.call\('([A-Z]+)'", path.read_text())}
    assert used <= reported


def test_the_user_of_the_sample_has_these_rights_and_no_more() -> None:
    reported = {one.split()[0].lower() for one in (*STATE, *QUEUE)} | OF_A_CONNECTION | RIGHTS
    assert {rule[1:] for rule in read_least_rights() if rule.startswith("+")} == reported


def test_keys_and_channels_of_others_are_named(granted: Callable[..., Redis]) -> None:
    user = granted("resetkeys", "resetchannels", "~sync_tasks*", "&/0.sync_tasks*")
    (lack,) = find_lacks(
        user, "queue", ["sync_tasks", "_kombu.binding_deadlines"], ["/0.sync_tasks.events", "/1.other"]
    )
    assert "use the channel /1.other, use the key _kombu.binding_deadlines;" in lack.line


def test_nothing_is_carried_out(redis_client: Redis, granted: Callable[..., Redis]) -> None:
    redis_client.set(KEY, "stays", ex=60)
    assert find_lacks(granted(), "state", [KEY]) == []
    assert find_lacks(granted("-hset", "-multi"), "queue", [KEY], ["c"]) != []
    assert redis_client.keys() == [KEY.encode()]
    assert redis_client.get(KEY) == b"stays"


def test_a_full_server_is_said_to_be_full(redis_client: Redis) -> None:
    redis_client.config_set("maxmemory", "1")
    try:
        found = find_lacks(redis_client, "state", [KEY])
    finally:
        redis_client.config_set("maxmemory", "0")
    assert [lack.what for lack in found] == ["memory", "full"]
    assert [lack.passing for lack in found] == [False, True]


class Strict:
    """A server whose scripts may touch declared keys alone, as Dragonfly does by default."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def __getattr__(self, name: str) -> object:
        return getattr(self._redis, name)

    def eval(self, *_: object) -> None:
        raise ResponseError("script tried accessing undeclared key")


def test_a_server_of_declared_keys_alone_is_named(redis_client: Redis) -> None:
    (lack,) = find_lacks(cast("Redis", Strict(redis_client)), "state", [KEY])
    assert (lack.what, lack.passing) == ("scripts", False)
    assert "--default_lua_flags=allow-undeclared-keys" in lack.line


def test_scripts_are_tried_only_where_the_state_is_and_may_be_examined(redis_client: Redis) -> None:
    assert find_lacks(cast("Redis", Strict(redis_client)), "queue", [KEY]) == []
