"""A memory by redis-py's names, so that the real ``Store`` works over it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sync_tasks.store import Store
from tests.simulation.clock import Clock
from tests.simulation.memory import Memory
from tests.simulation.scripts import run_script

if TYPE_CHECKING:
    from redis import Redis


class Client:
    """What the pipeline calls of redis-py's client; anything else is an error, and no command goes anywhere."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.get, self.delete, self.hget, self.hkeys = memory.get, memory.delete, memory.hget, memory.hkeys
        self.hset, self.sadd = memory.hset, memory.sadd

    def register_script(self, text: str) -> Callable[..., object]:
        def run(*, keys: list[str], args: list[str | int]) -> object:
            return run_script(text, self.memory, keys, args)

        return run

    def time(self) -> tuple[int, int]:
        return divmod(self.memory.clock.microseconds, 1_000_000)

    def set(self, key: str, value: str, *, nx: bool = False, px: int | None = None) -> bool | None:
        return self.memory.set(key, value, *(["NX"] if nx else []), *(["PX", str(px)] if px is not None else []))

    def hgetall(self, key: str) -> dict[str, str]:
        told = self.memory.hgetall(key)
        return dict(zip(told[::2], told[1::2], strict=True))

    def lrange(self, key: str, first: int, last: int) -> list[str]:
        return self.memory.lrange(key, str(first), str(last))

    def zadd(self, key: str, pairs: Mapping[str, int], *, xx: bool = False, gt: bool = False) -> int:
        words = [word for member, score in pairs.items() for word in (str(score), member)]
        return self.memory.zadd(key, *(["XX"] if xx else []), *(["GT"] if gt else []), *words)

    def zrangebyscore(self, key: str, least: str, most: int, *, start: int, num: int) -> list[str]:
        return self.memory.zrangebyscore(key, least, str(most))[start : start + num]

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        return Pipeline(self, transaction=transaction)


class Pipeline:
    """Commands whose answers come together."""

    def __init__(self, client: Client, *, transaction: bool) -> None:
        self._client = client
        self._calls: list[Callable[[], Any]] = []
        self._transaction = transaction

    def __getattr__(self, command: str) -> Callable[..., None]:
        def note(*words: object, **options: object) -> None:
            self._calls.append(partial(getattr(self._client, command), *words, **options))

        return note

    def execute(self) -> list[Any]:
        return [call() for call in self._calls]


def open_store(memory: Memory, namespace: str = "twin") -> Store:
    """Return the twin of a store: the real one, its Redis in memory."""
    return Store(cast("Redis", Client(memory)), namespace)


def open_memory(microseconds: int = 0) -> Memory:
    """Return an empty memory whose clock stands at this moment."""
    return Memory(Clock(microseconds))
