"""What ``sync-tasks doctor`` looks at for privacy: the secret of hashes, files, connections."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from sync_tasks.cli.views.doctor_checks import Check
from sync_tasks.config import environment
from sync_tasks.config.base_url import is_loopback
from sync_tasks.config.redis_url import is_redis

if TYPE_CHECKING:
    from sync_tasks.state.store import Store

# After so many seconds a night has passed without a rewrite.
LATE = 30 * 3600
_PORT = re.compile(r":\d+$")


def check_privacy(store: "Store") -> Iterator[Check]:
    """Yield what would show more of people than it must."""
    yield _check_secret(store)
    yield from _check_files(store)
    yield from check_connection("redis", environment.redis_url())
    if is_redis(environment.broker_url()) and environment.broker_url() != environment.redis_url():
        yield from check_connection("broker", environment.broker_url())


def check_connection(what: str, url: str) -> Iterator[Check]:
    """Say whether a Redis beyond this machine asks for a password, and is spoken to over TLS."""
    parts = urlsplit(url)
    hosts = [_PORT.sub("", one).strip("[]") for one in parts.netloc.rpartition("@")[2].split(",")]
    # Without a host it is this machine.
    if parts.scheme == "unix" or all(not host or is_loopback(host) for host in hosts):
        yield Check(f"{what} connection", "ok", "on this machine")
        return
    options, faults = parse_qs(parts.query), list[str]()
    if not (parts.password or "password" in options):
        faults.append("no password")
    if not parts.scheme.startswith("rediss"):
        faults.append("no TLS")
    elif options.get("ssl_cert_reqs", ["required"])[0] != "required":
        faults.append("the certificate is not checked")
    advice = "whoever reads along sees all that is held of people: rediss:// with a password, ssl_cert_reqs=required"
    yield Check(
        f"{what} connection",
        "warn" if faults else "ok",
        ", ".join(faults) or "password and TLS",
        advice if faults else "",
    )


def _check_files(store: "Store") -> Iterator[Check]:
    from sync_tasks.domain.timestamps import seconds_since, show_age
    from sync_tasks.state.disk import owed_since, read_slow_log, read_snapshots

    snapshots, owed = read_snapshots(store), owed_since(store)
    if snapshots:
        advice = 'set save "": an old snapshot holds people who were erased since'
        yield Check("redis snapshots", "warn", f"save {snapshots}", advice)
    else:
        yield Check("redis snapshots", "ok", "none" if snapshots is not None else "Redis does not say: see SECURITY.md")
    if slow := read_slow_log(store):
        advice = "slowlog-log-slower-than -1: it holds the arguments of slow commands, addresses among them"
        yield Check("redis slow log", "warn", f"keeps commands of {slow} µs and more", advice)
    else:
        yield Check("redis slow log", "ok", "none" if slow == "" else "Redis does not say: see SECURITY.md")
    age = seconds_since(owed, store.now()) if owed else 0.0
    if age > LATE:
        advice = "beat asks for it each night: is it running, may the user BGREWRITEAOF? See SECURITY.md, Files"
        yield Check("redis files", "warn", f"hold people erased {show_age(age)} ago", advice)
    else:
        yield Check("redis files", "ok", f"rewritten tonight: {show_age(age)} owed" if owed else "hold nobody erased")


def _check_secret(store: "Store") -> Check:
    from sync_tasks.errors import ConfigurationError
    from sync_tasks.state.secret import check_secret, is_newest_in_force

    try:
        check_secret(store)
    except ConfigurationError as error:
        return Check("hash secret", "fail", "another one is in force", str(error))
    if not store.tombstones.hashes:
        advice = "whoever has a dump can guess who was erased: `sync-tasks secret new FILE`, SYNC_STATE_SECRET_FILE"
        return Check("hash secret", "warn", "lies in Redis", advice)
    if not is_newest_in_force(store):
        advice = "once every part has it: `sync-tasks secret use`"
        return Check("hash secret", "warn", "the newest is not in force", advice)
    return Check("hash secret", "ok", "outside Redis")
