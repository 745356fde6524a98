"""An import may take minutes at Brevo: a crowd of sign-ups costs few requests all the same, and nobody is in doubt."""

import pytest

from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure, Note
from tests.support.processes import wait_until
from tests.support.rig import read_users, users

CROWD = 600
MOST_REQUESTS = 60
USUAL = {"lease_seconds": 25, "grace_seconds": 30, "quiet_seconds": 30}


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 15.0, 60.0, 120.0])
def test_a_crowd_of_sign_ups_costs_few_requests_however_long_an_import_takes(
    make_rig: MakeRig, measure: Measure, note: Note, seconds: float
) -> None:
    rig = make_rig(rate=10.0, limited=True, **USUAL)
    rig.brevo.settings.import_seconds = seconds
    rig.subscribe(*users(CROWD))

    with measure(f"{CROWD} sign-ups, imports of {seconds:g} s: all on the list, nobody in doubt"):
        rig.worker()
        wait_until(lambda: len(read_users(rig.brevo)) == CROWD, "all are on the list", 450)
        wait_until(lambda: rig.count("dirty") == 0, "nobody is in doubt", 90)

    note(f"{CROWD} sign-ups, imports of {seconds:g} s: requests", rig.brevo.journal.total)
    assert rig.brevo.journal.total <= MOST_REQUESTS
