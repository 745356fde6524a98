"""The measurements as a table: for a terminal, and for ``docs/performance.md``."""

import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Comparison, spread

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
COLUMNS = ("measured", "against", "ours", "naive", "ratio", "at most")
TIMES = "\N{MULTIPLICATION SIGN}"
_MEASURED = re.compile(r"(<!-- measured -->\n).*(<!-- /measured -->)", re.DOTALL)


def print_table(comparisons: Sequence[Comparison]) -> None:
    """Print what was measured; a ratio above its target is red."""
    table = Table(*COLUMNS)
    for comparison in comparisons:
        *cells, ratio, target = _row(comparison)
        plain = (cell.replace("`", "") for cell in cells)
        table.add_row(*plain, f"[red]{ratio}[/red]" if comparison.missed else ratio, target)
    Console().print(table)


def write_page(comparisons: Sequence[Comparison], page: Path = PAGE) -> None:
    """Put the figures into the page, between its two marks."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(_row(comparison, quartiles=True) for comparison in comparisons)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    measured = "\n".join([*lines, "", describe_machine(), ""])
    page.write_text(_MEASURED.sub(lambda found: f"{found[1]}{measured}{found[2]}", page.read_text(encoding="utf-8")))


def _row(comparison: Comparison, *, quartiles: bool = False) -> tuple[str, ...]:
    target = "" if comparison.target is None else f"{comparison.target:.2f}{TIMES}"
    times = (_milliseconds(seconds, quartiles=quartiles) for seconds in (comparison.ours, comparison.naive))
    return (comparison.what, comparison.against, *times, f"{comparison.ratio:.2f}{TIMES}", target)


def _milliseconds(seconds: tuple[float, ...], *, quartiles: bool) -> str:
    lower, upper = spread(seconds)
    around = f" ({lower * 1000:.2f} to {upper * 1000:.2f})" if quartiles else ""
    return f"{median(seconds) * 1000:.2f} ms{around}"


def describe_machine() -> str:
    """Return what the figures are of, in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("celery", "kombu", "redis", "pydantic"))
    return f"CPython {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}; {versions}."
