"""The chaos suite can fail: with a part of the product out of service it goes red, and with all of it green."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.reliability.chaos.plan import SMALLEST, Plan
from tests.reliability.chaos.run import play
from tests.reliability.chaos.verdict import Verdict
from tests.support.processes import require_redis_server

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
BATCHED = replace(SMALLEST, events=1_500, people=150, waves=1, load=1.0, within=30.0)
# Workers die while requests of theirs lie at Brevo, to be applied yet, and the next wave sends more of the same people.
# Whoever finds its request without an answer makes sure by itself: only of the dead nobody but the lease knows.
DEADLY = replace(
    SMALLEST,
    events=900,
    people=150,
    workers=3,
    kills=10,
    waves=12,
    load=24.0,
    faulty=0.5,
    faults=(("late", {"method": "PUT", "seconds": 4.0, "hanging": True}, 1.0),),
    lease_seconds=6.0,
    quiet_seconds=6.0,
    within=90.0,
)
SEEDS = (1, 2, 3, 4, 5)
AGREES = "Brevo holds what the newest events say"
OUTCOMES = "every event is reflected or one dead letter"


def decide_outcomes(plan: Plan, folder: Path) -> Verdict:
    require_redis_server()
    verdict = Verdict()
    play(plan, folder, verdict.pronounce, lambda *_: None)
    return verdict


@pytest.mark.parametrize("plan", [SMALL, BATCHED, DEADLY], ids=["trouble", "many", "deaths"])
def test_all_invariants_hold_where_nothing_is_sabotaged(plan: Plan, tmp_path: Path) -> None:
    assert decide_outcomes(plan, tmp_path).broken == set()


def test_the_suite_goes_red_without_a_sweeper(tmp_path: Path) -> None:
    assert OUTCOMES in decide_outcomes(replace(SMALL, sabotage="sweeper", within=30.0), tmp_path).broken


def test_the_suite_goes_red_where_settling_ignores_newer_events(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whether an event comes at such a moment is chance, hence more than one try."""
    assert _breaks(OUTCOMES, replace(BATCHED, sabotage="version"), tmp_path_factory)


def test_the_suite_goes_red_without_leases(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Newer events often mend by chance what a dead worker's request spoilt, hence more than one try."""
    assert _breaks(AGREES, replace(DEADLY, sabotage="lease"), tmp_path_factory)


def _breaks(invariant: str, plan: Plan, folders: pytest.TempPathFactory) -> bool:
    tries = (decide_outcomes(replace(plan, seed=seed), folders.mktemp("run")) for seed in SEEDS)
    return any(invariant in one.broken for one in tries)
