"""The product's own Lua scripts, run over a memory: what Redis does for them, by lupa."""

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from lupa.lua51 import LuaRuntime, lua_type  # type: ignore[import-untyped]

from tests.simulation.memory import Memory

_LUA = LuaRuntime(register_eval=False, register_builtins=False)


# The memory of the script that runs now. A script runs to its end: nothing pauses it.
_memories: list[Memory] = []


def run_script(text: str, memory: Memory, keys: Iterable[str], arguments: Iterable[str | int]) -> object:
    """Return what a script answers, as a client that decodes answers gets it."""
    _memories.append(memory)
    try:
        return _read(_compile(text)(_LUA.table_from(keys), _LUA.table_from(map(str, arguments)), _REDIS, _CJSON))
    finally:
        _memories.pop()


@cache
def _compile(text: str) -> Callable[..., Any]:
    return _LUA.execute(f"return function(KEYS, ARGV, redis, cjson)\n{text}\nend")  # type: ignore[no-any-return]


def _call(command: str, *words: str | float) -> object:
    return _write(_memories[-1].call("delete" if command.upper() == "DEL" else command, *map(_word, words)))


def _word(value: str | float) -> str:
    return str(int(value)) if isinstance(value, float) else str(value)


def _write(answer: object) -> object:
    """Return a Python value for Lua; what Redis returns as nil is false there."""
    match answer:
        case None:
            return False
        case True:
            return _LUA.table_from({"ok": "OK"})
        case list():
            return _LUA.table_from(map(_write, answer))
        case dict():
            return _LUA.table_from({name: _write(value) for name, value in answer.items()})
        case _:
            return answer


def _read(value: Any) -> Any:  # noqa: ANN401 - whatever Lua holds
    """Return a value of Lua's for Python, a list where the table is one."""
    if lua_type(value) != "table":
        return None if value is False else int(value) if isinstance(value, float | bool) else value
    reported = {name: _read(one) for name, one in value.items()}
    return list(reported.values()) if list(reported) == [*range(1, len(reported) + 1)] else reported


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _encode(value: object) -> str:
    return json.dumps(_read(value))


def _decode(text: str) -> object:
    return _write(json.loads(text))


# Lua gets each function of Python's once, for good: nothing that its collector frees can pass for another memory's.
_REDIS = _LUA.table_from({"call": _call, "sha1hex": _hash})
_CJSON = _LUA.table_from({"encode": _encode, "decode": _decode})
