"""Trouble of an account stops all processes at once, costs no event, and ends by itself."""

import time
from itertools import pairwise
from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.reliability.conftest import MakeRig
from tests.support.measuring import Measure, Note
from tests.support.processes import wait_until
from tests.support.rig import Rig, lines_with, read_users, users

TROUBLE: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"kind": "status", "status": 401}, "UnauthorizedError"),
    "402": ({"kind": "status", "status": 402}, "OutOfCreditsError"),
    "403 in JSON": ({"kind": "status", "status": 403}, "ForbiddenError"),
    "500": ({"kind": "status", "status": 500}, "GatewayUnavailableError"),
    "503 of a proxy": ({"kind": "status", "status": 503, "html": True}, "GatewayUnavailableError"),
    "connections break": ({"kind": "drop"}, "GatewayUnavailableError"),
}


def pause_by(rig: Rig, fault: dict[str, Any], count: int = 40) -> list[str]:
    """Switch a fault on, let users subscribe, and return them once the account is paused."""
    rig.brevo.add_fault(**fault)
    reported = users(count)
    rig.subscribe(*reported)
    wait_until(rig.paused, "the account is paused", 20)
    return reported


@pytest.mark.slow
@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_pauses_the_account_and_the_events_wait(rig: Rig, name: str, measure: Measure) -> None:
    fault, error = TROUBLE[name]
    workers = rig.workers("one", "two")
    waiting = pause_by(rig, fault)
    assert rig.paused() == error
    wait_until(lambda: not rig.queued(), "the workers hoard nothing", 30)
    status = rig.status()
    assert f"account default is paused ({error})" in status.output
    assert status.process.returncode == 1
    assert rig.letters() == []
    assert rig.count("dirty") == len(waiting)
    assert any(lines_with(worker, ("error", "account default is paused", error)) for worker in workers)
    rig.beat()
    rig.brevo.faults.clear()
    with measure(f"account trouble ({name}), probes each second: all {len(waiting)} events at Brevo"):
        rig.wait_until_held(*waiting)
    rig.wait_until_clean()
    assert rig.paused() is None
    assert rig.letters() == []
    assert any(lines_with(worker, ("no longer paused",)) for worker in workers)


@pytest.mark.slow
def test_a_pause_holds_for_every_process_within_a_second(make_rig: MakeRig, note: Note) -> None:
    rig = make_rig(probe_seconds=600)
    rig.workers("one", "two", "three")
    pause_by(rig, {"kind": "status", "status": 401}, count=100)
    paused_at = time.time()
    wait_until(lambda: not rig.queued() and not rig.unacknowledged(), "the workers are through with all messages", 30)
    rig.subscribe(*users(20, "later"))
    wait_until(lambda: not rig.queued() and not rig.unacknowledged(), "the workers are through again", 30)
    last = max(request.time for request in rig.brevo.journal.requests())
    note("a pause: the last request of any process left after", f"{max(last - paused_at, 0.0):.2f} s")
    assert last < paused_at + 1


@pytest.mark.slow
def test_however_many_ask_one_probe_goes_out_at_a_time(make_rig: MakeRig) -> None:
    rig = make_rig(probe_seconds=1.5)
    rig.workers("one", "two")
    waiting = pause_by(rig, {"kind": "status", "status": 401})
    wait_until(lambda: not rig.unacknowledged(), "requests that were under way have ended")
    before = rig.brevo.journal.total

    def has_probed() -> bool:
        if not rig.queued():
            rig.nudge(*waiting)
        return rig.brevo.journal.total >= before + 3

    wait_until(has_probed, "three probes", 30)
    probes = [request.time for request in rig.brevo.journal.requests()][before:]
    assert all(later - earlier > 1.4 for earlier, later in pairwise(probes))


def test_other_accounts_go_on(make_rig: MakeRig) -> None:
    rig = make_rig("second")
    rig.worker()
    pause_by(rig, {"kind": "status", "status": 402})
    second: Sandbox = rig.others["second"].sandbox
    readers = users(20, "reader")
    rig.subscribe(*readers, newsletter="weekly")
    rig.wait_until_held(*readers, by=second)
    assert rig.paused("second") is None
    assert read_users(rig.brevo) == set()


def test_a_page_of_the_firewall_is_the_contacts_trouble(rig: Rig) -> None:
    rig.brevo.add_fault("waf", method="POST", count=1)
    rig.worker()
    rig.subscribe("blocked")
    assert rig.wait_for_letter("blocked").error == "RejectedContactError"
    rig.subscribe("anna")
    rig.wait_until_held("anna")
    assert rig.paused() is None


@pytest.mark.slow
def test_a_firewall_that_blocks_everything_is_the_accounts_trouble(rig: Rig) -> None:
    rig.worker()
    waiting = pause_by(rig, {"kind": "waf"}, count=3)
    assert rig.paused() == "ForbiddenError"
    rig.brevo.faults.clear()
    rig.beat()
    rig.wait_until_held(*waiting)
    assert rig.letters() == []


@pytest.mark.slow
def test_one_contact_that_breaks_brevo_is_no_outage(rig: Rig) -> None:
    rig.worker()
    rig.subscribe("anna", "poison")
    rig.wait_until_held("anna", "poison")
    rig.brevo.add_fault("status", status=500, path=f"/contacts/{rig.held('poison')['id']}$", method="PUT")
    before = rig.brevo.journal.statuses[500]
    rig.accept("poison", task="unsubscribe")
    rig.nudge("poison")
    wait_until(lambda: rig.brevo.journal.statuses[500] >= before + 4, "four tries", 30)
    rig.accept("anna", task="unsubscribe")
    rig.nudge("anna")
    wait_until(lambda: read_users(rig.brevo) == {"poison"}, "the other contact goes on")
    assert rig.paused() is None
