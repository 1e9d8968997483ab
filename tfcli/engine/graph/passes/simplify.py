"""Algebraic simplification, only where every number stays what it was: NaN, infinities and the sign of zero included.

So x + 0.0 stays (it makes -0.0 to 0.0), and exp(log(x)) and x * 0 do, too.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Constant, Graph, Node
from tfcli.engine.graph.passes.sweep import Sweep
from tfcli.engine.op import Op
from tfcli.engine.ops import comparison, kinds
from tfcli.engine.ops import elementwise as e
from tfcli.engine.ops import shape as s
from tfcli.engine.ops.custom import CustomGradient
from tfcli.engine.spec import Shape, broadcast
from tfcli.engine.tensor import Tensor

Emit = Callable[..., Tensor]
Rule = Callable[[Node, Emit], Tensor | None]


def simplify(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """Nodes give way to simpler ones, or to their inputs."""
    sweep = Sweep(graph)

    def rule(node: Node) -> Sequence[Tensor] | None:
        if isinstance(node.op, CustomGradient):
            return node.inputs[: node.op.results]
        for wanted, simpler in _RULES:
            if isinstance(node.op, wanted):
                found = simpler(node, sweep.emit)
                if found is not None:
                    return [found]
        return None

    return sweep.run(fetches, rule)


def _source(x: Tensor, *ops: type[Op]) -> Tensor | None:
    """What x is made of by one of these ops."""
    node = x.node  # type: ignore[attr-defined]
    return node.inputs[0] if isinstance(node.op, ops) else None


def _is_constant(x: Tensor, value: float) -> bool:
    """Whether x is this one number; -0.0 is not 0.0."""
    op = x.node.op  # type: ignore[attr-defined]
    if not isinstance(op, Constant) or op.value.size != 1 or op.value.dtype.kind not in "iuf":
        return False
    return op.value.item() == value and np.signbit(op.value.item()) == np.signbit(value)


def _if_whole(x: Tensor, node: Node) -> Tensor | None:
    """x, where the node's output has its shape for certain."""
    return x if x.shape == node.outputs[0].shape and x.shape.is_fully_defined() else None


def _pass_through(node: Node, emit: Emit) -> Tensor | None:
    return node.inputs[0]


def _undo(node: Node, emit: Emit) -> Tensor | None:
    """-(-x), not not x."""
    return _source(node.inputs[0], type(node.op))


def _multiply(node: Node, emit: Emit) -> Tensor | None:
    x, y = node.inputs
    if _is_constant(y, 1):
        return _if_whole(x, node)
    return _if_whole(y, node) if _is_constant(x, 1) else None


def _divide(node: Node, emit: Emit) -> Tensor | None:
    x, y = node.inputs
    return _if_whole(x, node) if _is_constant(y, 1) and x.dtype == node.outputs[0].dtype else None


def _add(node: Node, emit: Emit) -> Tensor | None:
    x, y = node.inputs
    zero = -0.0 if x.dtype.is_floating else 0
    if _is_constant(y, zero):
        return _if_whole(x, node)
    if _is_constant(x, zero):
        return _if_whole(y, node)
    negated = _source(y, e.Negative)
    return None if negated is None else emit(e.subtract, x, negated)


def _subtract(node: Node, emit: Emit) -> Tensor | None:
    x, y = node.inputs
    if _is_constant(y, 0.0 if x.dtype.is_floating else 0):
        return _if_whole(x, node)
    negated = _source(y, e.Negative)
    return None if negated is None else emit(e.add, x, negated)


def _power(node: Node, emit: Emit) -> Tensor | None:
    x, y = node.inputs
    whole = _if_whole(x, node)
    if whole is not None and _is_constant(y, 1):
        return whole
    return emit(e.square, x) if whole is not None and _is_constant(y, 2) else None


def _cast(node: Node, emit: Emit) -> Tensor | None:
    x = node.inputs[0]
    return x if x.dtype == node.outputs[0].dtype else None


_RESHAPES = (s.Reshape, s.ReshapeLike, s.ExpandDims, s.Squeeze)


def _reshape(node: Node, emit: Emit) -> Tensor | None:
    """One reshape for a chain of them, none where it ends as it began."""
    x, shape = node.inputs[0], node.outputs[0].shape
    if not shape.is_fully_defined():
        return None
    origin = _source(x, *_RESHAPES)
    start = x if origin is None else origin
    if start.shape == shape:
        return start
    simplest = isinstance(node.op, s.Reshape) and origin is None
    return None if simplest else emit(s.Reshape(tuple(shape)), start)


def _transpose(node: Node, emit: Emit) -> Tensor | None:
    x, perm = node.inputs[0], node.op.perm  # type: ignore[attr-defined]
    if perm == tuple(range(len(perm))):
        return x
    origin = _source(x, s.Transpose)
    if origin is None:
        return None
    first = x.node.op.perm  # type: ignore[attr-defined]
    both = tuple(first[p] for p in perm)
    return origin if both == tuple(range(len(both))) else emit(s.Transpose(both), origin)


def _resize(node: Node, emit: Emit) -> Tensor | None:
    """Broadcasting, or summing what was broadcast, to the shape that is there."""
    return _if_whole(node.inputs[0], node)


def _shape_of(node: Node, emit: Emit) -> Tensor | None:
    shape = node.inputs[0].shape
    return emit(Constant(np.asarray(shape, np.int32))) if shape.is_fully_defined() else None


def _skip_broadcasts(node: Node, emit: Emit) -> Tensor | None:
    """Entry-by-entry ops broadcast by themselves: they read the small array."""
    sources = [_source(i, s.BroadcastTo, s.BroadcastLike) for i in node.inputs]
    if all(source is None for source in sources):
        return None
    small = [i if source is None else source for i, source in zip(node.inputs, sources, strict=True)]
    shape = node.outputs[0].shape
    if not shape.is_fully_defined() or not all(x.shape.is_fully_defined() for x in small):
        return None
    total = Shape(())
    for x in small:
        total = broadcast(total, x.shape)
    return emit(node.op, *small) if total == shape else None


_RULES: tuple[tuple[Any, Rule], ...] = (
    ((e.Identity, e.StopGradient), _pass_through),
    ((e.Negative, comparison.LogicalNot), _undo),
    (e.Multiply, _multiply),
    (e.Divide, _divide),
    (e.Add, _add),
    (e.Subtract, _subtract),
    (e.Pow, _power),
    (e.Cast, _cast),
    (_RESHAPES, _reshape),
    (s.Transpose, _transpose),
    ((s.BroadcastTo, s.BroadcastLike, s.SumTo, s.SumLike), _resize),
    (s.ShapeOf, _shape_of),
    ((kinds.Binary, e.Where), _skip_broadcasts),
)
