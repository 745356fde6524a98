"""One page with what the comparisons came to, and a bar for each newsletter. Pure; nobody's data is in it."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import get_args

from sync_tasks.domain.timestamps import moment_of
from sync_tasks.reconcile.drift import Kind
from sync_tasks.reconcile.history import Run

# Okabe and Ito's colours, which everybody can distinguish, and thirteen more.
_COLOURS = [
    "#0072b2",
    "#e69f00",
    "#d55e00",
    "#56b4e9",
    "#009e73",
    "#999999",
    "#cc79a7",
    "#222222",
    "#f0e442",
    "#882255",
    "#661100",
    "#117733",
    "#44aa99",
    "#999933",
    "#aa4499",
    "#332288",
    "#6699cc",
    "#ddcc77",
    "#88ccee",
]
_COLOUR_OF: Mapping[str, str] = dict(zip(get_args(Kind), _COLOURS, strict=True))
_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Reconcile</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:54em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td,th{padding:.2em 1.5em .2em 0;text-align:left;border-bottom:1px solid #ddd}
td+td,th+th{text-align:right;padding-right:0}i{display:inline-block;width:.8em;height:.8em;margin-right:.6em}
text{font-size:15px;fill:#222}.refused{background:#fbe9e7;border-left:4px solid #aa3333;padding:.5em 1em}
h1{font-size:1.6em}h2{margin-top:2em}h3{margin-bottom:.3em}</style>
<h1>What Brevo holds against what the portal wants</h1>
"""
_WIDTH, _HEIGHT, _LABEL = 420, 28, 200


def draw_page(runs: Iterable[Run]) -> str:
    """Return the page as HTML; it needs no other file."""
    return _HEAD + "\n".join(part for run in runs for part in _draw_run(run)) + "\n</html>\n"


def _draw_run(run: Run) -> Iterator[str]:
    when = moment_of(run.started).strftime("%Y-%m-%d %H:%M:%S UTC")
    became = "only looked at" if run.dry_run else f"{run.repaired:,} to be repaired"
    yield f"<h2>Account {escape(run.account)}</h2>"
    yield f"<p>{when}, {run.seconds:.1f} s: {run.compared:,} contacts compared, {became}.</p>"
    if run.refused:
        yield f'<p class="refused">Nothing was changed: {escape(run.refused)}</p>'
    if not run.found:
        yield "<p>No drift.</p>"
        return
    yield "<table><tr><th>Drift<th>Contacts</tr>"
    for kind, number in sorted(run.found.items()):
        yield f'<tr><td><i style="background:{_colour(kind)}"></i>{escape(kind)}<td>{number:,}</tr>'
    yield "</table><h3>By newsletter</h3>"
    yield _draw_bars(run.lists)
    for kind, users in sorted(run.users.items()):
        yield f"<h3>Whom {escape(kind)} concerns</h3><p>{escape(', '.join(users))}</p>"


def _colour(kind: str) -> str:
    return _COLOUR_OF.get(kind, _COLOURS[5])


def _draw_bars(lists: Mapping[str, Mapping[str, int]]) -> str:
    most = max([*(sum(found.values()) for found in lists.values()), 1])
    bars = (_draw_bar(row, slug, found, most) for row, (slug, found) in enumerate(lists.items()))
    size = f'width="{_LABEL + _WIDTH + 100}" height="{_HEIGHT * len(lists)}"'
    return f'<svg role="img" aria-label="Contacts that differ, by newsletter" {size}>{"".join(bars)}</svg>'


def _draw_bar(row: int, slug: str, found: Mapping[str, int], most: int) -> str:
    """Draw one bar, a piece for each class of drift."""
    top, left, pieces = row * _HEIGHT, float(_LABEL), list[str]()
    for kind, number in sorted(found.items()):
        width = _WIDTH * number / most
        place = f'x="{left:.1f}" y="{top + 4}" width="{width:.1f}" height="{_HEIGHT - 8}" fill="{_colour(kind)}"'
        pieces.append(f"<rect {place}><title>{escape(kind)}: {number:,}</title></rect>")
        left += width
    name = f'<text x="0" y="{top + 19}">{escape(slug)}</text>'
    return f'{name}{"".join(pieces)}<text x="{left + 8:.1f}" y="{top + 19}">{sum(found.values()):,}</text>'
