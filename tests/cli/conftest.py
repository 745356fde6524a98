"""The operator's command in this process, over a real Redis and the sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks import accepting
from sync_tasks.cli import watching
from sync_tasks.sandbox.server import ServedSandbox
from tests.cli.desk import CONFIGURATION, KEY, Desk
from tests.integration.conftest import brevo, make_pipeline, pipeline, served
from tests.integration.pipeline import Pipeline
from tests.lending import lend_broker

__all__ = ["brevo", "make_pipeline", "pipeline", "served"]


@pytest.fixture
def environment(redis_url: str, served: ServedSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that leads to the test's servers; returns where its configuration is."""
    configuration = tmp_path / "sync_tasks.toml"
    configuration.write_text(CONFIGURATION)
    told = {"REDIS_URL": redis_url, "BASE_URL": served.url, "API_KEY": KEY, "CONFIG": str(configuration)}
    for name, value in told.items():
        monkeypatch.setenv(f"SYNC_{name}", value)
    monkeypatch.setenv("COLUMNS", "120")
    return configuration


@pytest.fixture
def desk(environment: Path, redis_url: str, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The command line of an operator, and the pipeline behind it."""
    monkeypatch.setattr(watching, "PING_SECONDS", 0.1)
    _forget_portal()
    with lend_broker(redis_url):
        yield Desk(pipeline, environment)
    _forget_portal()


def _forget_portal() -> None:
    if accepting.portal_store.cache_info().currsize:
        accepting.portal_store().redis.close()
    accepting.portal_store.cache_clear()
    accepting.mapped_fields.cache_clear()
    accepting.known_newsletters.cache_clear()
    accepting.retired_newsletters.cache_clear()
