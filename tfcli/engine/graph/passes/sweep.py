"""What the passes share: copying a graph, and sweeping over its nodes while some give way to others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfcli.engine.graph.ir import Graph, Node
from tfcli.engine.op import Op
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Symbol, Tensor


def copy_of(graph: Graph, fetches: Sequence[Tensor]) -> tuple[Graph, list[Tensor]]:
    """A graph of new nodes. Effects stay in program order, which is all that control dependencies ask for."""
    copy = Graph(graph.name)
    symbols: dict[int, Any] = {}
    for node in graph.nodes:
        inputs = tuple([symbols[id(i)] for i in node.inputs])
        made = new_node(copy, node.op, inputs, [o.spec for o in node.outputs], node.scope)
        copy.nodes.append(made)
        for old, new in zip(node.outputs, made.outputs, strict=True):
            symbols[id(old)] = new
    copy.inputs = [symbols[id(i)] for i in graph.inputs]
    return copy, [symbols[id(f)] for f in fetches]


def new_node(graph: Graph, op: Op, inputs: tuple[Tensor, ...], specs: Sequence[TensorSpec], scope: str) -> Node:
    """A node that is not yet among the graph's."""
    node = Node(op, inputs)
    node.scope = scope
    node.outputs = tuple([Symbol(graph, node, i, spec) for i, spec in enumerate(specs)])
    return node


def replaced(inputs: tuple[Tensor, ...], instead: Mapping[int, Tensor]) -> tuple[Tensor, ...]:
    """The inputs, some of which, by their ids, have given way to others."""
    return tuple([instead.get(id(i), i) for i in inputs]) if instead else inputs


class Sweep:
    """One way through the nodes in program order, in which `rule` says what is to stand in a node's place.

    `rule(node)` gives the tensors to use instead of the node's outputs, or None to keep it; what it needs for them it
    makes with `emit`. By then the node's inputs are already those after the sweep.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._kept: list[Node] = []
        self._scope = ""

    def emit(self, op: Op, *inputs: Tensor) -> Tensor:
        """The only output of a new node before the one at hand."""
        (output,) = self.emit_all(op, *inputs)
        return output

    def emit_all(self, op: Op, *inputs: Tensor) -> Sequence[Tensor]:
        """The outputs of a new node before the one at hand."""
        inferred = op.infer(*[i.spec for i in inputs])
        specs = [inferred] if isinstance(inferred, TensorSpec) else inferred
        node = new_node(self.graph, op, inputs, specs, self._scope)
        self._kept.append(node)
        return node.outputs

    def run(self, fetches: list[Tensor], rule: Callable[[Node], Sequence[Tensor] | None]) -> list[Tensor]:
        """Change the graph; returns what the fetches are now."""
        instead: dict[int, Tensor] = {}
        for node in self.graph.nodes:
            node.inputs = replaced(node.inputs, instead)
            self._scope = node.scope
            found = rule(node)
            if found is None:
                self._kept.append(node)
            else:
                instead.update((id(old), new) for old, new in zip(node.outputs, found, strict=True))
        self.graph.nodes = self._kept
        return [instead.get(id(f), f) for f in fetches]
