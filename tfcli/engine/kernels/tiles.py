"""Register tiles: how many rows and vectors of a product stay in registers while its inner axis is walked.

A tile of `rows` x `vectors` accumulators loads `rows` scalars and `vectors` vectors for rows * vectors fused
multiply-adds; what limits it is modelled below. Goto and van de Geijn, Anatomy of High-Performance Matrix
Multiplication, 2008.
"""

from dataclasses import dataclass

_LATENCY = 4
"""Cycles until an accumulator can be added to again."""
_A_CYCLE = 2
"""Multiply-adds, and loads, in a cycle."""
_LOAD = 0.05
"""Cycles that a load costs beside work that hides it."""
_MOST_ROWS = 14


@dataclass(frozen=True)
class Split:
    """`count` things in pieces of `size` and, after the first `tall` of them, of `size` - 1."""

    count: int
    size: int
    pieces: int
    tall: int


def split(count: int, most: int) -> Split:
    """As few pieces as can be, none of more than `most`, as equal as can be."""
    pieces = -(-count // most)
    size = -(-count // pieces)
    return Split(count, size, pieces, count - pieces * (size - 1))


@dataclass(frozen=True)
class Tile:
    """How a product is cut: `rows` into tiles, the columns' vectors into panels of `vectors` and one of `tail`."""

    rows: Split
    vectors: int
    panels: int
    """Those of `vectors` vectors."""
    tail: int
    """Vectors of the last panel, which may have lanes to spare; 0 where there is none."""
    cost: float
    """Cycles for each step along the inner axis."""


def choose_tile(rows: int, columns: int, lanes: int, registers: int, elementwise: bool = False) -> Tile:
    """The quickest for `rows` x `columns`; `elementwise`: both operands come in vectors."""
    whole, rest = divmod(columns, lanes)
    vectors = whole + bool(rest)
    return min(
        (
            _tile(rows, whole, bool(rest), width, height, elementwise)
            for width in range(1, min(vectors, registers // 4) + 1)
            for height in _heights(width, registers, rows)
        ),
        key=lambda tile: tile.cost,
    )


def _heights(width: int, registers: int, rows: int) -> list[int]:
    """The most rows beside `width` vectors: accumulators, one register for each vector, one for the scalar."""
    height = min((registers - 1 - width) // width, _MOST_ROWS, rows)
    return [height] if height > 0 else []


def _tile(rows: int, whole: int, rest: bool, width: int, height: int, elementwise: bool) -> Tile:
    pieces = split(rows, height)
    tail = (whole + rest) % width or (width if rest else 0)
    panels = (whole + rest - tail) // width
    cost = 0.0
    for size, count in ((pieces.size, pieces.tall), (pieces.size - 1, pieces.pieces - pieces.tall)):
        cost += count * (panels * _cycles(size, width, elementwise) + (_cycles(size, tail, elementwise) if tail else 0))
    return Tile(pieces, width, panels, tail, cost)


def _cycles(rows: int, vectors: int, elementwise: bool) -> float:
    loads = vectors + rows * (vectors if elementwise else 1)
    return max(rows * vectors / _A_CYCLE, loads / _A_CYCLE, _LATENCY) + _LOAD * loads
