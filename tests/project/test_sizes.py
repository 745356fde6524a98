"""Sizes of modules and functions. `make lint` runs this file."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 400


def test_no_module_is_too_long() -> None:
    modules = [path for folder in ("sync_tasks", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules}
    assert lengths
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}
