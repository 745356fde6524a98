"""Each bound of the receiver: how long it waits for Redis, for its end, and for new metrics."""

from importlib import import_module

import pytest

BOUNDS: dict[str, dict[str, object]] = {
    "app": {"WRITTEN_WITHIN": 15.0},
    "server": {"ENDED_WITHIN": 10, "METRICS_EVERY": 2.0},
}


@pytest.mark.parametrize("module", BOUNDS)
def test_the_bounds_are_these(module: str) -> None:
    there = vars(import_module(f"sync_tasks.webhooks.{module}"))
    assert {name: there[name] for name in BOUNDS[module]} == BOUNDS[module]
