"""A graph as SVG: nodes in rows by how far they are from the inputs, boxes with op, shape and cost."""

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tfcli.runner.tracing import NodeRow

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 40, 16, 36, 20


def write_svg(path: Path, rows: Sequence[NodeRow]) -> None:
    """Draw the nodes; what a node reads stands above it."""
    path.write_text(draw(rows))


def draw(rows: Sequence[NodeRow]) -> str:
    """The SVG document."""
    places = _places(rows)
    width = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
    height = max((y for _, y in places.values()), default=0) + HEIGHT + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-size="10">',
        "<style>rect{fill:#eef3fb;stroke:#4a6fa5} path{fill:none;stroke:#999}</style>",
    ]
    parts += [_edge(places[_node_of(i)], places[row.name]) for row in rows for i in row.inputs]
    parts += [_box(row, *places[row.name]) for row in rows]
    return "\n".join([*parts, "</svg>", ""])


def _places(rows: Sequence[NodeRow]) -> dict[str, tuple[int, int]]:
    """The upper left corner of each box: within a row, near what it reads."""
    depth: dict[str, int] = {}
    levels: dict[int, list[NodeRow]] = defaultdict(list)
    for row in rows:
        depth[row.name] = 1 + max((depth[_node_of(i)] for i in row.inputs), default=-1)
        levels[depth[row.name]].append(row)
    column: dict[str, float] = {}
    for level in sorted(levels):
        wanted = {r.name: _mean([column[_node_of(i)] for i in r.inputs]) for r in levels[level]}
        for place, row in enumerate(sorted(levels[level], key=lambda r: wanted[r.name])):
            column[row.name] = place
    return {
        name: (MARGIN + int(column[name]) * (WIDTH + GAP_X), MARGIN + depth[name] * (HEIGHT + GAP_Y)) for name in depth
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _node_of(value: str) -> str:
    """`%3` for `%3.1`, its second output."""
    return value.split(".")[0]


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH // 2, start[1] + HEIGHT, end[0] + WIDTH // 2, end[1]
    middle = (y1 + y2) // 2
    return f'<path d="M{x1},{y1} C{x1},{middle} {x2},{middle} {x2},{y2}"/>'


def _box(row: NodeRow, x: int, y: int) -> str:
    title = escape(f"{row.name} {row.op} {row.shape} {row.scope}, {row.flops:,} FLOPs, {row.bytes:,} bytes")
    lines = [_short(row.op, 34), f"{_short(row.shape, 22)}  {row.flops:,} F"]
    texts = "".join(f'<text x="{x + 6}" y="{y + 15 + 15 * i}">{escape(line)}</text>' for i, line in enumerate(lines))
    return f'<g><title>{title}</title><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4"/>{texts}</g>'


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
