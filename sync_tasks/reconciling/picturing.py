"""One page with what the comparisons came to, and a bar for each newsletter. Pure; nobody's data is in it."""

from collections.abc import Iterable, Iterator
from html import escape

from sync_tasks.events import moment_of
from sync_tasks.reconciling.remembering import Run

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Reconcile</title>
<style>body{font:16px sans-serif;max-width:50em;margin:2em auto}td,th{padding:.2em 1em .2em 0;text-align:left}
rect{fill:#4477aa}.refused{color:#aa3333}</style><h1>What Brevo holds against what the portal wants</h1>
"""
_WIDTH, _HEIGHT, _LABEL = 300, 24, 200


def draw_page(runs: Iterable[Run]) -> str:
    """Return the page as HTML; it needs no other file."""
    return _HEAD + "\n".join(part for run in runs for part in _draw_run(run)) + "\n</html>\n"


def _draw_run(run: Run) -> Iterator[str]:
    when = moment_of(run.started).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f"<h2>Account {escape(run.account)}</h2>"
    yield f"<p>{when}, {run.seconds:.1f} s: {run.compared:,} contacts compared, {run.repaired:,} to be repaired.</p>"
    if run.refused:
        yield f'<p class="refused">Nothing was changed: {escape(run.refused)}</p>'
    yield "<table><tr><th>Drift<th>Contacts</tr>"
    yield from (f"<tr><td>{escape(kind)}<td>{number:,}</tr>" for kind, number in sorted(run.found.items()))
    yield "</table>"
    yield _draw_bars({slug: sum(found.values()) for slug, found in run.lists.items()})


def _draw_bars(numbers: dict[str, int]) -> str:
    most = max([*numbers.values(), 1])
    bars = (_draw_bar(row, slug, number, most) for row, (slug, number) in enumerate(numbers.items()))
    height = _HEIGHT * len(numbers)
    label = "Contacts that differ, by newsletter"
    return (
        f'<svg role="img" aria-label="{label}" width="{_LABEL + _WIDTH + 100}" height="{height}">{"".join(bars)}</svg>'
    )


def _draw_bar(row: int, slug: str, number: int, most: int) -> str:
    top, width = row * _HEIGHT, _WIDTH * number / most
    bar = f'<rect x="{_LABEL}" y="{top + 4}" width="{width:.1f}" height="{_HEIGHT - 8}"/>'
    name = f'<text x="0" y="{top + 17}">{escape(slug)}</text>'
    return f'{name}{bar}<text x="{_LABEL + width + 8:.1f}" y="{top + 17}">{number:,}</text>'
