"""State in a real Redis, and tasks that find it, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks import accepting, resources
from sync_tasks.sandbox.server import ServedSandbox
from sync_tasks.store import Store, connect
from tests.backfill.conftest import loader, quick_brevo, write_rows
from tests.integration.conftest import brevo, make_pipeline, served
from tests.lending import lend_broker

__all__ = ["brevo", "loader", "make_pipeline", "quick_brevo", "served", "write_rows"]

CONFIGURATION = """
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
    path.write_text(CONFIGURATION)
    monkeypatch.setenv("SYNC_CONFIG", str(path))
    monkeypatch.setenv("SYNC_API_KEY", "key")
    return path


@pytest.fixture
def environment(
    redis_url: str, served: ServedSandbox, configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Tasks of this process find a real Redis, for the state and the queue, and the sandbox; returns the file."""
    monkeypatch.setenv("SYNC_REDIS_URL", redis_url)
    monkeypatch.setenv("SYNC_BASE_URL", served.url)
    _forget()
    with lend_broker(redis_url):
        yield configuration
    _forget()


def _forget() -> None:
    resources.close()
    if accepting.portal_store.cache_info().currsize:
        accepting.portal_store().redis.close()
    accepting.portal_store.cache_clear()
    accepting.mapped_fields.cache_clear()
    accepting.known_newsletters.cache_clear()
    accepting.retired_newsletters.cache_clear()
