"""Moving entries about: transpose, slice, concat, pad, tile, broadcast.

All of them are one thing: a walk over some sizes with one stride for each of two arrays. Axes along which both go on
evenly are joined, and the last one is copied by vectors where it lies without gaps. Entries are moved as integers of
their width, whatever they mean.
"""

import functools
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.code import Code, Value
from tfcli.engine.kernels.lowering import Argument, Emitter, lowers
from tfcli.engine.kernels.vectors import ENTRIES, each_vector, floating, lanes_for, read, shape_of, write
from tfcli.engine.ops import join, slicing
from tfcli.engine.ops import reduce as r
from tfcli.engine.ops import shape as s

UNITS = {1: "i8", 2: "i16", 4: "i32", 8: "i64"}
"""How an entry of so many bytes is moved."""
_MASKED = ("i32", "i64", "float", "double")
"""What processors read and write under a mask."""


class Walk(NamedTuple):
    """Sizes, and for source and target where the walk starts and its strides, in entries."""

    sizes: tuple[int, ...]
    source_strides: tuple[int, ...]
    target_strides: tuple[int, ...]
    source_start: int = 0
    target_start: int = 0


def strides_of(shape: Sequence[int]) -> list[int]:
    """Of an array in row-major order, in entries."""
    return [prod(shape[i + 1 :]) for i in range(len(shape))]


def _joined(walk: Walk) -> Walk:
    """The same walk with as few axes as will do, and at least one."""
    axes: list[tuple[int, int, int]] = []
    for size, source, target in zip(walk.sizes, walk.source_strides, walk.target_strides, strict=True):
        if size == 1:
            continue
        if axes and axes[-1][1:] == (source * size, target * size):
            axes[-1] = (axes[-1][0] * size, source, target)
        else:
            axes.append((size, source, target))
    sizes, sources, targets = zip(*(axes or [(1, 1, 1)]), strict=True)
    return Walk(sizes, sources, targets, walk.source_start, walk.target_start)


