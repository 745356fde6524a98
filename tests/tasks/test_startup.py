"""Processes that start, end, are killed, and cannot start; a portal whose Redis is away."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sync_tasks.errors import ConfigurationError
from sync_tasks.sandbox import Sandbox
from sync_tasks.tasks import startup
from tests.support.processes import StartProgram, wait_until
from tests.support.station import ROOT, SETTLED_WITHIN, Station

ANNA = {"user_id": "anna", "newsletter": "daily", "email": "anna@portal.org"}
GOOD = "[newsletters.daily]\nlist_id = 3\n"
SECRET = "xkeysib-a-secret"


def count_requests(brevo: Sandbox, method: str) -> int:
    return sum(request.method == method for request in brevo.journal.requests())


def test_an_event_survives_the_worker_that_was_killed_over_it(lonely_station: Station) -> None:
    station = lonely_station
    station.beat()
    worker = station.worker()
    station.brevo.add_fault("slow", method="POST", seconds=8, count=1)
    station.portal.accept("subscribe", **ANNA)
    wait_until(lambda: count_requests(station.brevo, "POST"), "the request is under way")
    station.portal.accept("subscribe", **ANNA | {"newsletter": "weekly"})
    station.start_worker("two")
    worker.kill()
    station.wait_for_lists("anna", 3, 5)
    assert len(station.brevo.contacts()) == 1
    assert station.letters() == []


def test_delay_raises_and_accepts_nothing_while_redis_is_away(lonely_station: Station) -> None:
    station = lonely_station
    station.portal.accept("subscribe", **ANNA)
    station.redis.stop()
    answer = station.portal.call("unsubscribe", user_id="anna", newsletter="daily")
    assert answer["error"] in {"ConnectionError", "TimeoutError"}
    assert "redis.exceptions.RedisError" in answer["kinds"]
    station.redis.start()
    wait_until(lambda: "id" in station.portal.call("update", user_id="anna", first_name="A"), "the portal goes on")
    contact = station.store.peek("anna")
    assert contact is not None
    assert contact.subscriptions()["daily"][1] is True


def test_sigterm_waits_for_the_request_under_way_and_for_no_next_try(lonely_station: Station) -> None:
    station = lonely_station
    worker = station.worker()
    station.brevo.add_fault("slow", method="POST", seconds=1.5, count=1)
    station.portal.accept("subscribe", **ANNA)
    wait_until(lambda: count_requests(station.brevo, "POST"), "the request is under way")
    station.brevo.add_fault("status", method="POST", status=500)
    for number in range(6):
        station.portal.accept("subscribe", user_id=f"user-{number}", newsletter="daily", email=f"u{number}@portal.org")
    wait_until(lambda: "tried again" in worker.output, "a try that failed", SETTLED_WITHIN)
    assert worker.stop(signal.SIGTERM) == 0
    contact = station.store.peek("anna")
    assert contact is not None
    assert (contact.pending, contact.unknown_since) == ({}, "")
    assert set(station.store.redis.zrange("sync_tasks:dirty", 0, -1)) == {f"user-{number}" for number in range(6)}


@pytest.mark.parametrize(
    ("configuration", "env", "faults"),
    [
        (
            f"typo = 1\n{GOOD}[newsletters.other]\nlist_id = 'three'\n",
            {"SYNC_API_KEY": SECRET},
            ["newsletters.other.list_id: ", "typo: unknown key"],
        ),
        (
            f"{GOOD}[newsletters.again]\nlist_id = 3\n",
            {"SYNC_API_KEY": f"{SECRET}\nx"},
            ["accounts.default: the API key holds white space", "newsletters: list 3 of account 'default' is used 2"],
        ),
        (GOOD, {}, ["accounts.default: no API key; set SYNC_API_KEY or SYNC_API_KEY_FILE"]),
    ],
    ids=["unknown key", "list used twice", "no key"],
)
def test_a_broken_configuration_stops_the_worker_with_one_line_per_fault(
    start_program: StartProgram, tmp_path: Path, configuration: str, env: dict[str, str], faults: list[str]
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(configuration)
    reported = {"SYNC_API_KEY": "", "SYNC_API_KEY_FILE": "", "SYNC_BASE_URL": "", "SYNC_CONFIG": str(path)} | env
    command = [sys.executable, "-m", "celery", "-A", "sync_tasks", "worker"]
    worker = start_program(command, env=reported, cwd=ROOT)
    assert worker.process.wait(SETTLED_WITHIN) == 2
    lines = [line for line in worker.output.splitlines() if str(path) in line]
    assert len(lines) == len(faults), worker.output
    assert all(any(fault in line for line in lines) for fault in faults), worker.output
    assert "Traceback" not in worker.output
    assert SECRET not in worker.output


PARTS: dict[str, Callable[[], None]] = {
    "portal": startup.check_portal,
    "command": startup.check_desk,
    "worker": startup.check_worker,
    "beat": startup.check_beat,
    "queue": startup.check_queue,
    "watcher": startup.check_watcher,
    "receiver": startup.check_receiver,
}


@pytest.mark.parametrize(
    ("misspelt", "meant", "refusing"),
    [
        ("SYNC_BROKER_ULR", "SYNC_BROKER_URL", set(PARTS)),
        ("SYNC_REPLICA", "SYNC_REPLICAS", set(PARTS)),
        ("SYNC_STATE_SECRETS", "SYNC_STATE_SECRET", {"portal", "worker"}),
        ("SYNC_PORTAL_SECRETS", "SYNC_PORTAL_SECRET", {"command", "worker"}),
        ("SYNC_LOG_LEVELS", "SYNC_LOG_LEVEL", {"worker", "beat", "receiver"}),
        ("SYNC_NIGHTLY", "SYNC_NIGHTLY_AT", {"beat"}),
        ("SYNC_WEBHOOK_TOKENS", "SYNC_WEBHOOK_TOKEN", {"receiver"}),
    ],
)
def test_each_part_refuses_a_misspelt_variable_that_it_needs(
    environment: Path, monkeypatch: pytest.MonkeyPatch, misspelt: str, meant: str, refusing: set[str]
) -> None:
    assert environment.exists()
    monkeypatch.setenv(misspelt, "a value")
    said = dict[str, str]()
    for part, check in PARTS.items():
        try:
            check()
        except ConfigurationError as error:
            said[part] = str(error)
    assert set(said) == refusing
    assert all(f"is {meant} meant?" in text for text in said.values())
