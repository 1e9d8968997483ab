"""Sums, means, extremes and products along axes, and the place of the largest entry.

Neighbouring axes that are all reduced or all kept count as one. What is left is reduced one group at a time, from the
last: either along rows, vectors along the row, or along the middle axis of (outer, reduced, inner), vectors along
`inner`. Long axes are cut into blocks of fixed size, whose results a further call combines in order; so each number is
the sum of few long chains, and rounding stays about that of pairwise summation.
"""

import functools
from math import inf, prod
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.code import SIZES, Code, Local, Value, is_float, vector
from tfcli.engine.kernels.lowering import Argument, Emitter, Scratch, lowers
from tfcli.engine.kernels.vectors import (
    NUMBERS,
    as_number,
    each_chain,
    each_vector,
    lanes_for,
    read,
    shape_of,
    unless,
    write,
)
from tfcli.engine.ops import reduce as r
from tfcli.engine.ops.shape import SumTo

_ROW_BLOCK = 4096
"""Entries of a row that one chain of sums takes."""
_DEEP_BLOCK = 128
"""The same along a middle axis."""
_STRIP = 256
"""Columns of a task, at least, where there are more."""
_CHAINS = 4
"""Accumulators side by side, so that additions need not wait for each other."""

_ELEMENTS = {**NUMBERS, "bool": "i8"}
_COMBINES = {
    r.ReduceSum: "sum",
    r.ReduceMean: "mean",
    SumTo: "sum",
    r.ReduceMax: "max",
    r.ReduceMin: "min",
    r.ReduceProd: "prod",
    r.ReduceAny: "max",
    r.ReduceAll: "min",
}


def reduced_groups(shape: tuple[int, ...], axes: tuple[int, ...]) -> list[tuple[int, bool]]:
    """Sizes of the groups of neighbouring axes, each with whether it is reduced; axes of size 1 vanish."""
    groups: list[tuple[int, bool]] = []
    for axis, size in enumerate(shape):
        reduced = axis in axes
        if size == 1:
            continue
        if groups and groups[-1][1] == reduced:
            groups[-1] = (groups[-1][0] * size, reduced)
        else:
            groups.append((size, reduced))
    return groups


