"""An import may take minutes at Brevo: many sign-ups cost few requests, and every outcome is known."""

import pytest

from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure, Note
from tests.support.processes import wait_until
from tests.support.rig import read_users, users

MANY = 600
MOST_REQUESTS = 60
USUAL = {"lease_seconds": 25, "grace_seconds": 30, "quiet_seconds": 30}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 15.0, 60.0, 120.0])
def test_many_sign_ups_cost_few_requests_however_long_an_import_takes(
    make_rig: MakeRig, measure: Measure, note: Note, seconds: float
) -> None:
    rig = make_rig(rate=10.0, limited=True, **USUAL)
    rig.brevo.settings.import_seconds = seconds
    rig.subscribe(*users(MANY))

    with measure(f"{MANY} sign-ups, imports of {seconds:g} s: all on the list, each outcome known"):
        rig.worker()
        wait_until(lambda: len(read_users(rig.brevo)) == MANY, "all are on the list", 450)
        wait_until(lambda: rig.count("dirty") == 0, "each outcome is known", 90)

    note(f"{MANY} sign-ups, imports of {seconds:g} s: requests", rig.brevo.journal.total)
    assert rig.brevo.journal.total <= MOST_REQUESTS
