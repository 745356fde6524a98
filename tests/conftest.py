"""The servers that tests ask for by name: a real Redis for each test process, and the sandbox."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis

from sync_tasks.local.redis_server import EmbeddedRedis
from tests.reliability.conftest import make_rig, rig
from tests.support.fixtures import (
    bare_environment,
    brevo,
    configuration,
    desk,
    either_brevo,
    ends_soon,
    environment,
    keys_end,
    loader,
    lonely_station,
    make_pipeline,
    pipeline,
    quick_brevo,
    served,
    station,
    store,
    worker_environment,
    write_rows,
)
from tests.support.lending import find_lent
from tests.support.processes import StartProgram, programs, require_redis_server

__all__ = [
    "bare_environment",
    "brevo",
    "configuration",
    "desk",
    "either_brevo",
    "ends_soon",
    "environment",
    "keys_end",
    "loader",
    "lonely_station",
    "make_pipeline",
    "make_rig",
    "pipeline",
    "quick_brevo",
    "rig",
    "served",
    "station",
    "store",
    "worker_environment",
    "write_rows",
]

# How long an example takes depends on what else the machine does. A gate draws the same examples in each run; for new
# ones: make test ARGS=--hypothesis-profile=draw.
hypothesis.settings.register_profile("draw", deadline=None, derandomize=False)
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.load_profile("same")


@pytest.fixture(autouse=True)
def _logs_go_nowhere_else_afterwards() -> Iterator[None]:
    """Take off what a command set up to log to: the stream of its test is closed by then."""
    loggers = [logging.getLogger(name) for name in ("", "sync_tasks", "celery")]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def _lends_nothing_for_good() -> Iterator[None]:
    """Fail a test that leaves the Celery application of this process other than it was: it would disturb others."""
    before = find_lent()
    yield
    assert find_lent() == before


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedRedis]:
    """A real redis-server, one for each test process; tests that stop or kill one ask for ``private_redis``."""
    require_redis_server()
    with EmbeddedRedis(appendfsync="no") as server:
        yield server


@pytest.fixture
def private_redis() -> Iterator[EmbeddedRedis]:
    """A real redis-server of this test alone, to be stopped, killed and restarted at will; every write is on disk."""
    require_redis_server()
    with EmbeddedRedis(appendfsync="always") as server:
        yield server


@pytest.fixture
def redis_client(redis_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    """A client of an empty Redis; it answers in bytes."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis, redis_client: redis.Redis) -> str:  # noqa: ARG001 - the client empties it
    """The URL of an empty Redis."""
    return redis_server.url


@pytest.fixture
def start_program(tmp_path: Path) -> Iterator[StartProgram]:
    """Start processes that are gone when the test is over."""
    with programs(tmp_path) as start:
        yield start


@pytest.fixture
def sandbox() -> Iterator[Any]:
    """A local Brevo that answers over HTTP: ``.url`` for clients, ``.sandbox`` to look inside and to switch faults."""
    from sync_tasks.sandbox.server import serving

    with serving() as served:
        yield served
