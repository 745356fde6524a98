"""A constant of the package is written in one module: whoever changes it need not look for a second one."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "sync_tasks"
# Calls that make something new for each module that has them.
MADE_ANEW = ("TypeVar", "ParamSpec", "_door", "MappingProxyType")
# The same text about two things.
OTHERS = {"CHANNEL": "the name of a channel of PostgreSQL, beside that of a table"}


def find_repeated(modules: Mapping[str, str]) -> list[list[str]]:
    """Return the constants that stand in two modules: texts and calls. Numbers may agree by chance."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, code in modules.items():
        for name, value in _constants(ast.parse(code)):
            if any(isinstance(node, ast.Call) or _is_text(node) for node in ast.walk(value)):
                found[ast.unparse(value)].append(f"{path}: {name}")
    return [places for places in found.values() if len({place.partition(":")[0] for place in places}) > 1]


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name not in OTHERS and not _is_made_anew(value):
                yield name, value


def _is_made_anew(value: ast.expr) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in MADE_ANEW


def _is_text(node: ast.AST) -> bool:
    # One word, or one character, may well mean two things.
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and len(node.value) > 1
        and not node.value.isalpha()
    )


def test_no_constant_stands_in_two_modules() -> None:
    modules = {str(path.relative_to(PACKAGE)): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
    assert find_repeated(modules) == []


def test_a_constant_in_two_modules_is_found() -> None:
    one = 'URL = "https://portal.example"\n_DATE = compile("....-..")\nWEEK = 7\nT = TypeVar("T")\nEND = "x"'
    other = 'HOME = "https://portal.example"\nDAY = compile("....-..")\nMOST = 7\nT = TypeVar("T")\nCUT = "x"'
    assert find_repeated({"one": one, "other": other}) == [["one: URL", "other: HOME"], ["one: _DATE", "other: DAY"]]
