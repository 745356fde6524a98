"""The nightly comparison and what the portal is told of, with worker processes: a portal's own among them."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks.reconciling.remembering import read_runs
from tests.integration.pipeline import address_of
from tests.integration.station import ROOT, Station, building
from tests.servers import wait_until

TOLD = """
[portal]
suppressed_task = "portal.note"
suppressed_queue = "portal"
"""
PORTAL = """
import json, sys
from pathlib import Path
from celery import Celery
app = Celery("portal", broker={broker!r})
app.conf.update(task_default_queue="portal", control_exchange="portal.control", event_exchange="portal.events")

@app.task(name="portal.note")
def note(**told):
    with Path({heard!r}).open("a") as heard:
        heard.write(json.dumps(told) + "\\n")
"""
ENDS_WITHIN = 10.0


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    """A pipeline of processes whose portal wants to be told of opt-outs."""
    with building(tmp_path) as station:
        path = Path(station.env["SYNC_CONFIG"])
        path.write_text(path.read_text() + TOLD)
        yield station


def start_portal(station: Station) -> Path:
    """Start the portal's own worker and return where it writes what it was told."""
    heard, app = station.folder / "heard.jsonl", station.folder / "portal.py"
    heard.touch()
    app.write_text(PORTAL.format(broker=station.redis.url, heard=str(heard)))
    words = ["celery", "-A", "portal", "worker", "-P", "solo", "-n", "portal@localhost"]
    station.start([sys.executable, "-m", *words], env=station.env | {"PYTHONPATH": str(ROOT)}, cwd=station.folder)
    return heard


def test_the_night_repairs_what_changed_at_brevo_and_the_portal_is_told_of_an_opt_out_once(station: Station) -> None:
    heard = start_portal(station)
    station.worker()
    for user_id in ("anna", "ben"):
        station.portal.accept("subscribe", user_id=user_id, newsletter="daily", email=address_of(user_id))
        station.wait_for_lists(user_id, 3)
    station.wait_until_settled()
    station.brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    station.brevo.act("complain", address_of("ben"))

    for _ in range(2):
        station.send("sync_tasks.reconcile")
    wait_until(lambda: station.store.redis.zcard("sync_tasks:dirty") == 2, "both are to be repaired", 20)
    station.wait_until_settled()
    station.wait_for_lists("anna", 3)
    for _ in range(2):
        station.send("sync_tasks.sweep")
    wait_until(heard.read_text, "the portal is told", 20)
    station.wait_until_settled()

    (told,) = map(json.loads, heard.read_text().splitlines())
    assert (told["user_id"], told["kind"], told["account"]) == ("ben", "complaint", "default")
    assert station.held("ben")["emailBlacklisted"]
    first, *others = reversed(read_runs(station.store))
    assert first.found == {"missing on list": 1, "blocklisted": 1}
    assert all(run.found == {} for run in others)


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
