"""A memory by redis-py's names, so that the real ``Store`` works over it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from redis.commands.core import Script as RealScript
from redis.exceptions import NoScriptError

from sync_tasks.state.store import Store
from tests.simulation.clock import Clock
from tests.simulation.memory import Memory
from tests.simulation.scripts import run_script

if TYPE_CHECKING:
    from redis import Redis

Pause = Callable[[str], None]
Edit = Callable[[str], str]


def go_on(_what: str) -> None:
    """Nobody else is there who could do something first."""


class Client:
    """What the pipeline calls of redis-py's client; anything else is an error, and no command goes anywhere.

    ``pause`` is called before each command, which may never come back from it.
    """

    def __init__(self, memory: Memory, pause: Pause = go_on, edit: Edit = str) -> None:
        self.memory = memory
        self._pause = pause
        self._edit = edit

    def _call(self, command: str, *words: object) -> Any:  # noqa: ANN401 - each command has its own
        self._pause(command)
        return self.memory.call(command, *map(str, words))

    def register_script(self, text: str) -> "Script":
        return Script(self, text)

    def run(self, text: str, keys: list[str], args: list[str | int]) -> object:
        """Return what a script answers here."""
        self._pause("script")
        return run_script(self._edit(text), self.memory, keys, args)

    def evalsha(self, sha: str, number: int, *words: Any) -> object:
        """Run a script that redis-py's own ``Script`` has loaded."""
        if sha not in _LOADED:
            raise NoScriptError(sha)
        return self.run(_LOADED[sha], list(words[:number]), list(words[number:]))

    def script_load(self, text: str) -> str:
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        _LOADED[sha] = text
        return sha

    def execute_command(self, command: str, *words: str) -> Any:  # noqa: ANN401 - each command has its own
        """Return what redis-py makes of the answer to a command: its own method knows."""
        return getattr(self, command.lower())(*words)

    def time(self) -> tuple[int, int]:
        self._pause("time")
        return divmod(self.memory.now, 1_000_000)

    def get(self, key: str) -> str | None:
        return cast("str | None", self._call("get", key))

    def set(self, key: str, value: str, *, nx: bool = False, px: int | None = None) -> bool | None:
        return cast("bool | None", self._call("set", key, value, *_flag("NX", nx), *(["PX", px] if px else [])))

    def delete(self, *keys: str) -> int:
        return cast("int", self._call("delete", *keys))

    def exists(self, key: str) -> int:
        return cast("int", self._call("exists", key))

    def hget(self, key: str, field: str) -> str | None:
        return cast("str | None", self._call("hget", key, field))

    def hexists(self, key: str, field: str) -> int:
        return cast("int", self._call("hexists", key, field))

    def hmget(self, key: str, fields: list[str]) -> list[str | None]:
        return cast("list[str | None]", self._call("hmget", key, *fields))

    def hset(self, key: str, field: str, value: str) -> int:
        return cast("int", self._call("hset", key, field, value))

    def hsetnx(self, key: str, field: str, value: str) -> int:
        return 0 if self.hget(key, field) is not None else self.hset(key, field, value)

    def pttl(self, key: str) -> int:
        return cast("int", self._call("pttl", key))

    def zrange(self, key: str, first: int, last: int) -> list[str]:
        return cast("list[str]", self._call("zrange", key, first, last))

    def hkeys(self, key: str) -> list[str]:
        return cast("list[str]", self._call("hkeys", key))

    def hgetall(self, key: str) -> dict[str, str]:
        reported: list[str] = self._call("hgetall", key)
        return dict(zip(reported[::2], reported[1::2], strict=True))

    def hscan_iter(self, key: str, *, count: int) -> Iterator[tuple[str, str]]:
        assert count > 0
        yield from self.hgetall(key).items()

    def sadd(self, key: str, *members: str) -> int:
        return cast("int", self._call("sadd", key, *members))

    def lrange(self, key: str, first: int, last: int) -> list[str]:
        return cast("list[str]", self._call("lrange", key, first, last))

    def zadd(self, key: str, pairs: Mapping[str, int], *, xx: bool = False, gt: bool = False, lt: bool = False) -> int:
        words = [word for member, score in pairs.items() for word in (score, member)]
        return cast("int", self._call("zadd", key, *_flag("XX", xx), *_flag("GT", gt), *_flag("LT", lt), *words))

    def zrangebyscore(
        self, key: str, least: str | float, most: str | float, *, start: int, num: int, withscores: bool = False
    ) -> list[Any]:
        members: list[str] = self._call("zrangebyscore", key, least, most)[start : start + num]
        return [(member, float(self._call("zscore", key, member))) for member in members] if withscores else members

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        return Pipeline(self, transaction=transaction)


# The texts of loaded scripts by their digest, for all memories: redis-py keeps the scripts of locks for each process.
_LOADED: dict[str, str] = {}


class Script:
    """A registered script; redis-py's locks keep one for each process and call it with whichever client they have."""

    def __init__(self, client: Client, text: str) -> None:
        self._client = client
        self._text = text

    def __call__(self, *, keys: list[str], args: list[str | int], client: Any = None) -> object:  # noqa: ANN401 - theirs
        match client or self._client:
            case Pipeline() as pipeline:
                pipeline.note(partial(self._client.run, self._text, keys, args))
                return None
            case Client() as twin:
                return twin.run(self._text, keys, args)
            case real:
                return RealScript(real, self._text)(keys=keys, args=args)


def _flag(word: str, given: bool) -> list[str]:  # noqa: FBT001 - what it is for
    return [word] if given else []


class Pipeline:
    """Commands whose answers come together."""

    def __init__(self, client: Client, *, transaction: bool) -> None:
        self._client = client
        self._calls: list[Callable[[], Any]] = []
        self._transaction = transaction

    def note(self, call: Callable[[], Any]) -> None:
        self._calls.append(call)

    def __getattr__(self, command: str) -> Callable[..., None]:
        return lambda *words, **options: self.note(partial(getattr(self._client, command), *words, **options))

    def execute(self) -> list[Any]:
        return [call() for call in self._calls]


def open_store(
    memory: Memory, namespace: str = "twin", pause: Pause = go_on, edit: Edit = str, skew: float = 0.0
) -> Store:
    """Return the twin of a store: the real one, its Redis in memory; ``edit`` changes its scripts to break them."""
    return Store(cast("Redis", Client(memory, pause, edit)), namespace, clock=partial(memory.clock.now, skew))


def open_memory(microseconds: int = 0) -> Memory:
    """Return an empty memory whose clock stands at this moment."""
    return Memory(Clock(microseconds))
