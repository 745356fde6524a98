"""Each bound of a probe: how long it waits for what it has asked for."""

from importlib import import_module

import pytest

BOUNDS: dict[str, dict[str, object]] = {
    "cleanup": {"IMPORT_GAPS": (1.0, 2.0, 5.0, 10.0, 20.0), "SECOND_ROUND": 3.0},
}


@pytest.mark.parametrize("module", BOUNDS)
def test_the_bounds_are_these(module: str) -> None:
    there = vars(import_module(f"sync_tasks.probe.{module}"))
    assert {name: there[name] for name in BOUNDS[module]} == BOUNDS[module]
