"""The whole pipeline in processes of its own: Redis, Brevo's double, workers, beat, and a portal that calls ``delay``."""

import json
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery

from sync_tasks.accepting import NUDGE
from sync_tasks.contacts import EventKey
from sync_tasks.dead_letters import DeadLetter, read_letters
from sync_tasks.embedded import EmbeddedRedis
from sync_tasks.events import EVENTS, parse_event
from sync_tasks.sandbox import Sandbox
from sync_tasks.store import Store, connect
from sync_tasks.throttle import Throttle
from tests.servers import Program, StartProgram, wait_until

ROOT = Path(__file__).parents[2]
NAMESPACE = "sync_tasks"
QUEUE, URGENT = NAMESPACE, f"{NAMESPACE}.urgent"
# A worker that was interrupted must be well again after so many seconds: the promise.
RECOVERED_WITHIN = 60
LISTS = {"daily": 3, "weekly": 5}


@dataclass
class Rig:
    """Starts the parts of a pipeline, plays the portal, and looks at what came of it."""

    redis: EmbeddedRedis
    urls: Mapping[str, str]
    brevo: Sandbox
    start: StartProgram
    folder: Path
    pipeline: Mapping[str, float] = field(default_factory=dict)
    rate: float = 500
    others: Mapping[str, Sandbox] = field(default_factory=dict)
    _store: Store | None = None

    @property
    def store(self) -> Store:
        """The state, through a client of the test's own."""
        self._store = self._store or Store(connect(self.redis.url), NAMESPACE)
        return self._store

    @property
    def env(self) -> dict[str, str]:
        keys = {f"SYNC_API_KEY{'' if name == 'default' else f'_{name.upper()}'}": "key" for name in self.urls}
        where = {"SYNC_REDIS_URL": self.redis.url, "SYNC_BROKER_URL": "", "SYNC_NAMESPACE": NAMESPACE}
        return {**keys, **where, "SYNC_CONFIG": str(self.write_config()), "SYNC_BASE_URL": self.urls["default"]}

    def write_config(self) -> Path:
        """Write the configuration; each newsletter belongs to an account of its own where there are two."""
        path = self.folder / "sync_tasks.toml"
        lines = [
            line
            for name, url in self.urls.items()
            for line in (f"[accounts.{name}]", f'base_url = "{url}"', f"requests_per_second = {self.rate}")
            + (f"requests_per_hour = {int(self.rate * 3600)}",)
        ]
        for (slug, number), account in zip(LISTS.items(), [*self.urls, *self.urls], strict=False):
            lines += [f"[newsletters.{slug}]", f"list_id = {number}", f'account = "{account}"']
        lines += ["[pipeline]", *(f"{name} = {value}" for name, value in self.pipeline.items())]
        path.write_text("\n".join(lines))
        return path

    def celery(self, *words: str | Path, ready: str | None = None, **env: str) -> Program:
        command = [sys.executable, "-m", "celery", "-A", "sync_tasks", *words]
        return self.start(command, ready=ready, env=self.env | env, cwd=ROOT)

    def start_worker(self, *words: str, name: str = "one", threads: int = 4, **env: str) -> Program:
        """Start a worker and wait until it takes messages."""
        return self.celery("worker", "-n", f"{name}@%h", f"--concurrency={threads}", *words, ready=" ready.", **env)

    def start_beat(self) -> Program:
        return self.celery("beat", ready="beat: Starting")

    def portal(self, *calls: Mapping[str, Any]) -> Program:
        """Start a portal that hands each of these events to a task; it prints one line for each."""
        path = self.folder / f"events-{len(list(self.folder.glob('events-*')))}.jsonl"
        path.write_text("".join(json.dumps(call) + "\n" for call in calls))
        command = [sys.executable, "-m", "tests.reliability.portal", path]
        return self.start(command, env=self.env, cwd=ROOT)

    def accept(self, user_id: str, newsletter: str = "daily", task: str = "subscribe_contact", **said: Any) -> EventKey:
        """Let an event be accepted without a nudge."""
        told = {"user_id": user_id, **({} if task == "anonymize_contact" else {"newsletter": newsletter}), **said}
        if task == "subscribe_contact":
            told.setdefault("email", f"{user_id}@portal.org")
        event = parse_event(EVENTS[task], told)
        return EventKey(task, event.about or "", self.store.accept(event).stamp)

    def nudge(self, user_ids: Iterable[str]) -> None:
        """Send nudges, as the portal and the sweeper do."""
        with Celery(broker=self.redis.url) as sender, sender.connection_for_write() as connection:
            for user_id in user_ids:
                told = {"user_id": user_id}
                sender.send_task(
                    "sync_tasks.sync_contact", kwargs=told, headers=NUDGE, queue=QUEUE, connection=connection
                )

    def subscribe(self, *user_ids: str) -> None:
        """Let these users subscribe, and nudge them."""
        for user_id in user_ids:
            self.accept(user_id)
        self.nudge(user_ids)

    def sweep(self) -> None:
        """Ask the workers for a sweep, as a beat does."""
        with Celery(broker=self.redis.url) as sender:
            sender.send_task("sync_tasks.sweep", queue=URGENT)

    def held(self) -> set[str]:
        """Return the users whom Brevo holds on some list."""
        return {str(contact["ext_id"]) for contact in self.brevo.contacts() if contact["listIds"]}

    def wait_until_held(self, *user_ids: str, timeout: float = RECOVERED_WITHIN) -> None:
        wait_until(lambda: self.held() >= set(user_ids), f"Brevo holds {len(user_ids)} users", timeout)

    def wait_until_settled(self, timeout: float = RECOVERED_WITHIN) -> None:
        """Return once no contact is dirty."""
        wait_until(lambda: not self.dirty(), "nothing is dirty", timeout)

    def dirty(self) -> int:
        return int(self.store.redis.zcard(self.store.key("dirty")))

    def queued(self) -> int:
        """Return how many messages wait for a worker."""
        return int(self.store.redis.llen(QUEUE)) + int(self.store.redis.llen(URGENT))

    def unacknowledged(self) -> int:
        return int(self.store.redis.hlen(self.store.key("unacked")))

    def letters(self) -> list[DeadLetter]:
        return read_letters(self.store)

    def paused(self, account: str = "default") -> str | None:
        """Return which error paused the account, if one did."""
        pause = Throttle(self.store, {}).paused(account)
        return pause.error if pause else None

    def close(self) -> None:
        if self._store:
            self._store.redis.close()


def freeze(pid: int) -> None:
    """Stop a process without ending it: its sockets stay open and answer nothing, as when a machine hangs."""
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def resident(pid: int) -> float:
    """Return how many MiB of memory a process holds."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
