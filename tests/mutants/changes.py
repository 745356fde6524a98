"""Small changes to the code, one at a time, each of which some test should notice. Pure."""

import ast
import random
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_COMPARED = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: ">=",
    ast.LtE: ">",
    ast.Gt: "<=",
    ast.GtE: "<",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_CALCULATED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.BitOr: "&", ast.BitAnd: "|"}
_LUA = [
    (r" == ", " ~= "),
    (r" ~= ", " == "),
    (r" > ", " <= "),
    (r" < ", " >= "),
    (r" >= ", " < "),
    (r" <= ", " > "),
    (r" and ", " or "),
    (r" or ", " and "),
    (r"\bif not ", "if "),
    (r"\bif (?!not )", "if not "),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r" \+ 1\b", " + 2"),
    (r"'NX', ", ""),
    (r"^(\s*)redis\.call\(.*\)$", r"\1-- left out"),
    (r"^(\s*)(?:mark_dirty|note_pending|forget_pending|close_letter)\(.*\)$", r"\1-- left out"),
]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a file said otherwise."""

    path: str
    line: int
    before: str
    after: str

    def apply(self, text: str) -> str:
        """Return the file's text with this change."""
        lines = text.split("\n")
        assert lines[self.line - 1] == self.before
        lines[self.line - 1] = self.after
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}\n    - {self.before.strip()}\n    + {self.after.strip()}"


def find_changes(path: str, text: str, lines: Collection[int]) -> list[Change]:
    """Return what could be changed in these lines of a file of Python or Lua."""
    found = _in_lua(path, text) if path.endswith(".lua") else _in_python(path, text)
    return [change for change in found if change.line in lines and change.before != change.after]


def choose(changes: list[Change], most: int, seed: int) -> list[Change]:
    """Return at most so many, no line twice as long as there are others."""
    draw = random.Random(seed)
    mixed = draw.sample(changes, len(changes))
    first: dict[tuple[str, int], Change] = {}
    for change in mixed:
        first.setdefault((change.path, change.line), change)
    chosen = list(first.values())
    others = [change for change in mixed if change not in chosen]
    return (chosen + others)[:most]


def _in_lua(path: str, text: str) -> Iterator[Change]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("--"):
            continue
        for old, new in _LUA:
            for found in re.finditer(old, line):
                yield Change(path, number, line, line[: found.start()] + found.expand(new) + line[found.end() :])


def _in_python(path: str, text: str) -> Iterator[Change]:
    # Columns are counted in bytes: where they differ from characters, the file is left alone.
    if not text.isascii():
        return
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        for place, new in [*_other_operators(node, lines), *_other_values(node, text)]:
            if place.lineno == place.end_lineno:
                line = lines[place.lineno - 1]
                after = line[: place.col_offset] + new + line[place.end_col_offset :]
                yield Change(path, place.lineno, line, after)


def _other_operators(node: ast.AST, lines: list[str]) -> Iterator[tuple[ast.expr, str]]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            new = _COMPARED[type(op)]
        case ast.BoolOp(op=op, values=[left, right]):
            new = "or" if isinstance(op, ast.And) else "and"
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _CALCULATED:
            new = _CALCULATED[type(op)]
        case _:
            return
    whole = lines[node.lineno - 1]
    gap = whole[left.end_col_offset : right.col_offset] if left.end_lineno == right.lineno else ""
    if found := re.fullmatch(r"(\)*) ?[^()]+? ?(\(*)", gap):
        start, end = whole[node.col_offset : left.end_col_offset], whole[right.col_offset : node.end_col_offset]
        yield node, f"{start}{found[1]} {new} {found[2]}{end}"


def _other_values(node: ast.AST, text: str) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield test, f"not ({ast.get_source_segment(text, test)})"
        case ast.Constant(value=bool() as value):
            yield node, str(not value)
        case ast.Constant(value=int() as value):
            yield node, str(value + 1)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield value, "None"
        case ast.Expr(value=ast.Call()) | ast.Raise(exc=ast.expr()):
            yield node, "pass"
        case _:
            pass
