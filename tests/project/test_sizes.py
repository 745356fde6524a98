"""Sizes of modules and functions; a larger one has its reason here. `make lint` runs this file."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 400
LONGEST_FUNCTION = 20
DEEPEST_NESTING = 3
MOST_PARAMETERS = 7
Function = ast.FunctionDef | ast.AsyncFunctionDef
_FIELDS = "fills a record, a line for each field"
# Functions whose steps a split would only scatter.
LONGER = {
    "cli/commands/outbox.discard": "what is removed is shown and noted before, in this order",
    "config/redis_url.read_sentinels": "reads a URL from left to right, and " + _FIELDS,
    "domain/remote_state.remote_state_of": _FIELDS,
    "monitoring/status.read_overview": _FIELDS,
    "monitoring/status.read_state": _FIELDS,
    "probe/experiments._import": "what a request makes is noted before it and after it",
    "probe/run._run": "what the probe made is removed, whatever happens in between",
    "providers/brevo/client._result_of": "a case for each status, all in one place",
    "providers/brevo/webhook_events.read_event": _FIELDS,
    "reconcile/drift.find_drift": "the first class that fits counts, and " + _FIELDS,
    "sandbox/account.__init__": _FIELDS,
    "state/codec.load_contact": _FIELDS,
    "sync/anonymize._repeat": "one loop, whose variables belong together",
    "sync/anonymize.erase": "two closures share what was confirmed",
    "sync/settlement.settle": _FIELDS,
}
DEEPER = {"portal/relay.run": "one loop with its two ways to end"}
MORE_PARAMETERS = {
    "cli/commands/reconcile.reconcile": "the options of the command",
    "domain/outcomes.decide_outcomes": "what a push came to, by name",
    "providers/brevo/client.__init__": "the options of an account, by name",
    "tasks/__init__.subscribe_contact": "the fields of the event, by name",
}


@cache
def functions() -> tuple[tuple[str, Function], ...]:
    return tuple(_find_functions())


def _find_functions() -> Iterator[tuple[str, Function]]:
    for path in sorted((ROOT / "sync_tasks").rglob("*.py")):
        module = path.relative_to(ROOT / "sync_tasks").with_suffix("")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function):
                yield f"{module}.{node.name}", node


def length_of(function: Function) -> int:
    """Return the lines of a body, without its docstring and its imports."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    imports = sum(_lines(node) for node in body if isinstance(node, ast.Import | ast.ImportFrom))
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 - imports if body else 0


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def nesting_of(node: ast.AST) -> int:
    """Return how deep blocks lie in each other; ``elif`` is no deeper than its ``if``."""
    blocks = ast.If | ast.For | ast.While | ast.With | ast.Try | ast.AsyncFor | ast.AsyncWith | ast.Match
    inner = (child for child in ast.iter_child_nodes(node) if not isinstance(child, Function | ast.ClassDef))
    return max(
        (nesting_of(child) + (isinstance(child, blocks) and not _is_elif(node, child)) for child in inner), default=0
    )


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]


def parameters_of(function: Function) -> int:
    return len(function.args.posonlyargs + function.args.args + function.args.kwonlyargs)


def test_no_module_is_too_long() -> None:
    modules = [path for folder in ("sync_tasks", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules}
    assert lengths
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_a_function_is_short_or_its_reason_stands_here() -> None:
    assert sorted({name for name, one in functions() if length_of(one) > LONGEST_FUNCTION}) == sorted(LONGER)


def test_blocks_do_not_lie_deep_in_each_other() -> None:
    assert sorted({name for name, one in functions() if nesting_of(one) > DEEPEST_NESTING}) == sorted(DEEPER)


def test_a_function_has_few_parameters_or_its_reason_stands_here() -> None:
    assert sorted({name for name, one in functions() if parameters_of(one) > MOST_PARAMETERS}) == sorted(
        MORE_PARAMETERS
    )
