"""Draw the rooms of the package and the imports between them: ``make rooms`` writes docs/rooms.svg."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "rooms.svg"
WIDTH, ROW, BOX, HIGH, LEFT = 760, 74, 150, 40, 190
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2937 } .small { font-size: 11px; fill: #6b7280 }
  rect { fill: #eef2ff; stroke: #6366f1; rx: 6px } path { fill: none; stroke: #94a3b8 } .upwards { stroke: #dc2626 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb } .small { fill: #9ca3af } rect { fill: #1e1b4b; stroke: #818cf8 } path { stroke: #64748b }
  }
"""


def read_layers() -> list[list[str]]:
    """Return the rooms of each layer, the uppermost first, as import-linter holds them."""
    reported = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in reported if contract["type"] == "layers")
    return [layer.split(" | ") for layer in layers]


def count_imports(rooms: Mapping[str, int]) -> Counter[tuple[str, str]]:
    """Return how many imports lead from one room to another."""
    graph = grimp.build_graph("sync_tasks", cache_dir=None)
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = room_of(module), room_of(imported)
            if pair[0] != pair[1] and set(pair) <= rooms.keys():
                found[pair] += 1
    return found


def room_of(module: str) -> str:
    """Return the room of a module: the folder or the file right below the package."""
    return [*module.split("."), ""][1]


def find_upwards(rooms: Mapping[str, int], imports: Counter[tuple[str, str]]) -> list[str]:
    """Return the imports that lead upwards, or to a neighbour in the same layer."""
    return sorted(f"{source} -> {target}" for source, target in imports if rooms[target] <= rooms[source])


def draw(layers: list[list[str]]) -> str:
    """Return the picture as SVG."""
    rooms = {room: number for number, layer in enumerate(layers) for room in layer}
    imports = count_imports(rooms)
    places: dict[str, tuple[int, int]] = {}
    for row, layer in enumerate(layers):
        places |= {room: (x, 20 + ROW * row) for room, x in zip(layer, across(layer), strict=True)}
    parts = [*arrows(places, rooms, imports), *boxes(places)]
    height = 20 + ROW * len(layers)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        "<title>The rooms of the package; imports point downwards</title>\n"
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
        'markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" style="fill:#94a3b8;stroke:none"/></marker></defs>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def across(layer: list[str]) -> Iterator[int]:
    """Yield where the boxes of a layer begin."""
    start = LEFT + BOX // 2 - (len(layer) * (BOX + 30) - 30) // 2
    yield from (start + number * (BOX + 30) for number in range(len(layer)))


def boxes(places: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Yield a box for each room, with how many modules it has."""
    for room, (x, y) in places.items():
        folder = ROOT / "sync_tasks" / room
        files = len(list(folder.rglob("*.py"))) - 1 if folder.is_dir() else 1
        yield f'<rect x="{x}" y="{y}" width="{BOX}" height="{HIGH}"/>'
        yield f'<text x="{x + 10}" y="{y + 25}">{escape(room)}</text>'
        yield f'<text class="small" x="{x + BOX - 8}" y="{y + 25}" text-anchor="end">{files}</text>'


def arrows(
    places: Mapping[str, tuple[int, int]], rooms: Mapping[str, int], imports: Counter[tuple[str, str]]
) -> Iterator[str]:
    """Yield an arrow for each pair of rooms: straight to the next layer, around the right side to a farther one."""
    for (source, target), count in sorted(imports.items()):
        (x1, y1), (x2, y2) = places[source], places[target]
        down = rooms[target] - rooms[source]
        kind = ' class="upwards"' if down <= 0 else ""
        width = f'stroke-width="{1 + min(count, 24) / 8:.2f}" marker-end="url(#end)"'
        if down == 1:
            path = f"M{x1 + BOX // 2},{y1 + HIGH} L{x2 + BOX // 2},{y2 - 2}"
        else:
            bulge = 30 + 38 * abs(down)
            right1, right2 = x1 + BOX, x2 + BOX
            far = max(right1, right2) + bulge
            path = f"M{right1},{y1 + 26} C{far},{y1 + 26} {far},{y2 + 14} {right2 + 2},{y2 + 14}"
        yield f'<path{kind} opacity=".6" {width} d="{path}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(read_layers()))
