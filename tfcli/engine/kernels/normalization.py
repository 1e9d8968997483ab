"""Normalization and its gradient: along the last axes (layer norm) row by row, along leading or middle axes (batch and
instance norm) by columns.

Columns are cut into blocks of rows. Each block gives its mean and its squared distance from that; they are combined
without cancellation as in Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.
"""

import functools
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.code import SIZES, Code, Value, vector
from tfcli.engine.kernels.lowering import Argument, Emitter, Scratch, lowers
from tfcli.engine.kernels.reductions import reduced_groups, reduced_row
from tfcli.engine.kernels.rows import summed
from tfcli.engine.kernels.vectors import (
    ENTRIES,
    Total,
    as_number,
    each_chain,
    each_row,
    each_vector,
    floating,
    lanes_for,
    read,
    shape_of,
    share_rows,
    unless,
    write,
)
from tfcli.engine.ops import nn

_BLOCK = 128
"""Rows of a block of columns."""
CHAINS = 4
"""Accumulators of a column."""


def _as_word(number: float) -> int:
    """A floating setting as the word that a kernel is given."""
    return int(np.array(number, np.float64).view(np.int64))


def _setting(code: Code, index: int, element: str) -> Value:
    """The floating setting at `index`."""
    number = code.argument(index, "double")
    return number if element == "double" else code.convert(number, "fptrunc", element)


def _deviation(code: Code, variance: Value, epsilon: Value) -> Value:
    """1 / sqrt(variance + epsilon)."""
    return 1.0 / code.intrinsic("sqrt", variance + epsilon)


