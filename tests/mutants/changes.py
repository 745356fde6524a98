"""Small changes to the code, one at a time, each of which some test should notice. Pure."""

import ast
import random
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain

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
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_Others = Iterator[tuple[ast.expr | ast.stmt, str]]
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
    (r"\band not ", "and "),
    # One side of a condition is left out.
    (r"\bif (?:(?! and | or | then ).)+ (?:and|or) ", "if "),
    (r" (?:and|or) (?:(?! and | or | then ).)+ then\b", " then"),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r"(?<=[ (])0(?=[,) ]|$)", "1"),
    (r"(?<=[ (])1(?=[,) ]|$)", "2"),
    (r"\bmath\.max\b", "math.min"),
    (r"\bmath\.min\b", "math.max"),
    (r"'NX', ", ""),
    (r", 'XX'", ""),
    (r", 'KEEPTTL'", ""),
    # A call or an assignment is left out.
    (r"^(\s*)(?:redis\.call|table\.insert|[a-z_]+)\(.*\)$", r"\1-- left out"),
    (r"^(\s*)(?:[\w.]|\[.*\])+ = .*$", r"\1-- left out"),
    (r"\bthen (?:redis\.call|[a-z_]+)\(.*\) end$", "then end"),
    (r"\bthen [\w.\[\]]+ = .* end$", "then end"),
]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a file said otherwise, or some lines that belong together."""

    path: str
    line: int
    before: str
    after: str

    def apply(self, text: str) -> str:
        """Return the file's text with this change."""
        lines = text.split("\n")
        start, end = self.line - 1, self.line + self.before.count("\n")
        assert "\n".join(lines[start:end]) == self.before
        lines[start:end] = [self.after]
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
                after = line[: found.start()] + found.expand(new) + line[found.end() :]
                if after.count("(") == after.count(")"):
                    yield Change(path, number, line, after)


def _in_python(path: str, text: str) -> Iterator[Change]:
    lines = text.encode().split(b"\n")
    for node in ast.walk(ast.parse(text)):
        others = _other_operators(node, text), _other_tests(node, text), _other_values(node), _left_out(node, text)
        for place, new in chain.from_iterable(others):
            before = lines[place.lineno - 1 : place.end_lineno]
            # Columns are counted in bytes.
            start, end = before[0][: place.col_offset], before[-1][place.end_col_offset :]
            after = start + new.encode() + end
            yield Change(path, place.lineno, b"\n".join(before).decode(), after.decode())


def _other_operators(node: ast.AST, text: str) -> _Others:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARED:
            new = _COMPARED[type(op)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _CALCULATED:
            new = _CALCULATED[type(op)]
        case ast.BoolOp(op=op, values=values):
            parts = [_text_of(value, text) for value in values]
            word, other = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
            yield node, f" {other} ".join(parts)
            for number in range(len(parts)):
                yield node, f" {word} ".join(parts[:number] + parts[number + 1 :])
            return
        case _:
            return
    yield node, f"{_text_of(left, text)} {new} {_text_of(right, text)}"


def _text_of(node: ast.AST, text: str) -> str:
    """Return the source of a part of an expression, in brackets if it is more than a name or a call."""
    source = ast.get_source_segment(text, node) or ""
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Constant | ast.Subscript)
    return source if plain and "\n" not in source else f"({source})"


def _other_tests(node: ast.AST, text: str) -> _Others:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield test, f"not {_text_of(test, text)}"
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield test, f"not {_text_of(test, text)}"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, _text_of(operand, text)
        case _:
            pass


def _other_values(node: ast.AST) -> _Others:
    match node:
        case ast.Constant(value=bool() as value):
            yield node, str(not value)
        case ast.Constant(value=int() as value):
            yield node, str(value + 1)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield value, "None"
        case ast.Call(func=ast.Name(id=name) as called) if name in _CALLED:
            yield called, _CALLED[name]
        case _:
            pass


def _left_out(node: ast.AST, text: str) -> _Others:
    match node:
        case ast.Expr(value=ast.Call()) | ast.Raise(exc=ast.expr()) | ast.AugAssign() | ast.Break() | ast.Continue():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"
        case ast.Call(func=ast.Name(id="replace"), args=args, keywords=keywords):
            for left_out in keywords:
                kept = [ast.get_source_segment(text, part) or "" for part in [*args, *keywords] if part is not left_out]
                yield node, f"replace({', '.join(kept)})"
        case _:
            pass
