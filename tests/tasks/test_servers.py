"""A server that cannot be used stops each part at its start: one line, exit 2, nothing written."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from redis import ConnectionError, Redis, ResponseError  # noqa: A004 - redis-py's

from sync_tasks.errors import ConfigurationError
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.tasks import servers
from tests.support.processes import Program, require_redis_server, wait_until
from tests.support.servers import PASSWORD, USER, certify, granting, read_least_rights
from tests.support.station import SETTLED_WITHIN, Station, building

ANNA = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}
# Each part that an operator starts, and what it needs of the server.
PARTS = {
    "worker": ("celery", "-A", "sync_tasks", "worker"),
    "beat": ("celery", "-A", "sync_tasks", "beat"),
    "flower": ("celery", "-A", "sync_tasks", "flower", "--port=0"),
    "inspect": ("celery", "-A", "sync_tasks", "inspect", "ping"),
    "receiver": ("sync_tasks", "webhooks", "serve", "--port", "0"),
    "status": ("sync_tasks", "status"),
    "send": ("sync_tasks", "send", "/dev/null"),
    "failed": ("sync_tasks", "failed", "list"),
    "reconcile": ("sync_tasks", "reconcile"),
}

# Those that `make test` starts; the others share their checks.
OFTEN = {"worker", "beat", "receiver", "status"}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A pipeline of which nothing runs yet."""
    with building(tmp_path, more_env={"SYNC_WEBHOOK_TOKEN": "a-token-of-sixteen"}) as station:
        yield station


@pytest.fixture
def clustered() -> Iterator[EmbeddedRedis]:
    require_redis_server()
    with EmbeddedRedis(settings={"cluster-enabled": "yes"}) as server:
        yield server


def start(station: Station, part: str) -> Program:
    return station.run(sys.executable, "-m", *PARTS[part])


def reported(program: Program) -> list[str]:
    return [line for line in program.output.splitlines() if "SYNC_REDIS_URL" in line]


@pytest.mark.parametrize("part", [pytest.param(one, marks=[] if one in OFTEN else pytest.mark.slow) for one in PARTS])
def test_cluster_mode_is_refused_by_every_part_in_one_line(
    station: Station, clustered: EmbeddedRedis, part: str
) -> None:
    station.more_env["SYNC_REDIS_URL"] = clustered.url
    program = start(station, part)
    assert program.process.returncode == 2, program.output
    lines = reported(program)
    assert lines, program.output
    assert all("is in cluster mode" in line and "sentinel://" in line for line in lines)
    assert "Traceback" not in program.output
    with Redis.from_url(clustered.url) as client:
        assert client.keys() == []


def test_a_portal_hears_the_same_and_nothing_is_accepted(station: Station, clustered: EmbeddedRedis) -> None:
    station.more_env["SYNC_REDIS_URL"] = clustered.url
    answer = station.portal.call("subscribe", **ANNA)
    assert answer["error"] == "ConfigurationError"
    assert "is in cluster mode" in answer["message"]
    with Redis.from_url(clustered.url) as client:
        assert client.keys() == []


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (("maxmemory-policy", "allkeys-lru"), "set it to noeviction"),
        (("maxmemory", "1mb"), "set it to 16 MB or more"),
    ],
    ids=["evicts", "too small"],
)
def test_a_server_that_would_lose_or_refuse_events_stops_the_worker(
    station: Station, setting: tuple[str, str], words: str
) -> None:
    with Redis.from_url(station.redis.url) as client:
        client.config_set(*setting)
        worker = start(station, "worker")
        assert client.keys() == []
    assert worker.process.returncode == 2
    assert any(words in line for line in reported(worker)), worker.output


def test_protected_mode_is_a_fault_of_the_server_and_says_what_to_do() -> None:
    error = ResponseError("DENIED Redis is running in protected mode because protected mode is enabled")
    assert "give it a password" in servers._explain(error, "redis://redis.internal")
    assert servers._explain(ResponseError("LOADING"), "redis://redis.internal") == ""


def test_doctor_says_what_is_wrong_before_it_looks_further(station: Station, clustered: EmbeddedRedis) -> None:
    station.more_env["SYNC_REDIS_URL"] = clustered.url
    doctor = station.run(sys.executable, "-m", "sync_tasks", "doctor", "--json")
    assert doctor.process.returncode == 1
    assert '"redis cluster"' in doctor.output
    assert "Traceback" not in doctor.output


