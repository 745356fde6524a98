"""What the state holds of people is read and written in its own room alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sync_tasks"
# The keys that tell of people: their contacts, who is dirty or due, what happened to them, who was erased.
OF_PEOPLE = re.compile(
    r"(contacts:|addresses:|waiting:|vacated:|pending:|history:).*"
    r"|dirty|due|urgent|tombstones|secret|filling|suspect|swept|erasures|dead_letters|closed_letters"
)
# Of the store these are for its own room.
PRIVATE = {"_run", "run_all", "_secret", "_scripts"}
ROOMS = sorted(path for path in PACKAGE.iterdir() if path.is_dir() and path.name not in {"state", "__pycache__"})


def find_raw(code: str) -> list[str]:
    """Return what in this code goes past the door of the state."""
    return sorted(_find_raw(ast.parse(code)))


def _find_raw(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="sync_tasks.state.keys"):
                yield "state.keys"
            case ast.Call(func=ast.Attribute(attr="key") | ast.Name(id="key"), args=[name]):
                if OF_PEOPLE.fullmatch(beginning := _beginning(name)):
                    yield beginning
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
                pass
            case ast.Call(func=ast.Attribute(attr=name)) if name in PRIVATE:
                yield name


def _beginning(name: ast.expr) -> str:
    """Return a text as far as the code says it."""
    match name:
        case ast.Constant(value=str(text)) | ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text
        case _:
            return ""


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.name))
def test_no_other_room_sends_commands_about_a_contact(room: Path) -> None:
    raw = {str(path.relative_to(PACKAGE)): find_raw(path.read_text()) for path in room.rglob("*.py")}
    assert {name: found for name, found in raw.items() if found} == {}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('redis.hget(store.key(f"contacts:{user}"), "lease")', ["contacts:"]),
        ('key = store.key\nredis.zadd(key("due"), {})', ["due"]),
        ('store.run_all("load", [])', ["run_all"]),
        ('self.store._run("load")', ["_run"]),
        ("from sync_tasks.state.keys import contact_key", ["state.keys"]),
        ('redis.get(store.key("nightly"))', []),
    ],
)
def test_a_raw_command_about_a_contact_is_found(code: str, found: list[str]) -> None:
    assert find_raw(code) == found
