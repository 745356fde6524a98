"""A pytest plugin for portals: what they sent, without a Redis, or a whole pipeline on this machine.

pytest loads this module in every project that has the package installed, so it imports nothing else until asked.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sync_tasks.domain.events import Event
    from sync_tasks.portal.local_pipeline import LocalPipeline

_EVENTS = "sync_tasks.domain.events"


@pytest.fixture
def sync_tasks_outbox(monkeypatch: pytest.MonkeyPatch) -> "list[Event]":
    """The events that the portal sends in this test, checked as ever; no Redis is needed and nothing leaves."""
    from sync_tasks.portal.recorder import record

    return record(monkeypatch.setattr)


@pytest.fixture
def sync_tasks_pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Iterator[LocalPipeline]":
    """A pipeline of this test alone: a Redis, a local Brevo, a worker; the portal's calls reach it."""
    from sync_tasks.config.environment import needing

    with needing("worker,embedded"):
        from sync_tasks.portal.local_pipeline import running
    with running(monkeypatch, tmp_path) as pipeline:
        yield pipeline


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:  # noqa: ANN401 - pytest's own
    """Say in which fields two lists of events differ; their values are not shown."""
    if op != "==" or _EVENTS not in sys.modules or not (isinstance(left, list) and isinstance(right, list)):
        return None
    from sync_tasks.portal.recorder import compare

    return compare(left, right)
