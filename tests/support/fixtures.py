"""What tests of several rooms ask for by name: Redis, sandbox, pipeline, command line, files."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis

from sync_tasks.config.settings import Account, Settings
from sync_tasks.local import setup
from sync_tasks.monitoring import status
from sync_tasks.portal.local_pipeline import lead_to
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from sync_tasks.tasks import bootstrap
from tests.support.desk import CONFIGURATION, KEY, Desk
from tests.support.keys import find_leaks, read_documented
from tests.support.loading import Loader, Meddling
from tests.support.pipeline import ATTRIBUTES, SETTINGS, MakePipeline, Pipeline, build_resources
from tests.support.station import Station, building

ENDS_WITHIN = 25.0


@pytest.fixture(autouse=True)
def keys_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a key for good which nobody would ever remove."""
    asked = "redis_client" in request.fixturenames
    client: Redis | None = request.getfixturevalue("redis_client") if asked else None
    yield
    if client is not None:
        leaks = find_leaks(client, read_documented())
        assert not leaks, f"keys without an end: {leaks}"


@pytest.fixture(scope="session")
def served() -> Iterator[ServedSandbox]:
    """A sandbox that listens as long as the tests run."""
    with serving(
        SandboxSettings(attributes=ATTRIBUTES, limits=LimitSettings(enabled=False), seed=1, import_seconds=1.0)
    ) as served:
        yield served


@pytest.fixture
def brevo(served: ServedSandbox) -> Sandbox:
    """An empty sandbox without rate limits."""
    served.sandbox.reset()
    return served.sandbox


@pytest.fixture(params=list(product((True, False), repeat=2)), ids=str)
def either_brevo(brevo: Sandbox, request: pytest.FixtureRequest) -> Sandbox:
    """A sandbox that lifts a block with an address change, or does not; also where the block is sent along, or not."""
    brevo.quirks.email_change_lifts_blocklist, brevo.quirks.email_change_lifts_blocklist_even_if_sent = request.param
    return brevo


@pytest.fixture
def make_pipeline(redis_url: str, served: ServedSandbox, brevo: Sandbox) -> Iterator[MakePipeline]:
    """Build a pipeline whose configuration differs in the given tables from that of the tests."""
    built: list[Pipeline] = []

    def make(limiter: type[Limiter] = Limiter, *, key: str = "key", sure: bool = False, **tables: Any) -> Pipeline:
        account = Account(base_url=served.url, requests_per_second=1000, api_key=SecretStr(key))
        settings = Settings.model_validate({**SETTINGS, "accounts": {"default": account}, **tables})
        store = Store(connect(redis_url), "sync_tasks", tolerance=settings.pipeline.clock_tolerance)
        built.append(Pipeline(build_resources(settings, store, limiter, sure=sure), brevo))
        return built[-1]

    yield make
    for pipeline in built:
        pipeline.close()


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> Pipeline:
    return make_pipeline()


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A pipeline in processes, shared by the tests of a module: they use users of their own."""
    with building(tmp_path_factory.mktemp("station"), more_env={"SYNC_LOG_JSON": "1"}) as station:
        yield station


@pytest.fixture
def lonely_station(tmp_path: Path) -> Iterator[Station]:
    """A pipeline in processes of one test alone, which may break it."""
    with building(tmp_path) as station:
        yield station


WORKER_CONFIGURATION = """
[newsletters.daily]
list_id = 3
[newsletters.weekly]
list_id = 5
[attributes]
first_name = "FIRSTNAME"
city = "CITY"
[pipeline]
quiet_seconds = 0
"""


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    """The state of a portal of which nothing is known yet."""
    store = Store(connect(redis_url), "sync_tasks")
    yield store
    store.redis.close()


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file that the environment names."""
    path = tmp_path / "sync_tasks.toml"
    path.write_text(WORKER_CONFIGURATION)
    monkeypatch.setenv("SYNC_CONFIG", str(path))
    monkeypatch.setenv("SYNC_API_KEY", "key")
    return path


@pytest.fixture
def worker_environment(
    redis_url: str, served: ServedSandbox, configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Tasks of this process find a real Redis, for the state and the queue, and the sandbox; returns the file."""
    monkeypatch.setenv("SYNC_REDIS_URL", redis_url)
    monkeypatch.setenv("SYNC_BASE_URL", served.url)
    bootstrap.close()
    with lead_to(redis_url):
        yield configuration
    bootstrap.close()


@pytest.fixture
def environment(redis_url: str, served: ServedSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that leads to the test's servers; returns where its configuration is."""
    configuration = tmp_path / "sync_tasks.toml"
    configuration.write_text(CONFIGURATION)
    reported = {"REDIS_URL": redis_url, "BASE_URL": served.url, "API_KEY": KEY, "CONFIG": str(configuration)}
    for name, value in reported.items():
        monkeypatch.setenv(f"SYNC_{name}", value)
    monkeypatch.setenv("COLUMNS", "120")
    return configuration


@pytest.fixture
def desk(environment: Path, redis_url: str, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The command line of an operator, and the pipeline behind it."""
    monkeypatch.setattr(status, "PING_SECONDS", 0.1)
    with lead_to(redis_url):
        yield Desk(pipeline, environment)


@pytest.fixture
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty directory and no setting of ours; afterwards all variables are as before, whoever set them."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    setup.forget_settings()
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def ends_soon() -> Iterator[None]:
    """Fail a test that would wait for ever, as code does that loops until something has happened."""

    def end(*_: object) -> None:
        raise AssertionError("the test does not end")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, ENDS_WITHIN)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


WriteRows = Callable[..., Path]


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    """Write rows into a file of JSON Lines."""

    def write(*rows: object, name: str = "portal.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return path

    return write


@pytest.fixture
def quick_brevo(brevo: Sandbox) -> Sandbox:
    """A sandbox that imports at once."""
    brevo.settings.import_seconds = 0.0
    return brevo


@pytest.fixture
def loader(make_pipeline: MakePipeline, write_rows: WriteRows, quick_brevo: Sandbox) -> Loader:  # noqa: ARG001 - made quick
    """A pipeline to load files into, which waits a little where it would wait long."""
    return Loader(make_pipeline(limiter=Meddling), write_rows)
