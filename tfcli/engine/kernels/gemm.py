"""How a contraction is carried out: which axis gives tiles their rows, what is copied first, what a task does."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod

from tfcli.engine.kernels.code import SIZES
from tfcli.engine.kernels.contraction import WORDS, Axis, Epilogue, contraction, form_of
from tfcli.engine.kernels.lowering import Argument, Emitter
from tfcli.engine.kernels.packing import Panels, pack
from tfcli.engine.kernels.pairs import how_multiplied
from tfcli.engine.kernels.target import Target
from tfcli.engine.kernels.tiles import Tile, choose_tile
from tfcli.engine.kernels.vectors import lanes_for

_GRAIN = 300_000
"""Multiply-adds that take a thread some microseconds."""
_TASK = 2_000_000
"""Multiply-adds of a task, about."""
_FEWEST_TASKS = 8
"""Of a product that is worth sharing out."""
_PACK_ROWS = 48
"""Rows from which on a strided b is worth a copy in panels."""
_PAIR_ROWS = 16
"""Rows from which on b is worth a copy in pairs of bfloat16 numbers."""
_BLOCK_BYTES = 1 << 17
"""Of the rows of a that a task goes through for each panel: they stay in the second cache."""
_FIRST_CACHE, _WAYS, _LINE = 1 << 15, 8, 64
"""Bytes of the first cache, its places for lines of one set, bytes of a line: of the smaller ones in use."""
_PAGES = 1 << 18
"""Bytes that the processor addresses without looking up pages anew."""
_PANEL_BYTES = 24 << 10
"""Of a panel of b that stays in the first cache while it meets one tile after the other."""
_WIDE_VECTOR, _WIDE_PANEL_BYTES = 64, 96 << 10
"""The same where vectors are so many bytes: of these the second cache brings enough."""
_COPY_BYTES = 128 << 10
"""The most that a task copies of a panel of b."""
_ROOM = 128
"""Lines of b: the room for a copy is a multiple of this."""
_FEWEST_STEPS = 64
"""Along the inner axes, before a tile is put aside."""
_FEWEST_TILES = 4
"""That must meet a panel of b for it to be kept in the first cache."""


_ONE = Axis(1)


@dataclass(frozen=True)
class Clip:
    """Of the outermost inner axis, entry t counts for entry i of the last batch axis where the place
    first + repeat * i + step * t is at least 0 and less than `size`: the taps of a window that lie inside the image.
    """

    first: int = 0
    repeat: int = 0
    step: int = 1
    size: int = 1


@dataclass(frozen=True)
class Contraction:
    """The axes of a contraction, and where its operands begin, in elements."""

    batch: tuple[Axis, ...]
    rows: Axis
    inner: tuple[Axis, ...]
    columns: Axis
    """Its stride in c is 1; in a it is 0, or 1 where a goes through the columns as b does."""
    element: str = "float"
    a_start: int = 0
    b_start: int = 0
    c_start: int = 0
    bfloat16: bool = False
    """Whether a and b are float32 numbers that bfloat16 holds, too."""
    sequence: Axis = _ONE
    """A further inner axis, the outermost: its entries are added to c one by one."""
    clip: Clip | None = None

    @property
    def elementwise(self) -> bool:
        return self.columns.a == 1


def row_major(sizes: Sequence[int], last: int = 1) -> list[int]:
    """The strides of axes in row-major order, with `last` of the last."""
    return [last * prod(sizes[i + 1 :]) for i in range(len(sizes))]


def contract(
    emit: Emitter, a: Argument, b: Argument, c: Argument, what: Contraction, epilogue: Epilogue | None = None
) -> None:
    """Emit c = the contraction of a and b; `epilogue` sees each result before it is written."""
    lanes = lanes_for(what.element, emit.target.lanes)
    what = _simplified(_with_wide_columns(what, epilogue.period if epilogue else 0))
    epilogue = epilogue and epilogue.beside(what.columns.size)
    if 0 in (what.rows.size, what.columns.size, *(axis.size for axis in what.batch)):
        return
    if not what.clip:
        what = _with_best_rows(what, lanes, emit.target.registers)
    _contract(emit, a, b, c, what, lanes, epilogue)


def _simplified(what: Contraction) -> Contraction:
    """Without axes of one entry, and with one axis for two that are walked like one."""
    if what.clip:
        inner = (what.inner[0], *_merged(what.inner[1:]))
        return dataclasses.replace(what, batch=(*_merged(what.batch[:-1]), what.batch[-1]), inner=inner)
    batch, rows = _merged(what.batch), what.rows
    while batch and batch[-1].b == 0 and (one := joined(batch[-1], rows)):
        batch, rows = batch[:-1], one
    return dataclasses.replace(what, batch=tuple(batch), rows=rows, inner=tuple(_merged(what.inner)))


def _with_wide_columns(what: Contraction, period: int) -> Contraction:
    """With columns that take in batch axes which a does not have either, up to the epilogue's period."""
    while not what.clip:
        wider = ((axis, joined(axis, what.columns)) for axis in what.batch if axis.a == 0)
        axis, columns = next(((axis, one) for axis, one in wider if one and one is not axis), (None, what.columns))
        if axis is None or (period and columns.size > period):
            break
        what = dataclasses.replace(what, batch=tuple(x for x in what.batch if x is not axis), columns=columns)
    return what


