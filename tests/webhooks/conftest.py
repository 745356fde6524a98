"""A receiver in this process, beside a pipeline with real Redis and the sandbox."""

from collections.abc import Iterator

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.sandbox.server import ServedSandbox
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.support.fixtures import brevo, make_pipeline, pipeline, served
from tests.support.pipeline import SETTINGS
from tests.support.receiving import OWN_KEY, Receiving, receiving

__all__ = ["brevo", "make_pipeline", "pipeline", "served"]


@pytest.fixture(scope="session")
def listening(redis_server: EmbeddedRedis, served: ServedSandbox) -> Iterator[Receiving]:
    """A receiver that listens as long as the tests run; its API key has a name at Brevo."""
    account = {"base_url": served.url, "requests_per_second": 1000, "api_key": "key", "api_key_name": OWN_KEY}
    settings = Settings.model_validate({**SETTINGS, "accounts": {"default": account}})
    store = Store(connect(redis_server.url), "sync_tasks")
    with receiving(store, settings) as here:
        yield here
    store.redis.close()


@pytest.fixture
def receiver(listening: Receiving, redis_url: str) -> Receiving:
    """A receiver on an empty Redis."""
    assert redis_url
    listening.nudged.clear()
    return listening
