"""A plan that covers no more contacts stops sign-ups, and nothing else."""

from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.reliability.conftest import MakeRig
from tests.support.processes import wait_until
from tests.support.rig import Rig, read_users, users

REFUSALS: dict[str, dict[str, Any]] = {
    "402": {"kind": "status", "status": 402},
    "403": {"kind": "status", "status": 403},
    "400": {"kind": "status", "status": 400, "code": "invalid_parameter", "message": "Contact limit reached"},
}
CREATION = {"method": "POST", "path": "/contacts(/import)?$"}
WITHIN_SECONDS = 15.0


def refuse_to_create(brevo: Sandbox, refusal: str) -> None:
    brevo.add_fault(**REFUSALS[refusal], **CREATION)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_five_opt_outs_go_through_within_seconds_while_sign_ups_are_refused_for_the_plan(
    make_rig: MakeRig, refusal: str
) -> None:
    rig = make_rig(probe_seconds=30)
    readers, newcomers = users(5, "reader"), users(40, "newcomer")
    rig.worker()
    rig.beat()
    rig.subscribe(*readers)
    rig.wait_until_held(*readers)
    refuse_to_create(rig.brevo, refusal)
    rig.subscribe(*newcomers[:20])
    for reader in readers:
        rig.accept(reader, task="unsubscribe")
    rig.subscribe(*newcomers[20:])
    rig.nudge(*readers)

    wait_until(lambda: not read_users(rig.brevo), "five opt-outs at Brevo", WITHIN_SECONDS)

    assert rig.letters() == []
    status = rig.status()
    assert status.process.returncode == 1
    assert "account default creates no contacts" in status.output
    assert "account default is paused" not in status.output


@pytest.mark.parametrize("refusal", REFUSALS)
def test_after_the_upgrade_the_sign_ups_go_by_themselves(rig: Rig, refusal: str) -> None:
    newcomers = users(30, "newcomer")
    rig.worker()
    rig.beat()
    refuse_to_create(rig.brevo, refusal)
    rig.subscribe(*newcomers)
    wait_until(lambda: not rig.queued() and not rig.unacknowledged(), "every sign-up waits", 30)

    rig.brevo.faults.clear()

    rig.wait_until_held(*newcomers)
    rig.wait_until_clean()
    assert rig.letters() == []
    assert rig.status().process.returncode == 0


def test_of_an_account_that_is_paused_as_a_whole_the_first_probe_is_an_opt_outs(make_rig: MakeRig) -> None:
    rig = make_rig(probe_seconds=4)
    newcomers = users(40, "newcomer")
    rig.worker()
    rig.subscribe("reader")
    rig.wait_until_held("reader")
    rig.brevo.add_fault("status", status=401)
    rig.subscribe(*newcomers)
    wait_until(rig.paused, "the account is paused", 20)
    rig.beat()
    rig.accept("reader", task="unsubscribe")
    rig.nudge("reader")
    wait_until(lambda: not rig.queued() and not rig.unacknowledged(), "nobody asks", 30)
    asked = rig.brevo.journal.total

    wait_until(lambda: rig.brevo.journal.total >= asked + 2, "two probes", 30)

    probes = [request for request in rig.brevo.journal.requests() if request.number > asked]
    assert [probe.method for probe in probes[:2]] == ["PUT", "PUT"]
