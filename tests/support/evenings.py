"""A station whose portal wants to hear of opt-outs: the portal's own worker, and a beat in a hurry."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import Program, wait_until
from tests.support.station import ROOT, Station, building

STATED = """
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
def note(**reported):
    with Path({heard!r}).open("a") as heard:
        heard.write(json.dumps(reported) + "\\n")
"""
# To this one each second is a night.
HURRIED = """
from sync_tasks.tasks.app import app
from celery.signals import after_task_publish
app.conf.beat_schedule["reconcile"]["schedule"] = 1.0

@after_task_publish.connect(sender="sync_tasks.reconcile", weak=False)
def report(**_):
    print({asked!r}, flush=True)
"""
ASKED = "it is night"


@contextmanager
def reporting(folder: Path, **env: str) -> Iterator[Station]:
    """Yield a pipeline of processes whose portal wants to hear of opt-outs."""
    with building(folder, more_env=env) as station:
        path = Path(station.env["SYNC_CONFIG"])
        path.write_text(path.read_text() + STATED)
        yield station


@dataclass
class Ear:
    """The portal's own worker, and where it writes what it heard."""

    program: Program
    heard: Path

    @property
    def reported(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.heard.read_text().splitlines()]

    def wait_for(self, number: int, within: float = 20) -> list[dict[str, str]]:
        """Return what the portal heard once that is so much."""
        return wait_until(
            lambda: self.reported if len(self.reported) >= number else [], f"{number} are reported", within
        )


def start_portal(station: Station, broker: str = "") -> Ear:
    """Start the portal's own worker."""
    heard = station.folder / "heard.jsonl"
    heard.touch()
    code = PORTAL.format(broker=broker or station.redis.url, heard=str(heard))
    program = _start(station, "portal", code, "worker", "-P", "solo", "-n", "portal@localhost", "-l", "INFO")
    return Ear(program, heard)


def start_hurried_beat(station: Station) -> Program:
    """Start a beat to which each second is a night; it says ``ASKED`` each time."""
    return _start(station, "hurried", HURRIED.format(asked=ASKED), "beat")


def _start(station: Station, name: str, code: str, *words: str) -> Program:
    (station.folder / f"{name}.py").write_text(code)
    command = [sys.executable, "-m", "celery", "-A", name, *words]
    return station.start(command, env=station.env | {"PYTHONPATH": str(ROOT)}, cwd=station.folder)
