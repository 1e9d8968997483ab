"""Recomputation: a fused op computes once more what another one has computed, where that spares memory traffic.

Backward passes read what forward passes left behind: an activation's argument, its halves and products. Where these
follow entry by entry from few arrays that are there anyway, it takes less time to compute them again in registers than
to write them and read them back. Source of the idea: Chen et al., "Training deep nets with sublinear memory cost",
2016.
"""

from collections.abc import Sequence

from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.ir import Graph, Node
from tfcli.engine.graph.passes.sweep import new_node, replaced
from tfcli.engine.op import Op
from tfcli.engine.spec import size_of
from tfcli.engine.tensor import Symbol, Tensor

Steps = list[tuple[Op, tuple[Tensor, ...], Tensor]]
"""An op, what it reads, and what it makes."""


def recompute(graph: Graph, fetches: list[Tensor]) -> list[Tensor]:
    """Fused ops read fewer arrays of other fused ops, which need not write them."""
    return _Recomputation(graph, fetches).run()


class _Program:
    """A fused node taken apart: its steps read and make tensors in place of numbered places."""

    def __init__(self, graph: Graph, node: Node) -> None:
        op = node.op
        assert isinstance(op, Fused)
        self.node = node
        self.outputs = list(node.outputs)
        made = dict(zip(op.outputs, node.outputs, strict=True))
        values: list[Tensor] = list(node.inputs)
        self.steps: Steps = []
        for n, (inner, places) in enumerate(op.program):
            place = len(node.inputs) + n
            result = made[place] if place in made else Symbol(graph, node, place, op.specs[place])
            self.steps.append((inner, tuple(values[p] for p in places), result))
            values.append(result)

    def inputs(self) -> list[Tensor]:
        """What the steps read and do not make."""
        made = {id(result) for _, _, result in self.steps}
        return list({id(i): i for _, reads, _ in self.steps for i in reads if id(i) not in made}.values())

    def needed_for(self, wanted: Sequence[Tensor]) -> Steps:
        """The steps that lead to these values, in order."""
        ids = {id(w) for w in wanted}
        found: Steps = []
        for step in reversed(self.steps):
            if id(step[2]) in ids:
                ids.update(id(i) for i in step[1])
                found.append(step)
        return found[::-1]

    def fused(self, graph: Graph) -> tuple[Node, dict[int, Tensor]]:
        """The node that computes the outputs, and what stands for the former ones."""
        self.steps = self.needed_for(self.outputs)
        inputs = self.inputs()
        places = {id(x): place for place, x in enumerate([*inputs, *(result for _, _, result in self.steps)])}
        program = tuple((op, tuple(places[id(i)] for i in reads)) for op, reads, _ in self.steps)
        specs = tuple(x.spec for x in [*inputs, *(result for _, _, result in self.steps)])
        op = Fused(program, tuple(places[id(o)] for o in self.outputs), specs)
        node = new_node(graph, op, tuple(inputs), [o.spec for o in self.outputs], self.node.scope)
        return node, {id(old): new for old, new in zip(self.outputs, node.outputs, strict=True)}


class _Recomputation:
    def __init__(self, graph: Graph, fetches: list[Tensor]) -> None:
        self.graph, self.fetches = graph, fetches
        self.programs = {id(n): _Program(graph, n) for n in graph.nodes if isinstance(n.op, Fused)}
        self.maker = {id(o): p for p in self.programs.values() for o in p.outputs}
        self.readers: dict[int, list[Node]] = {}
        for node in graph.nodes:
            for i in node.inputs:
                self.readers.setdefault(id(i), []).append(node)

    def run(self) -> list[Tensor]:
        for program in self.programs.values():
            for other in dict.fromkeys(self.maker[id(i)] for i in program.node.inputs if id(i) in self.maker):
                self._take_over(program, other)
        return self._rebuilt()

    def _take_over(self, program: _Program, other: _Program) -> None:
        """Let `program` compute what only fused ops read of `other`, where it reads less for it."""
        spared = [o for o in other.outputs if self._is_private(o) and any(o is i for i in program.inputs())]
        if not spared or program.outputs[0].shape != other.outputs[0].shape:
            return
        steps = other.needed_for(spared)
        made = {id(result) for _, _, result in steps}
        known = {id(i) for i in program.inputs()}
        added = {id(i): i for _, reads, _ in steps for i in reads if id(i) not in made and id(i) not in known}
        if sum(_bytes(i) for i in added.values()) < sum(_bytes(o) for o in spared):
            program.steps = [*steps, *program.steps]

    def _is_private(self, output: Tensor) -> bool:
        """Whether only fused ops read it."""
        readers = self.readers.get(id(output), [])
        return all(isinstance(r.op, Fused) for r in readers) and not any(output is f for f in self.fetches)

    def _rebuilt(self) -> list[Tensor]:
        """The graph with the programs as they are now, without what nobody reads."""
        read = {id(f) for f in self.fetches}
        for node in self.graph.nodes:
            program = self.programs.get(id(node))
            read.update(id(i) for i in (program.inputs() if program else node.inputs))
        instead: dict[int, Tensor] = {}
        nodes = []
        for node in self.graph.nodes:
            program = self.programs.get(id(node))
            if program is None:
                node.inputs = replaced(node.inputs, instead)
                nodes.append(node)
                continue
            program.outputs = [o for o in program.outputs if id(o) in read]
            if program.outputs:
                made, now = program.fused(self.graph)
                made.inputs = replaced(made.inputs, instead)
                instead |= now
                nodes.append(made)
        self.graph.nodes = nodes
        return [instead.get(id(f), f) for f in self.fetches]


def _bytes(tensor: Tensor) -> int:
    return (size_of(tensor.shape) or 0) * tensor.dtype.size
