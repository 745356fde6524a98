"""A worker that is killed with work in hand: others take it over, with the settings of production."""

import pytest

from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure
from tests.support.processes import wait_until
from tests.support.rig import users

# What the configuration says where nobody says otherwise.
PRODUCTION = {"lease_seconds": 25, "grace_seconds": 15, "quiet_seconds": 150, "probe_seconds": 30}
IN_HAND = 4


@pytest.mark.slow
def test_another_worker_takes_over_what_a_killed_one_had_in_hand(make_rig: MakeRig, measure: Measure) -> None:
    rig = make_rig(**PRODUCTION)
    rig.beat()
    killed = rig.worker("killed")
    rig.brevo.add_fault("slow", seconds=5)
    reported = users(IN_HAND)
    rig.subscribe(*reported)
    wait_until(
        lambda: all(rig.store.redis.hexists(rig.store.key(f"contacts:{one}"), "lease") for one in reported), "leases"
    )
    killed.kill()
    rig.brevo.faults.clear()
    rig.worker("other")
    with measure(f"a worker is killed with {IN_HAND} pushes in hand, settings of production: all at Brevo"):
        rig.wait_until_clean(120)
    rig.wait_until_held(*reported)
    assert rig.letters() == []
