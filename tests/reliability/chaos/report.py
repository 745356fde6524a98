"""The tables that a run prints."""

from collections.abc import Iterator

from rich.table import Table

from tests.reliability.chaos.verdict import Verdict

SHOWN = 10


def build_tables(verdict: Verdict) -> Iterator[Table]:
    """Yield the figures, then the invariants with the first of their violations."""
    figures = Table(title="chaos", show_header=False)
    for name, value in verdict.figures.items():
        figures.add_row(name, value)
    yield figures
    judged = Table("", "invariant", "violations", title="invariants")
    for name, found in verdict.violations.items():
        reported = [*found[:SHOWN], *([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])]
        judged.add_row("[red]✗[/]" if found else "[green]✓[/]", name, "\n".join(reported))
    yield judged
