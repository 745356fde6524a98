"""Each bound of a comparison: how much is read at once, and from where on it is stopped."""

from importlib import import_module

import pytest

BOUNDS: dict[str, dict[str, object]] = {
    "checkpoint": {"_PAGES": 100},
    "evidence": {"NAMED": 5},
    "lock": {"LEASE": 60.0},
    "ownership": {"USER_CHUNK": 1000, "LONG": 3_600_000_000},
    "pages": {"STEP_BACK": 500},
    "repair": {"REPAIR_CHUNK": 500},
    "report_html": {"_WIDTH": 420, "_HEIGHT": 28, "_LABEL": 200},
    "safety_catch": {"SHARE": 0.02},
    "spot_check": {"MANY": 50, "LOOKS": 3},
}


@pytest.mark.parametrize("module", BOUNDS)
def test_the_bounds_are_these(module: str) -> None:
    there = vars(import_module(f"sync_tasks.reconcile.{module}"))
    assert {name: there[name] for name in BOUNDS[module]} == BOUNDS[module]
