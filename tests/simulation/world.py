"""A portal, its workers, its Redis and its Brevo in one process, acting as one seed has it."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count

from pydantic import SecretStr

from sync_tasks import dead_letters
from sync_tasks.errors import AccountError
from sync_tasks.events import Event
from sync_tasks.resources import layout_of
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.settings import Quirks, SandboxSettings
from sync_tasks.settings import Account, Newsletter, Pipeline, Settings
from sync_tasks.store import Acceptance, Store
from sync_tasks.syncing import sync_contact
from sync_tasks.work import Report, Resources
from tests.simulation.client import Edit, open_memory, open_store
from tests.simulation.plan import LISTS, START, Plan
from tests.simulation.provider import SimulatedBrevo, SimulatedThrottle, Watcher
from tests.simulation.scheduler import Actor, Scheduler

SWEEP_EVERY = 5.0
LONGEST = 200_000.0
RETRIED_WITHIN = 90.0


@dataclass(frozen=True)
class Broken:
    """What is switched off to see that the simulation notices."""

    sweeping: bool = True
    quiet_seconds: float = 150.0
    edit: Edit = str


@cache
def settings_of(rate: float, quiet_seconds: float) -> Settings:
    newsletters = {slug: Newsletter(list_id=number) for slug, number in LISTS.items()}
    newsletters["daily"] = Newsletter(list_id=LISTS["daily"], unsubscribed_attribute="DAILY_UNSUBSCRIBED")
    account = Account(requests_per_second=rate, api_key=SecretStr("k"))
    return Settings(
        accounts={"default": account}, newsletters=newsletters, pipeline=Pipeline(quiet_seconds=quiet_seconds)
    )


class World:
    """Everything there is in one history."""

    def __init__(self, seed: int, plan: Plan, broken: Broken) -> None:
        self.plan = plan
        self.broken = broken
        self.chance = random.Random(seed)
        random.seed(seed)
        self.memory = open_memory(int(START.timestamp() * 1_000_000))
        self.scheduler = Scheduler(self.memory.clock, self.chance)
        self.sandbox = self._open_sandbox(seed)
        self.watcher = Watcher(self.sandbox)
        self.settings = settings_of(plan.rate, broken.quiet_seconds)
        self.store = open_store(self.memory, edit=broken.edit)
        self.accepted: list[tuple[float, Event, Acceptance]] = []
        self.acted: list[tuple[float, str, int]] = []
        self.idle: list[Actor] = []
        self.messages: list[tuple[float, int, str]] = []
        self.busy = 0
        self._numbers = count()

    def _open_sandbox(self, seed: int) -> Sandbox:
        chance = self.chance
        quirks = Quirks(
            email_change_lifts_blocklist_even_if_sent=chance.random() < 0.5,  # noqa: PLR2004 - either is possible
            unlink_non_member_is_refused=chance.random() < 0.5,  # noqa: PLR2004 - as above
        )
        attributes = {"DAILY_UNSUBSCRIBED": "boolean"}
        sandbox = Sandbox(
            SandboxSettings(seed=seed, quirks=quirks, attributes=attributes), lambda: self.memory.clock.seconds
        )
        sandbox.add_contacts(self.plan.existing)
        for fault in self.plan.faults:
            sandbox.add_fault(**fault)
        return sandbox

    def live(self) -> bool:
        """Let the history happen; tell whether everything came to rest."""
        for number in range(self.plan.workers):
            self.scheduler.spawn(f"worker {number}", lambda number=number: self._work(number))
        self.scheduler.spawn("heal", self._heal)
        if self.broken.sweeping:
            self.scheduler.spawn("sweeper", self._sweep)
        for at, event in self.plan.calls:
            self._later(at, "portal", lambda event=event: self._accept(event))
        for act in self.plan.acts:
            self._later(act.at, "reader", lambda act=act: self._act(act.what, act.user_id))
        if self.plan.replayed is not None:
            self._later(self.plan.replayed, "operator", self.replay)
        return self.rest()

    def rest(self) -> bool:
        """Let time pass until nothing is left to do."""
        return self.scheduler.run(self._is_over, LONGEST)
