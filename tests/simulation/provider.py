"""Brevo without the network and limits without waiting: the real gateway and limiter by the simulated clock."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import inf
from urllib.parse import quote, urlencode

from urllib3.exceptions import ProtocolError

from sync_tasks.domain.priority import Priority
from sync_tasks.errors import RateLimitedError
from sync_tasks.providers import Gate, Permit
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.connection import Patience
from sync_tasks.providers.brevo.failures import FailedTry
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.rate_limits.limiter import PATIENCE, AccountGate, Limiter
from sync_tasks.sandbox.history import Entry
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.wire import Reply
from tests.simulation.scheduler import Scheduler

TIMEOUT = 10.0


@dataclass(slots=True)
class Watcher:
    """What happened at Brevo, and to whose contact; ``begun`` is when each request was decided on."""

    sandbox: Sandbox
    happened: list[tuple[Entry, str]] = field(default_factory=list)
    begun: dict[int, float] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)

    def look(self) -> None:
        """Take note of what is new."""
        entries = list(self.sandbox.history.entries())
        for entry in entries[len(self.happened) :]:
            contact = self.sandbox.account.contacts.get(entry.contact_id)
            ext_id = contact.ext_id if contact else None
            if ext_id and not ext_id.startswith("deleted-"):
                self.owners[entry.contact_id] = ext_id
            self.happened.append((entry, self.owners.get(entry.contact_id, "")))


class SimulatedBrevo(Brevo):
    """The real gateway but for its sockets."""

    def __init__(self, watcher: Watcher, scheduler: Scheduler, gate: Gate, travel: Callable[[str], None]) -> None:
        Operations.__init__(self)
        self._gate = gate
        self._owner = None
        retrying = Patience().retrying(lambda result: isinstance(result, FailedTry) and result.brief)
        self._retrying = retrying.copy(sleep=lambda seconds: scheduler.pause(float(seconds)))
        self._watcher = watcher
        self._scheduler = scheduler
        self._travel = travel

    def _send(self, call: Call) -> Answer:
        begun = self._watcher.sandbox.clock()
        self._travel(f"asks {call}")
        reply = self._deliver(call)
        self._watcher.begun[self._watcher.sandbox.journal.total] = begun
        self._watcher.look()
        self._scheduler.note(f"is at Brevo: {'no answer' if reply.dropped else reply.status}")
        self._scheduler.pause(reply.delay)
        if reply.dropped or reply.truncated:
            self._scheduler.pause(self._scheduler.chance.choice([0.0, TIMEOUT]))
            raise ProtocolError
        self._travel("gets the answer")
        headers = dict(reply.headers)
        return Answer(reply.status, headers.get(b"x-sib-ratelimit-reset", b"").decode() or None, reply.body)

    def _deliver(self, call: Call) -> Reply:
        path = call.path.format(**{name: quote(str(part)) for name, part in call.parts.items()})
        body = b"" if call.body is None else json.dumps(call.body).encode()
        return self._watcher.sandbox.handle(call.method, f"/v3{path}", query=urlencode(call.query), body=body, key="k")


class SimulatedLimiter(Limiter):
    """The real limits and pauses; whoever must wait for them waits by the simulated clock."""

    scheduler: Scheduler

    def rest(self, seconds: float) -> None:
        self.scheduler.pause(seconds)

    def gate(self, account: str, priority: Priority = Priority.ORDINARY, *, granted: bool = False) -> AccountGate:
        return AccountGate(self, account, priority, Permit("contacts", granted=inf) if granted else None)

    def acquire(
        self,
        account: str,
        bucket: str,
        priority: Priority = Priority.ORDINARY,
        meanwhile: Callable[[], None] | None = None,
        part: str = "",
        *,
        begun: bool = False,  # noqa: ARG002 - the simulation has no line
    ) -> Permit:
        deadline = self.scheduler.seconds + PATIENCE
        while True:
            permit, wait = self._ask(account, bucket, priority, part)
            if permit:
                return replace(permit, granted=inf)
            if self.scheduler.seconds + wait > deadline:
                raise RateLimitedError("the limit is used up for now", wait)
            if meanwhile:
                meanwhile()
            meanwhile = None
            self.scheduler.pause(wait)
