"""Boxes with arrows as SVG or PNG: what reads stands below what it reads, branches side by side.

Boxes are put into rows by their distance from the inputs. An arrow over several rows has a place in each of them, so
that it goes around the boxes between; within a row, all stand near what they are connected with.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path

from tfcli.errors import SpecError

_CHARACTER, _LINE, _PADDING = 6.4, 15, 8
_GAP_X, _GAP_Y, _MARGIN = 22, 34, 20
_SWEEPS = 6
_LONGEST = 24
"""Arrows over more rows than this are drawn straight."""
_LARGEST = 2000
"""Boxes up to which a PNG is drawn."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A box with lines of text, the first of them bold, and arrows from the boxes in `inputs`."""

    name: str
    lines: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    tooltip: str = ""

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * _CHARACTER + 2 * _PADDING

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + _PADDING


@dataclass
class Layout:
    """Where everything is: the upper left corner of each box, the points that each arrow goes through."""

    boxes: Sequence[Box]
    corners: dict[str, Point] = field(default_factory=dict)
    arrows: list[list[Point]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def draw(boxes: Sequence[Box], path: Path) -> None:
    """Draw the boxes, as the suffix of the file asks: .svg or .png. Raises SpecError for any other."""
    if path.suffix == ".svg":
        path.write_text(svg(arrange(boxes)), encoding="utf-8")
    elif path.suffix == ".png":
        if len(boxes) > _LARGEST:
            raise SpecError(f"{len(boxes)} boxes are too many for a PNG; draw them as .svg")
        _write_png(arrange(boxes), path)
    else:
        raise SpecError(f"cannot draw {path.name}: the file must end in .svg or .png")


# where things are


def arrange(boxes: Sequence[Box]) -> Layout:
    """A place for each box and arrow. `inputs` name boxes that stand earlier in the list."""
    rows, chains = _rows(boxes)
    widths = {box.name: box.width for box in boxes}
    links = _links(chains)
    for sweep in range(_SWEEPS):
        _sort_rows(rows, links, downwards=sweep % 2 == 0)
    centers = _centers(rows, links, widths)
    heights = {box.name: box.height for box in boxes}
    tops, top = {}, float(_MARGIN)
    for number, row in enumerate(rows):
        tops[number], tallest = top, max(heights.get(name, 0.0) for name in row)
        heights |= {name: tallest for name in row if name not in heights}
        top += tallest + _GAP_Y
    left = min(centers[name] - widths.get(name, 0.0) / 2 for name in centers) - _MARGIN
    layout = Layout(boxes)
    for number, row in enumerate(rows):
        for name in row:
            if name in widths:
                layout.corners[name] = (centers[name] - left - widths[name] / 2, tops[number])
    where = {name: (centers[name] - left, tops[number]) for number, row in enumerate(rows) for name in row}
    layout.arrows = [_points(chain, where, heights) for chain in chains]
    layout.width = max(layout.corners[b.name][0] + b.width for b in boxes) + _MARGIN
    layout.width = max([layout.width, *(x + _MARGIN for arrow in layout.arrows for x, _ in arrow)])
    layout.height = max(layout.corners[b.name][1] + b.height for b in boxes) + _MARGIN
    return layout


def _rows(boxes: Sequence[Box]) -> tuple[list[list[str]], list[list[str]]]:
    """The names in each row, with those of the arrows' places; and each arrow as its names from row to row."""
    depth: dict[str, int] = {}
    for box in boxes:
        depth[box.name] = 1 + max((depth[name] for name in box.inputs), default=-1)
    rows: list[list[str]] = [[] for _ in range(1 + max(depth.values()))]
    for name, row in depth.items():
        rows[row].append(name)
    chains = []
    for box in boxes:
        for name in dict.fromkeys(box.inputs):
            between = range(depth[name] + 1, depth[box.name])
            passed = [f"{name} → {box.name} {row}" for row in between] if len(between) <= _LONGEST else []
            for row, place in zip(between, passed, strict=False):
                rows[row].append(place)
            chains.append([name, *passed, box.name])
    return rows, chains


Links = tuple[dict[str, list[str]], dict[str, list[str]]]
"""What each name is connected with above, and below."""


def _links(chains: Sequence[Sequence[str]]) -> Links:
    above: dict[str, list[str]] = defaultdict(list)
    below: dict[str, list[str]] = defaultdict(list)
    for chain in chains:
        for upper, lower in pairwise(chain):
            above[lower].append(upper)
            below[upper].append(lower)
    return above, below


def _sort_rows(rows: list[list[str]], links: Links, downwards: bool) -> None:
    """Order each row by the mean place of what its members are connected with in the rows before."""
    near = links[0 if downwards else 1]
    place = {name: i / max(len(row), 1) for row in rows for i, name in enumerate(row)}
    for row in rows if downwards else rows[::-1]:
        wanted = {name: _mean([place[n] for n in near[name]], place[name]) for name in row}
        row.sort(key=lambda name: wanted[name])
        place.update({name: i / len(row) for i, name in enumerate(row)})


def _centers(rows: list[list[str]], links: Links, widths: Mapping[str, float]) -> dict[str, float]:
    """The middle of each name, near what it is connected with, none over another."""
    above, below = links
    centers: dict[str, float] = {}
    for row in rows:
        at = 0.0
        for name in row:
            width = widths.get(name, _CHARACTER)
            centers[name] = at + width / 2
            at += width + _GAP_X
    for sweep in range(2 * _SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [_mean([centers[n] for n in (*above[name], *below[name])], centers[name]) for name in row]
            centers.update(zip(row, _apart(wanted, [widths.get(name, _CHARACTER) for name in row]), strict=True))
    return centers


def _apart(wanted: list[float], widths: list[float]) -> list[float]:
    """Near the wanted places, in their order, with gaps: the mean of giving way to the right and to the left."""
    right, left = list(wanted), list(wanted)
    for i in range(1, len(wanted)):
        right[i] = max(right[i], right[i - 1] + (widths[i - 1] + widths[i]) / 2 + _GAP_X)
    for i in reversed(range(len(wanted) - 1)):
        left[i] = min(left[i], left[i + 1] - (widths[i] + widths[i + 1]) / 2 - _GAP_X)
    return [(a + b) / 2 for a, b in zip(right, left, strict=True)]


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _points(chain: Sequence[str], where: Mapping[str, Point], heights: Mapping[str, float]) -> list[Point]:
    """From the lower edge of the first through the places between to the upper edge of the last."""
    (x, y), *_ = (where[name] for name in chain)
    middle = [(*where[name], heights[name]) for name in chain[1:-1]]
    passed = [point for px, py, height in middle for point in ((px, py), (px, py + height))]
    return [(x, y + heights[chain[0]]), *passed, where[chain[-1]]]


# as a file


def svg(layout: Layout) -> str:
    """The SVG document."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}" height="{layout.height:.0f}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="11">',
        "<style>rect{fill:#eef3fb;stroke:#4a6fa5} path{fill:none;stroke:#8a94a6} text{fill:#1c2733}"
        " .title{font-weight:bold}</style>",
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8" style="fill:#8a94a6"/></marker></defs>',
    ]
    parts += [f'<path d="{_curve(points)}" marker-end="url(#tip)"/>' for points in layout.arrows]
    parts += [_box(box, *layout.corners[box.name]) for box in layout.boxes]
    return "\n".join([*parts, "</svg>", ""])


def _curve(points: Sequence[Point]) -> str:
    (x, y), *rest = points
    path = [f"M{x:.0f},{y:.0f}"]
    for nx, ny in rest:
        middle = (y + ny) / 2
        path.append(f"C{x:.0f},{middle:.0f} {nx:.0f},{middle:.0f} {nx:.0f},{ny:.0f}")
        x, y = nx, ny
    return " ".join(path)


def _box(box: Box, x: float, y: float) -> str:
    styles = [' class="title"', *[""] * (len(box.lines) - 1)]
    texts = "".join(
        f'<text x="{x + box.width / 2:.0f}" y="{y + _LINE * (i + 1) - 1:.0f}" text-anchor="middle"{style}>'
        f"{escape(line)}</text>"
        for i, (line, style) in enumerate(zip(box.lines, styles, strict=True))
    )
    frame = f'<rect x="{x:.0f}" y="{y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="4"/>'
    return f"<g><title>{escape(box.tooltip or ' '.join(box.lines))}</title>{frame}{texts}</g>"


def _write_png(layout: Layout, path: Path, dpi: int = 144) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Curve

    scale = min(1.0, 2**15 / dpi * 72 / max(layout.width, layout.height))  # Agg draws no more pixels a side
    figure = Figure(figsize=(layout.width * scale / 72, layout.height * scale / 72))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    for points in layout.arrows:
        corners, codes = [points[0]], [Curve.MOVETO]
        for (x, y), (nx, ny) in pairwise(points):
            corners += [(x, (y + ny) / 2), (nx, (y + ny) / 2), (nx, ny)]
            codes += [Curve.CURVE4] * 3
        axes.add_patch(PathPatch(Curve(corners, codes), fill=False, edgecolor="#8a94a6", linewidth=scale))
    style = "round,pad=0,rounding_size=4"
    for box in layout.boxes:
        x, y = layout.corners[box.name]
        frame = FancyBboxPatch((x, y), box.width, box.height, style, facecolor="#eef3fb", edgecolor="#4a6fa5")
        axes.add_patch(frame)
        for i, line in enumerate(box.lines):
            weight, size = ("bold" if i == 0 else "normal"), 8 * scale
            place = (x + box.width / 2, y + _LINE * (i + 0.75))
            axes.text(*place, line, ha="center", va="center", fontsize=size, weight=weight, parse_math=False)
    figure.savefig(path, dpi=dpi)
