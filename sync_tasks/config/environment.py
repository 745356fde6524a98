"""All that the portal's side must know, read from the environment: where Redis is and what our keys are called."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from sync_tasks.config.redis_url import check_redis_url, has_sentinels, is_redis, split_url
from sync_tasks.errors import ConfigurationError
from sync_tasks.texts import is_host

DEFAULT_REDIS_URL = "redis://localhost:6379/0"
# So many seconds may two clocks differ, if nothing else is configured.
CLOCK_TOLERANCE, MOST_TOLERANCE = 30, 300
DEFAULT_NIGHT = (2, 20)
SHORTEST_SECRET, MOST_SECRETS = 32, 20
# What may be secret may also lie in a file, which the variable with _FILE at its end names.
_SECRET = (
    "SYNC_API_KEY",
    "SYNC_BROKER_URL",
    "SYNC_DATABASE_URL",
    "SYNC_EVENTS_TOKEN",
    "SYNC_OPERATE_SECRET",
    "SYNC_OPERATE_TOKEN",
    "SYNC_PORTAL_SECRET",
    "SYNC_REDIS_URL",
    "SYNC_STATE_SECRET",
    "SYNC_UNSUBSCRIBE_SECRET",
    "SYNC_WEBHOOK_TOKEN",
)
# Every variable of ours; a key for each account comes on top, by the account's name.
VARIABLES = (
    *_SECRET,
    *(f"{name}_FILE" for name in _SECRET),
    "SYNC_BASE_URL",
    "SYNC_CONFIG",
    "SYNC_LOG_JSON",
    "SYNC_LOG_LEVEL",
    "SYNC_METRICS_ADDRESS",
    "SYNC_NAMESPACE",
    "SYNC_NIGHTLY_AT",
    "SYNC_OPERATE_URL",
    "SYNC_REPLICAS",
)
OF_AN_ACCOUNT = "SYNC_API_KEY_"
# How much alike two names are of which one is the other misspelt.
_ALIKE = 0.84
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_PORTS = 65536
# Without what a template of Flower would take for its own.
_LINK = re.compile(r"https?://[^\s\"<>{}]+")
_TIME_OF_DAY = re.compile(r"[0-2][0-9]:[0-5][0-9]")


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Import inside the block what an extra of this package brings.

    Raises:
        ConfigurationError: a package is not installed; the message names the extra that brings it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in {"", "sync_tasks"}:
            raise
        raise ConfigurationError(f"{missing} is not installed: pip install 'sync-tasks[{extra}]'") from None


def redis_url() -> str:
    """Return where the state is (``SYNC_REDIS_URL``, or the file ``SYNC_REDIS_URL_FILE`` names).

    Raises:
        ConfigurationError: that is not the URL of a Redis; the message shows nothing of it.
    """
    name, url = read_variable("SYNC_REDIS_URL")
    if url:
        check_redis_url(name, url)
    return url or DEFAULT_REDIS_URL


def broker_url() -> str:
    """Return where the queue is (``SYNC_BROKER_URL``), the same Redis if nothing else is said.

    Raises:
        ConfigurationError: no broker can be there; the message shows nothing of it.
    """
    name, url = read_variable("SYNC_BROKER_URL")
    if has_sentinels(url):
        check_redis_url(name, url)
    else:
        for one in url.split(";") if url else ():
            split_url(name, one)
            if is_redis(one):
                check_redis_url(name, one)
    return url or redis_url()


def database_url() -> str:
    """Return where the portal's own database is (``SYNC_DATABASE_URL``), or an empty text."""
    return read_variable("SYNC_DATABASE_URL")[1]


def operate_url() -> str:
    """Return where the operator's page is, for Flower to link (``SYNC_OPERATE_URL``), or an empty text.

    Raises:
        ConfigurationError: that is no URL of a page.
    """
    text = (os.environ.get("SYNC_OPERATE_URL") or "").strip()
    if text and not _LINK.fullmatch(text):
        raise ConfigurationError("SYNC_OPERATE_URL: where the page is, such as https://sync.example/operate")
    return text


def namespace() -> str:
    """Return the prefix of all keys and queues (``SYNC_NAMESPACE``).

    Raises:
        ConfigurationError: keys and queues cannot be called so.
    """
    text = os.environ.get("SYNC_NAMESPACE") or "sync_tasks"
    if not _NAMESPACE.fullmatch(text):
        raise ConfigurationError("SYNC_NAMESPACE: at most 64 letters, digits and _ . : -, a letter or digit first")
    return text


def state_secrets() -> tuple[str, ...]:
    """Return the secrets of the state's keyed hashes (``SYNC_STATE_SECRET``), the newest first; mostly one, or none.

    Raises:
        ConfigurationError: one is too short, or there are too many.
    """
    name, text = read_variable("SYNC_STATE_SECRET")
    secrets = tuple(text.split())
    if any(len(secret) < SHORTEST_SECRET for secret in secrets) or len(secrets) > MOST_SECRETS:
        raise ConfigurationError(
            f"{name}: up to {MOST_SECRETS} secrets of {SHORTEST_SECRET} characters or more, the newest first"
        )
    return secrets


