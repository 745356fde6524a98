"""An account that may be a real one: what a test makes there is its own, counted, and removed at the end."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from sync_tasks.config.settings import Account, Settings
from sync_tasks.domain.events import EVENTS, parse_event
from sync_tasks.errors import SyncError
from sync_tasks.providers import Gate, Permit
from sync_tasks.providers.brevo.probe_desk import ProbeDesk
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.state.store import Store
from sync_tasks.sync.accounts import open_gateways
from sync_tasks.sync.contact import sync_contact
from sync_tasks.sync.context import Resources
from sync_tasks.tasks.bootstrap import account_mappings_of

MOST = 100
ROUNDS = 6
NEWSLETTERS = ("daily", "weekly")


@dataclass
class Counter:
    """How many requests were made."""

    used: int = 0


@dataclass
class CountingGate:
    """Lets no more than ``MOST`` requests pass; removing what was made is never refused."""

    inner: Gate
    counter: Counter

    def acquire(self, bucket: str, part: str = "") -> Permit:
        assert self.counter.used < MOST, f"{MOST} requests were made"
        self.counter.used += 1
        return self.inner.acquire(bucket, part)

    def report(self, permit: Permit, error: SyncError | None) -> None:
        self.inner.report(permit, error)

    def record_usage(self, permit: Permit, limit: int, remaining: int) -> None:
        self.inner.record_usage(permit, limit, remaining)


@dataclass
class LiveAccount:
    """The account, and what of it is the test's own."""

    desk: ProbeDesk
    resources: Resources
    lists: Mapping[str, int]
    mailbox: str
    counter: Counter
    token: str
    ids: set[int] = field(default_factory=set)

    def address(self, number: int) -> str:
        """Return an address of the mailbox that nobody else has."""
        local, _, domain = self.mailbox.rpartition("@")
        return f"{local}+sync-live-{self.token}-{number}@{domain}"

    def say(self, task: str, **said: object) -> None:
        """Let the portal say something of the one user, and bring the contact in sync."""
        user_id = f"sync-live-{self.token}"
        self.resources.store.accept(parse_event(EVENTS[task], {"user_id": user_id, **said}))
        for _ in range(ROUNDS):
            outcomes = sync_contact(user_id, self.resources)
            contact = self.resources.store.peek(user_id)
            self.ids |= {seen.id for seen in contact.seen.values() if seen.id} if contact else set()
            if outcomes.retry_in is None:
                assert not outcomes.dead, outcomes
                return
            self.resources.limiter.rest(outcomes.retry_in)
        raise AssertionError(f"{task} is not done after {ROUNDS} tries")

    def held(self) -> dict[str, Any]:
        """Return the one contact of the test as the account holds it."""
        (contact_id,) = self.ids
        return dict(self.desk.show(contact_id) or {})


def _remove(desk: ProbeDesk, contacts: Iterable[int], lists: Iterable[int]) -> None:
    for contact_id in contacts:
        desk.remove_contact(contact_id)
    for list_id in lists:
        desk.remove_list(list_id)


@contextmanager
def opening(store: Store, key: str, mailbox: str, url: str) -> Iterator[LiveAccount]:
    """Yield an account with two lists of its own, and remove them and the contacts after the block."""
    token, counter = secrets.token_hex(4), Counter()
    account = Account(base_url=url, api_key=SecretStr(key))
    accounts = {"default": account}
    limiter = Limiter(store, accounts)
    desk = ProbeDesk(key, base_url=url, gate=CountingGate(limiter.gate("default"), counter))
    lists: dict[str, int] = {}
    live: LiveAccount | None = None
    try:
        folder = desk.find_folder()
        assert folder is not None, "the account has no folder for lists"
        for slug in NEWSLETTERS:
            lists[slug] = desk.make_list(f"sync-tasks live {token} {slug}", folder)
        settings = _configure(account, lists, mailbox)
        gateways = open_gateways(accounts, lambda name: CountingGate(limiter.gate(name), counter), store, limiter)
        context = Resources(settings, store, limiter, gateways, account_mappings_of(settings))
        live = LiveAccount(desk, context, lists, mailbox, counter, token)
        yield live
    finally:
        counter.used = 0
        _remove(desk, live.ids if live is not None else (), lists.values())
        desk.close()


def _configure(account: Account, lists: Mapping[str, int], mailbox: str) -> Settings:
    local, _, domain = mailbox.rpartition("@")
    return Settings.model_validate(
        {
            "accounts": {"default": account},
            "newsletters": {slug: {"list_id": number} for slug, number in lists.items()},
            "attributes": {"first_name": "FIRSTNAME"},
            "anonymize": {"email": f"{local}+deleted-{{token}}@{domain}"},
            "pipeline": {"quiet_seconds": 0},
        }
    )
