"""Batch normalization taken apart: what it needs of the whole array, and what it does to each entry.

The latter is fused with what comes before and after, a scale, an activation, a residual, and the normalized array need
not be written: the way back computes it again from x. The gradients of scale and offset are sums that the gradient in x
needs as well. So a layer reads x twice on the way forth, and x and the gradient twice on the way back.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from tfcli.engine.graph.ir import Constant, Graph, Node
from tfcli.engine.graph.moments import Moments, NormalizedSums
from tfcli.engine.graph.passes.prune import prune_dead
from tfcli.engine.graph.passes.sweep import Sweep
from tfcli.engine.op import Op
from tfcli.engine.ops import elementary, nn
from tfcli.engine.ops import elementwise as e
from tfcli.engine.ops.shape import SumTo
from tfcli.engine.tensor import Tensor


def split_normalization(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """Normalize over all axes but the last, and its gradient, become sums and entry-by-entry ops."""
    fetches = _Gradients(graph).run(fetches)
    sweep = Sweep(graph)
    fetches = sweep.run(fetches, lambda node: _split(sweep, node) if _splits(node) else None)
    return prune_dead(graph, fetches)


def _splits(node: Node) -> bool:
    if not isinstance(node.op, nn.Normalize):
        return False
    shape = node.inputs[0].shape
    if not shape.is_fully_defined() or node.op.axes != tuple(range(len(shape) - 1)):
        return False
    sizes = [int(size) for size in shape]  # type: ignore[arg-type]
    return sizes[-1] > 1 and prod(sizes[:-1]) > 1


def _split(sweep: Sweep, node: Node) -> Sequence[Tensor]:
    (x,) = node.inputs
    mean, variance = sweep.emit_all(Moments(), x)
    centered = sweep.emit(e.subtract, x, mean)
    return sweep.emit(e.multiply, centered, _factor(sweep, node.op, variance)), mean, variance


def _factor(sweep: Sweep, op: Op, variance: Tensor) -> Tensor:
    """1 / sqrt(variance + epsilon)."""
    assert isinstance(op, nn.Normalize)
    return sweep.emit(elementary.Rsqrt(), sweep.emit(e.add, variance, _number(sweep, variance, op.epsilon)))


def _number(sweep: Sweep, like: Tensor, number: float) -> Tensor:
    return sweep.emit(Constant(np.asarray(number, like.dtype.numpy)))


class _Gradient:
    """Of a normalization: (g - mean(g) - y * mean(g * y)) * factor, where g may be a gradient times a scale."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.normal = node.inputs[1]
        self.forward: Node = self.normal.node  # type: ignore[attr-defined]
        self.summed, self.scaled = node.inputs[0], -1
        """What is summed up, and if it is a factor of g, which."""
        product = self.summed.node  # type: ignore[attr-defined]
        if isinstance(product.op, e.Multiply):
            kept = node.inputs[2].shape
            for i, scale in enumerate(reversed(product.inputs)):
                if scale.shape == kept and product.inputs[i].shape == self.summed.shape:
                    self.summed, self.scaled = product.inputs[i], i
        self.sums: Sequence[Tensor] = ()

    def parts(self) -> tuple[Tensor, Tensor | None]:
        """The gradient that is summed up, and the scale."""
        g = self.node.inputs[0]
        if self.scaled < 0:
            return g, None
        factors = g.node.inputs  # type: ignore[attr-defined]
        return factors[self.scaled], factors[1 - self.scaled]


class _Gradients:
    """The sums of each gradient, made once for all that need them."""

    def __init__(self, graph: Graph) -> None:
        self.sweep = Sweep(graph)
        found = [_Gradient(node) for node in graph.nodes if _is_gradient(node)]
        self.by_node = {id(g.node): g for g in found}
        self.plain: dict[int, _Gradient] = {}
        """By the ids of nodes that sum up what a gradient sums up."""
        self.products: dict[int, _Gradient] = {}
        """By the ids of nodes that sum up that times the normalized array."""
        by_summed: dict[int, list[_Gradient]] = {}
        for g in found:
            by_summed.setdefault(id(g.summed), []).append(g)
        for node in graph.nodes:
            if isinstance(node.op, SumTo):
                self._find_sum(node, by_summed)

    def _find_sum(self, node: Node, by_summed: dict[int, list[_Gradient]]) -> None:
        summed, shape = node.inputs[0], node.op.shape  # type: ignore[attr-defined]
        for g in by_summed.get(id(summed), []):
            if g.node.inputs[2].shape == shape:
                self.plain.setdefault(id(node), g)
        product = summed.node  # type: ignore[attr-defined]
        if isinstance(product.op, e.Multiply):
            for i, factor in enumerate(product.inputs):
                for g in by_summed.get(id(factor), []):
                    if g.normal is product.inputs[1 - i] and g.node.inputs[2].shape == shape:
                        self.products.setdefault(id(node), g)

    def run(self, fetches: list[Tensor]) -> list[Tensor]:
        return self.sweep.run(fetches, self._rule)

    def _rule(self, node: Node) -> Sequence[Tensor] | None:
        if id(node) in self.plain:
            return [self._sums(self.plain[id(node)], node.inputs[0])[0]]
        if id(node) in self.products:
            g = self.products[id(node)]
            factors = node.inputs[0].node.inputs  # type: ignore[attr-defined]
            return [self._sums(g, next((f for f in factors if f is not g.normal), g.normal))[1]]
        if id(node) in self.by_node:
            return [self._gradient(self.by_node[id(node)])]
        return None

    def _sums(self, g: _Gradient, gradient: Tensor) -> Sequence[Tensor]:
        if not g.sums:
            _, mean, variance = g.forward.outputs
            factor = _factor(self.sweep, g.forward.op, variance)
            g.sums = (*self.sweep.emit_all(NormalizedSums(), gradient, g.forward.inputs[0], mean, factor), factor)
        return g.sums

    def _gradient(self, g: _Gradient) -> Tensor:
        """gradient * a + ((x - mean) * b + c), with a, b and c of a number for each channel."""
        gradient, scale = g.parts()
        plain, products, factor = self._sums(g, gradient)
        emit, x = self.sweep.emit, g.forward.inputs[0]
        count = prod(size or 0 for size in x.shape[:-1])
        a = factor if scale is None else emit(e.multiply, factor, scale)
        away = emit(e.multiply, a, _number(self.sweep, a, -1 / count))
        b = emit(e.multiply, emit(e.multiply, products, factor), away)
        c = emit(e.multiply, plain, away)
        centered = emit(e.subtract, x, g.forward.outputs[1])
        rest = emit(e.add, emit(e.multiply, centered, b), c)
        return emit(e.add, emit(e.multiply, gradient, a), rest)


def _is_gradient(node: Node) -> bool:
    if not isinstance(node.op, nn.NormalizeGrad):
        return False
    forward = node.inputs[1].node  # type: ignore[attr-defined]
    return (
        _splits(forward)
        and node.inputs[1] is forward.outputs[0]
        and node.inputs[2] is forward.outputs[2]
        and (node.op.axes, node.op.epsilon) == (forward.op.axes, forward.op.epsilon)
        and node.inputs[0].shape == forward.inputs[0].shape
        and node.inputs[0].dtype == forward.inputs[0].dtype
    )
