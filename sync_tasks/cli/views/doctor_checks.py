"""What ``sync-tasks doctor`` looks at: each check says how it went and what to do."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from sync_tasks.config import environment
from sync_tasks.config.redis_url import place_of
from sync_tasks.domain.timestamps import show_age
from sync_tasks.errors import AccountError, ConfigurationError, SyncError, WrongAccountError
from sync_tasks.texts import count

if TYPE_CHECKING:
    from redis import Redis

    from sync_tasks.config.settings import Settings
    from sync_tasks.domain.contact import RemoteContact
    from sync_tasks.ext_ids import ExtIds
    from sync_tasks.providers import Gateway
    from sync_tasks.state.store import Store

State = Literal["ok", "warn", "fail"]
SLOW_REDIS = 0.02
_TRIES = 5
# So many contacts are looked at for one that the state knows.
_OURS_LOOKED_FOR = 100


@dataclass(frozen=True, slots=True)
class Check:
    """How one check went; ``advice`` is what to do if it did not go well."""

    what: str
    state: State
    found: str
    advice: str = ""


def check_configuration(settings: "Settings") -> Iterator[Check]:
    """Say what is configured; what makes no sense never comes this far."""
    accounts, newsletters = count(len(settings.accounts), "account"), count(len(settings.newsletters), "newsletter")
    yield Check("configuration", "ok", f"{accounts}, {newsletters}, {count(len(settings.attributes), 'attribute')}")


def check_redis(redis: "Redis") -> Iterator[Check]:
    """Look whether Redis can hold the state, keeps what it is given, and answers quickly."""
    from sync_tasks.state.fitness import show_version
    from sync_tasks.tasks import servers

    lacks = servers.read_lacks(redis, "state")
    yield from (Check(f"redis {lack.what}", "fail", lack.found, lack.advice) for lack in lacks)
    if any(lack.what == "rights" for lack in lacks):
        return
    info = cast("dict[str, object]", redis.info("everything"))
    yield Check("redis", "ok", f"{show_version(info)} at {place_of(environment.redis_url())}")
    if not any(lack.what == "eviction" for lack in lacks):
        yield Check("redis eviction", "ok", str(info.get("maxmemory_policy", "noeviction")))
    yield _check_file(bool(info.get("aof_enabled")))
    yield _check_latency(redis)


def _check_file(enabled: bool) -> Check:  # noqa: FBT001 - Redis says yes or no
    if enabled:
        return Check("redis persistence", "ok", "append-only file")
    return Check("redis persistence", "warn", "no append-only file", "set appendonly yes: a restart would lose events")


def _check_latency(redis: "Redis") -> Check:
    fastest = min(_time_ping(redis) for _ in range(_TRIES))
    found = f"{fastest * 1000:.1f} ms"
    if fastest < SLOW_REDIS:
        return Check("redis latency", "ok", found)
    return Check("redis latency", "warn", found, "bring Redis nearer: each event takes one round trip of the portal")


def _time_ping(redis: "Redis") -> float:
    start = time.perf_counter()
    redis.ping()
    return time.perf_counter() - start


def check_pipeline(store: "Store", settings: "Settings") -> Iterator[Check]:
    """Look whether anybody works, sweeps, and may talk to Brevo."""
    from sync_tasks.monitoring.status import read_state

    yield from _check_workers()
    state = read_state(store, settings)
    swept = state.swept_seconds_ago
    if swept is not None and state.swept:
        yield Check("beat", "ok", f"swept {show_age(swept)} ago")
    else:
        found = "has not swept for a day" if swept is None else f"swept {show_age(swept)} ago"
        yield Check("beat", "fail", found, "start `celery -A sync_tasks beat`, once: lost messages wait for it")
    yield _check_hold(store)
    yield from _check_left(store, settings)
    for name, pause in state.paused.items():
        yield Check(f"{name}: pause", "fail", f"{pause.error} for {show_age(pause.seconds)}", pause.message)
    for part in state.paused_parts:
        found = f"{part.error} for {show_age(part.seconds)}, {count(part.waiting, 'contact')} waiting"
        yield Check(f"{part.account}: {part.part}", "fail", found, part.advice)


def _check_workers() -> Iterator[Check]:
    from kombu.exceptions import OperationalError

    from sync_tasks.monitoring.status import ping_workers
    from sync_tasks.tasks import startup

    try:
        startup.check_queue("lasting")
        workers = ping_workers()
    except ConfigurationError as error:
        for fault in error.args:
            found, _, advice = str(fault).partition("; ")
            yield Check("queue", "fail", found, advice)
    except OperationalError as error:
        found = f"the broker is away or in trouble: {type(error.__cause__ or error).__name__}"
        yield Check("queue", "fail", found, "start it, or correct SYNC_BROKER_URL")
    else:
        if workers:
            yield Check("workers", "ok", f"{len(workers)} answer")
        else:
            yield Check("workers", "fail", "none answers", "start `celery -A sync_tasks worker`")


def _check_left(store: "Store", settings: "Settings") -> Iterator[Check]:
    from sync_tasks.sync.accounts import find_left

    for name in find_left(store, settings.accounts):
        advice = f"put it back; if the account is gone: `sync-tasks account forget {name}`"
        yield Check(f"{name}: account", "fail", "not in the configuration, and the state may know its contacts", advice)


def _check_hold(store: "Store") -> Check:
    from sync_tasks.state.holds import read_hold

    hold = read_hold(store)
    if hold is None or hold.examining:
        return Check("state", "ok", "as new as the world, as far as is known")
    advice = "see docs/how-to/restore.md, then decide: `sync-tasks state accept`"
    return Check("state", "fail", f"on hold since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.reason}", advice)


def check_census(store: "Store", settings: "Settings") -> Iterator[Check]:
    """Name what the state holds that the configuration lacks, and users without an unsubscribe link."""
    from sync_tasks.reconcile.census import read_census

    for name, found, advice in read_census(store).findings():
        yield Check(name, "warn", found, advice)
    for slug in settings.newsletters:
        for account, number in settings.former_lists(slug):
            if account not in settings.accounts:
                found = f"former list {number} is on account {account}, which the configuration lacks"
                yield Check(f"{slug}: former", "warn", found, "nobody leaves that list; opt-outs there still count")


def check_account(name: str, settings: "Settings", gateway: "Gateway") -> Iterator[Check]:
    """Look whether the key is good, and whether the account has the lists and attributes of the configuration."""
    try:
        lists, types = gateway.list_names(), gateway.attribute_types()
    except WrongAccountError:
        yield _find_another_account(name)
    except AccountError as error:
        yield Check(f"{name}: key", "fail", type(error).__name__, f"{error}; see Brevo: SMTP & API, authorised IPs")
    except SyncError as error:
        yield Check(f"{name}: brevo", "fail", type(error).__name__, str(error))
    else:
        yield Check(f"{name}: key", "ok", f"accepted by {settings.accounts[name].base_url}")
        yield from _check_owner(name, gateway)
        yield from _check_lists(name, settings, lists)
        yield from _check_attributes(name, settings, types)


def check_ext_ids(name: str, settings: "Settings", gateway: "Gateway", store: "Store") -> Iterator[Check]:
    """Look at one page of contacts: does another system fill the ``ext_id``?"""
    from sync_tasks.tasks.bootstrap import account_mapping_of

    what, ext_ids = f"{name}: ext_id", account_mapping_of(settings, name).ext_ids
    try:
        page = gateway.read_page(0).contacts
    except SyncError as error:
        yield Check(what, "warn", f"not looked at: {type(error).__name__}", str(error))
        return
    held = [remote.ext_id for remote in page if remote.ext_id]
    if not held and any(_is_ours(remote, name, store) for remote in page[:_OURS_LOOKED_FOR]):
        advice = "nothing: contacts are found by a look for it, and all else is compared"
        if ext_ids.shared:
            advice = "contacts of other systems look like ours: use an account of its own"
        yield Check(what, "warn" if ext_ids.shared else "ok", "Brevo shows none, not even those that we wrote", advice)
        return
    yield _judge_ext_ids(what, held, ext_ids, store)


def _judge_ext_ids(what: str, held: Sequence[str], ext_ids: "ExtIds", store: "Store") -> Check:
    foreign = count(sum(map(ext_ids.is_foreign, held)), "contact")
    users = [user for ext_id in held if (user := ext_ids.user_of(ext_id))]
    nobodys = sum(store.peek(user) is None and not store.is_erased(user) for user in users)
    if nobodys:
        found = f"{nobodys} of {len(users)} ext_ids looked at are no user's"
        advice = "another system fills them: set [contacts] ext_id, see docs/how-to/ext-ids.md, or use another account"
        return Check(what, "warn", found, advice)
    if ext_ids.shared:
        return Check(what, "ok", f"{ext_ids.pattern}; {foreign} of others are left alone")
    advice = "one account for each portal; if others use this one too: set [contacts] ext_id"
    return Check(what, "ok", "every ext_id counts as this portal's", advice)


def _is_ours(remote: "RemoteContact", account: str, store: "Store") -> bool:
    """Return whether the state knows a contact as one that we have written to."""
    user_id = store.claimant(remote.address) if remote.address else None
    holder = store.peek(user_id) if user_id else None
    seen = holder.seen.get(account) if holder else None
    return bool(seen and seen.id == remote.id and seen.digest)


def _check_owner(name: str, gateway: "Gateway") -> Iterator[Check]:
    try:
        gateway.check_owner()
    except WrongAccountError:
        yield _find_another_account(name)
    except SyncError as error:
        yield Check(f"{name}: owner", "warn", f"not asked: {type(error).__name__}", str(error))
    else:
        yield Check(f"{name}: owner", "ok", "the account whose contacts the state knows")


def _find_another_account(name: str) -> Check:
    found = "the key opens another account than the one whose contacts the state knows"
    advice = f"put the right key (and base_url) back; if the account moved: sync-tasks account accept {name}"
    return Check(f"{name}: owner", "fail", found, advice)


def _check_lists(account: str, settings: "Settings", names: Mapping[int, str]) -> Iterator[Check]:
    for slug, newsletter in settings.newsletters_by_account[account].items():
        found = f"list {newsletter.list_id}"
        if newsletter.list_id in names:
            yield Check(f"{account}: {slug}", "ok", f"{found}, {names[newsletter.list_id]!r}")
        else:
            advice = f"create it at Brevo, or mend newsletters.{slug}.list_id"
            yield Check(f"{account}: {slug}", "fail", f"{found} does not exist", advice)


def _check_attributes(account: str, settings: "Settings", types: Mapping[str, str]) -> Iterator[Check]:
    for field, attribute in settings.attributes.items():
        yield _check_attribute(f"{account}: {field}", attribute, types)
    for slug, newsletter in settings.newsletters_by_account[account].items():
        for attribute, kind in newsletter.attribute_kinds.items():
            yield _check_attribute(f"{account}: {slug} attribute", attribute, types, wanted=kind)
    for attribute, slug in settings.link_attributes(account).items():
        yield _check_attribute(f"{account}: {slug or 'unsubscribe'} link", attribute, types, wanted="text")


def check_links(settings: "Settings") -> Iterator[Check]:
    """Say whether contacts get a token for the portal's own unsubscribe link, and who may still read old ones."""
    links, what = settings.unsubscribe, "unsubscribe link"
    if not links.writes:
        found = "no attribute" if links.secrets else "none: Brevo's own link is the only one"
        advice = "set [unsubscribe] attribute, see docs/how-to/own-unsubscribe-link.md" if links.secrets else ""
        yield Check(what, "warn" if links.secrets else "ok", found, advice)
    elif len(links.secrets) > 1:
        advice = "take the old one away once no mail with its links is of use: mails are read for months"
        yield Check(what, "ok", "two secrets: the first one signs", advice)
    else:
        yield Check(what, "ok", "signed by one secret")


def _check_attribute(what: str, attribute: str, types: Mapping[str, str], wanted: str | None = None) -> Check:
    kind = types.get(attribute)
    if kind is None:
        advice = f"create {attribute} at Brevo{f' as {wanted}' if wanted else ''}: it ignores what it does not know"
        return Check(what, "fail", f"{attribute} does not exist", advice)
    if wanted and kind != wanted:
        return Check(what, "fail", f"{attribute} is {kind}", f"make it {wanted}: Brevo ignores another type in silence")
    return Check(what, "ok", f"{attribute}, {kind}")
