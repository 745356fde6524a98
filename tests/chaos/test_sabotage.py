"""The chaos suite can fail: with a part of the product out of service it goes red, and with all of it green."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.plan import SMALLEST, Plan
from tests.chaos.run import play
from tests.chaos.verdict import Verdict
from tests.servers import require_redis_server

pytestmark = pytest.mark.slow

# Few people to whom much happens at once, and many late effects.
SMALL = replace(
    SMALLEST,
    events=400,
    people=20,
    load=8.0,
    waves=8,
    kills=2,
    faulty=0.3,
    late=(3.0, 4.0),
    late_share=0.7,
    quiet_seconds=6.0,
)
BREVO, FATES = "Brevo holds what the newest events say", "every event is reflected or one dead letter"


def judge(plan: Plan, folder: Path) -> Verdict:
    require_redis_server()
    verdict = Verdict()
    play(plan, folder, verdict.pronounce, lambda *_: None)
    return verdict


def test_all_invariants_hold_where_nothing_is_sabotaged(tmp_path: Path) -> None:
    assert judge(SMALL, tmp_path).broken == set()


@pytest.mark.parametrize(("sabotage", "broken"), [("sweeper", FATES), ("lease", BREVO), ("version", FATES)])
def test_the_suite_goes_red_where_a_part_is_out_of_service(sabotage: str, broken: str, tmp_path: Path) -> None:
    assert broken in judge(replace(SMALL, sabotage=sabotage, within=30.0), tmp_path).broken
