"""What the URL of a Redis may say: one server, a socket of this machine, or the sentinels that know the primary."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlsplit

from sync_tasks.errors import ConfigurationError

SCHEMES = ("redis", "rediss", "unix")
SENTINEL_SCHEMES = ("sentinel", "redis+sentinel", "rediss+sentinel")
SENTINEL_PORT = 26379
_SHAPE = "sentinel://user:password@host:26379,host:26379,host:26379/mymaster/0"
_ESCAPE = "in its password write / as %2F, ? as %3F, # as %23, [ as %5B and @ as %40"
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
_PATH = re.compile(r"/(?P<name>[A-Za-z0-9_.-]+)(?:/(?P<database>[0-9]{1,4}))?")
_OF_SENTINELS = ("sentinel_username", "sentinel_password")


@dataclass(frozen=True, slots=True, repr=False)
class Sentinels:
    """Where the sentinels are, the name of the primary they watch, and how to log in there and here.

    ``options`` are settings of a connection to the primary, as the URL has them after its ``?``.
    """

    hosts: tuple[tuple[str, int], ...]
    name: str
    database: int = 0
    username: str = ""
    password: str = ""
    tls: bool = False
    own_username: str = ""
    own_password: str = ""
    options: dict[str, str] = field(default_factory=dict)


def has_sentinels(url: str) -> bool:
    """Return whether a URL names sentinels instead of a server."""
    return url.partition("://")[0] in SENTINEL_SCHEMES


def is_redis(url: str) -> bool:
    """Return whether a URL leads to a Redis, in whatever way."""
    return url.partition("://")[0] in SCHEMES + SENTINEL_SCHEMES


def check_redis_url(name: str, url: str) -> None:
    """Return if a text may be the URL of a Redis; ``name`` is the variable that holds it.

    Raises:
        ConfigurationError: it is none; the message shows nothing of it.
    """
    if has_sentinels(url):
        read_sentinels(url, name)
        return
    parts = split_url(name, url)
    if parts.scheme not in SCHEMES:
        raise ConfigurationError(
            f"{name}: not the URL of a Redis; it begins with redis://, rediss://, unix:// or sentinel://"
        )
    if "@" in parts.path + parts.query or parts.fragment:
        raise ConfigurationError(f"{name}: not the URL of a Redis; {_ESCAPE}")
    if parts.scheme != "unix" and "," in parts.netloc:
        raise ConfigurationError(f"{name}: one server; several sentinels are written {_SHAPE}")
    if parts.scheme != "unix" and ("db" in parse_qs(parts.query) or not re.fullmatch(r"/?|/[0-9]{1,4}", parts.path)):
        raise ConfigurationError(f"{name}: after the host stands the number of a database, as in /0; {_ESCAPE}")


def split_url(name: str, url: str) -> SplitResult:
    """Return the parts of a URL; ``name`` is the variable that holds it.

    Raises:
        ConfigurationError: it is none; the message shows nothing of it.
    """
    _check_text(name, url)
    try:
        parts = urlsplit(url)
        _ = "," in parts.netloc or parts.port
    except ValueError:
        raise ConfigurationError(f"{name}: not a URL; the port is a number, and {_ESCAPE}") from None
    return parts


def _check_text(name: str, url: str) -> None:
    if not url.isprintable() or " " in url:
        raise ConfigurationError(f"{name}: holds white space, a line break or an odd character")
    if "://" not in url:
        raise ConfigurationError(f"{name}: not a URL; it begins with a scheme, as in redis://host:6379/0")


def read_sentinels(url: str, name: str = "the URL of Redis") -> Sentinels:
    """Return what a URL says of sentinels; ``name`` is the variable that holds it.

    Raises:
        ConfigurationError: it is malformed; the message shows nothing of it.
    """
    _check_text(name, url)
    scheme, _, rest = url.partition("://")
    # Not urlsplit: before CPython 3.11.4 it refuses several hosts with an IPv6 address among them.
    netloc, *_ = re.split("[/?#]", rest, maxsplit=1)
    parts = urlsplit(f"sentinel://primary{rest.removeprefix(netloc)}")
    credentials, _, hosts = netloc.rpartition("@")
    found = [_HOST.fullmatch(each) for each in hosts.split(",")]
    path = _PATH.fullmatch(parts.path)
    if path is None or parts.fragment or "@" in parts.path + parts.query or not all(found):
        raise ConfigurationError(f"{name}: sentinels are written {_SHAPE}; {_ESCAPE}")
    username, _, password = credentials.partition(":")
    options = dict(parse_qsl(parts.query))
    own_username, own_password = (options.pop(each, "") for each in _OF_SENTINELS)
    return Sentinels(
        tuple((one["host"].strip("[]"), int(one["port"] or SENTINEL_PORT)) for one in found if one),
        path["name"],
        int(path["database"] or 0),
        unquote(username),
        unquote(password),
        scheme == "rediss+sentinel",
        own_username,
        own_password,
        options,
    )


def place_of(url: str) -> str:
    """Return host, port and database of a Redis URL, or the way to it, never its password."""
    if has_sentinels(url):
        sentinels = read_sentinels(url)
        hosts = ",".join(f"{host}:{port}" for host, port in sentinels.hosts)
        return f"{sentinels.name}/{sentinels.database} by the sentinels {hosts}"
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname or 'localhost'}:{parts.port or 6379}{parts.path}"
