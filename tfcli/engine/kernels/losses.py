"""Crossentropies of softmax in one pass over the logits, and their gradient."""

import functools
from math import nan, prod

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels import scalar
from tfcli.engine.kernels.code import Code, Value, vector
from tfcli.engine.kernels.lowering import Argument, Emitter, lowers
from tfcli.engine.kernels.rows import emit_rows, exponentials, scale_row, summed
from tfcli.engine.kernels.vectors import each_row, each_vector, floating, lanes_for, read, shape_of, share_rows
from tfcli.engine.ops import nn

_LABELS = {"int32": "i32", "int64": "i64", "uint8": "i8"}


@lowers(nn.SoftmaxCrossEntropyWithLogits)
def softmax_crossentropy(node: Node, emit: Emitter) -> bool:
    return emit_rows(node, -1, softmax_crossentropy_kernel, emit)


@lowers(nn.SparseSoftmaxCrossEntropyWithLogits, nn.SparseSoftmaxCrossEntropyGrad)
def sparse_softmax_crossentropy(node: Node, emit: Emitter) -> bool:
    logits, labels = node.inputs[-1], node.inputs[-2]
    shape, element, kind = shape_of(logits), floating(logits.dtype), _LABELS.get(labels.dtype.name)
    if element is None or kind is None or not prod(shape):
        return False
    shares = share_rows(prod(shape[:-1]), shape[-1])
    forward = isinstance(node.op, nn.SparseSoftmaxCrossEntropyWithLogits)
    make = sparse_crossentropy_kernel if forward else sparse_crossentropy_grad_kernel
    kernel = make(element, kind, lanes_for(element, emit.target.lanes))
    arguments: list[Argument] = [*node.inputs, *node.outputs, shares.rows, shape[-1], shares.group]
    emit(kernel, [*arguments, emit.fault()] if forward else arguments, shares.tasks)
    return True


@functools.cache
def softmax_crossentropy_kernel(element: str, lanes: int) -> Code:
    """labels, logits (rows, width), y (rows): -sum(labels * log_softmax(logits))."""
    code = Code("softmax_crossentropy")
    labels, logits, y = (code.argument(i) for i in range(3))
    rows, width, group = (code.argument(i, "i64") for i in range(3, 6))
    for row in each_row(code, rows, group):
        weights, source = (code.at(a, row * width, element) for a in (labels, logits))
        top, total = exponentials(code, source, width, element, lanes)
        tops, logs = code.splat(top, lanes), code.splat(scalar.log(code, total), lanes)
        loss = code.local(vector(lanes, element))
        loss.set(0.0)
        for at, mask in each_vector(code, width, lanes):
            shifted = read(code, source, at, element, lanes, mask) - tops - logs
            product = read(code, weights, at, element, lanes, mask) * shifted
            loss.set(loss.get() - (product if mask is None else code.select(mask, product, 0.0)))
        code.store(summed(code, loss, lanes), code.at(y, row, element))
    return code


def _label(code: Code, labels: Value, row: Value, kind: str) -> Value:
    label = code.load(code.at(labels, row, kind), kind)
    return label if kind == "i64" else code.convert(label, "zext" if kind == "i8" else "sext", "i64")


def _is_class(label: Value, width: Value) -> Value:
    return (label >= 0) & (label < width)


@functools.cache
def sparse_crossentropy_kernel(element: str, kind: str, lanes: int) -> Code:
    """labels (rows), logits (rows, width), y (rows): -log_softmax(logits)[label].

    Arguments: labels, logits, y, rows, width, rows in a task, the word to be set where a label is no class.
    """
    code = Code("sparse_softmax_crossentropy")
    labels, logits, y = (code.argument(i) for i in range(3))
    rows, width, group = (code.argument(i, "i64") for i in range(3, 6))
    fault = code.argument(6)
    for row in each_row(code, rows, group):
        source = code.at(logits, row * width, element)
        top, total = exponentials(code, source, width, element, lanes)
        label = _label(code, labels, row, kind)
        valid = _is_class(label, width)
        picked = code.load(code.at(source, code.select(valid, label, 0), element), element)
        loss = scalar.log(code, total) - (picked - top)
        code.store(code.select(valid, loss, nan), code.at(y, row, element))
        with code.when(valid.equals(0)):
            code.store(code.constant("i64", 1), fault)
    return code


@functools.cache
def sparse_crossentropy_grad_kernel(element: str, kind: str, lanes: int) -> Code:
    """g, labels (rows), logits, d (rows, width): g * (softmax(logits) - one_hot(labels))."""
    code = Code("sparse_softmax_crossentropy_grad")
    g, labels, logits, d = (code.argument(i) for i in range(4))
    rows, width, group = (code.argument(i, "i64") for i in range(4, 7))
    for row in each_row(code, rows, group):
        source, target = (code.at(a, row * width, element) for a in (logits, d))
        _, total = exponentials(code, source, width, element, lanes, target)
        gradient = code.load(code.at(g, row, element), element)
        scale_row(code, target, width, gradient / total, element, lanes)
        label = _label(code, labels, row, kind)
        with code.when(_is_class(label, width)):
            place = code.at(target, label, element)
            code.store(code.load(place, element) - gradient, place)
    return code
