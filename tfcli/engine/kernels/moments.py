"""What batch normalization and its gradient sum up over all rows of x (rows, channels)."""

import functools
from math import prod

from tfcli.engine.graph.ir import Node
from tfcli.engine.graph.moments import Moments, NormalizedSums
from tfcli.engine.kernels.code import SIZES, Code, vector
from tfcli.engine.kernels.lowering import Emitter, Scratch, lowers
from tfcli.engine.kernels.normalization import CHAINS, cut_columns, each_block, emit_moments
from tfcli.engine.kernels.vectors import Total, each_chain, each_vector, floating, lanes_for, read, shape_of, write


@lowers(Moments)
def moments(node: Node, emit: Emitter) -> bool:
    (x,), (mean, variance) = node.inputs, node.outputs
    element, (*outer, inner) = floating(x.dtype), shape_of(x)
    if element is None or not prod(outer) * inner:
        return False
    emit_moments(x, mean, variance, 1, prod(outer), inner, element, emit)
    return True


@lowers(NormalizedSums)
def normalized_sums(node: Node, emit: Emitter) -> bool:
    x = node.inputs[1]
    element, (*outer, inner) = floating(x.dtype), shape_of(x)
    if element is None or not prod(outer) * inner:
        return False
    lanes, size = lanes_for(element, emit.target.lanes), prod(outer)
    span, blocks, group = cut_columns(1, size, inner)
    parts = Scratch(2 * blocks * inner * SIZES[element])
    emit(
        sums_kernel(element, lanes),
        [*node.inputs, parts, size, inner, span, blocks, blocks, group],
        -(-blocks // group),
    )
    emit(sums_end_kernel(element, lanes), [parts, *node.outputs, inner, blocks], -(-inner // lanes))
    return True


@functools.cache
def sums_kernel(element: str, lanes: int) -> Code:
    """g, x (size, inner), mean, factor (inner) -> parts (blocks, 2, inner): a block's sums of g and of
    g * (x - mean) * factor.
    """
    code = Code("block_sums")
    g, x, means, factors, parts = (code.argument(i) for i in range(5))
    for block, inner in each_block(code, 5):
        gradient, source = (code.at(a, block.start, element) for a in (g, x))
        target = code.at(parts, block.item * inner * 2, element)
        for at, mask in each_vector(code, inner, lanes):
            mean, factor = (read(code, a, at, element, lanes, mask) for a in (means, factors))
            chains = CHAINS if mask is None else 1
            total, products = (Total(code, vector(lanes, element), chains) for _ in range(2))
            for row, chain in each_chain(code, block.rows, chains):
                gs, xs = (read(code, a, row * inner + at, element, lanes, mask) for a in (gradient, source))
                total.add(gs, chain)
                products.add_product(gs, xs - mean, chain)
            write(code, total.get(), target, at, element, mask)
            write(code, products.get() * factor, target, at + inner, element, mask)
    return code


@functools.cache
def sums_end_kernel(element: str, lanes: int) -> Code:
    """parts (blocks, 2, inner) -> two sums (inner). Arguments: these, inner, blocks. A task is a vector."""
    code = Code("sums_end")
    parts, *sums = (code.argument(i) for i in range(3))
    inner, blocks = code.argument(3, "i64"), code.argument(4, "i64")
    with code.tasks() as task:
        at = task * lanes
        mask = code.first_lanes(inner - at, lanes)
        totals = [code.local(vector(lanes, element), 0.0) for _ in sums]
        with code.loop(0, blocks) as block:
            for i, total in enumerate(totals):
                part = read(code, parts, (block * 2 + i) * inner + at, element, lanes, mask)
                total.set(total.get() + part)
        for target, total in zip(sums, totals, strict=True):
            write(code, total.get(), target, at, element, mask)
    return code
