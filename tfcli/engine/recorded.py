"""Calls of traced functions that a tape records: one node, whose gradient is a graph, too.

The graph of the way back is traced once, over the symbols of the way forward; what it takes of them, the way forward
saves.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.dispatch import recording, replay, state, tracing
from tfcli.engine.graph.executable import Executable
from tfcli.engine.graph.ir import Graph, Node, ReadVariable
from tfcli.engine.indexed_slices import IndexedSlices, dense
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.tape import GradientTape, as_recorded, backward
from tfcli.engine.tensor import Symbol, Tensor, Variable


class Backward:
    """The way forward and the way back of a traced function, for gradients of the inputs at some places."""

    def __init__(self, graph: Graph, fetches: Sequence[Tensor], places: Sequence[int], expected_runs: int) -> None:
        reads = [n.op.variable for n in graph.nodes if isinstance(n.op, ReadVariable)]
        self.variables = list(dict.fromkeys(v for v in reads if v.dtype.is_differentiable))
        self.places, self.count, self._inputs = list(places), len(graph.inputs), list(graph.inputs)
        self.differentiable = [i for i, f in enumerate(fetches) if f.dtype.is_differentiable]
        nodes = [as_recorded(node) for node in graph.nodes]
        self.graph = Graph(f"{graph.name}_backward", parent=graph, captures=True)
        with tracing(self.graph), recording([]):
            seeds = [self.graph.placeholder(fetches[i].spec) for i in self.differentiable]
            sources: list[Any] = [*(graph.inputs[i] for i in places), *self.variables]
            found: list[Any] = backward(nodes, [fetches[i] for i in self.differentiable], list(seeds), sources)
            found = [dense(g) if i < len(self.places) else g for i, g in enumerate(found)]
            self._found = [_parts(g, self.graph) for g in found]
        self.graph.parent = None
        self.fetches = [part for parts in self._found for part in parts]
        self._captured = [outer for outer, _ in self.graph.captured]
        given = set(map(id, self._inputs))
        self._saved = [o for o in self._captured if isinstance(o, Symbol) and id(o) not in given]
        self.forward = Executable(graph, [*fetches, *self._saved], expected_runs)
        self.executable = Executable(self.graph, self.fetches, expected_runs)

    def run(self, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The function's outputs, and what the way back takes besides the gradients of these."""
        results = [Tensor(array) for array in self.forward.run([t.array for t in tensors])]
        outputs = results[: len(results) - len(self._saved)]
        values = dict(zip(map(id, self._inputs), tensors, strict=True))
        values |= zip(map(id, self._saved), results[len(outputs) :], strict=True)
        return outputs, [values.get(id(outer), outer) for outer in self._captured]

    def gradients(self, seeds: Sequence[Tensor], saved: Sequence[Tensor]) -> list[Any]:
        """One for each input of the function and each of the variables, None where there is none."""
        if state.tapes or state.graph is not None:
            results = replay(self.graph, [*seeds, *saved], self.fetches)
        else:
            results = [Tensor(array) for array in self.executable.run([t.array for t in (*seeds, *saved)])]
        supply = iter(results)
        given: list[Any] = [None] * self.count
        found = [_joined([next(supply) for _ in parts]) for parts in self._found]
        for place, gradient in zip(self.places, found, strict=False):
            given[place] = gradient
        rows = zip(found[len(self.places) :], self.variables, strict=True)
        return [*given, *(_rows_of(gradient, variable) for gradient, variable in rows)]


def _parts(gradient: Any, graph: Graph) -> list[Tensor]:
    if isinstance(gradient, IndexedSlices):
        return [graph.bring(gradient.values), graph.bring(gradient.indices)]
    return [] if gradient is None else [graph.bring(gradient)]


def _joined(parts: list[Tensor]) -> Any:
    return parts if len(parts) == 2 else parts[0] if parts else None


def _rows_of(gradient: Any, variable: Variable) -> Any:
    if not isinstance(gradient, list):
        return gradient
    values, indices = gradient
    table = Tensor(np.broadcast_to(np.zeros((), variable.dtype.numpy), variable.shape))  # type: ignore[arg-type]
    return IndexedSlices.of_rows(values, indices, table)


class Call:
    """The `op` of a recorded call on a tape."""

    def __init__(self, way: Backward, saved: Sequence[Tensor]) -> None:
        self.name, self.way, self.saved = way.graph.name, way, saved

    def vjp(self, g: Any, y: Any, *inputs: Any) -> list[Any]:
        gs, ys = (g, y) if isinstance(y, tuple) else ((g,), (y,))
        seeds = [zeros_like(ys[i]) if gs[i] is None else gs[i] for i in self.way.differentiable]
        return self.way.gradients(seeds, self.saved)


def record(tape: GradientTape, way: Backward, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Call a traced function under a tape."""
    outputs, saved = way.run(tensors)
    tape.record_call(Node(Call(way, saved), (*tensors, *way.variables), tuple(outputs)))  # type: ignore[arg-type]
    return outputs