@pytest.mark.parametrize("right", ["evalsha", "ping"])
def test_a_missing_right_is_named_by_worker_portal_and_command(station: Station, right: str) -> None:
    named = f"denies the user the right to {right.upper()};"
    with Redis.from_url(station.redis.url) as admin, granting(admin) as grant:
        grant(f"-{right}")
        station.more_env["SYNC_REDIS_URL"] = f"redis://{USER}:{PASSWORD}@127.0.0.1:{station.redis.port}/0"
        worker = start(station, "worker")
        assert worker.process.returncode == 2
        assert any(named in line for line in reported(worker)), worker.output
        status = start(station, "status")
        assert (status.process.returncode, named in status.output) == (2, True), status.output
        answer = station.portal.call("subscribe", **ANNA)
        assert (answer["error"], named in answer["message"]) == ("ConfigurationError", True)
        assert admin.keys() == []
    assert PASSWORD not in worker.output + status.output + answer["everything"]


def test_a_user_of_the_state_alone_is_shown_what_the_queue_needs(station: Station) -> None:
    with Redis.from_url(station.redis.url) as admin, granting(admin) as grant:
        grant("resetchannels")
        station.more_env["SYNC_REDIS_URL"] = f"redis://{USER}:{PASSWORD}@127.0.0.1:{station.redis.port}/0"
        status, doctor = start(station, "status"), station.run(sys.executable, "-m", "sync_tasks", "doctor", "--json")
    assert status.process.returncode == 2, status.output
    assert any("right to use the channel /0.sync_tasks.control.pidbox" in line for line in reported(status))
    assert (doctor.process.returncode, '"queue"' in doctor.output) == (1, True), doctor.output
    assert "/0.sync_tasks.control.pidbox" in doctor.output


def test_a_replica_stops_the_worker_and_is_named_by_a_command(station: Station, private_redis: EmbeddedRedis) -> None:
    with Redis.from_url(station.redis.url) as client:
        client.replicaof("127.0.0.1", str(private_redis.port))
        wait_until(lambda: client.info()["master_link_status"] == "up", "the replica has it all")
    worker, status = start(station, "worker"), start(station, "status")
    assert (worker.process.returncode, "is a replica; name its primary" in worker.output) == (2, True), worker.output
    assert (status.process.returncode, "it is a replica: name its primary" in status.output) == (1, True)


@contextmanager
def by_socket(folder: Path) -> Iterator[Station]:
    # The path of a socket has a hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="s-") as short:
        path = f"{short}/redis.sock"
        with building(folder, {"unixsocket": path}, more_env={"SYNC_REDIS_URL": f"unix://{path}?db=3"}) as station:
            yield station


@contextmanager
def by_tls(folder: Path) -> Iterator[Station]:
    settings, url = certify(folder)
    try:
        with building(folder, settings, more_env={"SYNC_REDIS_URL": url}) as station:
            yield station
    except ConfigurationError as error:
        pytest.skip(f"this server speaks no TLS: {error}")


@pytest.mark.parametrize("way", [by_socket, by_tls])
def test_state_and_queue_are_reached_by_a_socket_and_by_tls_with_a_ca_of_ones_own(
    tmp_path: Path, way: Callable[[Path], AbstractContextManager[Station]]
) -> None:
    with way(tmp_path) as station:
        worker = station.worker()
        station.portal.accept("subscribe", **ANNA)
        station.wait_for_lists("anna", 3)
        # Without a sweep: the message went by the queue.
        worker.wait_for("synced task=subscribe_contact")
        assert start(station, "inspect").process.returncode == 0


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("", "name the CA of Redis: ?ssl_ca_certs="),
        ("?ssl_ca_certs=/nowhere/ca.pem", "a file that the URL names cannot be read"),
        ("?ssl_cert_reqs=perhaps", "ssl_cert_reqs is required, optional or none"),
    ],
)
def test_what_tls_lacks_is_named_by_worker_and_portal(tmp_path: Path, option: str, words: str) -> None:
    with by_tls(tmp_path) as station:
        station.more_env["SYNC_REDIS_URL"] = station.more_env["SYNC_REDIS_URL"].partition("?")[0] + option
        worker = start(station, "worker")
        answer = station.portal.call("subscribe", **ANNA)
    assert (worker.process.returncode, words in worker.output) == (2, True), worker.output
    assert (answer["error"], words in answer["message"]) == ("ConfigurationError", True), answer


