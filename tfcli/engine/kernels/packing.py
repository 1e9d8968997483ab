"""Copies that make strides harmless: matrices in panels as wide as a register tile, images with a border of zeros."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from tfcli.engine.kernels.code import SIZES, Code, Value, vector
from tfcli.engine.kernels.lowering import Argument, Emitter, Scratch
from tfcli.engine.kernels.pairs import paired
from tfcli.engine.kernels.vectors import each_vector, lanes_for, read, write

_GRAIN = 1 << 15
"""Elements worth handing to a thread."""
_CHUNK = 16
"""Steps of the innermost axis that a task copies: whatever their distance, their lines stay in the first cache from
one panel to the next.
"""

_NARROW = 4
"""Vectors that are copied without a loop."""


@dataclass(frozen=True)
class Panels:
    """Where the columns of a panel begin: panel i at i * step + min(i * slope, limit)."""

    count: int
    step: int
    width: int
    """Columns in memory; those beyond the matrix hold zeros."""
    slope: int = 0
    limit: int = 0


def pack(
    emit: Emitter,
    source: Argument,
    start: int,
    batch: Sequence[tuple[int, int]],
    inner: Sequence[tuple[int, int]],
    columns: tuple[int, int],
    panels: Panels,
    element: str,
    lanes: int,
    pairs: bool = False,
) -> tuple[Scratch, int]:
    """Copy (batch, inner, columns), each an axis' (size, stride), to (batch, panel, inner, width).

    `pairs`: float32 numbers that bfloat16 holds become words of two that follow each other along the last inner axis,
    which has an even size; it, or the columns, must lie side by side.

    Returns the copy and how many elements a panel takes.
    """
    inner, batch = ([*[(1, 0)] * (3 - len(axes)), *axes] for axes in (inner, batch))
    if pairs:
        size, distance = inner[-1]
        inner = [*inner[:-1], (size // 2, distance)]
    panel = prod(size for size, _ in inner) * panels.width
    copies = prod(size for size, _ in batch)
    copy = Scratch(max(1, copies * panels.count * panel * SIZES[element]))
    turned = columns[1] != 1 and inner[-1][1] == 1
    along = columns[1] == 1
    narrow = panels.width // lanes if along and not pairs and panels.width <= _NARROW * lanes else 0
    assert not pairs or along or turned
    chunks = -(-inner[-1][0] // _CHUNK)
    words = [start, chunks, panels.count, panel, panels.step, panels.width, panels.slope, panels.limit, *columns]
    for axis in (*inner, *batch):
        words.extend(axis)
    emit(
        _packing(element, lanes, len(inner), len(batch), turned, along, narrow, pairs),
        [source, copy, *words],
        copies * chunks * prod(size for size, _ in inner[:-1]),
        -(-_GRAIN // (_CHUNK * panels.count * panels.width)),
    )
    return copy, panel


@functools.cache
def _packing(
    element: str, lanes: int, inner_axes: int, batch_axes: int, turned: bool, along: bool, narrow: int, pairs: bool
) -> Code:
    """A task is a chunk of the last inner axis, for all panels. `turned`: that axis lies side by side in memory;
    `along`: the columns do; `narrow`: they are so few vectors, 0 for many; `pairs`: see `pack`.
    """
    code = Code("pack")
    source, copy = code.argument(0), code.argument(1)
    words = [code.argument(2 + i, "i64") for i in range(10 + 2 * (inner_axes + batch_axes))]
    start, chunks, panels, panel, step, width, slope, limit, columns, stride = words[:10]
    axes = list(zip(words[10::2], words[11::2], strict=True))
    outer, last, batch = axes[: inner_axes - 1], axes[inner_axes - 1], axes[inner_axes:]
    with code.tasks() as task:
        first, rest = task % chunks * _CHUNK, task // chunks
        steps = code.minimum(last[0] - first, _CHUNK)
        here, line, lines = start + first * last[1] * (2 if pairs else 1), first, last[0]
        for size, distance in reversed(outer):
            i, rest = rest % size, rest // size
            here, line, lines = here + i * distance, line + i * lines, lines * size
        to = rest * panels * panel + line * width
        for size, distance in reversed(batch):
            here, rest = here + rest % size * distance, rest // size
        with code.loop(0, panels) as at:
            column = at * step + code.minimum(at * slope, limit)
            place = code.at(source, here + column * stride, element)
            target, left = code.at(copy, to + at * panel, element), columns - column
            inner = (steps, last[1])
            if along and pairs:
                _copy_pairs(code, lanes, place, target, code.minimum(left, width), inner, width)
            elif along:
                _copy(code, element, lanes, place, target, code.minimum(left, width), inner, width, narrow)
            else:
                with code.loop(0, width, lanes) as j:
                    scatter = _turn_pairs if pairs else _turn if turned else _gather
                    block = code.at(place, j * stride, element), code.at(target, j, element)
                    scatter(code, element, lanes, *block, (left - j, stride), inner, width)
    return code


def _copy(
    code: Code,
    element: str,
    lanes: int,
    source: Value,
    to: Value,
    count: Value,
    inner: tuple[Value, Value],
    width: Value,
    narrow: int,
) -> None:
    """`count` columns for each inner step; where they are `narrow` vectors, zeros after them."""
    masks = [code.first_lanes(count - i * lanes, lanes) for i in range(narrow)]
    with code.loop(0, inner[0]) as k:
        line, copy = code.at(source, k * inner[1], element), code.at(to, k * width, element)
        for i, mask in enumerate(masks):
            write(code, read(code, line, i * lanes, element, lanes, mask), copy, i * lanes, element)
        if not narrow:
            for at, rest in each_vector(code, count, lanes):
                write(code, read(code, line, at, element, lanes, rest), copy, at, element, rest)


def _copy_pairs(
    code: Code, lanes: int, source: Value, to: Value, count: Value, inner: tuple[Value, Value], width: Value
) -> None:
    """`count` columns for each pair of inner steps."""
    with code.loop(0, inner[0]) as k:
        first, copy = code.at(source, k * inner[1] * 2), code.at(to, k * width)
        second = code.at(first, inner[1])
        for at, rest in each_vector(code, count, lanes):
            lines = (read(code, line, at, "float", lanes, rest) for line in (first, second))
            write(code, paired(code, *lines), copy, at, "i32", rest)


def _gather(
    code: Code,
    element: str,
    lanes: int,
    source: Value,
    to: Value,
    columns: tuple[Value, Value],
    inner: tuple[Value, Value],
    width: Value,
) -> None:
    """One element after the other."""
    with code.loop(0, inner[0]) as k, code.loop(0, lanes) as lane:
        number = code.local(element, 0)
        with code.when(lane < columns[0]):
            number.set(code.load(code.at(source, k * inner[1] + lane * columns[1], element), element))
        code.store(number.get(), code.at(to, k * width + lane, element))


def _turn(
    code: Code,
    element: str,
    lanes: int,
    source: Value,
    to: Value,
    columns: tuple[Value, Value],
    inner: tuple[Value, Value],
    width: Value,
) -> None:
    """Blocks of lanes x lanes, transposed in registers."""
    with code.loop(0, inner[0], lanes) as k:
        lines = _turned_block(code, element, lanes, source, columns, inner[0], k)
        _store_lines(code, lines, code.at(to, k * width, element), element, inner[0] - k, width)


def _turn_pairs(
    code: Code,
    element: str,
    lanes: int,
    source: Value,
    to: Value,
    columns: tuple[Value, Value],
    inner: tuple[Value, Value],
    width: Value,
) -> None:
    """The same, two lines to one of pairs; `inner` counts pairs."""
    with code.loop(0, inner[0] * 2, lanes) as k:
        block = _turned_block(code, element, lanes, source, columns, inner[0] * 2, k)
        lines = [paired(code, *block[i : i + 2]) for i in range(0, lanes, 2)]
        _store_lines(code, lines, code.at(to, (k >> 1) * width), "float", inner[0] - (k >> 1), width)


def _store_lines(code: Code, lines: Sequence[Value], to: Value, element: str, count: Value, width: Value) -> None:
    """The first `count` of the lines, each after the other."""
    for i, line in enumerate(lines):
        with code.when(count > i):
            code.store(line, code.at(to, width * i, element))


def _turned_block(
    code: Code, element: str, lanes: int, source: Value, columns: tuple[Value, Value], steps: Value, k: Value
) -> list[Value]:
    """The inner steps from `k` on of `lanes` columns, each a vector; zeros where there is none."""
    kind = vector(lanes, element)
    rows = [code.local(kind) for _ in range(lanes)]
    steps = code.minimum(steps - k, lanes)
    whole = (steps.equals(lanes)) & (columns[0] >= lanes)
    with code.when(whole):
        for i, row in enumerate(rows):
            row.set(code.load(code.at(source, k + columns[1] * i, element), kind))
    with code.when(whole.equals(0)):
        for i, row in enumerate(rows):
            mask = code.first_lanes(code.select(columns[0] > i, steps, 0), lanes)
            row.set(code.load_masked(code.at(source, k + columns[1] * i, element), kind, mask))
    return transposed(code, [row.get() for row in rows])


def transposed(code: Code, rows: Sequence[Value]) -> list[Value]:
    """The columns of a square block, by exchanging halves, quarters and so on between pairs of rows."""
    rows, lanes, half = list(rows), len(rows), len(rows) // 2
    while half:
        for i in range(lanes):
            if not i & half:
                upper, lower = rows[i], rows[i + half]
                kept = [j if not j & half else lanes + j - half for j in range(lanes)]
                moved = [j + half if not j & half else lanes + j for j in range(lanes)]
                rows[i], rows[i + half] = code.shuffle(upper, lower, kept), code.shuffle(upper, lower, moved)
        half //= 2
    return rows


@dataclass(frozen=True)
class Border:
    """One spatial axis of an image: its size, and how many entries of the copy come before and after; less than 0 to
    leave some out.
    """

    size: int
    before: int
    after: int

    @property
    def padded(self) -> int:
        return self.size + self.before + self.after


def pad(emit: Emitter, source: Argument, images: int, axes: Sequence[Border], channels: int, element: str) -> Scratch:
    """Copy images (N, *sizes, C) with their borders, which hold zeros, to (N, *padded, C)."""
    depth, height, width = [*[Border(1, 0, 0)] * (3 - len(axes)), *axes]
    lines = images * depth.padded * height.padded
    copy = Scratch(max(1, lines * width.padded * channels * SIZES[element]))
    words = [channels]
    for axis in (depth, height, width):
        words += [axis.size, axis.before, axis.padded]
    lanes = lanes_for(element, emit.target.lanes)
    emit(_padding(element, lanes), [source, copy, *words], lines, -(-_GRAIN // (width.padded * channels)))
    return copy


@functools.cache
def _padding(element: str, lanes: int) -> Code:
    """A task is one line of the copy."""
    code = Code("pad")
    source, copy, channels = code.argument(0), code.argument(1), code.argument(2, "i64")
    depth, height, width = (tuple(code.argument(3 + 3 * i + j, "i64") for j in range(3)) for i in range(3))
    with code.tasks() as task:
        line, rest = task % height[2] - height[1], task // height[2]
        plane, image = rest % depth[2] - depth[1], rest // depth[2]
        inside = (line >= 0) & (line < height[0]) & (plane >= 0) & (plane < depth[0])
        to = code.at(copy, task * width[2] * channels, element)
        place = ((image * depth[0] + plane) * height[0] + line) * width[0] * channels
        write_padded_line(
            code, element, lanes, code.at(source, place, element), to, inside, [n * channels for n in width]
        )
    return code


def write_padded_line(
    code: Code, element: str, lanes: int, source: Value, to: Value, inside: Value, widths: Sequence[Value]
) -> None:
    """One line of a padded image: elements of the source, before it, and of the copy."""
    size, before, padded = widths
    skipped = code.maximum(-before, 0)
    first = code.select(inside, code.minimum(code.maximum(before, 0), padded), padded)
    count = code.select(inside, code.maximum(code.minimum(size - skipped, padded - first), 0), 0)
    _write_lanes(code, element, lanes, None, to, first)
    _write_lanes(code, element, lanes, code.at(source, skipped, element), code.at(to, first, element), count)
    after = first + count
    _write_lanes(code, element, lanes, None, code.at(to, after, element), padded - after)


def _write_lanes(code: Code, element: str, lanes: int, source: Value | None, to: Value, count: Value) -> None:
    """`count` elements of the source, or zeros."""
    for i, mask in each_vector(code, count, lanes):
        zeros = code.constant(vector(lanes, element), 0)
        value = zeros if source is None else read(code, source, i, element, lanes, mask)
        write(code, value, to, i, element, mask)


def add_blocks(emit: Emitter, partial: Argument, total: Argument, blocks: int, count: int, element: str) -> None:
    """total (count) = the sum over the blocks, in order, of partial (blocks, count)."""
    lanes = lanes_for(element, emit.target.lanes)
    emit(_adding(element, lanes), [partial, total, blocks, count], -(-count // lanes), -(-_GRAIN // (blocks * lanes)))


@functools.cache
def _adding(element: str, lanes: int) -> Code:
    """A task is one vector."""
    code, kind = Code("add_blocks"), vector(lanes, element)
    partial, total = code.argument(0), code.argument(1)
    blocks, count = code.argument(2, "i64"), code.argument(3, "i64")
    with code.tasks() as task:
        first = task * lanes
        mask = code.first_lanes(count - first, lanes)
        result = code.local(kind, code.load_masked(code.at(partial, first, element), kind, mask))
        with code.loop(1, blocks) as block:
            more = code.load_masked(code.at(partial, block * count + first, element), kind, mask)
            result.set(result.get() + more)
        code.store_masked(result.get(), code.at(total, first, element), mask)
    return code