@lowers(r.ReduceSum, r.ReduceMean, r.ReduceMax, r.ReduceMin, r.ReduceProd, r.ReduceAny, r.ReduceAll)
def reduction(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    return _reduce(node, op.axes, emit)


@lowers(SumTo)
def sum_to(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    shape = tuple(node.inputs[0].shape)
    extra = len(shape) - len(op.shape)
    axes = (*range(extra), *(i + extra for i, size in enumerate(op.shape) if size == 1))
    return _reduce(node, axes, emit)


def _reduce(node: Node, axes: tuple[int, ...], emit: Emitter) -> bool:
    (x,), (y,) = node.inputs, node.outputs
    element = _ELEMENTS.get(x.dtype.name)
    shape = shape_of(x)
    if element is None or prod(shape) == 0:
        return False
    how = _COMBINES[type(node.op)]
    reduce_groups(x, y, reduced_groups(shape, axes), how, element, emit)
    return True


def reduce_groups(
    x: Argument, y: Argument, groups: list[tuple[int, bool]], how: str, element: str, emit: Emitter
) -> None:
    """Emit the reduction of x, whose axes are `groups`, to y; `how`: sum, mean, max, min, prod."""
    count = prod(size for size, reduced in groups if reduced)
    divisor, how = (count, "sum") if how == "mean" else (1, how)
    while True:
        place = max((i for i, (_, reduced) in enumerate(groups) if reduced), default=None)
        if place is None:
            groups, place = [*groups, (1, True)], len(groups)
        outer, size, inner = _around(groups, place)
        left = [*groups[:place], *groups[place + 1 :]]
        last = not any(reduced for _, reduced in left)
        target = y if last else Scratch(outer * inner * SIZES[element])
        _emit_middle(x, target, outer, size, inner, how, element, divisor if last else 1, emit)
        if last:
            return
        x, groups = target, left


def _around(groups: list[tuple[int, bool]], place: int) -> tuple[int, int, int]:
    before, after = groups[:place], groups[place + 1 :]
    return prod(size for size, _ in before), groups[place][0], prod(size for size, _ in after)


def _emit_middle(
    x: Argument, y: Argument, outer: int, size: int, inner: int, how: str, element: str, divisor: int, emit: Emitter
) -> None:
    """(outer, size, inner) -> (outer, inner), by way of blocks of `size` where it is long."""
    length = _ROW_BLOCK if inner == 1 else _DEEP_BLOCK
    blocks = -(-size // length)
    lanes = lanes_for(element, emit.target.lanes)
    kernel = (rows_kernel if inner == 1 else middle_kernel)(how, element, lanes)
    while True:
        last = blocks == 1
        target = y if last else Scratch(outer * blocks * inner * SIZES[element])
        items = outer * blocks
        span = min(size, length)
        strip = min(inner, max(_STRIP, 4 * _ROW_BLOCK // span))
        group = max(1, min(items, _ROW_BLOCK // (span * strip)))
        arguments = [x, target, size, span, blocks, items, group, divisor if last else 1]
        tasks = -(-items // group) * -(-inner // strip)
        emit(kernel, arguments if inner == 1 else [*arguments, inner, strip], tasks)
        if last:
            return
        x, size = target, blocks
        blocks = -(-size // length)


def start_of(how: str, element: str) -> float:
    """What a reduction begins with."""
    if how in ("sum", "prod"):
        return 0 if how == "sum" else 1
    if element == "i8":
        return 0 if how == "max" else 1
    if is_float(element):
        return inf if how == "min" else -inf
    limits = np.iinfo(element.replace("i", "int"))
    return int(limits.min if how == "max" else limits.max)


def combine(code: Code, how: str, x: Value, y: Value) -> Value:
    """`top` is `max` that may pass over NaN, for those who meet it again anyway."""
    if how == "sum":
        return x + y
    if how == "prod":
        return x * y
    if how == "top":
        return code.select(x > y, x, y)
    return code.maximum(x, y) if how == "max" else code.minimum(x, y)


def combine_lanes(code: Code, how: str, x: Value, lanes: int) -> Value:
    """All lanes in one, by halves: always in the same order."""
    while lanes > 1:
        lanes //= 2
        x = combine(code, how, code.shuffle(x, x, range(lanes)), code.shuffle(x, x, range(lanes, 2 * lanes)))
    return code.lane(x, 0)


def reduced_row(code: Code, how: str, base: Value, count: Value, element: str, lanes: int) -> Value:
    """The reduction of `count` entries from `base` on."""
    kind, start = vector(lanes, element), start_of(how, element)
    totals = [code.local(kind) for _ in range(_CHAINS)]
    for total in totals:
        total.set(start)
    whole = count - count % (_CHAINS * lanes)
    with code.loop(0, whole, _CHAINS * lanes) as at:
        for i, total in enumerate(totals):
            total.set(combine(code, how, total.get(), read(code, base, at + i * lanes, element, lanes)))
    rest = code.at(base, whole, element)
    for at, mask in each_vector(code, count - whole, lanes):
        entries = unless(code, mask, read(code, rest, at, element, lanes, mask), start)
        totals[0].set(combine(code, how, totals[0].get(), entries))
    return combine_lanes(code, how, _joined(code, how, totals), lanes)


def _joined(code: Code, how: str, totals: list[Local]) -> Value:
    values = [total.get() for total in totals]
    while len(values) > 1:
        half = len(values) // 2
        values = [combine(code, how, x, y) for x, y in zip(values[:half], values[half:], strict=True)]
    return values[0]


def _scaled(code: Code, how: str, value: Value, divisor: Value, element: str) -> Value:
    if how != "sum" or not is_float(element):
        return value
    return value / as_number(code, divisor, element)


@functools.cache
def rows_kernel(how: str, element: str, lanes: int) -> Code:
    """x (outer, size) -> y (outer, blocks), each block of `span` entries reduced and divided by `divisor`.

    Arguments: x, y, size, span, blocks, items = outer * blocks, items in a task, divisor.
    """
    code = Code(f"reduce_{how}_rows")
    x, y = code.argument(0), code.argument(1)
    size, span, blocks, items, group, divisor = (code.argument(i, "i64") for i in range(2, 8))
    with code.tasks() as task, code.loop(task * group, code.minimum(task * group + group, items)) as item:
        start = item % blocks * span
        base = code.at(x, item // blocks * size + start, element)
        total = reduced_row(code, how, base, code.minimum(span, size - start), element, lanes)
        code.store(_scaled(code, how, total, divisor, element), code.at(y, item, element))
    return code


@functools.cache
def middle_kernel(how: str, element: str, lanes: int) -> Code:
    """x (outer, size, inner) -> y (outer, blocks, inner), each block of `span` along `size` reduced and divided.

    Arguments: x, y, size, span, blocks, items = outer * blocks, items in a task, divisor, inner, columns in a task.
    """
    code = Code(f"reduce_{how}_middle")
    x, y = code.argument(0), code.argument(1)
    size, span, blocks, items, group, divisor, inner, strip = (code.argument(i, "i64") for i in range(2, 10))
    strips = (inner + strip - 1) // strip
    with code.tasks() as task:
        left, first = task % strips * strip, task // strips * group
        width = code.minimum(strip, inner - left)
        with code.loop(first, code.minimum(first + group, items)) as item:
            start = item % blocks * span
            base = code.at(x, (item // blocks * size + start) * inner + left, element)
            target = code.at(y, item * inner + left, element)
            count = code.minimum(span, size - start)
            tile = _CHAINS * lanes
            whole = width - width % tile
            with code.loop(0, whole, tile) as at:
                places = [at + i * lanes for i in range(_CHAINS)]
                _columns(code, how, base, target, places, None, count, inner, divisor, element, lanes)
            for at, mask in each_vector(code, width - whole, lanes):
                _columns(code, how, base, target, [whole + at], mask, count, inner, divisor, element, lanes)
    return code


def _columns(
    code: Code,
    how: str,
    base: Value,
    target: Value,
    places: list[Value],
    mask: Value | None,
    count: Value,
    inner: Value,
    divisor: Value,
    element: str,
    lanes: int,
) -> None:
    """Vectors of columns at `places`, down `count` rows that are `inner` apart."""
    chains = _CHAINS if len(places) == 1 and mask is None else 1
    totals = [[code.local(vector(lanes, element)) for _ in range(chains)] for _ in places]
    for total in (t for column in totals for t in column):
        total.set(start_of(how, element))
    for row, chain in each_chain(code, count, chains):
        line = code.at(base, row * inner, element)
        for column, at in zip(totals, places, strict=True):
            entries = read(code, line, at, element, lanes, mask)
            column[chain].set(combine(code, how, column[chain].get(), entries))
    for column, at in zip(totals, places, strict=True):
        value = _joined(code, how, column)
        if how == "sum" and is_float(element):
            value = value / code.splat(as_number(code, divisor, element), lanes)
        write(code, value, target, at, element, mask)


@lowers(r.Argmax, r.Argmin)
def arg_extreme(node: Node, emit: Emitter) -> bool:
    """Along the last axis."""
    op: Any = node.op
    (x,), (y,) = node.inputs, node.outputs
    element = NUMBERS.get(x.dtype.name)
    width = int(x.shape[-1] or 0)
    if element is None or y.dtype.name not in ("int32", "int64") or op.axis != len(x.shape) - 1 or width >= 1 << 31:
        return False
    rows = prod(shape_of(x)[:-1])
    group = max(1, min(max(rows, 1), _ROW_BLOCK // width))
    how = "max" if isinstance(op, r.Argmax) else "min"
    kernel = arg_kernel(how, element, NUMBERS[y.dtype.name], lanes_for(element, emit.target.lanes))
    emit(kernel, [x, y, rows, width, group], -(-rows // group))
    return True


@functools.cache
def arg_kernel(how: str, element: str, output: str, lanes: int) -> Code:
    """x (rows, width) -> y (rows): the first place of the extreme, or of NaN. Arguments: x, y, rows, width, rows in a
    task.
    """
    code = Code(f"arg_{how}")
    x, y = code.argument(0), code.argument(1)
    rows, width, group = (code.argument(i, "i64") for i in range(2, 5))
    places = vector(lanes, "i32")
    with code.tasks() as task, code.loop(task * group, code.minimum(task * group + group, rows)) as row:
        base = code.at(x, row * width, element)
        best = code.splat(reduced_row(code, how, base, width, element, lanes), lanes)
        first = code.local(places)
        first.set((1 << 31) - 1)
        for at, mask in each_vector(code, width, lanes):
            entries = read(code, base, at, element, lanes, mask)
            found = entries.equals(best)
            if is_float(element):
                found = found | (entries.is_nan() & best.is_nan())
            found = found if mask is None else found & mask
            numbers = Value(code, places, "<" + ", ".join(f"i32 {i}" for i in range(lanes)) + ">")
            numbers = numbers + code.splat(code.convert(at, "trunc", "i32"), lanes)
            first.set(code.select(found, code.minimum(first.get(), numbers), first.get()))
        place = combine_lanes(code, "min", first.get(), lanes)
        place = place if output == "i32" else code.convert(place, "sext", "i64")
        code.store(place, code.at(y, row, output))
    return code
