"""Each bound of what a portal runs: how much is taken at once, and how long somebody waits."""

from importlib import import_module

import pytest
from sqlalchemy import create_engine

from sync_tasks.portal.relay import Relay

BOUNDS: dict[str, dict[str, object]] = {
    "intake_openapi": {"MOST_EVENTS": 1000},
    "local_pipeline": {"SETTLED_WITHIN": 60.0, "_STOPPED_WITHIN": 10.0, "_LOOK_EVERY": 0.05},
    "outbox_row": {"_EARLIEST": 1_704_067_200_000_000, "_LATEST": 7_258_118_400_000_000},
    "query_file": {"_ROWS_AT_ONCE": 1000},
    "relay": {"USERS_AT_ONCE": 100, "ROWS_AT_ONCE": 500, "A_DAY": 86_400_000_000},
}


@pytest.mark.parametrize("module", BOUNDS)
def test_the_bounds_are_these(module: str) -> None:
    there = vars(import_module(f"sync_tasks.portal.{module}"))
    assert {name: there[name] for name in BOUNDS[module]} == BOUNDS[module]


def test_a_relay_looks_at_an_empty_outbox_once_a_second() -> None:
    assert Relay(create_engine("sqlite://"))._poll == 1.0
