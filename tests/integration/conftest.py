"""The pipeline against a real Redis and the sandbox over HTTP, in this process or in processes of its own."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from sync_tasks.settings import Account, Settings
from sync_tasks.store import Store, connect
from sync_tasks.throttle import Throttle
from tests.integration.pipeline import ATTRIBUTES, SETTINGS, MakePipeline, Pipeline, build_resources
from tests.integration.station import Station, building


@pytest.fixture(scope="session")
def served() -> Iterator[ServedSandbox]:
    """A sandbox that listens as long as the tests run."""
    with serving(SandboxSettings(attributes=ATTRIBUTES, limits=LimitSettings(enabled=False), seed=1)) as served:
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

    def make(throttle: type[Throttle] = Throttle, *, key: str = "key", sure: bool = False, **tables: Any) -> Pipeline:
        account = Account(base_url=served.url, requests_per_second=1000, api_key=SecretStr(key))
        settings = Settings.model_validate({**SETTINGS, "accounts": {"default": account}, **tables})
        store = Store(connect(redis_url), "sync_tasks", tolerance=settings.pipeline.clock_tolerance)
        built.append(Pipeline(build_resources(settings, store, throttle, sure=sure), brevo))
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
