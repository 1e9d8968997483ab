"""Sketch: the graph of values that stand for those of a model that is being put together outside any trace."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import Constant, Graph, Node
from tfcli.engine.op import Op
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Symbol, Tensor


class Sketch(Graph):
    """A graph that grows wherever its symbols are used. It keeps no nodes: symbols hold those that made them."""

    def add(self, op: Op, inputs: tuple[Tensor, ...]) -> Node:
        node = super().add(op, inputs)
        self.nodes.clear()
        return node

    def append(self, op: Any, inputs: tuple[Tensor, ...], specs: Iterable[TensorSpec]) -> tuple[Symbol, ...]:
        """The outputs, of these specs, of a node whose `op` is whatever its reader understands."""
        node = Node(op, inputs)
        symbols = tuple(Symbol(self, node, i, spec) for i, spec in enumerate(specs))
        node.outputs = symbols
        return symbols

    def constant(self, array: np.ndarray) -> Symbol:
        return self.add(Constant(array), ()).outputs[0]  # type: ignore[return-value]

    def bring(self, tensor: Tensor) -> Symbol:
        if isinstance(tensor, Symbol):
            return super().bring(tensor)
        return self.constant(tensor.array)


SKETCH = Sketch("model")
"""The one that all inputs of models belong to, so that any of them can meet."""


def is_sketched(value: Any) -> bool:
    """Whether `value` stands for a value of a model that is being put together."""
    return isinstance(value, Symbol) and isinstance(value.graph, Sketch)
