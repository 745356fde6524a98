"""The nightly comparison by beat and worker processes: done once, whoever asks for it and whoever is killed."""

import json
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.reconcile.history import read_runs
from tests.support.evenings import ASKED, reporting, start_hurried_beat, start_portal
from tests.support.pipeline import address_of
from tests.support.processes import wait_until
from tests.support.station import Station

ENDS_WITHIN = 10.0


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A pipeline of processes whose portal wants to hear of opt-outs."""
    with reporting(tmp_path) as station:
        yield station


def read_status(station: Station) -> dict[str, Any]:
    shown = station.run(sys.executable, "-m", "sync_tasks", "status", "--json")
    return dict(json.loads(shown.output))


@pytest.mark.slow
def test_one_night_of_two_beats_repairs_what_changed_at_brevo_and_notifies_the_portal_once(station: Station) -> None:
    ear = start_portal(station)
    station.worker()
    for user_id in ("anna", "ben"):
        station.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=address_of(user_id))
        station.wait_for_lists(user_id, 3)
    station.wait_until_settled()
    station.brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    station.brevo.act("complain", address_of("ben"))

    beats = [start_hurried_beat(station) for _ in range(2)]
    station.wait_for_lists("anna", 3)
    ear.wait_for(1)
    wait_until(lambda: all(beat.output.count(ASKED) > 2 for beat in beats), "both beats asked several times", 20)
    station.wait_until_settled()

    (reported,) = ear.reported
    assert (reported["user_id"], reported["kind"], reported["account"]) == ("ben", "complaint", "default")
    assert station.held("ben")["emailBlacklisted"]
    (run,) = read_runs(station.store)
    assert run.found == {"missing on list": 1, "blocklisted": 1}
    assert "2 found, 2 repaired" in " ".join(read_status(station)["reconciled"])


@pytest.mark.slow
def test_a_worker_that_must_end_leaves_the_comparison_to_another_one(station: Station) -> None:
    station.brevo.add_contacts({"email": f"{number}@portal.example"} for number in range(3_000))
    station.brevo.add_fault("slow", seconds=1.5, path="/contacts", method="GET")
    worker = station.worker()
    station.send("sync_tasks.reconcile")
    wait_until(lambda: station.brevo.journal.total, "the first page is asked for", 20)

    assert worker.stop(signal.SIGTERM, ENDS_WITHIN) == 0
    assert station.store.redis.llen("sync_tasks") == 1
    assert not station.store.redis.exists("sync_tasks:reconciling")
    station.brevo.faults.clear()
    station.worker()
    wait_until(lambda: read_runs(station.store)[:1] and not read_runs(station.store)[0].refused, "all is compared", 20)
    assert read_runs(station.store)[0].compared == 3_000


@pytest.mark.slow
def test_a_night_whose_worker_is_killed_goes_on_in_another_one_and_keeps_the_operator_off_for_a_minute_only(
    station: Station,
) -> None:
    station.brevo.add_contacts({"email": f"{number}@portal.example"} for number in range(3_000))
    station.brevo.add_fault("slow", seconds=1.5, path="/contacts", method="GET")
    soon = datetime.now(tz=UTC) + timedelta(seconds=75)
    station.celery("beat", SYNC_NIGHTLY_AT=f"{soon:%H:%M}")
    worker = station.worker()
    wait_until(lambda: station.brevo.journal.total > 2, "the night has come, and two pages were asked for", 100)
    worker.kill()

    operator = station.run(sys.executable, "-m", "sync_tasks", "reconcile")
    assert (operator.process.returncode, "another comparison is under way" in operator.output) == (1, True)
    station.brevo.faults.clear()
    station.worker()
    (run,) = wait_until(lambda: read_runs(station.store), "all is compared", 120)
    assert (run.compared, run.refused) == (3_000, "")
    assert run.resumed > 0
    operator = station.run(sys.executable, "-m", "sync_tasks", "reconcile", "--dry-run")
    assert "3,000 contacts compared" in operator.output
