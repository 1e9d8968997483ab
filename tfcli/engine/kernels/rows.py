"""Softmax and its kin: a row is read, exponentiated and written while it stays in the nearest cache."""

import functools
from collections.abc import Callable
from math import inf, prod
from typing import Any

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels import scalar
from tfcli.engine.kernels.code import Code, Local, Value, vector
from tfcli.engine.kernels.lowering import Emitter, lowers
from tfcli.engine.kernels.reductions import combine_lanes, reduced_row
from tfcli.engine.kernels.vectors import (
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
from tfcli.engine.ops import reduce as r

Kernel = Callable[[str, int], Code]


def summed(code: Code, total: Local, lanes: int) -> Value:
    """What has been added up, as one number."""
    return combine_lanes(code, "sum", total.get(), lanes)


def exponentials(
    code: Code, x: Value, width: Value, element: str, lanes: int, target: Value | None = None
) -> tuple[Value, Value]:
    """The largest of a row and the sum of exp(entry - largest); the exponentials go to `target`."""
    top = reduced_row(code, "top", x, width, element, lanes)
    tops, total = code.splat(top, lanes), code.local(vector(lanes, element))
    total.set(0.0)
    for at, mask in each_vector(code, width, lanes):
        power = scalar.exp(code, read(code, x, at, element, lanes, mask) - tops)
        if target is not None:
            write(code, power, target, at, element, mask)
        total.set(total.get() + unless(code, mask, power, 0.0))
    return top, summed(code, total, lanes)


def scale_row(code: Code, row: Value, width: Value, factor: Value, element: str, lanes: int) -> None:
    """Each entry times the factor, in place."""
    factors = code.splat(factor, lanes)
    for at, mask in each_vector(code, width, lanes):
        write(code, read(code, row, at, element, lanes, mask) * factors, row, at, element, mask)


def emit_rows(node: Node, axis: int, make: Kernel, emit: Emitter) -> bool:
    """A kernel of rows along `axis`, which must be the last. Arguments: inputs, output, rows, width, rows a task."""
    x = node.inputs[-1]
    shape, element = shape_of(x), floating(x.dtype)
    if element is None or axis not in (-1, len(shape) - 1) or any(t.dtype != x.dtype for t in node.inputs):
        return False
    if not prod(shape):
        return prod(shape_of(node.outputs[0])) == 0
    shares = share_rows(prod(shape[:-1]), shape[-1])
    kernel = make(element, lanes_for(element, emit.target.lanes))
    emit(kernel, [*node.inputs, *node.outputs, shares.rows, shape[-1], shares.group], shares.tasks)
    return True


@lowers(nn.Softmax, nn.LogSoftmax, nn.SoftmaxGrad, nn.LogSoftmaxGrad)
def along_last_axis(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    kernels: dict[type, Kernel] = {
        nn.Softmax: softmax_kernel,
        nn.LogSoftmax: log_softmax_kernel,
        nn.SoftmaxGrad: softmax_grad_kernel,
        nn.LogSoftmaxGrad: log_softmax_grad_kernel,
    }
    return emit_rows(node, op.axis, kernels[type(op)], emit)


@lowers(r.ReduceLogsumexp)
def logsumexp(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    return len(op.axes) == 1 and emit_rows(node, op.axes[0], logsumexp_kernel, emit)


@functools.cache
def softmax_kernel(element: str, lanes: int) -> Code:
    """x, y (rows, width)."""
    code = Code("softmax")
    x, y = code.argument(0), code.argument(1)
    rows, width, group = (code.argument(i, "i64") for i in range(2, 5))
    for row in each_row(code, rows, group):
        source, target = (code.at(a, row * width, element) for a in (x, y))
        _, total = exponentials(code, source, width, element, lanes, target)
        scale_row(code, target, width, 1.0 / total, element, lanes)
    return code


@functools.cache
def log_softmax_kernel(element: str, lanes: int) -> Code:
    """x, y (rows, width)."""
    code = Code("log_softmax")
    x, y = code.argument(0), code.argument(1)
    rows, width, group = (code.argument(i, "i64") for i in range(2, 5))
    for row in each_row(code, rows, group):
        source, target = (code.at(a, row * width, element) for a in (x, y))
        top, total = exponentials(code, source, width, element, lanes)
        tops, logs = code.splat(top, lanes), code.splat(scalar.log(code, total), lanes)
        for at, mask in each_vector(code, width, lanes):
            write(code, read(code, source, at, element, lanes, mask) - tops - logs, target, at, element, mask)
    return code


@functools.cache
def logsumexp_kernel(element: str, lanes: int) -> Code:
    """x (rows, width), y (rows)."""
    code = Code("logsumexp")
    x, y = code.argument(0), code.argument(1)
    rows, width, group = (code.argument(i, "i64") for i in range(2, 5))
    kind = vector(lanes, element)
    for row in each_row(code, rows, group):
        source = code.at(x, row * width, element)
        top = reduced_row(code, "max", source, width, element, lanes)
        top = code.select(code.intrinsic("fabs", top) < inf, top, 0.0)
        tops, total = code.splat(top, lanes), code.local(kind)
        total.set(0.0)
        for at, mask in each_vector(code, width, lanes):
            power = scalar.exp(code, read(code, source, at, element, lanes, mask) - tops)
            total.set(total.get() + unless(code, mask, power, 0.0))
        code.store(scalar.log(code, summed(code, total, lanes)) + top, code.at(y, row, element))
    return code


@functools.cache
def softmax_grad_kernel(element: str, lanes: int) -> Code:
    """g, y, d (rows, width): d = y * (g - sum(g * y))."""
    code = Code("softmax_grad")
    g, y, d = (code.argument(i) for i in range(3))
    rows, width, group = (code.argument(i, "i64") for i in range(3, 6))
    for row in each_row(code, rows, group):
        gradient, result, target = (code.at(a, row * width, element) for a in (g, y, d))
        total = code.local(vector(lanes, element))
        total.set(0.0)
        for at, mask in each_vector(code, width, lanes):
            gs, ys = (read(code, a, at, element, lanes, mask) for a in (gradient, result))
            total.set(code.fma(gs, ys, total.get()))
        along = code.splat(summed(code, total, lanes), lanes)
        for at, mask in each_vector(code, width, lanes):
            gs, ys = (read(code, a, at, element, lanes, mask) for a in (gradient, result))
            write(code, ys * (gs - along), target, at, element, mask)
    return code


@functools.cache
def log_softmax_grad_kernel(element: str, lanes: int) -> Code:
    """g, y, d (rows, width): d = g - exp(y) * sum(g)."""
    code = Code("log_softmax_grad")
    g, y, d = (code.argument(i) for i in range(3))
    rows, width, group = (code.argument(i, "i64") for i in range(3, 6))
    for row in each_row(code, rows, group):
        gradient, result, target = (code.at(a, row * width, element) for a in (g, y, d))
        along = code.splat(reduced_row(code, "sum", gradient, width, element, lanes), lanes)
        for at, mask in each_vector(code, width, lanes):
            gs, ys = (read(code, a, at, element, lanes, mask) for a in (gradient, result))
            write(code, gs - scalar.exp(code, ys) * along, target, at, element, mask)
    return code