def _merged(axes: Sequence[Axis]) -> list[Axis]:
    result: list[Axis] = []
    for axis in axes:
        if axis.size == 1:
            continue
        if result and (one := joined(result[-1], axis)):
            result[-1] = one
        else:
            result.append(axis)
    return result


def joined(outer: Axis, inner: Axis) -> Axis | None:
    """One axis for two, if their strides allow it."""
    if inner.size == 1:
        return outer
    strides = ((outer.a, inner.a), (outer.b, inner.b), (outer.c, inner.c))
    if all(far == inner.size * near for far, near in strides):
        return dataclasses.replace(inner, size=outer.size * inner.size)
    return None


def _with_best_rows(what: Contraction, lanes: int, registers: int) -> Contraction:
    """Swap the rows with a batch axis that b does not have either, where that fills tiles better."""

    def cost(rows: Axis) -> float:
        return choose_tile(rows.size, what.columns.size, lanes, registers, what.elementwise).cost / rows.size

    best = what
    for i, axis in enumerate(what.batch):
        if axis.b == 0 and cost(axis) < 0.9 * cost(best.rows):
            batch = (*what.batch[:i], *what.batch[i + 1 :], what.rows)
            best = dataclasses.replace(what, batch=batch, rows=axis)
    return best


def _contract(
    emit: Emitter,
    a: Argument,
    b: Argument,
    c: Argument,
    what: Contraction,
    lanes: int,
    epilogue: Epilogue | None,
) -> None:
    tile = choose_tile(what.rows.size, what.columns.size, lanes, emit.target.registers, what.elementwise)
    width = tile.vectors * lanes
    panel_b, pair_a = width, 0
    pairs = how_multiplied(emit.target) if _should_pair(what, emit.target) else ""
    copied = 0 if pairs else _copied_lines(what, tile, width)
    if pairs or (not copied and not what.elementwise and _should_pack_b(what)):
        pair_a = what.inner[-1].a if pairs else 0
        b, what, panel_b = _with_packed_b(emit, b, what, tile, lanes, bool(pairs))
    tile_a, packed_rows = 0, _should_pack_a(what)
    if packed_rows:
        a, what, tile_a = _with_packed_a(emit, a, what, tile, lanes, bool(pairs))
    what = _sequenced(what, tile, width)
    blocks = _blocks(what, tile, lanes)
    *batch, repeat = (_ONE,) * (2 - len(what.batch)) + what.batch
    # Fewer forms of the kernel, for loops that cost nothing.
    padding = (_ONE,) * (2 - len(what.inner))
    inner = what.inner + padding if what.clip else padding + what.inner
    clip = what.clip or Clip()
    words = {
        "a_start": what.a_start,
        "b_start": what.b_start,
        "c_start": what.c_start,
        "sequence": what.sequence.size,
        "sequence_a": what.sequence.a,
        "sequence_b": what.sequence.b,
        "columns": what.columns.size,
        "panels": tile.panels,
        "panel_b": panel_b,
        "block_panels": blocks.panels,
        "panel_blocks": blocks.panel_blocks,
        "tiles": tile.rows.pieces,
        "tall": tile.rows.tall,
        "row_a": what.rows.a,
        "row_c": what.rows.c,
        "block_tiles": blocks.tiles,
        "row_blocks": blocks.row_blocks,
        "tile_a": tile_a,
        "repeat": repeat.size,
        "repeat_a": repeat.a,
        "repeat_b": repeat.b,
        "repeat_c": repeat.c,
        "block_repeat": blocks.repeat,
        "repeat_blocks": blocks.repeat_blocks,
        "clip_first": clip.first,
        "clip_repeat": clip.repeat,
        "clip_step": clip.step,
        "clip_size": clip.size,
        "pair_a": pair_a,
    }
    form = form_of(
        tile,
        what.element,
        lanes,
        what.columns.size,
        batch=len(batch),
        inner=len(inner),
        accumulates=what.sequence.size > 1,
        elementwise=what.elementwise,
        packed_rows=packed_rows,
        copied=copied,
        clipped=what.clip is not None,
        pairs=pairs,
    )
    arguments: list[Argument] = [a, b, c, *(words[name] for name in WORDS)]
    for axis in inner:
        arguments += [axis.size, axis.a, axis.b]
    for axis in batch:
        arguments += [axis.size, axis.a, axis.b, axis.c]
    tasks = prod((axis.size for axis in batch), start=blocks.row_blocks * blocks.panel_blocks * blocks.repeat_blocks)
    if epilogue is not None:
        arguments += epilogue.arguments
    emit(contraction(form, epilogue), arguments, tasks, max(1, _GRAIN * tasks // max(1, _work(what))))


def _sequenced(what: Contraction, tile: Tile, width: int) -> Contraction:
    """Where a panel of b is too large for the first cache, with the outermost inner axis done step by step, or the only
    one part by part.
    """
    line = width * SIZES[what.element]
    wide = line // tile.vectors == _WIDE_VECTOR
    steps, most = prod(axis.size for axis in what.inner), (_WIDE_PANEL_BYTES if wide else _PANEL_BYTES) // line
    if steps <= most or what.sequence.size > 1 or what.clip or tile.rows.pieces < _FEWEST_TILES:
        return what
    outer, *rest = what.inner
    if not rest:
        parts = range(-(-steps // most), steps // _FEWEST_STEPS + 1)
        count = next((n for n in parts if steps % n == 0), 1)
        size = steps // count
        outer = dataclasses.replace(outer, size=count, a=outer.a * size, b=outer.b * size)
        rest = [dataclasses.replace(what.inner[0], size=size)]
    if steps // outer.size < _FEWEST_STEPS:
        return what
    return dataclasses.replace(what, sequence=outer, inner=tuple(rest))


def _work(what: Contraction) -> int:
    """Multiply-adds."""
    return prod(axis.size for axis in (what.rows, what.columns, what.sequence, *what.inner, *what.batch))


@dataclass(frozen=True)
class _Blocks:
    """What a task does: so many panels, tiles and entries of the repeated axis; and the numbers of such blocks."""

    panels: int
    panel_blocks: int
    tiles: int
    row_blocks: int
    repeat: int
    repeat_blocks: int


def _blocks(what: Contraction, tile: Tile, lanes: int) -> _Blocks:
    steps = prod(axis.size for axis in what.inner)
    # Every task walks through the whole sequence, whose entries should be read by few.
    budget = _TASK * (4 if what.sequence.size > 1 else 1)
    budget = min(budget, max(_GRAIN, _work(what) // _FEWEST_TASKS))
    a_bytes = tile.rows.size * steps * SIZES[what.element]
    tiles, row_blocks = _shared_out(tile.rows.pieces, _BLOCK_BYTES // max(1, a_bytes))
    work = max(1, tiles * tile.rows.size * steps * what.sequence.size * tile.vectors * lanes)
    panels, panel_blocks = _shared_out(tile.panels + bool(tile.tail), budget // work)
    repeat, repeat_blocks = _shared_out(what.batch[-1].size if what.batch else 1, budget // (work * panels))
    return _Blocks(panels, panel_blocks, tiles, row_blocks, repeat, repeat_blocks)


def _shared_out(count: int, most: int) -> tuple[int, int]:
    """The size of equal blocks of at most `most`, and their number."""
    size = -(-count // -(-count // min(max(1, most), count)))
    return size, -(-count // size)


def _copied_lines(what: Contraction, tile: Tile, width: int) -> int:
    """How many lines of b every task had better copy for each of its panels, as many tiles read them: because the lines
    would fight for places in the first cache, or to read them without masks.
    """
    inner = _sequenced(what, tile, width).inner
    lines = prod(axis.size for axis in inner)
    few = tile.rows.pieces < _FEWEST_TILES
    if few or what.clip or what.elementwise or len(inner) != 1 or what.columns.b != 1 or what.columns.size == 1:
        return 0
    masked = what.columns.size % width > 0
    if lines * width * SIZES[what.element] > _COPY_BYTES or not (masked or _scattered(what)):
        return 0
    # A few sizes of room, so that few kernels differ by it.
    return -(-lines // _ROOM) * _ROOM


def _scattered(what: Contraction) -> bool:
    """Whether a panel's lines would fight for places in the first cache, or lie on too many pages."""
    steps = prod(axis.size for axis in what.inner)
    stride = (what.inner[-1].b if what.inner else 0) * SIZES[what.element]
    places = _FIRST_CACHE // _LINE
    if stride % _LINE == 0:
        places //= gcd(stride // _LINE, places // _WAYS)
    return steps > places or steps * abs(stride) > _PAGES


def _should_pack_b(what: Contraction) -> bool:
    """Where its columns are not side by side, or its lines are scattered."""
    steps = prod(axis.size for axis in what.inner)
    if what.columns.size == 1 or steps == 0:
        return False
    if what.columns.b != 1:
        return True
    shared = what.rows.size * prod(axis.size for axis in what.batch if axis.b == 0)
    return _scattered(what) and shared >= _PACK_ROWS and what.sequence.size == 1


def _should_pair(what: Contraction, target: Target) -> bool:
    """Whether a copy of b in pairs of bfloat16 numbers is worth its time, and can be made vector by vector."""
    if not (target.bfloat16 and what.bfloat16 and what.inner and what.sequence.size == 1) or what.elementwise:
        return False
    last = what.inner[-1]
    shared = what.rows.size * prod(axis.size for axis in what.batch if axis.b == 0)
    return (
        last.size > 0
        and last.size % 2 == 0
        and not (what.clip and len(what.inner) == 1)
        and what.columns.size > 1
        and 1 in (what.columns.b, last.b)
        and shared >= _PAIR_ROWS
    )


def _with_packed_b(
    emit: Emitter, b: Argument, what: Contraction, tile: Tile, lanes: int, pairs: bool
) -> tuple[Argument, Contraction, int]:
    """b in panels, perhaps of pairs along the innermost axis; the axes with the strides of the copy."""
    assert what.sequence.size == 1
    width = tile.vectors * lanes
    panels = Panels(tile.panels + bool(tile.tail), width, width)
    batch = [axis for axis in what.batch if axis.b]
    copy, panel = pack(
        emit,
        b,
        what.b_start,
        [(axis.size, axis.b) for axis in batch],
        [(axis.size, axis.b) for axis in what.inner],
        (what.columns.size, what.columns.b),
        panels,
        what.element,
        lanes,
        pairs,
    )
    if pairs:
        last = what.inner[-1]
        halved = dataclasses.replace(last, size=last.size // 2, a=2 * last.a)
        what = dataclasses.replace(what, inner=(*what.inner[:-1], halved))
    inner = row_major([axis.size for axis in what.inner], width)
    outer = iter(row_major([axis.size for axis in batch], panels.count * panel))
    packed = dataclasses.replace(
        what,
        b_start=0,
        inner=tuple(dataclasses.replace(axis, b=b) for axis, b in zip(what.inner, inner, strict=True)),
        batch=tuple(dataclasses.replace(axis, b=next(outer)) if axis.b else axis for axis in what.batch),
    )
    return copy, packed, panel


def _should_pack_a(what: Contraction) -> bool:
    """Where rows lie side by side and each inner step is far from the last: a transposed large matrix."""
    return (
        len(what.inner) == 1
        and what.clip is None
        and not what.batch
        and not what.elementwise
        and what.rows.a == 1
        and what.inner[0].a >= 64
        and what.inner[0].size >= 128
        and what.columns.size >= 64
    )


def _with_packed_a(
    emit: Emitter, a: Argument, what: Contraction, tile: Tile, lanes: int, pairs: bool
) -> tuple[Argument, Contraction, int]:
    """a in panels as high as the tiles, so that a tile reads it line by line."""
    rows, inner = tile.rows, what.inner[0]
    low = rows.size - (rows.tall < rows.pieces)
    width = -(-rows.size // lanes) * lanes
    panels = Panels(rows.pieces, low, width, rows.size - low, rows.tall)
    steps = (2 * inner.size, inner.a // 2) if pairs else (inner.size, inner.a)
    copy, panel = pack(emit, a, what.a_start, (), [steps], (rows.count, 1), panels, what.element, lanes, pairs)
    packed = dataclasses.replace(what, a_start=0, inner=(dataclasses.replace(inner, a=width),))
    return copy, packed, panel
