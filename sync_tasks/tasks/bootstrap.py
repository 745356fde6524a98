"""What a process works with, made once and lazily: after a fork, and never in the portal more than it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from sync_tasks.config import environment
from sync_tasks.config.settings import Settings, load_settings
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.ext_ids import ExtIds
from sync_tasks.link_tokens import UnsubscribeLinks
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.rate_limits.patience import PatientGate
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from sync_tasks.sync.accounts import open_gateways
from sync_tasks.sync.context import Resources
from sync_tasks.tasks.config import worker_concurrency


def build_resources(settings: Settings, store: Store) -> Resources:
    """Return everything a push needs, with one gateway per account."""
    store.tolerance = settings.pipeline.clock_tolerance
    limiter = Limiter(store, settings.accounts, settings.pipeline.probe_seconds)
    gateways = open_gateways(settings.accounts, limiter.gate, store, limiter, pool_size=2 * worker_concurrency)
    return Resources(settings, store, limiter, gateways, account_mappings_of(settings))


@contextmanager
def open_patiently(context: Resources) -> Iterator[Resources]:
    """Yield the same with gateways that let all others go first and wait for permits without a limit."""
    gates = {name: PatientGate(context.limiter, name) for name in context.gateways}
    gateways = {name: gateway.through(gates[name]) for name, gateway in context.gateways.items()}
    yield replace(context, gateways=gateways)


def account_mappings_of(settings: Settings) -> dict[str, AccountMapping]:
    """Return how the portal's words map to those of each account."""
    return {name: account_mapping_of(settings, name) for name in settings.accounts}


def account_mapping_of(settings: Settings, account: str) -> AccountMapping:
    """Return how the portal's words map to those of one account."""
    newsletters = {slug: _newsletter_of(settings, slug) for slug in settings.newsletters_by_account[account]}
    return AccountMapping(
        newsletters,
        settings.attributes,
        settings.anonymize.email,
        settings.anonymize.text,
        account,
        {old: slug for old, slug in settings.renamed.items() if slug in newsletters},
        settings.former_on(account),
        ext_ids=ExtIds(settings.contacts.ext_id, tuple(settings.contacts.former_ext_ids)),
        links=UnsubscribeLinks(account, settings.link_attributes(account), settings.unsubscribe.signing_secrets),
    )


def _newsletter_of(settings: Settings, slug: str) -> Subscribable:
    newsletter = settings.newsletters[slug]
    return Subscribable(
        newsletter.list_id,
        newsletter.unsubscribed_attribute,
        newsletter.retired,
        newsletter.manual,
        settings.former_lists(slug),
    )


@cache
def worker_resources() -> Resources:
    """Return this process' resources.

    Raises:
        ConfigurationError: with one argument for each fault.
    """
    store = Store(connect(environment.redis_url()), environment.namespace(), secrets=environment.state_secrets())
    # What another producer sent in full is accepted here.
    store.replicas = environment.replicas()
    return build_resources(load_settings(), store)


def close() -> None:
    """Give the sockets back, if there are any."""
    if worker_resources.cache_info().currsize:
        for gateway in worker_resources().gateways.values():
            gateway.close()
        worker_resources().store.redis.close()
        worker_resources.cache_clear()
