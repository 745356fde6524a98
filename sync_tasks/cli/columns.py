"""How tables fit a terminal: no word is broken and no column is lost, however long an id is."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column, Table

# Two blanks around each column, and one between two of them.
_AROUND, _BETWEEN = 2, 1


def fit_columns(table: "Table", console: "Console") -> bool:
    """Give each column its width; return whether all of them have room for their longest word."""
    wanted = [_measure(column, console) for column in table.columns]
    room = console.width + _BETWEEN - sum(least + _AROUND + _BETWEEN for least, _ in wanted)
    if room < 0:
        return False
    by_need = sorted(zip(table.columns, wanted, strict=True), key=lambda one: one[1][1] - one[1][0])
    for left, (column, (least, most)) in zip(range(len(by_need), 0, -1), by_need, strict=True):
        more = min(most - least, room // left)
        column.width, room = least + more, room - more
    return True


def _measure(column: "Column", console: "Console") -> tuple[int, int]:
    """Return how wide a column must be, and how wide it would be at best."""
    from rich.measure import Measurement
    from rich.text import Text

    texts = [Text.from_markup(str(cell)) for cell in (column.header, *column.cells)]
    sizes = [Measurement.get(console, console.options, text) for text in texts]
    most = min(max(size.maximum for size in sizes), column.max_width or console.width)
    return most if column.no_wrap else min(max(size.minimum for size in sizes), most), most


def unfold(table: "Table") -> "Table":
    """Return a table of which each row is a block: a line for each cell that says something."""
    from rich.table import Table

    unfolded = Table.grid(padding=(0, 2))
    unfolded.title, unfolded.title_justify, unfolded.title_style = table.title, "left", "bold"
    unfolded.add_column(style="bold", no_wrap=True)
    unfolded.add_column(overflow="fold")
    for name, text in _lines(table):
        unfolded.add_row(name, text)
    return unfolded


def _lines(table: "Table") -> Iterator[tuple[str, str]]:
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for column, cell in zip(table.columns, row, strict=True):
            if cell:
                yield str(column.header), str(cell)
        yield "", ""
