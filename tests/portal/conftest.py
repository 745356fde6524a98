"""The doors of a portal, in this process, and its databases with an outbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from sync_tasks.portal import outbox
from tests.support.databases import DATABASES
from tests.support.fixtures import brevo, configuration, lonely_station, served, store, worker_environment

__all__ = ["brevo", "configuration", "lonely_station", "served", "store", "worker_environment"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A portal's database with an outbox, in a file."""
    yield from _with_outbox(f"sqlite:///{tmp_path / 'portal.db'}")


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A portal's database with an outbox, each of the three kinds."""
    folder = tmp_path / "database"
    folder.mkdir()
    with DATABASES[request.param](folder) as url:
        yield from _with_outbox(url)


def _with_outbox(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    with engine.begin() as connection:
        outbox.create_table(connection)
    yield engine
    engine.dispose()
