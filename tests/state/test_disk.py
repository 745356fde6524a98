"""A night after an erasure no file of Redis holds the person any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.state.connection import connect
from sync_tasks.state.disk import owed_since, rewrite
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import lease_of, of
from tests.support.processes import wait_until
from tests.support.saying import anonymize, stamp, subscribe

MARK, ADDRESS = "marked-user", "marked.person@portal.org"


KINDS: dict[str, dict[str, str]] = {
    "appended": {},
    "snapshots": {"appendonly": "no", "save": "3600 1"},
    "both": {"save": "3600 1"},
}


@pytest.fixture
def kind() -> str:
    """The kind of files that the server of a test writes."""
    return "appended"


@pytest.fixture
def server(kind: str, tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server of its own whose files can be read."""
    settings = KINDS[kind]
    with EmbeddedRedis(tmp_path / "data", settings=settings, appendfsync="always") as server:
        yield server


def erase(store: Store) -> None:
    store.accept(of(MARK, subscribe(1, email=ADDRESS)))
    if store.redis.config_get("save")["save"]:
        store.redis.save()
    store.accept(of(MARK, anonymize(2)))
    assert store.settle(lease_of(store, MARK), Settlement(clean=True, tombstone=stamp(2))) == "settled"


def files_with(server: EmbeddedRedis, word: str) -> list[str]:
    return [path.name for path in server.data.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


@pytest.fixture
def store(server: EmbeddedRedis) -> Iterator[Store]:
    with connect(server.url) as redis:
        yield Store(redis, "sync_tasks")


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_hold_an_erased_person_until_they_are_rewritten(server: EmbeddedRedis, store: Store) -> None:
    erase(store)
    assert files_with(server, ADDRESS)
    assert files_with(server, MARK)
    assert owed_since(store)
    assert rewrite(store, 60) == "done"
    wait_until(lambda: not files_with(server, ADDRESS) and not files_with(server, MARK), "the files are clean")
    assert not owed_since(store)
    assert rewrite(store, 60) == "nothing"


def test_without_a_night_in_between_nothing_is_owed_twice(store: Store) -> None:
    assert rewrite(store, 60) == "nothing"


def test_who_is_erased_while_the_files_are_written_is_owed_still(store: Store) -> None:
    erase(store)
    info = store.redis.info

    def erase_another(section: str) -> object:
        store.redis.hincrby(store.key("rewrite_owed"), "count", 1)
        return info(section)

    store.redis.info = erase_another  # type: ignore[method-assign,assignment]
    assert rewrite(store, 60) == "done"
    assert owed_since(store)


def test_a_server_that_refuses_is_reported(store: Store) -> None:
    erase(store)
    store.redis.acl_setuser("default", categories=["+@all"], commands=["-bgrewriteaof"])
    assert rewrite(store, 60) == "refused"
    assert owed_since(store)


def test_a_worker_that_must_end_does_not_wait(store: Store) -> None:
    erase(store)
    info = store.redis.info

    def say_busy(section: str) -> object:
        return {**info(section), "aof_rewrite_in_progress": 1}

    store.redis.info = say_busy  # type: ignore[method-assign,assignment]
    assert rewrite(store, 60, is_stopping=lambda: True) == "unfinished"
    assert owed_since(store)


def test_a_file_that_is_not_written_in_time_is_owed_still(store: Store) -> None:
    erase(store)
    info, begin, begun = store.redis.info, store.redis.bgrewriteaof, list[object]()

    def go_on(section: str) -> object:
        return {**info(section), "aof_rewrite_in_progress": len(begun)}

    def begin_once() -> object:
        begun.append(begin())
        return True

    store.redis.bgrewriteaof = begin_once  # type: ignore[method-assign,assignment]
    store.redis.info = go_on  # type: ignore[method-assign,assignment]
    assert rewrite(store, 60, is_stopping=lambda: bool(begun)) == "unfinished"
    assert (len(begun), bool(owed_since(store))) == (1, True)
