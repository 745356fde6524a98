"""Names of the package: no two classes are called the same, and a module is a noun. `make lint` runs this file."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "sync_tasks"
# Nouns that end like a gerund: what the module holds is called so.
NOUNS = {"batching", "mapping", "planning", "searching", "masking"}


def _classes() -> Iterator[tuple[str, str]]:
    """Yield the name of each class of the package, and its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                yield node.name, str(path.relative_to(PACKAGE))


def test_no_two_classes_have_the_same_name() -> None:
    files: dict[str, list[str]] = {}
    for name, path in _classes():
        files.setdefault(name, []).append(path)
    assert {name: paths for name, paths in files.items() if len(paths) > 1} == {}


def test_a_module_is_named_after_what_its_reader_looks_for() -> None:
    stems = {path.stem for path in PACKAGE.rglob("*.py")}
    assert {stem for stem in stems if stem.endswith("ing")} == NOUNS
