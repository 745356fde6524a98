"""A portal, its workers, its Redis and its Brevo in one process, acting as one seed has it."""

import heapq
import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from itertools import count

from pydantic import SecretStr

from sync_tasks.config.settings import Account, Newsletter, Pipeline, Settings
from sync_tasks.domain.events import Event
from sync_tasks.domain.outcomes import Outcomes
from sync_tasks.errors import AccountError, InvalidEventError
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.rate_limits.recovery import find_probes
from sync_tasks.sandbox.contact import SandboxContact
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.settings import SandboxSettings
from sync_tasks.state import dead_letters
from sync_tasks.state.holds import clear_examined
from sync_tasks.state.store import Acceptance, Store
from sync_tasks.sync.contact import sync_contact
from sync_tasks.sync.context import Resources
from sync_tasks.tasks.bootstrap import account_mapping_of
from tests.simulation.client import Edit, open_memory, open_store
from tests.simulation.plan import LISTS, START, Plan
from tests.simulation.provider import SimulatedBrevo, SimulatedLimiter, Watcher
from tests.simulation.quirks import draw_quirks
from tests.simulation.scheduler import Actor, Scheduler

SWEEP_EVERY = 5.0
LONGEST = 20_000.0
RETRIED_WITHIN = 90.0
REFUSED = 400
# So long after the last event a state on hold is watched.
HELD_FOR = 600.0


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


@dataclass(frozen=True, order=True)
class Act:
    """What a reader did at Brevo, and which address the contact had then."""

    at: float
    what: str
    contact_id: int
    address: str


Shown = tuple[frozenset[int], bool]


def snapshot(contact: SandboxContact) -> Shown:
    """Return on which lists a contact is, and whether it is anonymized."""
    return frozenset(contact.list_ids), (contact.email or "").startswith("deleted-")


