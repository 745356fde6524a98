"""What makes no sense in a configuration, one line for each fault."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sync_tasks.config.secrets import UNSUBSCRIBE_SECRET

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings


def variable_of(account: str) -> str:
    """Return the variable that holds an account's key."""
    return "SYNC_API_KEY" if account == "default" else f"SYNC_API_KEY_{account.upper().replace('-', '_')}"


def find_faults(settings: "Settings") -> Iterator[str]:
    """Yield what makes no sense although every value is well-formed."""
    for name, account in settings.accounts.items():
        key = account.api_key.get_secret_value()
        if not key:
            yield f"accounts.{name}: no API key; set {variable_of(name)} or {variable_of(name)}_FILE"
        elif not (key.isascii() and key.isprintable() and " " not in key):
            yield f"accounts.{name}: the API key holds white space, a line break or an odd character"
    yield from _newsletter_faults(settings)
    yield from _change_faults(settings)
    yield from _link_faults(settings)
    flags = [known.unsubscribed_attribute for known in settings.newsletters.values() if known.unsubscribed_attribute]
    tokens = [*filter(None, [settings.unsubscribe.attribute]), *settings.unsubscribe.attributes.values()]
    for attribute, times in Counter([*settings.attributes.values(), *flags, *tokens]).items():
        if times > 1:
            yield f"attributes: {attribute} is used {times} times"


def _link_faults(settings: "Settings") -> Iterator[str]:
    unsubscribe = settings.unsubscribe
    for table, slugs in (("attributes", unsubscribe.attributes), ("titles", unsubscribe.titles)):
        for slug in slugs:
            if slug not in settings.newsletters:
                yield f"unsubscribe.{table}: there is no newsletter {slug!r}"
    if unsubscribe.writes and not unsubscribe.secrets:
        yield f"unsubscribe: no secret; set {UNSUBSCRIBE_SECRET} or {UNSUBSCRIBE_SECRET}_FILE"


def _newsletter_faults(settings: "Settings") -> Iterator[str]:
    used: Counter[tuple[str | None, int]] = Counter()
    for slug, newsletter in settings.newsletters.items():
        if newsletter.account is None and len(settings.accounts) > 1:
            yield f"newsletters.{slug}: which account? there are several"
        elif newsletter.account is not None and newsletter.account not in settings.accounts:
            yield f"newsletters.{slug}: there is no account {newsletter.account!r}"
        used[settings.account_of(slug), newsletter.list_id] += 1
    for (account, list_id), times in used.items():
        if times > 1:
            yield f"newsletters: list {list_id} of account {account!r} is used {times} times"


def _change_faults(settings: "Settings") -> Iterator[str]:
    """Yield what makes no sense of earlier slugs and lists."""
    present = {(settings.account_of(slug), one.list_id): slug for slug, one in settings.newsletters.items()}
    for slug, newsletter in settings.newsletters.items():
        for old in newsletter.was:
            if old in settings.newsletters:
                yield f"newsletters.{slug}: was: {old!r} is a newsletter of its own; take that table away"
            elif settings.renamed[old] != slug:
                yield f"newsletters.{slug}: was: {old!r} became {settings.renamed[old]!r} already"
        for account, number in settings.former_lists(slug):
            if user := present.get((account, number)):
                yield f"newsletters.{slug}: former_list_ids: list {number} of account {account!r} belongs to {user!r}"


def describe_fault(fault: Mapping[str, Any]) -> str:
    """Return what pydantic found in one line, without the value."""
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    reasons = {"extra_forbidden": "unknown key", "missing": "missing", "too_short": "there must be at least one"}
    return f"{where}: {reasons.get(fault['type'], fault['msg']).removeprefix('Value error, ')}"
