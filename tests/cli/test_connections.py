"""The way to each account on an operator's behalf: it asks as a visitor, and is closed whatever happens."""

from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from sync_tasks.cli import connections
from sync_tasks.rate_limits.operator_gate import VisitorGate
from sync_tasks.sync.accounts import open_desks
from tests.support.pipeline import MakePipeline


class Opened:
    """A gateway that says how it was opened, and that it was closed."""

    def __init__(self, key: str, *, gate: VisitorGate, **_: object) -> None:
        self.key, self.gate, self.closed = key, gate, 0

    def close(self) -> None:
        self.closed += 1


OPENED: Any = Opened


@pytest.mark.parametrize("fails", [True, False])
def test_each_way_is_closed_whatever_happens(make_pipeline: MakePipeline, *, fails: bool) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 7})
    opened = dict[str, Any]()
    open_all: Any = partial(open_desks, OPENED)
    with (
        suppress(ZeroDivisionError),
        connections._opened(open_all, pipeline.store, pipeline.resources.settings) as ways,
    ):
        opened = {**ways}
        assert [one.closed for one in opened.values()] == [0]
        assert 1 / (not fails)
    assert {name: one.closed for name, one in opened.items()} == {"default": 1}


def test_whoever_visits_a_paused_account_probes_as_often_as_is_configured(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 7})
    open_all: Any = partial(open_desks, OPENED)
    with connections._opened(open_all, pipeline.store, pipeline.resources.settings) as ways:
        gate: Any = ways["default"]
        assert gate.gate._limiter.question("default", "contacts").probe_every == 7_000
