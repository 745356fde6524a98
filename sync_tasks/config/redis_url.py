"""What the URL of a Redis may say: one server, a socket of this machine, or the sentinels that know the primary."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlsplit

from sync_tasks.errors import ConfigurationError
from sync_tasks.texts import is_host

SCHEMES = ("redis", "rediss", "unix")
SENTINEL_SCHEMES = ("sentinel", "redis+sentinel", "rediss+sentinel")
SENTINEL_PORT = 26379
_PORTS = 65536
_SHAPE = "sentinel://user:password@host:26379,host:26379,host:26379/mymaster/0"
_ESCAPE = "in its password write / as %2F, ? as %3F, # as %23, [ as %5B and @ as %40"
_DATABASE = "[0-9]{1,4}"
_SECONDS = r"(?![0.]+$)[0-9]{1,4}(\.[0-9]{1,3})?"
# What may stand after the ?, and its values. Anything else that redis-py takes there is not for kombu, or ends a part.
_OPTIONS = {
    "client_name": "[!-~]{1,100}",
    "health_check_interval": "[0-9]{1,4}",
    "max_connections": "[1-9][0-9]{0,3}",
    "protocol": "[23]",
    "socket_timeout": _SECONDS,
    "timeout": _SECONDS,
}
_OF_A_NETWORK = {"socket_connect_timeout": _SECONDS, "socket_keepalive": "(?i:true|false|yes|no|1|0)"}
_OF_TLS = {
    f"ssl_{one}": ".+"
    for one in ("ca_certs", "ca_data", "ca_path", "cert_reqs", "certfile", "check_hostname", "keyfile", "password")
}
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
_PATH = re.compile(r"/(?P<name>[A-Za-z0-9_.-]+)(?:/(?P<database>[0-9]{1,4}))?")
_OF_SENTINELS = {"sentinel_username": ".+", "sentinel_password": ".+"}
# Which options each way to a Redis has.
_TAKEN = {
    "redis": _OPTIONS | _OF_A_NETWORK,
    "rediss": _OPTIONS | _OF_A_NETWORK | _OF_TLS,
    "unix": _OPTIONS | {"db": _DATABASE},
    "sentinel": _OPTIONS | _OF_A_NETWORK | _OF_SENTINELS,
    "redis+sentinel": _OPTIONS | _OF_A_NETWORK | _OF_SENTINELS,
    "rediss+sentinel": _OPTIONS | _OF_A_NETWORK | _OF_TLS | _OF_SENTINELS,
}


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
    if url.partition("://")[0] not in SCHEMES:
        raise ConfigurationError(
            f"{name}: not the URL of a Redis; it begins with redis://, rediss://, unix:// or sentinel://"
        )
    if "@" in parts.path + parts.query or parts.fragment:
        raise ConfigurationError(f"{name}: not the URL of a Redis; {_ESCAPE}")
    if parts.scheme == "unix":
        _check_socket(name, parts)
    else:
        _check_server(name, parts)
    _check_options(name, parts.scheme, parts.query)


def _check_socket(name: str, parts: SplitResult) -> None:
    if parts.netloc.rpartition("@")[2] or parts.path in {"", "/"}:
        raise ConfigurationError(f"{name}: a socket has a whole path, as in unix:///run/redis.sock; {_ESCAPE}")


def _check_server(name: str, parts: SplitResult) -> None:
    if "," in parts.netloc:
        raise ConfigurationError(f"{name}: one server; several sentinels are written {_SHAPE}")
    if "db" in parse_qs(parts.query) or not re.fullmatch(f"/?|/{_DATABASE}", parts.path):
        raise ConfigurationError(f"{name}: after the host stands the number of a database, as in /0; {_ESCAPE}")


def _check_options(name: str, scheme: str, query: str) -> None:
    taken, given = _TAKEN[scheme], parse_qsl(query, keep_blank_values=True)
    # Of one that stands twice the state would take the first, the queue the last.
    good = all(key in taken and re.fullmatch(taken[key], value) for key, value in given)
    if not good or len(dict(given)) < len(given):
        options = ", ".join(sorted(taken))
        raise ConfigurationError(
            f"{name}: after its ? stands once, with a value that makes sense, any of {options}; a login stands before @"
        )


def split_url(name: str, url: str) -> SplitResult:
    """Return the parts of a URL; ``name`` is the variable that holds it.

    Raises:
        ConfigurationError: it is none; the message shows nothing of it.
    """
    _check_text(name, url)
    try:
        parts = urlsplit(url)
        port = None if "," in parts.netloc else parts.port
    except ValueError:
        raise ConfigurationError(f"{name}: not a URL; the port is a number, and {_ESCAPE}") from None
    _check_place(name, unquote(parts.hostname or ""), port)
    return parts


def _check_place(name: str, host: str, port: int | None) -> None:
    # Of port 0 kombu and redis-py make the default one.
    if not is_host(host) or (port is not None and not 0 < port < _PORTS):
        raise ConfigurationError(f"{name}: no server has that host or that port; {_ESCAPE}")


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
    _check_options(name, scheme, parts.query)
    places = tuple(_place_of_sentinel(name, one) for one in found if one)
    username, _, password = credentials.partition(":")
    options = dict(parse_qsl(parts.query))
    own_username, own_password = (options.pop(each, "") for each in _OF_SENTINELS)
    return Sentinels(
        places,
        path["name"],
        int(path["database"] or 0),
        unquote(username),
        unquote(password),
        scheme == "rediss+sentinel",
        own_username,
        own_password,
        options,
    )


def _place_of_sentinel(name: str, found: re.Match[str]) -> tuple[str, int]:
    host, port = found["host"].strip("[]"), int(found["port"] or SENTINEL_PORT)
    _check_place(name, host, port)
    return host, port


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
