"""Whether a server can hold the state or the queue: what it lacks, found out before anything is written.

Rights are asked for without using them. Between ``MULTI`` and ``DISCARD`` Redis checks each command when it is queued
and carries none out. Seen with Redis 6.2 and 7.0, and Valkey 9.1.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from sync_tasks.state.trouble import lacks_disk

if TYPE_CHECKING:
    from redis import Redis

# A watcher (Flower) looks at the queue, and changes nothing there.
Use = Literal["state", "queue", "watcher"]

OLDEST_VERSION = (6, 2)
# The scripts and the queues of an empty pipeline take some three megabytes of an empty server's memory.
SMALLEST = 16 * 2**20


def _with(arguments: str, commands: str) -> Iterator[str]:
    return (f"{command} {arguments}" for command in commands.split())


# What each use needs; `docker/users.conf` grants the same, `docker/flower-users.conf` to a watcher. {k} is one of our
# keys, {b} the second of those that are given.
STATE = (
    "EVAL return_1 1 {k}",
    "EVALSHA 0 1 {k}",
    "SCRIPT LOAD return_1",
    "SCRIPT EXISTS 0",
    "TIME",
    "INFO",
    "SCAN 0",
    *_with("{k}", "WATCH DEL EXISTS PTTL GET MGET HGETALL HKEYS HLEN LLEN ZCARD"),
    *_with("{k} 0", "HSCAN LINDEX SSCAN ZSCAN"),
    *_with("{k} 1", "EXPIRE PEXPIRE SET LPOS LPUSH RPUSH RPUSHX"),
    *_with("{k} 0 1", "LRANGE LREM LSET LTRIM ZCOUNT ZRANGE ZRANGEBYSCORE"),
    *_with("{k} f", "HDEL HEXISTS HGET HMGET"),
    *_with("{k} f 1", "HINCRBY HSET HSETNX"),
    *_with("{k} m", "SADD ZREM ZSCORE"),
    "ZADD {k} 1 m",
    "ZRANGEBYLEX {k} - +",
)
QUEUE = (
    "EVALSHA 0 1 {k}",
    "SCRIPT LOAD return_1",
    "INFO",
    "PUNSUBSCRIBE",
    *_with("{k}", "WATCH DEL EXISTS GET LLEN RPOP SMEMBERS"),
    *_with("{k} 1", "BRPOP LPUSH PEXPIRE RPUSH SET"),
    *_with("{k} f", "HDEL HGET"),
    *_with("{k} m", "SADD SREM ZREM"),
    "HSET {k} f 1",
    "ZADD {k} 1 m",
    "ZRANGE {k} 0 1",
    "ZREVRANGEBYSCORE {k} 1 0",
)
WATCHER = (
    "LLEN {k}",
    "BRPOP {b} 1",
    "DEL {b}",
    "EVAL return_1 1 {b}",
    "EVALSHA 0 1 {b}",
    "EXPIRE {b} 1",
    "SADD {b} m",
    "SCRIPT EXISTS 0",
    "SCRIPT LOAD return_1",
    "SMEMBERS {b}",
    "SREM {b} m",
    "ZADD {b} 1 m",
    "ZRANGEBYSCORE {b} 0 1",
    "ZREM {b} m",
    "TIME",
    "PUNSUBSCRIBE",
    "INFO",
)
_NEEDED: Mapping[Use, Sequence[str]] = {"state": STATE, "queue": QUEUE, "watcher": WATCHER}
# Of each channel.
_OF_A_CHANNEL = ("PUBLISH {c} m", "PSUBSCRIBE {c}")
# A script that touches a key it does not declare, as all of ours do: they get the beginning of our keys' names.
_UNDECLARED = "return redis.call('EXISTS', KEYS[1] .. 'contacts')"


@dataclass(frozen=True, slots=True)
class Lack:
    """What a server lacks: ``what`` in a word, ``found`` as what it is or does, and what to do.

    ``passing``: it may mend by itself, so that a command that only looks goes on.
    """

    what: str
    found: str
    advice: str
    passing: bool = False

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.found}; {self.advice}"


WITHOUT_DISK = Lack("disk", "cannot write to its disk", "make room there, or look at its log", passing=True)


def find_lacks(redis: "Redis", use: Use, keys: Sequence[str], channels: Sequence[str] = ()) -> list[Lack]:
    """Return what the server lacks for these ``keys``, of which the first is used in every way, and ``channels``.

    Raises:
        redis.RedisError: it is away, or refuses us as a whole.
    """
    from redis.exceptions import NoPermissionError

    try:
        info = cast("dict[str, object]", redis.info())
    except NoPermissionError:
        return [_without_rights({"INFO"})]
    lacks = list(find_server_lacks(info))
    if any(lack.what in {"version", "cluster", "sentinel"} for lack in lacks):
        return lacks
    first, *rest = keys
    commands = [one.format(k=first, b=rest[0] if rest else "").split() for one in _NEEDED[use]]
    commands += [["EXISTS", key] for key in rest]
    commands += [one.format(c=channel).split() for channel in channels for one in _OF_A_CHANNEL]
    lacks += [lack for lack in _find_refusals(_try_all(redis, commands)) if lack not in lacks]
    if use == "state" and not any(lack.what == "rights" for lack in lacks):
        lacks += _find_undeclared(redis, first)
    return lacks


def find_server_lacks(info: Mapping[str, Any]) -> Iterator[Lack]:
    """Yield what a server lacks by its own words (``INFO``)."""
    if info.get("redis_mode") == "sentinel":
        yield Lack("sentinel", "is a sentinel", "name the sentinels: sentinel://one,two,three/mymaster/0")
        return
    yield from _find_wrong_kind(info)
    yield from _find_wrong_memory(info)
    if info.get("aof_last_write_status", "ok") != "ok":
        yield WITHOUT_DISK


def _find_wrong_kind(info: Mapping[str, Any]) -> Iterator[Lack]:
    if version_of(info) < OLDEST_VERSION:
        yield Lack("version", f"is {show_version(info)}, which is too old", "take Redis 6.2 or newer, or Valkey")
    if info.get("cluster_enabled"):
        advice = "take one server, with replicas and sentinels if you like (sentinel://)"
        yield Lack("cluster", "is in cluster mode, and one atomic step touches keys of several users", advice)
    if info.get("role") == "slave":
        # A replica that takes writes loses them if its primary sends everything anew.
        advice = "name its primary, or its sentinels: sentinel://one,two,three/mymaster/0"
        yield Lack("replica", "is a replica", advice, passing=bool(info.get("slave_read_only", 1)))


def _find_wrong_memory(info: Mapping[str, Any]) -> Iterator[Lack]:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        found = f"has maxmemory-policy {policy}: it would drop who unsubscribed to make room"
        yield Lack("eviction", found, "set it to noeviction")
    most = int(info.get("maxmemory") or 0)
    if 0 < most < SMALLEST:
        advice = f"set it to {SMALLEST // 2**20} MB or more, see docs/scaling.md"
        yield Lack("memory", f"has a maxmemory of {most / 2**20:.1f} MB: too little even for an empty pipeline", advice)


def version_of(info: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the version of Redis that the server is, or claims to be like."""
    return tuple(map(int, re.findall(r"\d+", str(info.get("redis_version", "0")))[:2]))


