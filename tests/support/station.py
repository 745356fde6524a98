"""The whole pipeline in processes of its own: Redis, the sandbox, a portal, workers, beat, Flower."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from celery import Celery

from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from sync_tasks.state.connection import connect
from sync_tasks.state.dead_letters import DeadLetter, read_letters
from sync_tasks.state.store import Store
from tests.support import portal
from tests.support.pipeline import ATTRIBUTES, held_by
from tests.support.portal import Portal
from tests.support.processes import Program, StartProgram, programs, require_redis_server, wait_until

ROOT = Path(__file__).parents[2]
READY = " ready."
SETTLED_WITHIN = 60.0
ENDED_WITHIN = 60.0
# No test waits for what takes long in production; a lease cannot be shorter than a second.
CONFIGURATION = """
[accounts.default]
base_url = "{url}"
requests_per_second = 1000
[newsletters.daily]
list_id = 3
unsubscribed_attribute = "DAILY_UNSUBSCRIBED"
[newsletters.weekly]
list_id = 5
[attributes]
first_name = "FIRSTNAME"
last_name = "LASTNAME"
city = "CITY"
mobile = "SMS"
[pipeline]
lease_seconds = 1.5
quiet_seconds = 0.5
probe_seconds = 0.3
grace_seconds = 0.5
"""


@dataclass
class Station:
    """Starts the processes of one pipeline and looks at what they do."""

    redis: EmbeddedRedis
    served: ServedSandbox
    start: StartProgram
    folder: Path
    stack: ExitStack
    more_env: dict[str, str] = field(default_factory=dict)
    cwd: Path = ROOT

    @property
    def brevo(self) -> Sandbox:
        return self.served.sandbox

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment of all these processes."""
        path = self.folder / "sync_tasks.toml"
        path.write_text(CONFIGURATION.format(url=self.served.url))
        reported = {"SYNC_REDIS_URL": self.redis.url, "SYNC_CONFIG": str(path), "SYNC_API_KEY": "xkeysib-zz"}
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("SYNC_", "FLOWER_"))}
        return kept | reported | self.more_env

    @cached_property
    def store(self) -> Store:
        store = Store(connect(self.redis.url), "sync_tasks")
        self.stack.callback(store.redis.close)
        return store

    @cached_property
    def portal(self) -> Portal:
        """A portal of this pipeline."""
        return self.stack.enter_context(portal.running(self.env, ROOT, self.folder / "portal.log"))

    @cached_property
    def producer(self) -> Celery:
        """Somebody else's Celery application, which knows no more than where the broker is and our queues' names."""
        app = Celery("producer", broker=self.redis.url)
        app.conf.update(control_exchange="sync_tasks.control", event_exchange="sync_tasks.events")
        app.conf.update(event_queue_prefix="sync_tasks.events")
        self.stack.callback(app.close)
        return app

    def send(self, task: str, /, *args: object, **said: object) -> str:
        """Send a full message, as another producer does, and return its id."""
        queue = f"sync_tasks{'.urgent' if task.endswith(('.unsubscribe_contact', '.anonymize_contact')) else ''}"
        sent: Any = self.producer.send_task(task, args, said, queue=queue, ignore_result=True)
        return str(sent.id)

    def celery(self, *words: str, **env: str) -> Program:
        command = [sys.executable, "-m", "celery", "-A", "sync_tasks", *words]
        return self.start(command, env=self.env | env, cwd=self.cwd)

    def start_command(self, *words: str, **more: str) -> Program:
        """Start one of the operator's commands, with ``more`` variables."""
        return self.start([sys.executable, "-m", "sync_tasks", *words], env=self.env | more, cwd=self.cwd)

    def run(self, *command: str | Path) -> Program:
        """Run a program to its end; see its ``output`` and ``process.returncode``."""
        program = self.start(command, env=self.env, cwd=self.cwd)
        program.process.wait(ENDED_WITHIN)
        return program

    def start_worker(self, name: str = "one", **env: str) -> Program:
        """Start a worker; it is ``READY`` some seconds later."""
        return self.celery("worker", "-n", f"{name}@localhost", "--concurrency=4", **env)

    def worker(self) -> Program:
        """Start a worker and return once it takes messages."""
        worker = self.start_worker()
        worker.wait_for(READY)
        return worker

    def receiver(self) -> tuple[Program, str]:
        """Start what receives webhooks and return it and its origin, once it listens."""
        receiver = self.start_command("webhooks", "serve", "--port", "0")
        receiver.wait_for("/webhooks/brevo/default")
        return receiver, receiver.output.split("receiving on ")[1].split("/webhooks")[0]

    def beat(self) -> Program:
        return self.celery("beat")

    def held(self, user_id: str) -> dict[str, Any]:
        """Return the one contact that Brevo holds of this user."""
        return held_by(self.brevo, user_id)

    def wait_for_lists(self, user_id: str, *lists: int) -> None:
        """Return once Brevo has the user on exactly these lists."""

        def is_there() -> bool:
            held = [contact for contact in self.brevo.contacts() if contact.get("ext_id") == user_id]
            return [set(contact["listIds"]) for contact in held] == [set(lists)]  # type: ignore[call-overload]

        wait_until(is_there, f"{user_id} is on the lists {lists}", SETTLED_WITHIN)

    def wait_for_letter(self, user_id: str) -> DeadLetter:
        """Return the dead letter of this user once there is one."""

        def find() -> DeadLetter | None:
            return next((letter for letter in read_letters(self.store) if letter.user_id == user_id), None)

        letter = wait_until(find, f"a dead letter of {user_id}", SETTLED_WITHIN)
        assert letter is not None
        return letter

    def letters(self) -> list[DeadLetter]:
        return read_letters(self.store)

    def wait_until_erased(self, user_id: str) -> None:
        """Return once an erasure is complete, its verification included."""
        self._wait_in_a_hurry(lambda: self.store.peek(user_id) is None, f"{user_id} is erased")

    def wait_until_settled(self) -> None:
        """Return once nobody is dirty or due, and no message is left."""
        keys = (
            "sync_tasks:dirty",
            "sync_tasks:due",
            "sync_tasks",
            "sync_tasks.urgent",
            "sync_tasks.background",
            "sync_tasks:unacked",
        )
        self._wait_in_a_hurry(lambda: not self.store.redis.exists(*keys), "all is settled")

    def _wait_in_a_hurry(self, predicate: Callable[[], bool], what: str) -> None:
        """Wait for something, and meanwhile do what sweeps do without waiting for beat."""

        def look() -> bool:
            # A slow machine must not be given more messages than its worker takes.
            idle = not self.store.redis.exists("sync_tasks", "sync_tasks.urgent", "sync_tasks.background")
            for user_id in self.store.overdue(100, 0.0) if idle else ():
                self.send("sync_tasks.sync_contact", user_id=user_id)
            return predicate()

        wait_until(look, what, SETTLED_WITHIN)


@contextmanager
def building(folder: Path, server: Mapping[str, str] | None = None, **fields: Any) -> Iterator[Station]:
    """Yield a pipeline of which nothing runs yet but Redis and the sandbox; all of it is gone after the block.

    ``server`` are settings of Redis.
    """
    require_redis_server()
    settings = SandboxSettings(attributes=ATTRIBUTES, limits=LimitSettings(enabled=False), seed=1, import_seconds=1.0)
    with ExitStack() as stack:
        redis = stack.enter_context(EmbeddedRedis(appendfsync="no", settings=server))
        served = stack.enter_context(serving(settings))
        start = stack.enter_context(programs(folder))
        yield Station(redis, served, start, folder, stack, **fields)


def read_outcomes(program: Program) -> list[dict[str, str]]:
    """Return the lines of a log in JSON that report what became of an event."""
    lines = (json.loads(line) for line in program.output.splitlines() if line.startswith("{"))
    return [line for line in lines if "outcome" in line]
