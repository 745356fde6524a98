"""A whole pipeline for one test of a portal: a Redis, a local Brevo and a worker, all gone afterwards."""

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sync_tasks.config import environment
from sync_tasks.config.settings import Settings
from sync_tasks.domain.priority import Priority
from sync_tasks.errors import ConfigurationError
from sync_tasks.local import setup
from sync_tasks.local.processes import Parts
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.bulk import count_queues
from sync_tasks.state.connection import connect
from sync_tasks.state.dead_letters import read_letters
from sync_tasks.state.store import Store
from sync_tasks.tasks import accept
from sync_tasks.tasks.accept import nudge_contacts, queue_of
from sync_tasks.tasks.app import app

if TYPE_CHECKING:
    from celery import Celery

SETTLED_WITHIN = 60.0
_STOPPED_WITHIN = 10.0
_LOOK_EVERY = 0.05
_KEPT = ("SYNC_CONFIG", "SYNC_NAMESPACE")


class Variables(Protocol):
    """Sets variables for as long as a test lasts, as pytest's ``monkeypatch`` does."""

    def setenv(self, name: str, value: str) -> None:
        """Set a variable."""

    def delenv(self, name: str) -> None:
        """Take a variable away."""


@dataclass(frozen=True, slots=True, repr=False)
class HeldContact:
    """What the local Brevo holds of one user; ``newsletters`` are those whose list the contact is on."""

    email: str
    attributes: Mapping[str, Any]
    newsletters: frozenset[str]
    blocklisted: bool


@dataclass
class LocalPipeline:
    """What a test may ask of the pipeline; ``brevo`` is the sandbox, to look inside and to switch faults."""

    redis_url: str
    brevo: Sandbox
    settings: Settings
    parts: Parts
    heard: list[str] = field(default_factory=list)

    @cached_property
    def store(self) -> Store:
        """The state of the pipeline."""
        return Store(connect(self.redis_url, connections=4), environment.namespace())

    def wait(self, within: float = SETTLED_WITHIN) -> None:
        """Return once every event that was accepted has reached the local Brevo, or is a dead letter.

        Raises:
            AssertionError: it takes longer than ``within`` seconds.
            PartEndedError: the worker has ended.
        """
        deadline = time.monotonic() + within
        while not self._is_settled():
            self.parts.check()
            if time.monotonic() > deadline:
                raise AssertionError(f"not settled after {within:g} s; the worker's last words: {self.heard[-3:]}")
            time.sleep(_LOOK_EVERY)

    def _is_settled(self) -> bool:
        """Do what beat's sweeps do, without their pauses, and return whether nothing is on its way."""
        redis, key = self.store.redis, self.store.key
        if redis.exists(*map(queue_of, Priority), key("unacked")):
            return False
        nudge_contacts(self.store.overdue(100, 0.0))
        return not count_queues(self.store)[0]

    def contact(self, user_id: str) -> HeldContact | None:
        """Return what the local Brevo holds of a user, or nothing."""
        slugs = {known.list_id: slug for slug, known in self.settings.newsletters.items()}
        contacts: list[dict[str, Any]] = self.brevo.contacts()
        for held in contacts:
            if held.get("ext_id") == user_id:
                newsletters = frozenset(slugs[number] for number in held["listIds"] if number in slugs)
                return HeldContact(held["email"], held["attributes"], newsletters, held["emailBlacklisted"])
        return None

    def dead_letters(self) -> list[str]:
        """Return each dead letter as a line: task, user and why."""
        return [
            f"{letter.task} {letter.user_id}: {letter.error} {letter.message}" for letter in read_letters(self.store)
        ]


@contextmanager
def running(variables: Variables, folder: Path) -> Iterator[LocalPipeline]:
    """Start the pipeline and lead this process, and those it starts, to it while the block runs.

    Raises:
        ConfigurationError: the configuration names other accounts than ``default``, or there is no redis-server.
    """
    with ExitStack() as stack:
        settings = _load_settings(variables)
        secret = secrets.token_hex(16)
        redis = stack.enter_context(EmbeddedRedis(folder / "redis", appendfsync="no", password=secret))
        brevo = stack.enter_context(setup.serve(setup.model_brevo(settings), 0))
        given = {"SYNC_REDIS_URL": redis.url, "SYNC_BASE_URL": brevo.url, "SYNC_API_KEY": setup.ANY_KEY}
        for name, value in given.items():
            variables.setenv(name, value)
        heard: list[str] = []
        parts = stack.enter_context(Parts(os.environ, lambda _name, line: heard.append(line), patience=_STOPPED_WITHIN))
        parts.start("worker", "--quiet", "worker", "--concurrency=4", "-n", "rehearsal@%h", ready=" ready.")
        stack.enter_context(lead_to(redis.url))
        pipeline = LocalPipeline(redis.url, brevo.sandbox, settings, parts, heard)
        stack.callback(pipeline.store.redis.close)
        parts.wait_until_ready()
        yield pipeline


def _load_settings(variables: Variables) -> Settings:
    """Return the configuration of the portal, or the sample; no other variable of ours counts."""
    for name in [name for name in os.environ if name.startswith("SYNC_") and name not in _KEPT]:
        variables.delenv(name)
    if "SYNC_CONFIG" not in os.environ and not Path("sync_tasks.toml").exists():
        variables.setenv("SYNC_CONFIG", str(setup.example("sync_tasks.toml")))
    settings = setup.load_without_keys()
    if set(settings.accounts) != {"default"}:
        raise ConfigurationError("the local Brevo is one account, 'default'; the configuration has others")
    return settings


@contextmanager
def lead_to(url: str) -> Iterator[None]:
    """Lead what this process accepts and sends to the Redis at a URL, while the block runs."""
    before = app.conf.broker_url
    _lead(app, url)
    try:
        yield
    finally:
        _lead(app, before)


def _lead(application: "Celery", url: str) -> None:
    if accept.portal_store.cache_info().currsize:
        accept.portal_store().redis.close()
    for known in (accept.portal_store, accept.configuration_at_hand):
        known.cache_clear()
    application.conf.update(broker_url=url)
    # The application keeps its first producer for ever; only after a fork it makes another.
    application._after_fork()  # type: ignore[attr-defined]  # noqa: SLF001 - Celery's types leave it out
