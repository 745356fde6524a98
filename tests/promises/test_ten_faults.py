"""Ten faults, and what status, a metric, the log and Flower say of each. The page has the same table."""

import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_tasks.domain.pauses import CREATING, advise, remedy_of
from sync_tasks.local.redis_server import free_port
from tests.support.processes import Program, wait_until
from tests.support.station import READY, SETTLED_WITHIN, Station, building
from tests.support.watching import watching

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "operate.md"
STATUS = [sys.executable, "-m", "sync_tasks", "status", "--json"]


@dataclass(frozen=True)
class Reported:
    """What is reported a fault: parts of texts; of the metric, that it is above a number.

    ``remedy``: what to do, in the line of the status. The page shows the same lines.
    """

    status: str
    metric: str
    log: str
    flower: str = ""
    above: float = 0.0
    remedy: str = ""


FAULTS = {
    "the key is wrong": Reported(
        "account default is paused (UnauthorizedError)",
        'sync_tasks_pause_seconds{account="default"}',
        "account default is paused",
        "UnauthorizedError",
        remedy=remedy_of("UnauthorizedError"),
    ),
    "Brevo is away": Reported(
        "account default is paused (GatewayUnavailableError)",
        'sync_tasks_pause_seconds{account="default"}',
        "account default is paused",
        "Error",
        remedy=remedy_of("GatewayUnavailableError"),
    ),
    "the plan is full": Reported(
        "account default creates no contacts",
        'sync_tasks_part_pause_seconds{account="default",part="creating"}',
        "creates no contacts",
        "PartPausedError",
        remedy=advise(CREATING),
    ),
    "a telephone number is refused": Reported("", "sync_tasks_dead_letters", "RejectedNumberError", "dead letter"),
    "an opt-out of somebody unknown": Reported("", "sync_tasks_dead_letters", "UnknownContactError", "dead letter"),
    "a task that does not exist": Reported("", "sync_tasks_dead_letters", "no task is called", "UnknownTaskError"),
    "a queue holds what is no message": Reported("", "sync_tasks_refused_messages_total", "it was dropped"),
    "beat does not run": Reported(
        "no beat has swept for",
        "sync_tasks_sweep_seconds",
        "nobody has swept for",
        above=60,
        remedy="start `celery -A sync_tasks beat`",
    ),
    "no worker runs": Reported("no worker answers", "sync_tasks_unsynced_contacts", "", remedy="start one with"),
    "Redis is away": Reported(
        "is away or in trouble",
        "sync_tasks_state_reachable",
        "Cannot connect to",
        above=-1,
        remedy="start it, or correct SYNC_REDIS_URL",
    ),
}


@dataclass
class Place:
    """A pipeline at work, and what its operator looks at."""

    station: Station
    worker: Program
    beat: Program
    ports: tuple[int, int]

    def accept(self, what: str, user_id: str, **more: Any) -> None:
        self.station.portal.accept(what, user_id=user_id, **more)

    def subscribe(self, user_id: str, **more: Any) -> None:
        self.accept("subscribe", user_id, newsletter="daily", email=f"{user_id}@portal.org", **more)

    @property
    def troubles(self) -> str:
        # Warnings about the machine may stand before the document.
        output = self.station.run(*STATUS).output
        return str(json.loads(output[output.index("{") :])["troubles"])

    def measure(self, name: str) -> float | None:
        found: dict[str, float] = {}
        for port in self.ports:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                    lines = answer.read().decode().splitlines()
            except OSError:
                continue
            found |= _parse(lines)
        if name not in found:
            # Whoever has no beat reads the same from the command line or the receiver of webhooks.
            lines = self.station.run(*STATUS[:-1], "--metrics").output.splitlines()
            found |= _parse(lines)
        return found.get(name)


def _parse(lines: list[str]) -> dict[str, float]:
    reported = (line.rsplit(" ", 1) for line in lines if line.startswith("sync_tasks_"))
    return {name: float(value) for name, value in reported}


def switch_on(desk: Place, fault: str) -> None:  # noqa: C901 - one case for each fault
    station = desk.station
    match fault:
        case "the key is wrong":
            station.brevo.add_fault("status", status=401)
            desk.subscribe("key")
        case "Brevo is away":
            station.brevo.add_fault("status", status=503)
            for number in range(12):
                desk.subscribe(f"away-{number}")
        case "the plan is full":
            station.brevo.add_fault("status", status=402, method="POST")
            desk.subscribe("full")
        case "a telephone number is refused":
            desk.subscribe("number", attributes={"mobile": "no number"})
        case "an opt-out of somebody unknown":
            desk.accept("unsubscribe", "nobody", newsletter="daily")
        case "a task that does not exist":
            station.send("sync_tasks.subscribe_contacts", user_id="typo")
        case "a queue holds what is no message":
            station.store.redis.lpush("sync_tasks", "no message")
        case "beat does not run":
            desk.beat.kill()
            station.store.redis.set("sync_tasks:swept", int(station.store.now()) - 300_000_000)
        case "no worker runs":
            desk.worker.kill()
            desk.subscribe("late")
        case "Redis is away":
            station.redis.stop()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Place]:
    with building(tmp_path) as station:
        ports = free_port(), free_port()
        worker = station.start_worker(SYNC_METRICS_ADDRESS=f"127.0.0.1:{ports[0]}")
        beat = station.celery("beat", SYNC_METRICS_ADDRESS=f"127.0.0.1:{ports[1]}")
        worker.wait_for(READY)
        desk = Place(station, worker, beat, ports)
        wait_until(lambda: desk.measure("sync_tasks_state_reachable") == 1, "beat is measured", SETTLED_WITHIN)
        yield desk


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_the_operator_hears_of_each_fault(desk: Place, fault: str) -> None:
    reported = FAULTS[fault]
    with ExitStack() as stack:
        heard = stack.enter_context(watching(desk.station.producer)) if reported.flower else []
        switch_on(desk, fault)
        wait_until(lambda: reported.log in desk.worker.output, f"the log says {reported.log}", SETTLED_WITHIN)
        if reported.flower:
            wait_until(
                lambda: reported.flower in str([one.get("exception") for one in heard]), "Flower", SETTLED_WITHIN
            )
        wait_until(lambda: (desk.measure(reported.metric) or 0.0) > reported.above, reported.metric, SETTLED_WITHIN)
        wait_until(lambda: reported.status in desk.troubles, f"status says {reported.status}", SETTLED_WITHIN)
        assert reported.remedy in desk.troubles


def test_the_page_has_the_same_faults() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    page = {row[0]: row[1:] for row in rows}
    assert FAULTS.keys() <= page.keys()
    for fault, reported in FAULTS.items():
        text = " ".join(page[fault])
        assert all(
            part in text
            for part in (reported.status, reported.metric.partition("{")[0], reported.log, reported.flower)
            if part
        )