@lowers(nn.Normalize, nn.NormalizeGrad)
def normalization(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    x = node.inputs[-2] if isinstance(op, nn.NormalizeGrad) else node.inputs[0]
    shape, element = shape_of(x), floating(x.dtype)
    if element is None or not prod(shape):
        return False
    groups = reduced_groups(shape, op.axes)
    lanes = lanes_for(element, emit.target.lanes)
    reduced = [i for i, (_, yes) in enumerate(groups) if yes]
    if len(reduced) > 1:
        return False
    groups, place = (groups, reduced[0]) if reduced else ([*groups, (1, True)], len(groups))
    outer, size, inner = (prod(s for s, _ in part) for part in (groups[:place], [groups[place]], groups[place + 1 :]))
    forward = isinstance(op, nn.Normalize)
    if inner == 1:
        return _emit_rows(node, outer, size, rows_kernel if forward else rows_grad_kernel, element, lanes, emit)
    emit_columns = _emit_columns if forward else _emit_columns_grad
    return emit_columns(node, outer, size, inner, element, lanes, emit)


def _emit_rows(
    node: Node, rows: int, width: int, make: Callable[[str, int], Code], element: str, lanes: int, emit: Emitter
) -> bool:
    op: Any = node.op
    shares = share_rows(rows, width)
    epsilon = _as_word(op.epsilon)
    emit(make(element, lanes), [*node.inputs, *node.outputs, rows, width, shares.group, epsilon], shares.tasks)
    return True


@functools.cache
def rows_kernel(element: str, lanes: int) -> Code:
    """x, y (rows, width), mean, variance (rows)."""
    code = Code("normalize_rows")
    x, y, means, variances = (code.argument(i) for i in range(4))
    rows, width, group = (code.argument(i, "i64") for i in range(4, 7))
    epsilon = _setting(code, 7, element)
    for row in each_row(code, rows, group):
        source, target = (code.at(a, row * width, element) for a in (x, y))
        count = as_number(code, width, element)
        mean = reduced_row(code, "sum", source, width, element, lanes) / count
        mean_lanes, squares = code.splat(mean, lanes), code.local(vector(lanes, element))
        squares.set(0.0)
        for at, mask in each_vector(code, width, lanes):
            centered = unless(code, mask, read(code, source, at, element, lanes, mask) - mean_lanes, 0.0)
            squares.set(code.fma(centered, centered, squares.get()))
        variance = summed(code, squares, lanes) / count
        factors = code.splat(_deviation(code, variance, epsilon), lanes)
        for at, mask in each_vector(code, width, lanes):
            centered = read(code, source, at, element, lanes, mask) - mean_lanes
            write(code, centered * factors, target, at, element, mask)
        code.store(mean, code.at(means, row, element))
        code.store(variance, code.at(variances, row, element))
    return code


@functools.cache
def rows_grad_kernel(element: str, lanes: int) -> Code:
    """g, y (rows, width), variance (rows), d (rows, width)."""
    code = Code("normalize_grad_rows")
    g, y, variances, d = (code.argument(i) for i in range(4))
    rows, width, group = (code.argument(i, "i64") for i in range(4, 7))
    epsilon = _setting(code, 7, element)
    for row in each_row(code, rows, group):
        gradient, result, target = (code.at(a, row * width, element) for a in (g, y, d))
        along, products = (code.local(vector(lanes, element)) for _ in range(2))
        along.set(0.0)
        products.set(0.0)
        for at, mask in each_vector(code, width, lanes):
            gs, ys = (read(code, a, at, element, lanes, mask) for a in (gradient, result))
            along.set(along.get() + gs)
            products.set(code.fma(gs, ys, products.get()))
        count = as_number(code, width, element)
        mean, product = (code.splat(summed(code, total, lanes) / count, lanes) for total in (along, products))
        variance = code.load(code.at(variances, row, element), element)
        factors = code.splat(_deviation(code, variance, epsilon), lanes)
        for at, mask in each_vector(code, width, lanes):
            gs, ys = (read(code, a, at, element, lanes, mask) for a in (gradient, result))
            write(code, (gs - mean - ys * product) * factors, target, at, element, mask)
    return code


def cut_columns(outer: int, size: int, inner: int) -> tuple[int, int, int]:
    """Rows of a block, blocks of a column, and blocks of a task."""
    blocks = -(-size // _BLOCK)
    return _BLOCK, blocks, max(1, min(outer * blocks, ENTRIES // (min(size, _BLOCK) * inner)))


def _emit_columns(node: Node, outer: int, size: int, inner: int, element: str, lanes: int, emit: Emitter) -> bool:
    """Means and squared distances of blocks; both of whole columns; the result."""
    op: Any = node.op
    (x,), (y, mean, variance) = node.inputs, node.outputs
    span, blocks, group = cut_columns(outer, size, inner)
    emit_moments(x, mean, variance, outer, size, inner, element, emit)
    sizes = [size, inner, span, blocks, outer * blocks, group]
    tasks = -(-outer * blocks // group)
    emit(apply_kernel(element, lanes), [x, mean, variance, y, *sizes, _as_word(op.epsilon)], tasks)
    return True


def emit_moments(
    x: Argument, mean: Argument, variance: Argument, outer: int, size: int, inner: int, element: str, emit: Emitter
) -> None:
    lanes = lanes_for(element, emit.target.lanes)
    span, blocks, group = cut_columns(outer, size, inner)
    parts = Scratch(2 * outer * blocks * inner * SIZES[element])
    items = outer * blocks
    emit(moments_kernel(element, lanes), [x, parts, size, inner, span, blocks, items, group], -(-items // group))
    emit(moments_end_kernel(element, lanes), [parts, mean, variance, size, inner, span, blocks], outer)


def _emit_columns_grad(node: Node, outer: int, size: int, inner: int, element: str, lanes: int, emit: Emitter) -> bool:
    """Sums of g and g * y of blocks; both of whole columns; the result."""
    op: Any = node.op
    (g, y, variance), (d,) = node.inputs, node.outputs
    span, blocks, group = cut_columns(outer, size, inner)
    parts = Scratch(2 * outer * blocks * inner * SIZES[element])
    means = Scratch(2 * outer * inner * SIZES[element])
    items = outer * blocks
    sizes = [size, inner, span, blocks, items, group]
    tasks = -(-items // group)
    emit(products_kernel(element, lanes), [g, y, parts, *sizes], tasks)
    emit(products_end_kernel(element, lanes), [parts, means, size, inner, blocks], outer)
    emit(apply_grad_kernel(element, lanes), [g, y, variance, means, d, *sizes, _as_word(op.epsilon)], tasks)
    return True


class _Block:
    """A block of rows of (outer, size, inner): `item` counts them, `first` is its first row, `rows` how many it has."""

    def __init__(self, code: Code, item: Value, size: Value, inner: Value, span: Value, blocks: Value) -> None:
        self.item, self.outer = item, item // blocks
        start = item % blocks * span
        self.start = (self.outer * size + start) * inner
        self.rows = code.minimum(span, size - start)


def each_block(code: Code, first: int) -> Iterator[tuple[_Block, Value]]:
    """The blocks of the tasks, and `inner`; the arguments from `first` on are size, inner, span, blocks, items and
    items in a task.
    """
    size, inner, span, blocks, items, group = (code.argument(first + i, "i64") for i in range(6))
    for item in each_row(code, items, group):
        yield _Block(code, item, size, inner, span, blocks), inner


@functools.cache
def moments_kernel(element: str, lanes: int) -> Code:
    """x (outer, size, inner) -> parts (outer, blocks, 2, inner): mean of a block, squared distance from it."""
    code = Code("block_moments")
    x, parts = code.argument(0), code.argument(1)
    for block, inner in each_block(code, 2):
        source, target = code.at(x, block.start, element), code.at(parts, block.item * inner * 2, element)
        for at, mask in each_vector(code, inner, lanes):
            chains = CHAINS if mask is None else 1
            total, squares = (Total(code, vector(lanes, element), chains) for _ in range(2))
            for row, chain in each_chain(code, block.rows, chains):
                total.add(read(code, source, row * inner + at, element, lanes, mask), chain)
            mean = total.get() / code.splat(as_number(code, block.rows, element), lanes)
            for row, chain in each_chain(code, block.rows, chains):
                centered = read(code, source, row * inner + at, element, lanes, mask) - mean
                squares.add_product(centered, centered, chain)
            write(code, mean, target, at, element, mask)
            write(code, squares.get(), target, at + inner, element, mask)
    return code


@functools.cache
def moments_end_kernel(element: str, lanes: int) -> Code:
    """parts (outer, blocks, 2, inner) -> mean, variance (outer, inner). Arguments: parts, mean, variance, size, inner,
    rows of a block, blocks. A task is an outer index.
    """
    code = Code("moments_end")
    parts, means, variances = (code.argument(i) for i in range(3))
    size, inner, span, blocks = (code.argument(i, "i64") for i in range(3, 7))
    count = code.splat(as_number(code, size, element), lanes)
    with code.tasks() as outer:
        source = code.at(parts, outer * blocks * inner * 2, element)
        for at, mask in each_vector(code, inner, lanes):
            total, squares = (code.local(vector(lanes, element)) for _ in range(2))
            total.set(0.0)
            squares.set(0.0)
            with code.loop(0, blocks) as block:
                rows = code.splat(as_number(code, code.minimum(span, size - block * span), element), lanes)
                part = read(code, source, block * inner * 2 + at, element, lanes, mask)
                total.set(code.fma(part, rows, total.get()))
            mean = total.get() / count
            with code.loop(0, blocks) as block:
                rows = code.splat(as_number(code, code.minimum(span, size - block * span), element), lanes)
                away = read(code, source, block * inner * 2 + at, element, lanes, mask) - mean
                own = read(code, source, block * inner * 2 + inner + at, element, lanes, mask)
                squares.set(squares.get() + code.fma(away * away, rows, own))
            write(code, mean, means, outer * inner + at, element, mask)
            write(code, squares.get() / count, variances, outer * inner + at, element, mask)
    return code


@functools.cache
def apply_kernel(element: str, lanes: int) -> Code:
    """x, y (outer, size, inner), mean, variance (outer, inner): y = (x - mean) / sqrt(variance + epsilon)."""
    code = Code("normalize_columns")
    x, means, variances, y = (code.argument(i) for i in range(4))
    epsilon = code.splat(_setting(code, 10, element), lanes)
    for block, inner in each_block(code, 4):
        source, target = (code.at(a, block.start, element) for a in (x, y))
        for at, mask in each_vector(code, inner, lanes):
            mean, variance = (read(code, a, block.outer * inner + at, element, lanes, mask) for a in (means, variances))
            factor = _deviation(code, variance, epsilon)
            for row, _ in each_chain(code, block.rows, CHAINS if mask is None else 1):
                place = row * inner + at
                normal = (read(code, source, place, element, lanes, mask) - mean) * factor
                write(code, normal, target, place, element, mask)
    return code


@functools.cache
def products_kernel(element: str, lanes: int) -> Code:
    """g, y (outer, size, inner) -> parts (outer, blocks, 2, inner): a block's sums of g and of g * y."""
    code = Code("block_products")
    g, y, parts = (code.argument(i) for i in range(3))
    for block, inner in each_block(code, 3):
        gradient, result = (code.at(a, block.start, element) for a in (g, y))
        target = code.at(parts, block.item * inner * 2, element)
        for at, mask in each_vector(code, inner, lanes):
            chains = CHAINS if mask is None else 1
            total, products = (Total(code, vector(lanes, element), chains) for _ in range(2))
            for row, chain in each_chain(code, block.rows, chains):
                gs, ys = (read(code, a, row * inner + at, element, lanes, mask) for a in (gradient, result))
                total.add(gs, chain)
                products.add_product(gs, ys, chain)
            write(code, total.get(), target, at, element, mask)
            write(code, products.get(), target, at + inner, element, mask)
    return code


@functools.cache
def products_end_kernel(element: str, lanes: int) -> Code:
    """parts (outer, blocks, 2 inner) -> means (outer, 2 inner). Arguments: parts, means, size, inner, blocks. A task is
    an outer index.
    """
    code = Code("products_end")
    parts, means = code.argument(0), code.argument(1)
    size, inner, blocks = (code.argument(i, "i64") for i in range(2, 5))
    count, width = code.splat(as_number(code, size, element), lanes), inner * 2
    with code.tasks() as outer:
        source, target = code.at(parts, outer * blocks * width, element), code.at(means, outer * width, element)
        for at, mask in each_vector(code, width, lanes):
            total = code.local(vector(lanes, element))
            total.set(0.0)
            with code.loop(0, blocks) as block:
                total.set(total.get() + read(code, source, block * width + at, element, lanes, mask))
            write(code, total.get() / count, target, at, element, mask)
    return code


@functools.cache
def apply_grad_kernel(element: str, lanes: int) -> Code:
    """g, y, d (outer, size, inner), variance (outer, inner), means (outer, 2, inner):
    d = (g - mean(g) - y * mean(g * y)) / sqrt(variance + epsilon).
    """
    code = Code("normalize_grad_columns")
    g, y, variances, means, d = (code.argument(i) for i in range(5))
    epsilon = code.splat(_setting(code, 11, element), lanes)
    for block, inner in each_block(code, 5):
        gradient, result, target = (code.at(a, block.start, element) for a in (g, y, d))
        for at, mask in each_vector(code, inner, lanes):
            variance = read(code, variances, block.outer * inner + at, element, lanes, mask)
            mean, product = (
                read(code, means, (block.outer * 2 + i) * inner + at, element, lanes, mask) for i in range(2)
            )
            factor = _deviation(code, variance, epsilon)
            for row, _ in each_chain(code, block.rows, CHAINS if mask is None else 1):
                place = row * inner + at
                gs, ys = (read(code, a, place, element, lanes, mask) for a in (gradient, result))
                write(code, (gs - mean - ys * product) * factor, target, place, element, mask)
    return code
