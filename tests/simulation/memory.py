"""As much of Redis as the state needs, in the memory of one process and by a clock of its own."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from tests.simulation.clock import Clock

Answer = str | int | bool | list[str | None] | None


class Scores(dict[str, int]):
    """A sorted set: member to score."""

    def ordered(self) -> list[str]:
        return sorted(self, key=lambda member: (self[member], member))


class Memory:
    """Redis' commands, spelt small, with the arguments and answers of its protocol; True stands for OK."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        # So many microseconds is Redis' clock ahead of everybody else's.
        self.step = 0
        self.data: dict[str, Any] = {}
        self.ends: dict[str, int] = {}

    def call(self, command: str, *words: str) -> Answer:
        """Return the answer to one command."""
        answer: Callable[..., Answer] = getattr(self, command.lower())
        return answer(*words)

    def held(self, key: str, kind: type[Any]) -> Any:  # noqa: ANN401 - whatever kind is asked for
        """Return what lies under a key, something new and empty where nothing does."""
        if self.pttl(key) == 0:
            self.delete(key)
        return self.data.setdefault(key, kind())

    def tidy(self, key: str) -> None:
        """Forget a key that holds nothing."""
        if not self.data.get(key, True):
            del self.data[key]

    @property
    def now(self) -> int:
        """Redis' clock, in microseconds."""
        return self.clock.microseconds + self.step

    def time(self) -> Answer:
        return [str(part) for part in divmod(self.now, 1_000_000)]

    def exists(self, key: str) -> int:
        return int(self.pttl(key) != 0 and key in self.data)

    def delete(self, *keys: str) -> int:
        gone = sum(map(self.exists, keys))
        for key in keys:
            self.data.pop(key, None)
            self.ends.pop(key, None)
        return gone

    def pexpire(self, key: str, milliseconds: str) -> int:
        if self.exists(key):
            self.ends[key] = self.now + int(milliseconds) * 1000
        return self.exists(key)

    def expire(self, key: str, seconds: str) -> int:
        return self.pexpire(key, str(int(seconds) * 1000))

    def pttl(self, key: str) -> int:
        if key not in self.data:
            return -2
        return max(self.ends[key] - self.now, 0) // 1000 if key in self.ends else -1

    def get(self, key: str) -> Any:  # noqa: ANN401 - a text or nothing
        return self.data[key] if self.exists(key) else None

    def mget(self, *keys: str) -> Answer:
        return [self.get(key) for key in keys]

    def set(self, key: str, value: str, *words: str) -> bool | None:
        options = dict(pairwise([*words, ""]))
        if "NX" in options and self.exists(key):
            return None
        self.delete(key)
        self.data[key] = value
        if "PX" in options:
            self.pexpire(key, options["PX"])
        return True

    def hget(self, key: str, field: str) -> Any:  # noqa: ANN401 - a text or nothing
        return self.data.get(key, {}).get(field)

    def hmget(self, key: str, *fields: str) -> Answer:
        return [self.hget(key, field) for field in fields]

    def hexists(self, key: str, field: str) -> int:
        return int(field in self.data.get(key, {}))

    def hkeys(self, key: str) -> list[str]:
        return list(self.data.get(key, {}))

    def hgetall(self, key: str) -> list[str]:
        return [text for pair in self.data.get(key, {}).items() for text in pair]

    def hset(self, key: str, *pairs: str) -> int:
        held = self.held(key, dict)
        before = len(held)
        held.update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(held) - before

    def hsetnx(self, key: str, field: str, value: str) -> int:
        return 0 if self.hexists(key, field) else self.hset(key, field, value)

    def hdel(self, key: str, *fields: str) -> int:
        gone = [self.data.get(key, {}).pop(field, None) for field in fields]
        self.tidy(key)
        return len(gone) - gone.count(None)

    def hincrby(self, key: str, field: str, more: str) -> int:
        value = int(self.hget(key, field) or 0) + int(more)
        self.hset(key, field, str(value))
        return value

    def sadd(self, key: str, *members: str) -> int:
        held = self.held(key, set)
        new = set(members) - held
        held |= new
        return len(new)

    def lpush(self, key: str, *texts: str) -> int:
        held = self.held(key, list)
        held[:0] = reversed(texts)
        return len(held)

    def rpush(self, key: str, *texts: str) -> int:
        held = self.held(key, list)
        held.extend(texts)
        return len(held)

    def llen(self, key: str) -> int:
        return len(self.data.get(key, ()))

    def ltrim(self, key: str, first: str, last: str) -> bool:
        self.held(key, list)[:] = self.lrange(key, first, last)
        self.tidy(key)
        return True

    def lrange(self, key: str, first: str, last: str) -> list[str]:
        held: list[str] = self.data.get(key, [])
        return held[int(first) : int(last) + 1 or None]

    def lrem(self, key: str, _: str, text: str) -> int:
        held = self.held(key, list)
        before = len(held)
        held[:] = [one for one in held if one != text]
        self.tidy(key)
        return before - len(held)

    def lpos(self, key: str, text: str) -> int | None:
        held: list[str] = self.data.get(key, [])
        return held.index(text) if text in held else None

    def lset(self, key: str, index: str, text: str) -> bool:
        self.data[key][int(index)] = text
        return True

    def lindex(self, key: str, index: str) -> Answer:
        return next(iter(self.lrange(key, index, index)), None)

    def zadd(self, key: str, *words: str) -> int:
        """NX, XX, LT and GT, as Redis has them, then score and member by turns."""
        options = {word for word in words if word in {"NX", "XX", "LT", "GT"}}
        pairs = [word for word in words if word not in options]
        held = self.held(key, Scores)
        before = len(held)
        for score, member in zip(map(_number, pairs[::2]), pairs[1::2], strict=True):
            if _may(options, held.get(member), score):
                held[member] = score
        self.tidy(key)
        return len(held) - before

    def zrem(self, key: str, *members: str) -> int:
        gone = [self.data.get(key, {}).pop(member, None) for member in members]
        self.tidy(key)
        return len(gone) - gone.count(None)

    def zcard(self, key: str) -> int:
        return len(self.data.get(key, ()))

    def zscore(self, key: str, member: str) -> str | None:
        score = self.data.get(key, {}).get(member)
        return None if score is None else str(score)

    def zrange(self, key: str, first: str, last: str) -> list[str]:
        held: Scores = self.data.get(key, Scores())
        return held.ordered()[int(first) : int(last) + 1 or None]

    def zrangebylex(self, key: str, least: str, most: str) -> list[str]:
        """From what ``[`` names, up to what ``(`` names."""
        held: Scores = self.data.get(key, Scores())
        return [member for member in held.ordered() if least[1:] <= member < most[1:]]

    def zrangebyscore(self, key: str, least: str, most: str) -> list[str]:
        """Without what begins with a bracket: both ends belong to it."""
        held, (first, last) = self.data.get(key, Scores()), (float(least), float(most))
        return [member for member in held.ordered() if first <= held[member] <= last]

    def __iter__(self) -> Iterator[str]:
        return (key for key in list(self.data) if self.exists(key))


def _may(options: set[str], old: int | None, score: int) -> bool:
    """Return whether ZADD writes this score over the old one."""
    if old is None:
        return "XX" not in options
    return "NX" not in options and ("LT" not in options or score < old) and ("GT" not in options or score > old)


def _number(text: str) -> int:
    return int(float(text))
