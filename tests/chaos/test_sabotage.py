"""The chaos suite can fail: with a part of the product out of service it goes red, and with all of it green."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.plan import SMALLEST, Plan
from tests.chaos.run import play
from tests.chaos.verdict import Verdict
from tests.servers import require_redis_server

pytestmark = pytest.mark.slow

# Slow answers make pushes overlap, and slow old requests land just after the next wave has been dealt with.
SMALL = replace(
    SMALLEST,
    events=400,
    people=40,
    load=12.0,
    waves=4,
    kills=2,
    faulty=0.8,
    faults=(("late", {"method": "PUT", "seconds": 4.0}, 0.5), ("slow", {"method": "PUT", "seconds": 0.3}, 0.5)),
    quiet_seconds=7.0,
    within=60.0,
)
# Everything at once and no trouble: most pushes are overtaken by newer events.
CROWDED = replace(SMALLEST, events=1_500, people=150, waves=1, load=1.0, within=30.0)
FATES = "every event is reflected or one dead letter"


def judge(plan: Plan, folder: Path) -> Verdict:
    require_redis_server()
    verdict = Verdict()
    play(plan, folder, verdict.pronounce, lambda *_: None)
    return verdict


@pytest.mark.parametrize("plan", [SMALL, CROWDED], ids=["trouble", "crowd"])
def test_all_invariants_hold_where_nothing_is_sabotaged(plan: Plan, tmp_path: Path) -> None:
    assert judge(plan, tmp_path).broken == set()


def test_the_suite_goes_red_without_a_sweeper(tmp_path: Path) -> None:
    assert FATES in judge(replace(SMALL, sabotage="sweeper", within=30.0), tmp_path).broken


def test_the_suite_goes_red_where_settling_ignores_newer_events(tmp_path: Path) -> None:
    assert FATES in judge(replace(CROWDED, sabotage="version"), tmp_path).broken