def emit_walk(emit: Emitter, source: Argument, target: Argument, walk: Walk, unit: str) -> None:
    """Copy entries from source to target along the walk."""
    if not prod(walk.sizes):
        return
    walk = _joined(walk)
    *outer, inner = walk.sizes
    ends = (walk.source_strides[-1], walk.target_strides[-1])
    how = {(1, 1): "copy", (0, 1): "fill"}.get(ends, "pick")
    rows, span = prod(outer), min(inner, ENTRIES)
    spans = -(-inner // span)
    group = max(1, min(rows, ENTRIES // span))
    arguments = [source, target, walk.source_start, walk.target_start, *outer]
    arguments += [*walk.source_strides, *walk.target_strides, inner, span, rows, group]
    kernel = walk_kernel(len(outer), how, unit, lanes_for(unit, emit.target.lanes))
    emit(kernel, arguments, spans * -(-rows // group))


@functools.cache
def walk_kernel(axes: int, how: str, unit: str, lanes: int) -> Code:
    """Arguments: source, target, their starts, the sizes of the outer axes, the strides of source and of target, the
    size of the inner axis, entries of it in a task, rows (the product of the outer sizes), rows in a task.

    `how` goes the inner axis: copy (both without gaps), fill (one entry to many), pick (anything else).
    """
    code = Code(f"{how}_walk")
    source, target = code.argument(0), code.argument(1)
    starts = [code.argument(i, "i64") for i in (2, 3)]
    words = iter([code.argument(4 + i, "i64") for i in range(3 * axes + 6)])
    sizes = [next(words) for _ in range(axes)]
    strides = [[next(words) for _ in range(axes + 1)] for _ in range(2)]
    inner, span, rows, group = words
    spans = (inner + span - 1) // span
    with code.tasks() as task:
        begin, first = task % spans * span, task // spans * group
        count = code.minimum(span, inner - begin)
        with code.loop(first, code.minimum(first + group, rows)) as row:
            bases = []
            for base, start, steps in zip((source, target), starts, strides, strict=True):
                offset = start + begin * steps[-1]
                bases.append(code.at(base, _offset(row, sizes, steps, offset), unit))
            _inner(code, how, bases, strides, count, unit, lanes)
    return code


def _offset(row: Value, sizes: list[Value], strides: list[Value], start: Value) -> Value:
    """Where the row begins whose number counts through `sizes`."""
    for axis in range(len(sizes) - 1, -1, -1):
        place, row = (row % sizes[axis], row // sizes[axis]) if axis else (row, row)
        start = start + place * strides[axis]
    return start


def _inner(
    code: Code, how: str, bases: list[Value], strides: list[list[Value]], count: Value, unit: str, lanes: int
) -> None:
    source, target = bases
    if how == "pick":
        with code.loop(0, count) as at:
            entry = code.load(code.at(source, at * strides[0][-1], unit), unit)
            code.store(entry, code.at(target, at * strides[1][-1], unit))
    elif how == "fill":
        fill(code, target, count, code.load(source, unit), lanes)
    else:
        copy(code, source, target, count, unit, lanes)


def copy(code: Code, source: Value, target: Value, count: Value, unit: str, lanes: int) -> None:
    """`count` entries."""
    if unit in _MASKED:
        for at, mask in each_vector(code, count, lanes):
            write(code, read(code, source, at, unit, lanes, mask), target, at, unit, mask)
        return
    whole = count - count % lanes
    with code.loop(0, whole, lanes) as at:
        write(code, read(code, source, at, unit, lanes), target, at, unit)
    with code.loop(whole, count) as at:
        code.store(code.load(code.at(source, at, unit), unit), code.at(target, at, unit))


def fill(code: Code, target: Value, count: Value, entry: Value, lanes: int) -> None:
    """`count` times the entry."""
    unit, entries = entry.kind, code.splat(entry, lanes)
    if unit in _MASKED:
        for at, mask in each_vector(code, count, lanes):
            write(code, entries, target, at, unit, mask)
        return
    whole = count - count % lanes
    with code.loop(0, whole, lanes) as at:
        write(code, entries, target, at, unit)
    with code.loop(whole, count) as at:
        code.store(entry, code.at(target, at, unit))


@lowers(s.Transpose)
def transpose(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    shape, strides = shape_of(node.inputs[0]), strides_of(shape_of(node.inputs[0]))
    sizes = tuple(shape[p] for p in op.perm)
    return _emit_one(node, emit, Walk(sizes, tuple(strides[p] for p in op.perm), tuple(strides_of(sizes))))


@lowers(s.BroadcastTo)
def broadcast(node: Node, emit: Emitter) -> bool:
    source, target = shape_of(node.inputs[0]), shape_of(node.outputs[0])
    return _emit_one(node, emit, Walk(target, _broadcast_strides(source, target), tuple(strides_of(target))))


def _broadcast_strides(source: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    padded = (1,) * (len(target) - len(source)) + source
    return tuple(0 if size == 1 else stride for size, stride in zip(padded, strides_of(padded), strict=True))


@lowers(join.Tile)
def tile(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    shape = shape_of(node.inputs[0])
    sizes = tuple(n for pair in zip(op.multiples, shape, strict=True) for n in pair)
    strides = tuple(n for stride in strides_of(shape) for n in (0, stride))
    return _emit_one(node, emit, Walk(sizes, strides, tuple(strides_of(sizes))))


@lowers(slicing.Slice)
def slice_(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    sizes, strides, start = _sliced(shape_of(node.inputs[0]), op.key)
    return _emit_one(node, emit, Walk(sizes, strides, tuple(strides_of(sizes)), start))


def _sliced(shape: tuple[int, ...], key: tuple[Any, ...]) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Sizes, strides and start of the part of an array that `key` names, found on an array without memory."""
    strides = strides_of(shape)
    whole = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), shape, [0] * len(shape), writeable=False)
    index = tuple(slice(*k) if isinstance(k, tuple) else k for k in key)
    sizes = whole[index].shape
    named = sum(k is not None and k is not Ellipsis for k in index)
    place = index.index(Ellipsis) if Ellipsis in index else len(index)
    parts = [*index[:place], *[slice(None)] * (len(shape) - named), *index[place + 1 :]]
    start, steps, axis = 0, [], 0
    for part in parts:
        if part is None:
            steps.append(0)
            continue
        if isinstance(part, slice):
            first, _, step = part.indices(shape[axis])
            steps.append(step * strides[axis])
        else:
            first = int(part) % max(1, shape[axis])
        start += first * strides[axis]
        axis += 1
    return sizes, tuple(steps), start


@lowers(slicing.SliceGrad)
def slice_grad(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    sizes, strides, start = _sliced(shape_of(node.outputs[0]), op.key)
    walk = Walk(sizes, tuple(strides_of(sizes)), strides, 0, start)
    return _emit_filled(node, emit, 0.0, walk)


@lowers(join.Pad)
def pad(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    sizes, strides = shape_of(node.inputs[0]), strides_of(shape_of(node.outputs[0]))
    start = sum(before * stride for (before, _), stride in zip(op.paddings, strides, strict=True))
    return _emit_filled(node, emit, op.value, Walk(sizes, tuple(strides_of(sizes)), tuple(strides), 0, start))


@lowers(join.Concat, join.ConcatGrad)
def concat(node: Node, emit: Emitter) -> bool:
    """Each piece to its place in the whole, or back."""
    op: Any = node.op
    joining = isinstance(op, join.Concat)
    whole, pieces = (node.outputs[0], node.inputs) if joining else (node.inputs[0], node.outputs)
    unit, strides, start = UNITS.get(whole.dtype.numpy.itemsize), strides_of(shape_of(whole)), 0
    if unit is None:
        return False
    for piece in pieces:
        sizes = shape_of(piece)
        own, outer = tuple(strides_of(sizes)), tuple(strides)
        if joining:
            emit_walk(emit, piece, whole, Walk(sizes, own, outer, 0, start), unit)
        else:
            emit_walk(emit, whole, piece, Walk(sizes, outer, own, start, 0), unit)
        start += sizes[op.axis] * strides[op.axis]
    return True


def _emit_one(node: Node, emit: Emitter, walk: Walk) -> bool:
    unit = UNITS.get(node.inputs[0].dtype.numpy.itemsize)
    if unit is None:
        return False
    emit_walk(emit, node.inputs[0], node.outputs[0], walk, unit)
    return True


def _emit_filled(node: Node, emit: Emitter, value: float, walk: Walk) -> bool:
    """The output full of `value`, then the walk."""
    unit = UNITS.get(node.inputs[0].dtype.numpy.itemsize)
    if unit is None:
        return False
    emit_fill(emit, node.outputs[0], prod(shape_of(node.outputs[0])), value, node.outputs[0].dtype.numpy)
    emit_walk(emit, node.inputs[0], node.outputs[0], walk, unit)
    return True


def emit_fill(emit: Emitter, target: Argument, count: int, value: float, dtype: np.dtype) -> None:
    """`count` entries of `dtype`, all `value`."""
    unit = UNITS[dtype.itemsize]
    word = int(np.array(value, dtype).view(f"i{dtype.itemsize}"))
    emit(fill_kernel(unit, lanes_for(unit, emit.target.lanes)), [target, count, word], -(-count // ENTRIES))


@functools.cache
def fill_kernel(unit: str, lanes: int) -> Code:
    """Arguments: target, how many entries, the entry's bits."""
    code = Code("fill")
    target, count, word = code.argument(0), code.argument(1, "i64"), code.argument(2, "i64")
    entry = word if unit == "i64" else code.convert(word, "trunc", unit)
    with code.tasks() as task:
        start = task * ENTRIES
        fill(code, code.at(target, start, unit), code.minimum(count - start, ENTRIES), entry, lanes)
    return code


@lowers(r.ReduceMeanGrad)
def reduce_mean_grad(node: Node, emit: Emitter) -> bool:
    """g over the number of entries that share it, broadcast."""
    op: Any = node.op
    element = floating(node.inputs[0].dtype)
    source, target = shape_of(node.inputs[0]), shape_of(node.outputs[0])
    if element is None or not prod(target):
        return False
    strides = _broadcast_strides(source, target)
    walk = _joined(Walk(target, strides, tuple(strides_of(target))))
    *outer, inner = walk.sizes
    rows, span = prod(outer), min(inner, ENTRIES)
    group = max(1, min(rows, ENTRIES // span))
    count = prod(target[a] for a in op.axes)
    arguments = [*(node.inputs[0], node.outputs[0]), *outer, *walk.source_strides, inner, span, rows, group, count]
    kernel = shared_kernel(len(outer), bool(walk.source_strides[-1]), element, lanes_for(element, emit.target.lanes))
    emit(kernel, arguments, -(-inner // span) * -(-rows // group))
    return True


@functools.cache
def shared_kernel(axes: int, along: bool, element: str, lanes: int) -> Code:
    """g, broadcast along a walk through the whole output and divided. `along`: g runs with the inner axis, else it is
    one entry there. Arguments: g, y, the sizes of the outer axes, g's strides, the size of the inner axis, entries of
    it in a task, rows, rows in a task, the divisor.
    """
    code = Code("share")
    g, y = code.argument(0), code.argument(1)
    words = iter([code.argument(2 + i, "i64") for i in range(2 * axes + 6)])
    sizes = [next(words) for _ in range(axes)]
    strides = [next(words) for _ in range(axes + 1)]
    inner, span, rows, group, divisor = words
    count = code.convert(divisor, "sitofp", element)
    spans = (inner + span - 1) // span
    with code.tasks() as task:
        begin, first = task % spans * span, task // spans * group
        size = code.minimum(span, inner - begin)
        with code.loop(first, code.minimum(first + group, rows)) as row:
            source = code.at(g, _offset(row, sizes, strides, begin * strides[-1]), element)
            target = code.at(y, row * inner + begin, element)
            if along:
                for at, mask in each_vector(code, size, lanes):
                    entries = read(code, source, at, element, lanes, mask) / code.splat(count, lanes)
                    write(code, entries, target, at, element, mask)
            else:
                fill(code, target, size, code.load(source, element) / count, lanes)
    return code
