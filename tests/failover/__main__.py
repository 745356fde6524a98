"""Fail over under load, again and again: how long a portal waits, what an asynchronous replica lacked, what repairs it.

``make failover`` runs all of it; ``ARGS=--short`` kills a primary once. Cutting off needs root and iproute2.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sync_tasks.local.leash import leash
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.sandbox import LimitSettings, SandboxSettings
from sync_tasks.sandbox.server import serving
from sync_tasks.state.connection import connect
from sync_tasks.state.holds import read_hold
from sync_tasks.state.store import Store
from tests.failover.town import FAR, INSIDE, NEAR, FarRedis, far_primary
from tests.support.pipeline import ATTRIBUTES
from tests.support.processes import programs, wait_until
from tests.support.rig import freeze, thaw
from tests.support.sentinels import Primary, Watched, watching
from tests.support.station import ROOT, Station

READERS = 400
QUIET, AFTER = 5.0, 12.0
SETTLED_WITHIN = 180.0
DAILY = 3
CUT_OFF, WITH_PORTAL = "cut off", "cut off, portal too"
TROUBLES = ("killed", "hung", CUT_OFF, WITH_PORTAL)


@dataclass
class Found:
    """What one failover showed."""

    trouble: str
    replicas: int
    failover: float = 0.0
    accepts_again: float = 0.0
    accepted: int = 0
    raised: int = 0
    vanished: int = 0
    held: str = ""
    wrong_after: int = 0
    turned: int = 0
    typical_ms: float = 0.0
    notes: list[str] = field(default_factory=list)


class Watcher(threading.Thread):
    """Looks at Brevo: who was off the list after an accepted opt-out must never be on it again."""

    def __init__(self, station: Station) -> None:
        super().__init__(daemon=True)
        self.station, self.off, self.turned, self.end = station, set[str](), set[str](), threading.Event()

    def run(self) -> None:
        while not self.end.wait(0.2):
            held = {str(one.get("ext_id")): one["listIds"] for one in self.station.brevo.contacts()}
            readers = {user for user, lists in held.items() if user.startswith("reader-") and DAILY not in lists}  # type: ignore[operator]
            self.turned |= {user for user in self.off if DAILY in held.get(user, [])}  # type: ignore[operator]
            self.off |= readers


def read_calls(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def is_there(store: Store, call: dict[str, Any]) -> bool:
    contact = store.peek(call["user_id"])
    reported = contact.subscriptions().get("daily") if contact else None
    return bool(reported) and reported[1] is (call["task"] == "subscribe")  # type: ignore[index]


@contextmanager
def loading(station: Station, path: Path, *, far: bool) -> Iterator[None]:
    """Let a portal call while the block lasts; a ``far`` one is cut off together with the primary."""
    command = leash([*(INSIDE if far else ()), sys.executable, "-m", "tests.failover.load", str(path)])
    env = station.env | ({"SYNC_REDIS_URL": station.env["SYNC_REDIS_URL"].replace("127.0.0.1", NEAR)} if far else {})
    path.touch()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=env, cwd=ROOT)
    try:
        wait_until(lambda: path.stat().st_size > 0, "the portal is there", 30)
        yield
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(60)


def strike(trouble: str, primary: Primary) -> None:
    assert primary.pid
    if trouble == "killed":
        primary.kill()
    elif trouble == "hung":
        freeze(primary.pid)
    elif isinstance(primary, FarRedis):
        primary.cut_off()


def heal(trouble: str, primary: Primary) -> None:
    if trouble == "hung" and primary.pid:
        thaw(primary.pid)
    elif isinstance(primary, FarRedis):
        primary.join()


def play(trouble: str, replicas: int, folder: Path) -> Found:
    """Let a primary fail once under load, repair what was lost as an operator does, and return what was seen."""
    found = Found(trouble, replicas)
    with ExitStack() as stack:
        settings = SandboxSettings(
            attributes=ATTRIBUTES, limits=LimitSettings(enabled=False), seed=1, import_seconds=1.0
        )
        served = stack.enter_context(serving(settings))
        if trouble.startswith(CUT_OFF):
            primary: Primary = stack.enter_context(far_primary(folder))
            watched = stack.enter_context(watching(folder, primary, far=FAR, near=NEAR))
        else:
            watched = stack.enter_context(watching(folder))
        start = stack.enter_context(programs(folder))
        more = {"SYNC_REDIS_URL": watched.url, "SYNC_REPLICAS": str(replicas)}
        extra = EmbeddedRedis(port=1)
        station = Station(extra, served, start, folder, stack, more_env=more)
        client = stack.enter_context(connect(watched.url))
        station.__dict__["store"] = Store(client, "sync_tasks")
        _seed(station)
        _fail(found, station, watched, folder)
        _repair(found, station, folder)
    return found


def _seed(station: Station) -> None:
    rows = [
        {"user_id": f"reader-{number * 4}", "email": f"reader-{number * 4}@portal.org", "newsletters": ["daily"]}
        for number in range(READERS)
    ]
    path = station.folder / "readers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    station.worker()
    station.beat()
    done = station.run(sys.executable, "-m", "sync_tasks", "backfill", str(path))
    assert done.process.returncode == 0, done.output


def _fail(found: Found, station: Station, watched: Watched, folder: Path) -> None:
    path = folder / "calls.jsonl"
    watcher = Watcher(station)
    watcher.start()
    with loading(station, path, far=found.trouble == WITH_PORTAL):
        time.sleep(QUIET)
        struck = time.time()
        strike(found.trouble, watched.primary)
        watched.wait_for_failover()
        found.failover = time.time() - struck
        time.sleep(AFTER)
        heal(found.trouble, watched.primary)
        time.sleep(AFTER)
    calls = read_calls(path)
    good = [call for call in calls if not call["error"]]
    before = sorted(call["took"] for call in good if call["began"] + call["took"] < struck)
    found.typical_ms = 1000 * before[len(before) // 2]
    last_raised = max(
        (call["began"] + call["took"] for call in calls if call["error"] and call["began"] < struck + AFTER),
        default=struck,
    )
    found.accepts_again = (
        min(call["began"] + call["took"] for call in good if call["began"] + call["took"] >= last_raised) - struck
    )
    found.accepted, found.raised = len(good), len(calls) - len(good)
    found.vanished = sum(not is_there(station.store, call) for call in good)
    watcher.end.set()
    watcher.join()
    found.turned = len(watcher.turned)
    found.notes = sorted({call["error"] for call in calls if call["error"]})


def _repair(found: Found, station: Station, folder: Path) -> None:
    """Do as the pages say: a comparison with the portal's own export, and a decision if the state is on hold."""
    hold = read_hold(station.store)
    found.held = "no" if hold is None or hold.examining else "yes"
    wished = {f"reader-{number * 4}": True for number in range(READERS)}
    wished |= {
        call["user_id"]: call["task"] == "subscribe" for call in read_calls(folder / "calls.jsonl") if not call["error"]
    }
    path = folder / "export.jsonl"
    rows = (
        {"user_id": user, "email": f"{user}@portal.org", "newsletters": ["daily"] if on else []}
        for user, on in wished.items()
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    commands = [["reconcile", "--from", str(path), "--max-changes", "100000"]]
    if found.held == "yes":
        commands.append(["state", "accept", "--trust", "state", "--yes", "--by", "ops"])
    for words in commands:
        done = station.run(sys.executable, "-m", "sync_tasks", *words)
        if done.process.returncode == 2:
            found.notes.append(done.output.strip().splitlines()[-1])
    listed: set[str] = set()

    def wrong() -> set[str]:
        listed.clear()
        listed.update(str(one.get("ext_id")) for one in station.brevo.contacts() if DAILY in one["listIds"])  # type: ignore[operator]
        return {user for user, on in wished.items() if on is not (user in listed)}

    deadline = time.monotonic() + SETTLED_WITHIN
    while wrong() and time.monotonic() < deadline:
        time.sleep(0.5)
    found.wrong_after = len(wrong())


def main() -> None:
    """Play each trouble and print the table; exit 1 if an opt-out turned round or something was not repaired."""
    if os.geteuid() == 0 and shutil.which("unshare") and "SYNC_OWN_NETWORK" not in os.environ:
        # A network of our own: nothing of this machine's is touched.
        inside = 'ip link set lo up; exec "$0" -m tests.failover "$@"'
        os.environ["SYNC_OWN_NETWORK"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "sh", "-c", inside, sys.executable, *sys.argv[1:]])  # noqa: S606, S607
    os.environ.pop("SYNC_OWN_NETWORK", None)
    plays = (
        [("killed", 0)] if "--short" in sys.argv else [(trouble, number) for trouble in TROUBLES for number in (0, 1)]
    )
    table = Table(
        "primary",
        "SYNC_REPLICAS",
        "failover",
        "delay() again",
        "accepted",
        "raised",
        "vanished",
        "hold",
        "wrong after",
        "turned",
        "delay()",
    )
    failed = False
    for trouble, replicas in plays:
        if trouble.startswith(CUT_OFF) and (os.geteuid() or not shutil.which("ip")):
            table.add_row(trouble, str(replicas), "not tried: needs root and iproute2")
            continue
        with tempfile.TemporaryDirectory(prefix="failover-") as name:
            found = play(trouble, replicas, Path(name))
        # A portal behind the cut cannot know of the new primary before the cut is mended.
        late = trouble != WITH_PORTAL and found.accepts_again > found.failover + 5
        failed = failed or late or bool(found.turned or found.wrong_after)
        seconds = (f"{found.failover:.1f} s", f"{found.accepts_again:.1f} s")
        numbers = map(str, (found.accepted, found.raised, found.vanished, found.held, found.wrong_after, found.turned))
        table.add_row(trouble, str(replicas), *seconds, *numbers, f"{found.typical_ms:.1f} ms")
        Console(stderr=True, width=140).print(found)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    sys.exit(failed)


if __name__ == "__main__":
    main()
