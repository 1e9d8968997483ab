"""Rows by index: gather, its gradient, one-hot, and the check of ids.

A gradient's rows are each added to by one task alone, in the order of the indices, so that the result does not depend
on threads.
"""

import functools
from math import prod
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.code import Code, Value
from tfcli.engine.kernels.layout import UNITS, copy, emit_fill, fill
from tfcli.engine.kernels.lowering import Emitter, lowers
from tfcli.engine.kernels.target import thread_count
from tfcli.engine.kernels.vectors import ENTRIES, each_row, each_vector, floating, lanes_for, read, shape_of, write
from tfcli.engine.ops import index as x
from tfcli.engine.ops.sequences import CheckIds

_INDICES = {"int32": "i32", "int64": "i64", "uint8": "i8"}
_OWNERS = 2
"""Tasks of a thread that share a table; each looks at all indices."""


def index_at(code: Code, indices: Value, place: Value, kind: str) -> Value:
    """indices[place] as i64."""
    index = code.load(code.at(indices, place, kind), kind)
    return index if kind == "i64" else code.convert(index, "zext" if kind == "i8" else "sext", "i64")


def _note_fault(code: Code, wrong: Value, fault: Value) -> None:
    with code.when(wrong):
        code.store(code.constant("i64", 1), fault)


@lowers(x.Gather)
def gather(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    (params, indices), (y,) = node.inputs, node.outputs
    unit, kind = UNITS.get(params.dtype.numpy.itemsize), _INDICES.get(indices.dtype.name)
    shape, count = shape_of(params), prod(shape_of(indices))
    size = shape[op.axis]
    if unit is None or kind is None or op.batch_dims or not size:
        return False
    outer, width = prod(shape[: op.axis]), prod(shape[op.axis + 1 :])
    rows = outer * count
    if not rows * width:
        return False
    group = max(1, min(rows, ENTRIES // width))
    kernel = gather_kernel(unit, kind, lanes_for(unit, emit.target.lanes))
    emit(kernel, [params, indices, y, size, width, count, rows, group, emit.fault()], -(-rows // group))
    return True


@functools.cache
def gather_kernel(unit: str, kind: str, lanes: int) -> Code:
    """params (outer, size, width), indices (count) -> y (outer, count, width). Arguments: params, indices, y, size,
    width, count, rows = outer * count, rows in a task, the word to be set where an index is outside.
    """
    code = Code("gather")
    params, indices, y = (code.argument(i) for i in range(3))
    size, width, count, rows, group = (code.argument(i, "i64") for i in range(3, 8))
    fault = code.argument(8)
    for row in each_row(code, rows, group):
        index = index_at(code, indices, row % count, kind)
        inside = (index >= 0) & (index < size)
        _note_fault(code, inside.equals(0), fault)
        start = (row // count * size + code.select(inside, index, 0)) * width
        copy(code, code.at(params, start, unit), code.at(y, row * width, unit), width, unit, lanes)
    return code


@lowers(x.GatherGrad)
def gather_grad(node: Node, emit: Emitter) -> bool:
    """Along the first axis."""
    op: Any = node.op
    (g, params, indices), (d,) = node.inputs, node.outputs
    element, kind = floating(g.dtype), _INDICES.get(indices.dtype.name)
    shape, count = shape_of(params), prod(shape_of(indices))
    if element is None or kind is None or op.axis or op.batch_dims:
        return False
    size, width = shape[0], prod(shape[1:])
    emit_fill(emit, d, size * width, 0.0, d.dtype.numpy)
    owners = max(1, min(_OWNERS * thread_count(), size, (count + size) * width // ENTRIES))
    own = -(-size // owners)
    kernel = scatter_kernel(element, kind, lanes_for(element, emit.target.lanes))
    emit(kernel, [g, indices, d, size, width, count, own], -(-size // own))
    return True


@functools.cache
def scatter_kernel(element: str, kind: str, lanes: int) -> Code:
    """g (count, width) added to d (size, width) at indices (count). Arguments: g, indices, d, size, width, count, rows
    of d in a task.
    """
    code = Code("scatter_add")
    g, indices, d = (code.argument(i) for i in range(3))
    size, width, count, own = (code.argument(i, "i64") for i in range(3, 7))
    with code.tasks() as task:
        first = task * own
        stop = code.minimum(first + own, size)
        with code.loop(0, count) as place:
            index = index_at(code, indices, place, kind)
            with code.when((index >= first) & (index < stop)):
                source, target = code.at(g, place * width, element), code.at(d, index * width, element)
                for at, mask in each_vector(code, width, lanes):
                    total = read(code, target, at, element, lanes, mask) + read(code, source, at, element, lanes, mask)
                    write(code, total, target, at, element, mask)
    return code


@lowers(CheckIds)
def check_ids(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    (ids,), (y,) = node.inputs, node.outputs
    kind = _INDICES.get(ids.dtype.name)
    count = prod(shape_of(ids))
    if kind is None or not count:
        return False
    emit(check_kernel(kind), [ids, y, count, op.input_dim, ENTRIES, emit.fault()], -(-count // ENTRIES))
    return True


@functools.cache
def check_kernel(kind: str) -> Code:
    """ids, y (count): a copy. Arguments: ids, y, count, how many ids there are, entries in a task, the word to be set
    where an id is none of them.
    """
    code = Code("check_ids")
    ids, y = code.argument(0), code.argument(1)
    count, size, group = (code.argument(i, "i64") for i in range(2, 5))
    fault = code.argument(5)
    for place in each_row(code, count, group):
        index = index_at(code, ids, place, kind)
        code.store(code.load(code.at(ids, place, kind), kind), code.at(y, place, kind))
        _note_fault(code, (index < 0) | (index >= size), fault)
    return code


@lowers(x.OneHot)
def one_hot(node: Node, emit: Emitter) -> bool:
    """Along a new last axis."""
    op: Any = node.op
    (indices,), (y,) = node.inputs, node.outputs
    unit, kind = UNITS.get(op.dtype.numpy.itemsize), _INDICES.get(indices.dtype.name)
    rows = prod(shape_of(indices))
    if unit is None or kind is None or op.axis not in (-1, len(indices.shape)) or not rows * op.depth:
        return False
    on, off = (
        int(np.array(v).astype(op.dtype.numpy).view(f"i{op.dtype.numpy.itemsize}")) for v in (op.on_value, op.off_value)
    )
    group = max(1, min(rows, ENTRIES // op.depth))
    kernel = one_hot_kernel(unit, kind, lanes_for(unit, emit.target.lanes))
    emit(kernel, [indices, y, rows, op.depth, group, on, off], -(-rows // group))
    return True


@functools.cache
def one_hot_kernel(unit: str, kind: str, lanes: int) -> Code:
    """indices (rows) -> y (rows, depth). Arguments: indices, y, rows, depth, rows in a task, the bits of an entry at an
    index and of one elsewhere.
    """
    code = Code("one_hot")
    indices, y = code.argument(0), code.argument(1)
    rows, depth, group, *bits = (code.argument(i, "i64") for i in range(2, 7))
    on, off = (b if unit == "i64" else code.convert(b, "trunc", unit) for b in bits)
    for row in each_row(code, rows, group):
        target = code.at(y, row * depth, unit)
        fill(code, target, depth, off, lanes)
        index = index_at(code, indices, row, kind)
        with code.when((index >= 0) & (index < depth)):
            code.store(on, code.at(target, index, unit))
    return code
