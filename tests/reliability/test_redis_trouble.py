"""Whatever happens to Redis: workers come back by themselves, the portal hears at once, nothing is half accepted."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
import redis

from sync_tasks.local.leash import leash
from sync_tasks.local.redis_server import find_server
from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure
from tests.support.processes import wait_until
from tests.support.proxy import proxying
from tests.support.rig import Rig, freeze, thaw, users

Trouble = Callable[[Rig], AbstractContextManager[None]]
MAXCLIENTS = 40


@contextmanager
def restarted(rig: Rig) -> Iterator[None]:
    rig.redis.stop()
    yield
    rig.redis.start()


@contextmanager
def killed(rig: Rig) -> Iterator[None]:
    rig.redis.kill()
    yield
    rig.redis.start()


@contextmanager
def full(rig: Rig) -> Iterator[None]:
    rig.store.redis.config_set("maxmemory", "1mb")
    yield
    rig.store.redis.config_set("maxmemory", "0")


@contextmanager
def failed_over(rig: Rig) -> Iterator[None]:
    """A read-only replica, whose master is gone."""
    rig.store.redis.replicaof("127.0.0.1", "1")
    yield
    rig.store.redis.replicaof("NO", "ONE")


@contextmanager
def hanging(rig: Rig) -> Iterator[None]:
    assert rig.redis.pid
    freeze(rig.redis.pid)
    yield
    thaw(rig.redis.pid)


@contextmanager
def batched(rig: Rig) -> Iterator[None]:
    """No place for one more connection, and everybody thrown out."""
    with ExitStack() as stack, redis.Redis.from_url(rig.redis.url) as client:
        client.config_set("maxclients", str(MAXCLIENTS))
        client.client_kill_filter(_type="pubsub")
        client.client_kill_filter(_type="normal")
        for _ in range(2 * MAXCLIENTS):
            stack.enter_context(socket.create_connection(("127.0.0.1", rig.redis.port)))
        yield
        client.config_set("maxclients", "10000")


@contextmanager
def without_snapshots(rig: Rig) -> Iterator[None]:
    """It cannot save what it has, and therefore refuses writes (MISCONF)."""
    client = rig.store.redis
    client.config_set("save", "1 1")
    (in_the_way := rig.redis.data / "dump.rdb" / "in the way").mkdir(parents=True)
    client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a snapshot fails")
    yield
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    client.config_set("save", "")


@contextmanager
def loading(rig: Rig) -> Iterator[None]:
    """It answers that it still loads what it has stored, for some seconds."""
    client = rig.store.redis
    client.mset({f"filler:{number}": "x" * 100 for number in range(4_000)})
    client.bgrewriteaof()
    # It answers while it loads a snapshot, and not between the first thousand commands of a file.
    wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], "a snapshot is there")
    rig.redis.stop()
    (data, port) = rig.redis.data, str(rig.redis.port)
    stored = ["--dir", str(data), "--appendonly", "yes", "--save", ""]
    slowly = ["--loading-process-events-interval-bytes", "1024", "--key-load-delay", "10000"]
    command = [str(find_server()), "--port", port, "--bind", "127.0.0.1", *stored, *slowly]
    with subprocess.Popen(leash(command), stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: says_that_it_loads(rig), "Redis loads")
            yield
            assert says_that_it_loads(rig)
        finally:
            server.kill()
    rig.redis.start()


def says_that_it_loads(rig: Rig) -> bool:
    with redis.Redis.from_url(rig.redis.url, socket_timeout=1, retry=None) as client:
        try:
            client.get("anything")
        except redis.BusyLoadingError:
            return True
        except (redis.ConnectionError, redis.TimeoutError):
            pass
        return False


@contextmanager
def without_broadcasts(rig: Rig) -> Iterator[None]:
    """As when a proxy ends idle connections: those on which workers wait for commands and events."""
    rig.store.redis.client_kill_filter(_type="pubsub")
    yield


LONG_TROUBLES = [restarted, full, failed_over, batched, hanging, without_snapshots, loading]
NOTICED = ("Redis is in trouble", "Connection to broker lost")


@pytest.mark.parametrize("trouble", [killed, *(pytest.param(one, marks=pytest.mark.slow) for one in LONG_TROUBLES)])
def test_workers_come_back_and_nothing_is_lost_or_half_accepted(rig: Rig, trouble: Trouble, measure: Measure) -> None:
    worker = rig.worker()
    rig.portal.accept("subscribe", user_id="before", newsletter="daily", email="before@portal.org")
    early, late = users(100, "early"), users(5, "late")
    rig.subscribe(*early)
    rig.wait_until_held(early[0])
    with trouble(rig):
        with measure(f"{trouble.__name__}: delay() raises"):
            answer = rig.portal.call("subscribe", user_id="portal", newsletter="daily", email="portal@portal.org")
        assert "error" in answer
        wait_until(lambda: any(sign in worker.output for sign in NOTICED), "the worker notices", 30)
    with measure(f"{trouble.__name__}: an event is at Brevo again"):
        rig.subscribe(*late)
        rig.wait_until_held(*late)
    if trouble is not hanging:
        assert rig.store.peek("portal") is None
    assert_nothing_is_half_accepted(rig)
    rig.portal.accept("subscribe", user_id="portal", newsletter="daily", email="portal@portal.org")
    rig.wait_in_a_hurry(lambda: not rig.count("dirty"), "nothing is dirty")
    rig.wait_until_held("before", "portal", *early)
    assert rig.letters() == []
    assert worker.running


def assert_nothing_is_half_accepted(rig: Rig) -> None:
    """Each user with an event that has no outcome yet is dirty."""
    redis_, key = rig.store.redis, rig.store.key
    dirty = set(redis_.zrange(key("dirty"), 0, -1))
    known = (name.removeprefix(key("contacts:")) for name in redis_.scan_iter(key("contacts:*")))
    contacts = {user_id: rig.store.peek(user_id) for user_id in known}
    assert {user_id for user_id, contact in contacts.items() if contact and contact.pending} <= dirty


@pytest.mark.slow
def test_a_worker_outlives_the_loss_of_the_connection_for_broadcasts(rig: Rig, measure: Measure) -> None:
    worker = rig.worker()
    with without_broadcasts(rig), measure("connection for broadcasts lost: an event is at Brevo again"):
        worker.wait_for("Connection to broker lost")
        rig.subscribe("anna")
        rig.wait_until_held("anna")


@pytest.mark.slow
def test_a_worker_notices_connections_that_have_become_black_holes(make_rig: MakeRig, measure: Measure) -> None:
    with proxying(0) as proxy:
        rig = make_rig(url=proxy.url)
        proxy.target = rig.redis.port
        worker = rig.worker()
        rig.beat()
        rig.portal.accept("subscribe", user_id="before", newsletter="daily", email="before@portal.org")
        rig.wait_until_held("before")
        proxy.swallow()
        with measure("connections become black holes: delay() raises or accepts"):
            answer = rig.portal.call("subscribe", user_id="portal", newsletter="daily", email="portal@portal.org")
        assert ("error" in answer) == (rig.store.peek("portal") is None)
        with measure("connections become black holes: an event is at Brevo again"):
            rig.subscribe("after")
            rig.wait_until_held("after")
        assert worker.running
