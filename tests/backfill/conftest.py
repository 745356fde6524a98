"""A load against a real Redis and the sandbox, in this process, and as an operator's command."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_tasks.sandbox import Sandbox
from tests.backfill.loading import Loader, Meddling
from tests.cli.conftest import desk, environment
from tests.integration.conftest import brevo, make_pipeline, pipeline, served
from tests.integration.pipeline import MakePipeline

__all__ = ["brevo", "desk", "environment", "make_pipeline", "pipeline", "served"]

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
    return Loader(make_pipeline(throttle=Meddling), write_rows)
