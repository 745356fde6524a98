"""The processes of a chaos run: Redis, the sandbox, workers, beat, a portal."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.sandbox.server import serving
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.reliability.chaos.people import Reported
from tests.reliability.chaos.plan import Plan
from tests.reliability.chaos.witness import Witness
from tests.support.processes import Program, StartProgram, programs

ROOT = Path(__file__).parents[3]
CONFIGURATION = """
[accounts.default]
base_url = "{url}"
requests_per_second = 900
requests_per_hour = 3000000
[newsletters.daily]
list_id = 3
unsubscribed_attribute = "DAILY_UNSUBSCRIBED"
[newsletters.weekly]
list_id = 5
[newsletters.monthly]
list_id = 7
[attributes]
first_name = "FIRSTNAME"
last_name = "LASTNAME"
city = "CITY"
[pipeline]
"""


@dataclass
class World:
    """What runs, and how to start more of it. Only the thread that starts a process may end before it."""

    plan: Plan
    redis: EmbeddedRedis
    brevo: Witness
    store: Store
    start: StartProgram
    folder: Path
    env: dict[str, str]
    workers: list[Program] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)

    def start_worker(self, name: str) -> Program:
        """Start a worker; with a sabotage planned, one from which that part is missing."""
        more = ("--include=tests.reliability.chaos.sabotage",) if self.plan.sabotage else ()
        return self._start("celery", "-A", "sync_tasks", "worker", "-n", f"{name}@chaos", *more)

    def start_beat(self) -> Program:
        return self._start("celery", "-A", "sync_tasks", "beat")

    def start_portal(self, sent: list[Reported]) -> Program:
        """Start the portal, which sends these events in this order."""
        rows = ({"number": reported.number, "task": reported.task, "said": reported.said} for reported in sent)
        (self.folder / "events.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        reported = (self.folder / "events.jsonl", self.accepted, self.plan.waves, self.plan.load)
        return self._start("tests.reliability.chaos.portal", *map(str, reported))

    def start_fuzzer(self) -> Program:
        """Start a receiver, with a Redis of its own, and what sends it anything at all."""
        return self._start("tests.support.fuzzing", "--seconds", str(self.plan.fuzz), "--seed", str(self.plan.seed))

    def replay_all(self) -> Program:
        """Start the command by which an operator gives all dead letters another chance."""
        return self._start("sync_tasks", "failed", "replay", "--all")

    def reconcile(self) -> Program:
        """Start the command by which an operator has everything compared and repaired."""
        return self._start("sync_tasks", "reconcile")

    @property
    def accepted(self) -> Path:
        """Where the portal writes down what was accepted."""
        return self.folder / "accepted.jsonl"

    def _start(self, module: str, *words: str) -> Program:
        program = self.start([sys.executable, "-m", module, *words], env=self.env, cwd=ROOT)
        self.programs.append(program)
        return program


@contextmanager
def building(plan: Plan, folder: Path) -> Iterator[World]:
    """Yield a world in which nothing runs yet but Redis and the sandbox; all of it is gone after the block."""
    with ExitStack() as stack:
        brevo = Witness(plan.seed)
        url = stack.enter_context(serving(sandbox=brevo)).url
        redis = stack.enter_context(EmbeddedRedis(appendfsync="always"))
        store = Store(connect(redis.url), "sync_tasks")
        stack.callback(store.redis.close)
        start = stack.enter_context(programs(folder))
        yield World(plan, redis, brevo, store, start, folder, _environment(plan, redis.url, url, folder))


def _environment(plan: Plan, redis_url: str, url: str, folder: Path) -> dict[str, str]:
    path = folder / "sync_tasks.toml"
    reported = "".join(f"{name} = {value}\n" for name, value in plan.pipeline.items())
    path.write_text(CONFIGURATION.format(url=url) + reported)
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("SYNC_", "FLOWER_"))}
    ours = {"SYNC_REDIS_URL": redis_url, "SYNC_CONFIG": str(path), "SYNC_API_KEY": "xkeysib-zz"}
    return kept | ours | {"CHAOS_SABOTAGE": plan.sabotage}