@pytest.fixture
def web() -> Iterator[str]:
    """The place of a server that answers, and is no Redis."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}/0"
        server.shutdown()


@pytest.mark.parametrize(("scheme", "words"), [("redis", "is no Redis"), ("rediss", "speaks no TLS")])
def test_what_answers_and_is_no_redis_is_a_fault_for_worker_and_portal(
    station: Station, web: str, scheme: str, words: str
) -> None:
    station.more_env["SYNC_REDIS_URL"] = f"{scheme}://{web}"
    worker, answer = start(station, "worker"), station.portal.call("subscribe", **ANNA)
    assert worker.process.returncode == 2, worker.output
    assert [words in line for line in reported(worker)] == [True], worker.output
    assert (answer["error"], words in answer["message"]) == ("ConfigurationError", True), answer


@pytest.mark.parametrize(
    "reason", ["Missing Authority Key Identifier", "certificate has expired", "self-signed certificate"]
)
def test_why_a_certificate_is_refused_is_said(reason: str) -> None:
    error = ConnectionError(
        f"Error 1. [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {reason} (_ssl.c:1)."
    )
    assert servers._explain(error, "rediss://h") == (
        f"no trusted certificate for this host ({reason}); name the CA of Redis: ?ssl_ca_certs=/ca.pem"
    )


def test_tls_on_one_side_alone_is_guessed_by_a_command(tmp_path: Path) -> None:
    with by_tls(tmp_path) as station:
        url = station.more_env["SYNC_REDIS_URL"]
        station.env["SYNC_REDIS_URL"] = url.replace("rediss", "redis").partition("?")[0]
        without = start(station, "status")
        station.env["SYNC_REDIS_URL"] = station.redis.url.replace("redis", "rediss", 1)
        with_tls = start(station, "status")
    assert (without.process.returncode, "is written rediss://" in without.output) == (1, True), without.output
    assert (with_tls.process.returncode, "then write redis://" in with_tls.output) == (1, True), with_tls.output


def test_the_least_rights_are_enough_for_every_part(station: Station) -> None:
    name, *rules = read_least_rights()
    with Redis.from_url(station.redis.url, decode_responses=True) as admin:
        command: Any = admin.execute_command
        command("ACL", "SETUSER", name, *rules)
        station.more_env["SYNC_REDIS_URL"] = f"redis://{name}:CHANGE-ME@127.0.0.1:{station.redis.port}/0"
        worker, _ = station.worker(), station.beat()
        flower = station.celery("flower", "--address=127.0.0.1", "--port=0")
        station.receiver()
        station.portal.accept("subscribe", **ANNA)
        station.wait_for_lists("anna", 3)
        station.portal.accept("anonymize", user_id="anna")
        wait_until(lambda: station.store.redis.exists("sync_tasks:swept"), "a sweep", SETTLED_WITHIN)
        wait_until(lambda: "Connected to" in flower.output, "Flower is there", SETTLED_WITHIN)
        assert start(station, "status").process.returncode == 0
        assert start(station, "reconcile").process.returncode == 0
        assert start(station, "inspect").process.returncode == 0
        denied = {entry["object"] for entry in admin.acl_log()}
    # Servers before 7.2 do not know it, so the file cannot name it; redis-py goes on without it. Before 7.0 the log of
    # Redis names no subcommand.
    assert denied <= {"client|setinfo", "client"}
    assert worker.running


def test_a_worker_needs_keys_that_a_watcher_does_not(redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_NAMESPACE", "sync_tasks")
    watched = ("sync_tasks", "_kombu.*", "*.reply.celery.pidbox")
    with granting(redis_client) as grant:
        watcher = grant("resetkeys", *(f"~{one}" for one in watched))
        assert not any("key" in str(lack) for lack in servers.read_lacks(watcher, "watcher"))
        assert any("sync_tasks.urgent" in str(lack) for lack in servers.read_lacks(watcher, "queue"))
