"""The station of the integration tests, built to be broken: several accounts, bulk events, frozen processes."""

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.server import ServedSandbox
from sync_tasks.tasks.accept import NUDGE
from tests.support.processes import Program, wait_until
from tests.support.station import READY, Station

# The promise: workers recover from whatever happened to Redis within so many seconds.
RECOVERED_WITHIN = 60.0
QUEUE, URGENT, BACKGROUND = "sync_tasks", "sync_tasks.urgent", "sync_tasks.background"


@dataclass
class Rig(Station):
    """A station with one sandbox for each account; ``daily`` lies in the first account, ``weekly`` in the last."""

    pipeline: str = ""
    others: dict[str, ServedSandbox] = field(default_factory=dict)
    rate: float = 500.0
    redis_url: str = ""

    @cached_property
    def env(self) -> dict[str, str]:
        """The environment of all these processes."""
        reported = {"SYNC_REDIS_URL": self.redis_url or self.redis.url, "SYNC_CONFIG": str(self._write_configuration())}
        keys = {f"SYNC_API_KEY_{name.upper()}": "xkeysib-zz" for name in self.others}
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("SYNC_", "FLOWER_"))}
        return kept | reported | keys | {"SYNC_API_KEY": "xkeysib-zz"} | self.more_env

    def _write_configuration(self) -> Path:
        accounts = {"default": self.served, **self.others}
        lines = []
        for name, served in accounts.items():
            lines += [f"[accounts.{name}]", f'base_url = "{served.url}"', f"requests_per_second = {self.rate}"]
            lines.append(f"requests_per_hour = {int(self.rate * 3600)}")
        for slug, number, account in (("daily", 3, "default"), ("weekly", 5, [*accounts][-1])):
            lines += [f"[newsletters.{slug}]", f"list_id = {number}", f'account = "{account}"']
        path = self.folder / "sync_tasks.toml"
        path.write_text("\n".join([*lines, "[pipeline]", self.pipeline]))
        return path

    def start_threads(self, threads: int) -> Program:
        """Start a worker of so many threads and return once it takes messages."""
        worker = self.celery("worker", "-n", "threads@localhost", f"--concurrency={threads}")
        worker.wait_for(READY)
        return worker

    def worker(self, name: str = "one") -> Program:
        """Start a worker and return once it takes messages."""
        (worker,) = self.workers(name)
        return worker

    def workers(self, *names: str) -> list[Program]:
        """Start workers at the same time and return once all of them take messages."""
        workers = [self.start_worker(name) for name in names]
        for worker in workers:
            worker.wait_for(READY)
        return workers

    def accept(self, user_id: str, newsletter: str = "daily", task: str = "subscribe", **said: Any) -> EventKey:
        """Let an event be accepted, without a nudge."""
        reported = {"user_id": user_id, **said}
        if task != "update":
            reported["newsletter"] = newsletter
        if task == "subscribe":
            reported.setdefault("email", f"{user_id}@portal.org")
        event = parse_event(EVENTS[f"{task}_contact"], reported)
        return EventKey(event.task, event.about or "", self.store.accept(event).stamp)

    def nudge(self, *user_ids: str, queue: str = QUEUE) -> None:
        """Send nudges, as the portal and the sweeper do."""
        with self.producer.connection_for_write() as connection:
            for user_id in user_ids:
                self.producer.send_task(
                    "sync_tasks.sync_contact",
                    kwargs={"user_id": user_id},
                    headers=NUDGE,
                    queue=queue,
                    ignore_result=True,
                    connection=connection,
                )

    def subscribe(self, *user_ids: str, newsletter: str = "daily") -> None:
        """Let these users subscribe, and nudge them."""
        for user_id in user_ids:
            self.accept(user_id, newsletter)
        self.nudge(*user_ids)

    def change(self, *user_ids: str) -> None:
        """Let users whom Brevo does not know change their names: each is looked for, first on pages with others."""
        for user_id in user_ids:
            self.accept(user_id, task="update", email=f"{user_id}@portal.org", first_name="Anna")

    def sweep(self) -> None:
        """Ask for a sweep, as a beat does."""
        self.producer.send_task("sync_tasks.sweep", queue=URGENT, ignore_result=True)

    def wait_in_a_hurry(self, predicate: Callable[[], object], what: str, within: float = RECOVERED_WITHIN) -> None:
        """Wait for something, and meanwhile do what sweeps do, only more often."""

        def look() -> object:
            if not self.queued():
                self.nudge(*self.store.overdue(100, 0.2))
            return predicate()

        wait_until(look, what, within)

    def wait_until_held(self, *user_ids: str, by: Sandbox | None = None, within: float = RECOVERED_WITHIN) -> None:
        """Return once Brevo has these users on a list."""
        wait_until(lambda: read_users(by or self.brevo) >= set(user_ids), f"{len(user_ids)} users at Brevo", within)

    def wait_until_clean(self, within: float = RECOVERED_WITHIN) -> None:
        """Return once no contact is dirty."""
        wait_until(lambda: not self.count("dirty"), "nothing is dirty", within)

    def count(self, what: str) -> int:
        """Return how many users are ``dirty`` or ``due``."""
        return int(self.store.redis.zcard(self.store.key(what)))

    def status(self) -> Program:
        """Ask ``sync-tasks status`` and return how it ended."""
        return self.run(sys.executable, "-m", "sync_tasks", "status")

    def queued(self) -> int:
        """Return how many messages wait for a worker."""
        return sum(int(self.store.redis.llen(queue)) for queue in (QUEUE, URGENT, BACKGROUND))

    def unacknowledged(self) -> int:
        """Return how many messages workers have in hand."""
        return int(self.store.redis.hlen(self.store.key("unacked")))

    def paused(self, account: str = "default") -> str | None:
        """Return which error paused an account, if one did."""
        pause = Limiter(self.store, {}).paused(account)
        return pause.error if pause else None


def read_users(brevo: Sandbox) -> set[str]:
    """Return the users whom Brevo has on some list."""
    return {str(contact.get("ext_id")) for contact in brevo.contacts() if contact["listIds"]}


def users(count: int, prefix: str = "user") -> list[str]:
    """Return so many users' ids."""
    return [f"{prefix}-{number}" for number in range(count)]


def freeze(pid: int) -> None:
    """Stop a process without ending it: its sockets stay open and answer nothing, as when a machine hangs."""
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """Let a frozen process go on."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def resident(worker: Program) -> float:
    """Return how many MiB of memory the worker holds."""
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def lines_with(program: Program, words: Iterable[str]) -> list[str]:
    """Return the lines of a log that hold all these words."""
    wanted = tuple(words)
    return [line for line in program.output.splitlines() if all(word in line for word in wanted)]
