"""The pipeline inside the test's own process: what the portal says is accepted, and ``work`` does what workers would.

Real Redis, real HTTP to the sandbox; only the processes and the queue between them are left out.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import Contact, EventKey
from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.domain.outcomes import Outcomes
from sync_tasks.providers.brevo.connection import Patience
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.dead_letters import DeadLetter, read_letters
from sync_tasks.state.store import Store
from sync_tasks.sync.accounts import AccountAnswers, open_gateways
from sync_tasks.sync.contact import sync_contact
from sync_tasks.sync.context import Resources
from sync_tasks.tasks.bootstrap import account_mappings_of

HASTY = Patience(connect=2, read=0.4, pause=0.001)
MOST_ROUNDS = 12

SETTINGS: dict[str, Any] = {
    "newsletters": {
        "daily": {"list_id": 3, "unsubscribed_attribute": "DAILY_UNSUBSCRIBED"},
        "weekly": {"list_id": 5},
        "monthly": {"list_id": 7},
    },
    "attributes": {
        "first_name": "FIRSTNAME",
        "last_name": "LASTNAME",
        "city": "CITY",
        "visits": "VISITS",
    },
    "pipeline": {"quiet_seconds": 0},
}
# Brevo has them; CITY and HOBBY are texts, HOBBY is none of the pipeline's, nor is the list 9.
ATTRIBUTES = {"DAILY_UNSUBSCRIBED": "boolean", "CITY": "text", "VISITS": "float", "BORN": "date", "HOBBY": "text"}
ATTRIBUTES |= {"UNSUBSCRIBE_TOKEN": "text"}


def build_resources(
    settings: Settings,
    store: Store,
    kind: type[Limiter] = Limiter,
    *,
    sure: bool = False,
    patience: Patience = HASTY,
) -> Resources:
    """Return what a worker would work with, with gateways that are soon out of patience unless asked otherwise.

    Only if ``sure``, Brevo is asked whose account it is: most tests count the requests of events alone.
    """
    limiter = kind(store, settings.accounts, settings.pipeline.probe_seconds)
    known = store if sure else None
    gateways = open_gateways(settings.accounts, limiter.gate, known, limiter, patience=patience)
    return Resources(settings, store, limiter, gateways, account_mappings_of(settings))


@dataclass
class Pipeline:
    """What the portal may say, what a worker would do about it, and a look at what came of it."""

    resources: Resources
    brevo: Sandbox
    waiting: deque[str] = field(default_factory=deque)

    @property
    def store(self) -> Store:
        return self.resources.store

    def subscribe(self, user_id: str, newsletter: str = "daily", **said: object) -> EventKey:
        return self._say("subscribe_contact", user_id, newsletter=newsletter, **{"email": address_of(user_id)} | said)

    def update(self, user_id: str, **said: object) -> EventKey:
        return self._say("update_contact", user_id, **said)

    def unsubscribe(self, user_id: str, newsletter: str = "daily", **said: object) -> EventKey:
        return self._say("unsubscribe_contact", user_id, newsletter=newsletter, **said)

    def anonymize(self, user_id: str, **said: object) -> EventKey:
        return self._say("anonymize_contact", user_id, **said)

    def _say(self, task: str, user_id: str, **said: object) -> EventKey:
        event = parse_event(EVENTS[task], {"user_id": user_id, **said})
        acceptance = self.store.accept(event)
        self.waiting.extend((user_id, *acceptance.users_to_nudge))
        return EventKey(task, event.about or "", acceptance.stamp)

    def sync(self, user_id: str) -> Outcomes:
        """Look at one contact once, as a worker does for one message."""
        return sync_contact(user_id, self.resources)

    def work(self) -> Outcomes:
        """Look at every contact that waits, again and again until none does, and return what became of the events.

        Trouble that does not end fails the test.
        """
        outcomes: dict[str, Outcomes] = {}
        for _ in range(MOST_ROUNDS):
            self.waiting.extend(self.store.overdue(100, 0.0))
            if not self.waiting:
                return _union(outcomes.values())
            self._look_at_all(outcomes)
        raise AssertionError(f"still waiting after {MOST_ROUNDS} rounds: {_union(outcomes.values()).waiting}")

    def work_once(self) -> Outcomes:
        """Look at every contact that waits; those that must be tried again wait for the next time."""
        outcomes: dict[str, Outcomes] = {}
        self._look_at_all(outcomes)
        return _union(outcomes.values())

    def _look_at_all(self, outcomes: dict[str, Outcomes]) -> None:
        again = []
        while self.waiting:
            user_id = self.waiting.popleft()
            if user_id in self.waiting:
                continue
            latest = self.sync(user_id)
            self.waiting.extend(latest.users_to_nudge)
            if latest.retry_in is not None:
                again.append(user_id)
            outcomes[user_id] = outcomes.get(user_id, Outcomes()).then(latest)
        self.waiting.extend(again)

    def state(self, user_id: str) -> Contact:
        """Return what the pipeline knows of a user."""
        contact = self.store.peek(user_id)
        assert contact is not None, f"nothing is known of {user_id}"
        return contact

    def letters(self) -> list[DeadLetter]:
        return read_letters(self.store)

    def held(self, user_id: str) -> dict[str, Any]:
        """Return the one contact that Brevo holds of this user."""
        return held_by(self.brevo, user_id)

    def lists(self, user_id: str) -> set[int]:
        return set(self.held(user_id)["listIds"])

    @contextmanager
    def requests(self) -> Iterator[list[str]]:
        """Yield a list that holds, after the block, the requests Brevo got within it, numeric ids as ``{id}``."""
        before, reported = self.brevo.journal.total, list[str]()
        yield reported
        made = (request for request in self.brevo.journal.requests() if request.number > before)
        reported.extend(f"{request.method} {re.sub(r'[0-9]+$', '{id}', request.path)}" for request in made)

    def close(self) -> None:
        """Give the sockets back."""
        for gateway in self.resources.gateways.values():
            gateway.close()
        self.store.redis.close()


def address_of(user_id: str) -> str:
    """Return the address a user has in these tests where none is given."""
    return f"{user_id}@portal.org"


def know(pipeline: Pipeline, **answers: str) -> None:
    """Let a probe have found these answers of the account, whose owner the pipeline asks first."""
    pipeline.subscribe("first", email="first@portal.org")
    pipeline.work()
    owner = pipeline.store.redis.hget(pipeline.store.key("owners"), "default")
    AccountAnswers(pipeline.store, "default").keep(str(owner), answers)


def held_by(brevo: Sandbox, user_id: str) -> dict[str, Any]:
    """Return the one contact that this Brevo holds of a user."""
    held = [contact for contact in brevo.contacts() if contact.get("ext_id") == user_id]
    assert len(held) == 1, f"Brevo holds {len(held)} contacts of {user_id}"
    return held[0]


def _union(all_outcomes: Iterable[Outcomes]) -> Outcomes:
    """Return the outcomes of different users' events in one."""
    union = Outcomes()
    for outcomes in all_outcomes:
        union = Outcomes(
            {**union.done, **outcomes.done},
            {**union.dead, **outcomes.dead},
            {**union.waiting, **outcomes.waiting},
            union.resolved | outcomes.resolved,
        )
    return union


MakePipeline = Callable[..., Pipeline]