class World:
    """Everything there is in one history."""

    def __init__(self, seed: int, plan: Plan, broken: Broken) -> None:
        self.plan = plan
        self.broken = broken
        self.chance = random.Random(seed)
        random.seed(seed)
        self.refuses = any(fault["kind"] == "waf" or fault.get("status") == REFUSED for fault in plan.faults)
        self.memory = open_memory(int(START.timestamp() * 1_000_000))
        self.scheduler = Scheduler(self.memory.clock, self.chance)
        self.sandbox = self._open_sandbox(seed)
        self.watcher = Watcher(self.sandbox)
        self.settings = settings_of(plan.rate, broken.quiet_seconds)
        self.store = open_store(self.memory, edit=broken.edit, skew=plan.clocks.skew if plan.clocks else 0.0)
        self.ahead = 0
        self.accepted: list[tuple[float, Event, Acceptance]] = []
        self.acted: list[Act] = []
        self.idle: list[Actor] = []
        self.shown: dict[int, Shown] = {}
        self.messages: list[tuple[float, int, str]] = []
        self.busy = 0
        self._numbers = count()

    def _open_sandbox(self, seed: int) -> Sandbox:
        chance = self.chance
        quirks = draw_quirks(
            random.Random(f"quirks {seed}"),
            email_change_lifts_blocklist_even_if_sent=chance.random() < 0.5,
            unlink_non_member_is_refused=chance.random() < 0.5,
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
        """Let the history happen; return whether everything came to rest."""
        for number in range(self.plan.workers):
            self.scheduler.spawn(f"worker {number}", partial(self._work, number))
        self.scheduler.spawn("heal", self._heal)
        if self.broken.sweeping:
            self.scheduler.spawn("sweeper", self._sweep)
        for at, event in self.plan.calls:
            self._later(at, "portal", partial(self._accept, event))
        for at, ahead in self.plan.clocks.steps if self.plan.clocks else ():
            self._later(at, "time server", partial(setattr, self.memory, "step", int(ahead * 1_000_000)))
        for act in self.plan.acts:
            self._later(act.at, "reader", partial(self._act, act.what, act.user_id))
        if self.plan.rolled_back is not None:
            self._later(self.plan.rolled_back[0], "disk", self._roll_back)
        if self.plan.replayed is not None:
            self._later(self.plan.replayed, "operator", self.replay)
        return self.rest()

    def rest(self) -> bool:
        """Let time pass until nothing is left to do; on hold, until nothing more would come."""
        if self.plan.rolled_back is not None:
            last = max([self.plan.rolled_back[1], *(at for at, _ in self.plan.calls)])
            return self.scheduler.run(lambda: self.scheduler.seconds > last + HELD_FOR, LONGEST)
        return self.scheduler.run(self._is_over, LONGEST)

    def _roll_back(self) -> None:
        """Redis' disk is the one of a while ago; what was at Brevo until then is remembered for the invariants."""
        saved = deepcopy((self.memory.data, self.memory.ends))
        start, end = self.plan.rolled_back or (0.0, 0.0)
        self.scheduler.pause(end - start)
        self.memory.data, self.memory.ends = saved
        self.shown = {number: snapshot(contact) for number, contact in self.sandbox.account.contacts.items()}
        self.scheduler.note("the state goes backwards")

    def _is_over(self) -> bool:
        reported = len(self.accepted) + self.ahead == len(self.plan.calls) and not self.plan.faults
        state = self.memory.data
        waiting = state.get(self.store.key("dirty")) or state.get(self.store.key("due"))
        return reported and not waiting and not self.messages and not self.busy and not self.sandbox.account.schedule

    def _later(self, seconds: float, name: str, do: Callable[[], None]) -> None:
        self.scheduler.wake(self.scheduler.spawn(name, do), seconds)

    def _heal(self) -> None:
        """All trouble ends, some time."""
        self.scheduler.pause(self.plan.healed)
        self.sandbox.faults.clear()
        self.plan.faults, self.plan.killed, self.plan.stalled, self.plan.lost = [], 0, 0, 0
        while self.sandbox.account.schedule:
            self.scheduler.pause(1.0)
            self.sandbox.run_due()
            self.watcher.look()

    def _accept(self, event: Event) -> None:
        try:
            acceptance = self.store.accept(event)
        except InvalidEventError:
            self.ahead += 1
            return
        self.accepted.append((self.scheduler.seconds, event, acceptance))
        self.scheduler.note(f"{event.task} {event.user_id}: {acceptance.status}")
        for user_id in (event.user_id, *acceptance.users_to_nudge):
            self.send(user_id)

    def _act(self, what: str, user_id: str) -> None:
        """A reader acts; not while a request of ours is on its way, for no provider could say which came first."""
        while self.memory.hexists(self.store.key(f"contacts:{user_id}"), "lease") or self.sandbox.account.schedule:
            self.scheduler.pause(1.0)
        contact = self.sandbox.account.ext_ids.get(user_id)
        if contact:
            self.acted.append(Act(self.scheduler.seconds, what, contact.id, contact.email or ""))
            self.sandbox.act(what, contact.id)
            self.scheduler.note(f"{what} {user_id}")
            self.watcher.look()

    def replay(self) -> None:
        """An operator gives all dead letters another chance."""
        for letter in dead_letters.read_letters(self.store):
            done = dead_letters.replay(self.store, letter, "operator")
            self.scheduler.note(f"replays {letter.task} {letter.user_id}: {done}")
            self.send(letter.user_id)

    def send(self, user_id: str, seconds: float = 0.0) -> None:
        """Put a nudge into the queue, or lose it, or send it twice."""
        for _ in range(self._copies()):
            heapq.heappush(self.messages, (self.scheduler.seconds + seconds, next(self._numbers), user_id))
            for actor in self.idle:
                self.scheduler.wake(actor, max(self.messages[0][0] - self.scheduler.seconds, 0.0))

    def _copies(self) -> int:
        lost = self.plan.lost and self.chance.random() < self.plan.lost
        return 0 if lost else 1 + (self.chance.random() < 0.1)

    def _sweep(self) -> None:
        accounts, pipeline = self.settings.accounts, self.settings.pipeline
        limiter = Limiter(self.store, accounts, pipeline.probe_seconds)
        last = 0
        while True:
            self.scheduler.pause(SWEEP_EVERY)
            last, before = int(self.store.now()), last
            if before > last:
                self.store.put_back(before - last)
            self.store.note_sweep()
            # What the state's own pushes have changed at Brevo explains itself: a clock that stepped is no restore.
            clear_examined(self.store)
            probes = find_probes(self.store, limiter, accounts)
            for user_id in [*self.store.overdue(500, pipeline.grace_seconds), *probes]:
                self.scheduler.note(f"nudges {user_id}")
                self.send(user_id)

    def _work(self, number: int) -> None:
        """Be a worker process: take messages and handle them, until it is killed and another takes its place."""
        context = self._open_resources(number)
        while True:
            user_id = self._receive()
            self.busy += 1
            self.scheduler.note(f"takes {user_id}")
            self._handle(user_id, sync_contact(user_id, context, f"worker {number}"))
            self.busy -= 1

    def _receive(self) -> str:
        actor = self.scheduler.current
        while not self.messages or self.messages[0][0] > self.scheduler.seconds:
            self.idle.append(actor)
            if self.messages:
                self.scheduler.wake(actor, self.messages[0][0] - self.scheduler.seconds)
            self.scheduler.park()
            self.idle.remove(actor)
        return heapq.heappop(self.messages)[2]

    def _handle(self, user_id: str, outcomes: Outcomes) -> None:
        """Do what a task does with the outcomes."""
        for other in sorted(outcomes.users_to_nudge):
            self.send(other)
        waiting = [error for error in outcomes.waiting.values() if not isinstance(error, AccountError)]
        if waiting and outcomes.retry_in is not None and outcomes.retry_in <= RETRIED_WITHIN:
            self.send(user_id, outcomes.retry_in)

    def _open_resources(self, number: int) -> Resources:
        travel = partial(self._travel, number)
        store = self._open_store(travel)
        limiter = SimulatedLimiter(store, self.settings.accounts, self.settings.pipeline.probe_seconds)
        limiter.scheduler = self.scheduler
        gateway = SimulatedBrevo(self.watcher, self.scheduler, limiter.gate("default"), travel)
        mappings = {"default": account_mapping_of(self.settings, "default")}
        return Resources(self.settings, store, limiter, {"default": gateway}, mappings)

    def _open_store(self, travel: Callable[[str], None]) -> Store:
        return open_store(self.memory, pause=travel, edit=self.broken.edit)

    def _travel(self, number: int, what: str) -> None:
        """Something leaves or reaches a worker: it takes its time, and the process may stall or be killed there."""
        self.scheduler.note(what)
        if self.plan.killed and self.chance.random() < self.plan.killed:
            self.busy -= 1
            self._later(1.0, f"worker {number}", partial(self._work, number))
            self.scheduler.die()
        if self.plan.stalled and self.chance.random() < self.plan.stalled:
            self.scheduler.note("stalls")
            self.scheduler.pause(self.chance.uniform(5, 60))
        self.scheduler.pause(self.chance.choice([0.0002, 0.0005, 0.01, 0.05, 0.3, 1.0]))
