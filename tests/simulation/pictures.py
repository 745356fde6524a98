"""All that a state holds, fit to be compared: moments of the clock and tokens are left out."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import redis

from tests.simulation.memory import Memory, Scores

Picture = dict[str, object]


def picture_redis(client: redis.Redis) -> Picture:
    """Return what lies in a Redis that answers in text."""
    read: Mapping[str, Callable[[str], Any]] = {
        "string": client.get,
        "hash": client.hgetall,
        "set": client.smembers,
        "list": lambda key: client.lrange(key, 0, -1),
        "zset": lambda key: client.zrange(key, 0, -1),
    }
    return {key: _show(key, read[str(client.type(key))](key)) for key in client.scan_iter()}


def picture_memory(memory: Memory) -> Picture:
    """Return what lies in a memory."""
    return {key: _show(key, _plain(memory.data[key])) for key in memory}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever Redis holds
    return value.ordered() if isinstance(value, Scores) else value


def _show(key: str, value: Any) -> object:  # noqa: ANN401, PLR0911 - whatever Redis holds; each kind in its way
    match key.split(":")[1:]:
        case ["contacts", *_]:
            return {field: _show_field(field, text) for field, text in value.items()}
        case ["rewrite_owed"]:
            return {**value, "since": bool(value["since"])}
        case ["dead_letters"]:
            return {number: _show_letter(text) for number, text in value.items()}
        case ["closed_letters"]:
            return sorted((_show_letter(text) for text in value), key=str)
        case ["history", _]:
            return [line.partition(" ")[2] for line in value]
        case ["audit"]:
            return [dict(sorted(json.loads(text).items())) | {"at": ""} for text in value]
        case ["suspect"]:
            return "somebody"
        case _:
            return value


def _show_field(field: str, text: str) -> str:
    if field == "lease" or (field == "unsure" and text[:1] == "1"):
        return "some time"
    return text.partition(":")[0] if field.startswith("p:") else text


def _show_letter(text: str) -> Mapping[str, Any]:
    letter: dict[str, Any] = json.loads(text)
    for deed in ("replayed", "closed"):
        letter |= {deed: {**letter[deed], "at": ""}} if letter.get(deed) else {}
    return dict(sorted(letter.items()))
