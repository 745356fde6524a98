"""Each bound of the configuration, and what holds if nothing is said."""

from importlib import import_module

import pytest

BOUNDS: dict[str, dict[str, object]] = {
    "broker": {"SENTINEL_TIMEOUT": 1.0},
    "environment": {"CLOCK_TOLERANCE": 30, "DEFAULT_NIGHT": (2, 20), "_ALIKE": 0.84, "_PORTS": 65_536},
    "redis_url": {"SENTINEL_PORT": 26_379, "_PORTS": 65_536},
    "secrets": {"MOST": 2},
}


@pytest.mark.parametrize("module", BOUNDS)
def test_the_bounds_are_these(module: str) -> None:
    there = vars(import_module(f"sync_tasks.config.{module}"))
    assert {name: there[name] for name in BOUNDS[module]} == BOUNDS[module]
