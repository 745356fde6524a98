"""The queue's broker in kombu's words: the URL of a Redis says it all, and kombu wants it in pieces.

Of kombu 5.7, each seen in its source: options of TLS in a URL are taken by some of its parts only. The sentinels stand
in a URL each, and the name of the primary in an option. A socket is ``redis+socket://``, its database an option.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from sync_tasks.config.redis_url import Sentinels, has_sentinels, read_sentinels
from sync_tasks.errors import ConfigurationError

PATCHES = "sync_tasks.tasks.patches.transport"
# The transport of a socket can only be given by a name in the URL, and only from kombu's list of names.
SOCKET_TRANSPORT = "synctasks"
# A sentinel that does not answer within so many seconds is passed over.
SENTINEL_TIMEOUT = 1.0
_CHECKS = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}


@dataclass(frozen=True, slots=True, repr=False)
class Broker:
    """Celery's settings for a broker: ``broker_url``, ``broker_use_ssl``, and some of ``broker_transport_options``."""

    url: str
    use_ssl: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def read_broker(url: str) -> Broker:
    """Return a broker in kombu's words; what is no Redis stays as it is.

    Raises:
        ConfigurationError: an option of TLS has a value that nobody knows; the message shows nothing of the URL.
    """
    scheme = url.partition("://")[0]
    if has_sentinels(url):
        return _of_sentinels(read_sentinels(url))
    if scheme == "unix":
        return Broker(_socket_url(url))
    if scheme == "rediss":
        return Broker(_without_options(url), tls_of(dict(parse_qsl(urlsplit(url).query))))
    return Broker(_without_options(url) if scheme == "redis" else url)


def _without_options(url: str) -> str:
    """Return a URL, or several, without the settings of a connection: kombu raises a TypeError at those of redis-py."""
    return ";".join(one.partition("?")[0] for one in url.split(";"))


def sentinel_settings(sentinels: Sentinels) -> dict[str, Any]:
    """Return how to connect to a sentinel: one that is away is passed over at once, and soon found to be."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    settings: dict[str, Any] = {
        "socket_timeout": SENTINEL_TIMEOUT,
        "socket_connect_timeout": SENTINEL_TIMEOUT,
        # redis-py would otherwise try each of them four times, with pauses of seconds (8.1).
        "retry": Retry(NoBackoff(), 0),
    }
    if sentinels.own_password:
        settings |= {"username": sentinels.own_username or None, "password": sentinels.own_password}
    if sentinels.tls:
        settings |= {"ssl": True} | tls_of(sentinels.options)
    return settings


def tls_of(options: dict[str, str]) -> dict[str, Any]:
    """Return the settings of TLS among the options of a URL; a certificate is asked for unless they say otherwise.

    Raises:
        ConfigurationError: one has a value that nobody knows.
    """
    tls: dict[str, Any] = {name: value for name, value in options.items() if name.startswith("ssl_")}
    check = tls.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if check not in _CHECKS:
        raise ConfigurationError("the URL of Redis: ssl_cert_reqs is required, optional or none")
    # kombu's default is to trust anybody.
    tls["ssl_cert_reqs"] = _CHECKS[check]
    if "ssl_check_hostname" in tls:
        tls["ssl_check_hostname"] = tls["ssl_check_hostname"].lower() not in {"false", "no", "0"}
    return tls


def _of_sentinels(sentinels: Sentinels) -> Broker:
    login = f"{quote(sentinels.username, safe='')}:{quote(sentinels.password, safe='')}@" if sentinels.password else ""
    hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in sentinels.hosts)
    url = ";".join(f"sentinel://{login}{each}/{sentinels.database}" for each in hosts)
    options = {"master_name": sentinels.name, "sentinel_kwargs": sentinel_settings(sentinels)}
    return Broker(url, tls_of(sentinels.options) if sentinels.tls else None, options)


def _socket_url(url: str) -> str:
    parts = urlsplit(url)
    database = parse_qs(parts.query).get("db", ["0"])[0]
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return f"redis+socket://{login}{parts.path}?{urlencode({'virtual_host': database})}"


def transport_for(url: str) -> tuple[str, str | None]:
    """Return where a connection to a broker, in kombu's words, goes, and our transport for it.

    Without a transport kombu's own choice is good, or the URL names ours.
    """
    if url.startswith("redis+socket://"):
        return url.replace("redis", SOCKET_TRANSPORT, 1), None
    if url.startswith("sentinel://"):
        return url, f"{PATCHES}:SentinelTransport"
    return url, f"{PATCHES}:Transport" if url.startswith(("redis://", "rediss://")) else None


def declares_queues(url: str) -> bool:
    """Return whether a queue must be declared at a broker, in kombu's words, before a message is sent to it.

    On Redis a first message makes the queue (seen in kombu 5.7: one to the default exchange is pushed to a list).
    """
    return not url.startswith(("redis://", "rediss://", "redis+socket://", "sentinel://"))