def show_version(info: Mapping[str, Any]) -> str:
    """Return which server it is, in words."""
    for name in ("valkey", "dragonfly"):
        if info.get(f"{name}_version"):
            return f"{name.capitalize()} {info[f'{name}_version']}"
    return f"Redis {info.get('redis_version', 'of no version')}"


def without_right(error: Exception) -> Lack:
    """Return what a server lacks that refused a whole connection: the right to one command."""
    found = re.search(r"'(\S+)' command", str(error))
    return _without_rights({found.group(1).upper() if found else "connect"})


def _without_rights(rights: set[str]) -> Lack:
    return Lack(
        "rights", f"denies the user the right to {', '.join(sorted(rights))}", "grant it, see docker/users.conf"
    )


def _find_refusals(refused: Iterable[tuple[Sequence[str], Exception]]) -> Iterator[Lack]:
    rights, others = set[str](), dict[str, Lack]()
    for command, error in refused:
        message = f"{type(error).__name__} {error}"
        if "NoPermission" in message:
            rights.add(_right_of(command, message))
        elif lacks_disk(error):
            others["disk"] = WITHOUT_DISK
        elif "OutOfMemory" in message:
            others["full"] = Lack("full", "is full", "raise its maxmemory, see docs/scaling.md", passing=True)
    if rights:
        yield _without_rights(rights)
    yield from others.values()


def _right_of(command: Sequence[str], message: str) -> str:
    if "channel" in message:
        return f"use the channel {command[1]}"
    if "key" in message and "run the" not in message:
        return f"use the key {command[3] if command[0].startswith('EVAL') else command[1]}"
    return " ".join(command[:2]) if command[0] == "SCRIPT" else command[0]


def _try_all(redis: "Redis", commands: list[list[str]]) -> Iterator[tuple[list[str], Exception]]:
    """Yield each command that the server would refuse, and how; nothing is carried out."""
    # A client of one connection: how a pool is asked for one differs between releases (5.2 wants a name, 5.3 none).
    client: Any = redis.client()  # type: ignore[no-untyped-call]
    connection = client.connection
    # Its place is before MULTI alone.
    watching = [command for command in commands if command[0] == "WATCH"]
    try:
        yield from _say(connection, watching)
        if refused := _say(connection, [["MULTI"]]):
            yield refused[0]
            return
        yield from _say(connection, [command for command in commands if command not in watching])
    finally:
        # Whatever was queued goes with the connection.
        connection.disconnect()
        client.close()


def _say(connection: Any, commands: list[list[str]]) -> list[tuple[list[str], Exception]]:  # noqa: ANN401 - redis-py's
    from redis import ResponseError

    connection.send_packed_command(connection.pack_commands(commands))
    refused = list[tuple[list[str], Exception]]()
    for command in commands:
        try:
            connection.read_response()
        except ResponseError as error:
            refused.append((command, error))
    return refused


def _find_undeclared(redis: "Redis", prefix: str) -> Iterator[Lack]:
    from redis import ResponseError

    try:
        redis.eval(_UNDECLARED, 1, prefix)
    except ResponseError as error:
        if "undeclared" in str(error):
            advice = "Dragonfly: --default_lua_flags=allow-undeclared-keys"
            yield Lack("scripts", "lets scripts touch declared keys alone", advice)
