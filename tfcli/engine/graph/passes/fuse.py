"""Elementwise fusion: neighbouring entry-by-entry ops of one shape become one op that runs them block by block."""

from collections.abc import Callable, Sequence

from tfcli.engine.graph.fused import Fused, is_fusible
from tfcli.engine.graph.ir import Graph, Node
from tfcli.engine.graph.passes.sweep import new_node, replaced
from tfcli.engine.op import Op
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor

Fusible = Callable[[Op, Sequence[Tensor], Tensor], bool]
"""Whether an op on these inputs, with this output, may be part of a Fused."""


def fuse_elementwise(graph: Graph, fetches: list[Tensor], fusible: Fusible = is_fusible) -> list[Tensor]:
    """Groups of two ops or more become a Fused."""
    return _Fusion(graph, fetches, fusible).run()


class _Group:
    """Nodes of one output shape, which can still take others as long as nobody outside has read what they make."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.nodes: list[Node] = []


class _Fusion:
    def __init__(self, graph: Graph, fetches: list[Tensor], fusible: Fusible) -> None:
        self.graph, self.fetches, self.fusible = graph, fetches, fusible
        self.instead: dict[int, Tensor] = {}
        self.kept: list[Node] = []
        self.open: dict[int, _Group] = {}
        """The open groups, by the ids of what their nodes make."""
        self.readers: dict[int, list[Node]] = {}
        for node in graph.nodes:
            for i in node.inputs:
                self.readers.setdefault(id(i), []).append(node)

    def run(self) -> list[Tensor]:
        for node in self.graph.nodes:
            if len(node.outputs) == 1 and self.fusible(node.op, node.inputs, node.outputs[0]):
                self._join(node)
            else:
                self._close_before(node.inputs)
                self.kept.append(node)
        for group in dict.fromkeys(self.open.values()):
            self._close(group)
        self.graph.nodes = self.kept
        for node in self.kept:
            node.inputs = replaced(node.inputs, self.instead)
        return [self.instead.get(id(f), f) for f in self.fetches]

    def _join(self, node: Node) -> None:
        """Put the node with those that make its inputs, and these together."""
        shape = node.outputs[0].shape
        self._close_before([i for i in node.inputs if id(i) in self.open and self.open[id(i)].shape != shape])
        groups = list(dict.fromkeys([self.open[id(i)] for i in node.inputs if id(i) in self.open]))
        group = groups[0] if groups else _Group(shape)
        for other in groups[1:]:
            group.nodes += other.nodes
            self.open.update((id(member.outputs[0]), group) for member in other.nodes)
        group.nodes.append(node)
        self.open[id(node.outputs[0])] = group

    def _close_before(self, inputs: Sequence[Tensor]) -> None:
        for i in inputs:
            if id(i) in self.open:
                self._close(self.open[id(i)])

    def _close(self, group: _Group) -> None:
        for node in group.nodes:
            del self.open[id(node.outputs[0])]
        self.kept += group.nodes if len(group.nodes) == 1 else self._fused(group.nodes)

    def _fused(self, nodes: list[Node]) -> list[Node]:
        """One node in the place of these; none where nobody reads what they make."""
        own = {id(node) for node in nodes}
        made = {id(node.outputs[0]) for node in nodes}
        inputs = list({id(i): i for node in nodes for i in node.inputs if id(i) not in made}.values())
        places = {id(x): place for place, x in enumerate([*inputs, *(node.outputs[0] for node in nodes)])}
        fetched = {id(f) for f in self.fetches}
        outputs = [
            node.outputs[0]
            for node in nodes
            if id(node.outputs[0]) in fetched
            or any(id(r) not in own for r in self.readers.get(id(node.outputs[0]), []))
        ]
        if not outputs:
            return []
        program = tuple((node.op, tuple(places[id(i)] for i in node.inputs)) for node in nodes)
        specs = tuple(x.spec for x in [*inputs, *(node.outputs[0] for node in nodes)])
        op = Fused(program, tuple(places[id(o)] for o in outputs), specs)
        fused = new_node(self.graph, op, tuple(inputs), [o.spec for o in outputs], nodes[-1].scope)
        self.instead.update((id(old), new) for old, new in zip(outputs, fused.outputs, strict=True))
        return [fused]
