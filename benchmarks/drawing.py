"""The bursts as a table, for a terminal and for ``docs/performance.md``, and as a plot."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.courses import Course, Freely, Speed
from benchmarks.report import PAGE, TIMES, describe_machine

PLOT = PAGE.with_name("bursts.png")
COLUMNS = (
    "burst",
    "events",
    "ours, a second",
    "naive, a second",
    "ratio",
    "at least",
    "requests",
    "naive asks",
    "429s",
)
COLUMNS_OF_PLOT = 3
_MARKED = re.compile(r"(<!-- bursts -->\n).*(<!-- /bursts -->)", re.DOTALL)
_OURS, _NAIVE = "#1b7f5c", "#c4622d"


def print_speeds(speeds: Sequence[Speed], freely: Freely | None) -> None:
    """Print what was measured; a ratio below its target is red."""
    table = Table(*COLUMNS)
    for speed in speeds:
        cells = _row(speed)
        table.add_row(*(f"[red]{cell}[/red]" if speed.missed and cell == speed.shown_ratio else cell for cell in cells))
    Console().print(table)
    for line in (*_urgent_lines(speeds), *([str(freely)] if freely else [])):
        Console().print(line)


def write_figures(speeds: Sequence[Speed], freely: Freely, page: Path = PAGE) -> None:
    """Put the figures into the page, between its two marks, and the plot beside it."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, speeds)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    table = "\n".join([*lines, "", *_urgent_lines(speeds), "", str(freely), "", describe_machine(), ""])
    page.write_text(_MARKED.sub(lambda found: f"{found[1]}{table}{found[2]}", page.read_text(encoding="utf-8")))
    draw(speeds, PLOT)


def _row(speed: Speed) -> tuple[str, ...]:
    return (
        speed.what,
        f"{speed.count:,}",
        f"{speed.ours.speed:.1f}",
        f"{speed.naive.speed:.1f}{_watched(speed.naive, speed.count)}",
        speed.shown_ratio,
        f"{speed.target:g}{TIMES}",
        f"{speed.requests:,}",
        f"{speed.fewer:.1f}{TIMES}",
        f"{speed.refused:,}",
    )


def _watched(course: Course, count: int) -> str:
    return "" if course.done >= count else f" ({course.done:,.0f} in {course.seconds:,.0f} s)"


def _urgent_lines(speeds: Sequence[Speed]) -> list[str]:
    return [
        f"{speed.urgent} after {speed.ours.waited}; naive: {speed.naive.waited}."
        for speed in speeds
        if speed.ours.waited
    ]


def draw(speeds: Sequence[Speed], path: Path) -> None:
    """Draw how each burst went on: events at Brevo by seconds, both on logarithmic scales."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    rows = -(-len(speeds) // COLUMNS_OF_PLOT)
    figure, axes = plt.subplots(
        rows, COLUMNS_OF_PLOT, figsize=(9.6, 3.2 * rows), sharey=True, layout="constrained", squeeze=False
    )
    for unused in axes.flat[len(speeds) :]:
        unused.set_axis_off()
    for axis, speed in zip(axes.flat, speeds, strict=False):
        for name, course, colour in (("ours", speed.ours, _OURS), ("naive", speed.naive, _NAIVE)):
            seconds, done = zip(*course.moments[1:], strict=True)
            label = f"{name}: {course.speed:,.0f} a second"
            # The dot is all there is to see of a burst that is over at the first look.
            axis.plot(seconds, done, color=colour, linewidth=2, marker="o", markevery=[-1], label=label)
        axis.set(xscale="log", yscale="log", xlabel="seconds", xlim=(0.5, None), ylim=(1, None))
        axis.set_title(_folded(speed.what), fontsize=9)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, loc="lower right")
    for axis in axes[:, 0]:
        axis.set_ylabel("events at Brevo")
    figure.savefig(path, dpi=96)


def _folded(title: str) -> str:
    words = title.split()
    half = -(-len(words) // 2)
    return f"{' '.join(words[:half])}\n{' '.join(words[half:])}"
