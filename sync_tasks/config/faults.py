"""What makes no sense in a configuration, one line for each fault."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from sync_tasks.config.secrets import UNSUBSCRIBE_SECRET
from sync_tasks.ext_ids import ERASED_FORM
from sync_tasks.texts import ACCOUNT_NAME, FIELD_NAME, FIELD_NAME_IN_WORDS, SLUG, SLUG_IN_WORDS, escaped

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings

BREVO_ATTRIBUTE = r"^[A-Z0-9_]{1,50}$"
ERASED_ADDRESS = r"^[^\s@{}]*\{token\}[^\s@{}]*@[^\s@{}]+$"
HEADER = r"^[A-Za-z0-9-]+$"
BASE_URL, POST_URL, WEB_ADDRESS = r"^https?://[^\s/]+", r"^https?://[^\s/@]+(/\S*)?$", r"^https?://[^\s\"<>]+$"
# What each pattern asks for, in words.
PATTERNS = {
    rf"^{ACCOUNT_NAME}$": "must be a name of at most 32 small letters, digits, hyphens and underscores",
    rf"^{FIELD_NAME}$": FIELD_NAME_IN_WORDS,
    rf"^{SLUG}$": SLUG_IN_WORDS,
    BREVO_ATTRIBUTE: "must be an attribute of Brevo's: at most 50 capitals, digits and underscores",
    ERASED_ADDRESS: f'must be an address with {{token}} once before the @, such as "{ERASED_FORM}"',
    HEADER: "must be the name of a header: letters, digits and hyphens",
    BASE_URL: "must begin with http:// or https://",
    POST_URL: "must begin with http:// or https://, without spaces or a password",
    WEB_ADDRESS: "must begin with http:// or https://, without spaces, quotes or brackets",
}
_REASONS = {
    "dict_type": "must be a table",
    "list_type": 'must be an array, as in ["…"]',
    "missing": "missing",
    "model_type": "must be a table",
    "too_short": "there must be at least one",
    "tuple_type": 'must be an array, as in ["…"]',
}


def variable_of(account: str) -> str:
    """Return the variable that holds an account's key."""
    return "SYNC_API_KEY" if account == "default" else f"SYNC_API_KEY_{account.upper().replace('-', '_')}"


def _variables_of(account: str) -> tuple[str, str]:
    return variable_of(account), f"{variable_of(account)}_FILE"


def find_faults(settings: "Settings") -> Iterator[str]:
    """Yield what makes no sense although every value is well-formed."""
    for name, account in settings.accounts.items():
        key = account.api_key.get_secret_value()
        if not key:
            yield f"accounts.{name}: no API key; set {variable_of(name)} or {variable_of(name)}_FILE"
        elif not (key.isascii() and key.isprintable() and " " not in key):
            yield f"accounts.{name}: the API key holds white space, a line break or an odd character"
    for one, other in combinations(settings.accounts, 2):
        if shared := {*_variables_of(one)} & {*_variables_of(other)}:
            yield f"accounts: {one} and {other}: {min(shared)} would be of both; rename one"
    yield from _newsletter_faults(settings)
    yield from _change_faults(settings)
    yield from _link_faults(settings)
    own = [attribute for known in settings.newsletters.values() for attribute in known.attribute_kinds]
    tokens = [*filter(None, [settings.unsubscribe.attribute]), *settings.unsubscribe.attributes.values()]
    for attribute, times in Counter([*settings.attributes.values(), *own, *tokens]).items():
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


def describe_fault(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Return what pydantic found in one line, without the value."""
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    return f"{escaped(where)}: {_reason(fault, model).removeprefix('Value error, ')}"


def _reason(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    match fault:
        case {"type": "extra_forbidden", "loc": (*table, key)}:
            alike = get_close_matches(str(key), _keys_of(model, table), 1)
            return f"unknown key{f'; is {alike[0]} meant?' if alike else ''}"
        case {"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}}:
            return PATTERNS[pattern]
        case _:
            return _REASONS.get(fault["type"], str(fault["msg"]))


def _keys_of(model: type[BaseModel], table: Iterable[object]) -> list[str]:
    """Return the keys that a table of the file may have."""
    kind: Any = model
    for name in table:
        # A table of tables is a dictionary: whatever the name, the values are of one kind.
        kind = kind.model_fields[name].annotation if hasattr(kind, "model_fields") else get_args(kind)[-1]
    return [*kind.model_fields]
