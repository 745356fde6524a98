"""What the state holds of people is read and written in its own room alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_tasks import texts

PACKAGE = Path(__file__).parents[2] / "sync_tasks"
# The keys of people: their contacts, who is dirty or due, what happened to them, who was erased.
OF_PEOPLE = re.compile(
    r"(contacts:|addresses:|waiting:|vacated:|pending:|history:|erased:).*"
    r"|dirty|due|urgent|tombstones|secret|filling|suspect|swept|erasures|dead_letters|closed_letters"
)
# Of the store these are for its own room.
PRIVATE = {"_run", "run_all", "_secret", "_scripts"}
# How a register is called and cut, and what the other fields of a user are called, is known here alone.
OF_REGISTERS = {"sync_tasks.domain.registers": {"STAMP", "CLOCKS"}}
KNOWING = ("domain/registers.py", "state/codec.py")
FIELD = re.compile(r"[anthgpdslb]:(\S.*)?")
BOOKKEEPING = {"lease", "unsure", "filling", "rev", "latest", "clamped", "crashes", "tries", "failing", "heard"}
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


def find_known_fields(code: str) -> list[str]:
    """Return what in this code knows how a user's fields are called, or cuts a register."""
    return sorted(_find_known_fields(ast.parse(code)))


def _find_known_fields(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=imported):
                yield from (one.name for one in imported if one.name in OF_REGISTERS.get(module, ()))
            case ast.Constant(value=str(text)) if FIELD.fullmatch(text):
                yield text
            case ast.Subscript(slice=ast.Constant(value=str(text))) if text in BOOKKEEPING:
                yield text
            case ast.Compare(left=ast.Constant(value=str(text)), ops=[ast.In() | ast.NotIn()]) if text in BOOKKEEPING:
                yield text
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(text)), *_]) if (
                text in BOOKKEEPING
            ):
                yield text


def test_only_the_codec_knows_the_fields_of_a_user() -> None:
    rooms = (path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "sandbox")
    known = {str(path.relative_to(PACKAGE)): find_known_fields(path.read_text()) for path in rooms}
    assert sorted(name for name, found in known.items() if found) == sorted(KNOWING), known


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from sync_tasks.domain.registers import STAMP, value", ["STAMP"]),
        ('fields[f"n:{slug}"]', ["n:"]),
        ('fields["s:default:id"]', ["s:default:id"]),
        ('"lease" in fields or fields["unsure"] or fields.get("rev")', ["lease", "rev", "unsure"]),
        ('say("a: word")', []),
        ('say("lease")', []),
    ],
)
def test_what_knows_the_fields_of_a_user_is_found(code: str, found: list[str]) -> None:
    assert find_known_fields(code) == found


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


@pytest.mark.parametrize("name", ["SLUG", "FIELD_NAME", "ACCOUNT_NAME", "USER_ID"])
def test_each_pattern_of_a_name_is_said_once(name: str) -> None:
    pattern = getattr(texts, name)
    constants = (
        (str(path.relative_to(PACKAGE)), node.value)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
    )
    assert [path for path, text in constants if isinstance(text, str) and pattern in text] == ["texts.py"]