def replicas() -> int:
    """Return how many replicas must have an event before it counts as accepted (``SYNC_REPLICAS``); 0 by default.

    Raises:
        ConfigurationError: that is no number of replicas.
    """
    text = (os.environ.get("SYNC_REPLICAS") or "0").strip()
    if not re.fullmatch("[0-9]", text):
        raise ConfigurationError("SYNC_REPLICAS: how many replicas an event waits for, 0 to 9")
    return int(text)


def find_unknown(environment: Mapping[str, str] = os.environ) -> Iterator[tuple[str, str]]:
    """Yield each variable that only looks like ours, and the one of ours that it resembles, or an empty text."""
    from difflib import get_close_matches

    for name, value in sorted(environment.items()):
        if value and name.startswith("SYNC_") and name not in VARIABLES and not name.startswith(OF_AN_ACCOUNT):
            yield name, next(iter(get_close_matches(name, VARIABLES, 1, _ALIKE)), "")


def nightly_at() -> tuple[int, int]:
    """Return at which hour and minute, in UTC, all is compared with Brevo (``SYNC_NIGHTLY_AT``, as in ``02:20``).

    Raises:
        ConfigurationError: that is no time of day.
    """
    text = os.environ.get("SYNC_NIGHTLY_AT") or ""
    try:
        moment = time.fromisoformat(text) if _TIME_OF_DAY.fullmatch(text) else None
    except ValueError:
        moment = None
    if text and moment is None:
        raise ConfigurationError("SYNC_NIGHTLY_AT: a time of day in UTC, like 02:20")
    return (moment.hour, moment.minute) if moment else DEFAULT_NIGHT


def metrics_address() -> tuple[str, int] | None:
    """Return where a process serves its metrics (``SYNC_METRICS_ADDRESS``, as in ``127.0.0.1:9464``), if anywhere.

    Raises:
        ConfigurationError: nobody can listen there.
    """
    text = (os.environ.get("SYNC_METRICS_ADDRESS") or "").strip()
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not (colon and host and is_host(host) and port.isdecimal() and int(port) < _PORTS):
        raise ConfigurationError("SYNC_METRICS_ADDRESS: an address and a port, like 127.0.0.1:9464")
    return host.strip("[]"), int(port)


def read_variable(name: str, environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Return which variable sets it, and its value, without the white space around it; a file must hold one.

    Raises:
        ConfigurationError: the file cannot be read, or is empty.
    """
    path = environment.get(f"{name}_FILE")
    if environment.get(name) or not path:
        return name, environment.get(name, "").strip()
    return f"{name}_FILE", _read_secret(path, f"{name}_FILE")


def read_plain(path: Path) -> str:
    """Return the text of a file, without a mark at its beginning; a pipe is not waited for.

    Raises:
        OSError: it cannot be read, or is no plain file.
        UnicodeDecodeError: it is not UTF-8.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is no plain file")
    return path.read_text(encoding="utf-8-sig")


def _read_secret(path: str, variable: str) -> str:
    try:
        secret = read_plain(Path(path)).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
    else:
        if secret:
            return secret
        raise ConfigurationError(f"{variable}: the file it names is empty")
    raise ConfigurationError(f"{variable}: cannot read the file it names: {reason}")


@dataclass(frozen=True, slots=True)
class AtHand:
    """What the portal knows of the configuration; ``None`` for what is not at hand.

    ``fields``: the mapped portal fields. ``newsletters``: all slugs, former ones too. ``retired``: the slugs that take
    no sign-ups any more.
    """

    fields: frozenset[str] | None
    newsletters: frozenset[str] | None
    retired: frozenset[str]


def read_at_hand(environment: Mapping[str, str] = os.environ) -> AtHand:
    """Return what the portal knows of the configuration, without checking it as a whole."""
    fields, known = _table_at_hand("attributes", environment), _table_at_hand("newsletters", environment)
    tables = {slug: one for slug, one in known.items() if isinstance(one, dict)} if isinstance(known, dict) else {}
    retired = {slug: one for slug, one in tables.items() if one.get("retired") is True}
    return AtHand(
        frozenset(fields) if isinstance(fields, dict) else None,
        frozenset(known) | _former_slugs(tables) if isinstance(known, dict) else None,
        frozenset(retired) | _former_slugs(retired),
    )


def _former_slugs(tables: Mapping[str, Mapping[str, object]]) -> frozenset[str]:
    former = (one.get("was", []) for one in tables.values())
    slugs = (slug for was in former for slug in (was if isinstance(was, list) else [was]))
    return frozenset(slug for slug in slugs if isinstance(slug, str))


def tolerance_at_hand(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many microseconds two clocks may differ, by the configuration if it is at hand."""
    pipeline = _table_at_hand("pipeline", environment)
    seconds = pipeline.get("clock_tolerance_seconds") if isinstance(pipeline, dict) else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= MOST_TOLERANCE:
        seconds = CLOCK_TOLERANCE
    return int(seconds * 1_000_000)


def _table_at_hand(name: str, environment: Mapping[str, str]) -> object:
    import tomllib

    try:
        path = Path(environment.get("SYNC_CONFIG", "sync_tasks.toml"))
        return tomllib.loads(read_plain(path)).get(name)
    except (OSError, ValueError, RecursionError):
        return None
