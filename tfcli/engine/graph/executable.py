"""How a traced graph runs: op by op in numpy, or, where that pays, by compiled kernels.

Compiling costs some tenths of a second, so small jobs do without. What decides is the work that the graph and
`expected_runs` promise, never the time that something took or what was compiled before: the same program always takes
the same way, and its numbers are the same. A graph that changes no variable, a prediction say, is compiled once it has
run so often that compiling would have paid; what changes variables keeps to its way, so that training that goes on in
another process goes on alike.
"""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfcli.engine.graph.cost import cost_of
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.ir import Assignment, Graph, Placeholder
from tfcli.engine.graph.passes import optimize
from tfcli.engine.graph.passes.sweep import new_node
from tfcli.engine.graph.small import SHARED_OUT, SmallPlan
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tensor import Tensor
from tfcli.errors import TfcliError

if TYPE_CHECKING:
    from tfcli.engine.kernels.plan import NativePlan

WORTH_COMPILING = 0.1
"""Seconds of work, as numpy does it, from which on kernels are compiled."""
MODES = ("auto", "always", "never")
_MOST_SHAPES = 64
"""Sets of input shapes for which a graph with unknown sizes is compiled; further ones run in numpy."""
_CALL, _FLOP, _BYTE = 3e-6, 1 / 20e9, 1 / 5e9
"""Seconds that numpy needs, roughly, for a call, an operation, and a byte read or written."""


class Executable:
    """Runs a graph for its fetches. `expected_runs`: how often, about, it will run."""

    def __init__(self, graph: Graph, fetches: Sequence[Tensor], expected_runs: int) -> None:
        self._graph, self._fetches, self._expected_runs = graph, list(fetches), expected_runs
        self._static = all(i.shape.is_fully_defined() for i in graph.inputs)
        self._plans: dict[tuple[tuple[int, ...], ...], Plan | NativePlan] = {}
        self._numpy: dict[type[Plan], Plan] = {}
        self._waiting: dict[tuple[tuple[int, ...], ...], int] = {}
        """By input shapes, how many runs are left until compiling would have paid."""

    @property
    def plan(self) -> "Plan | NativePlan":
        """What runs on inputs of the graph's own shapes."""
        return self._plan_for(()) if self._static else self._in_numpy()

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The fetched arrays."""
        key = () if self._static else tuple([a.shape for a in arrays])
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plan_for(key)
        elif key in self._waiting:
            plan = self._after_waiting(key, plan)
        return plan.run(arrays)

    def _plan_for(self, shapes: tuple[tuple[int, ...], ...]) -> "Plan | NativePlan":
        if shapes not in self._plans:
            self._plans[shapes] = self._made(shapes)
        return self._plans[shapes]

    def _after_waiting(self, shapes: tuple[tuple[int, ...], ...], plan: "Plan | NativePlan") -> "Plan | NativePlan":
        """The plan, or a compiled one in its place where it has run often enough."""
        self._waiting[shapes] -= 1
        if self._waiting[shapes] > 0:
            return plan
        compiled = self._plans[shapes] = self._compiled(*self._for_shapes(shapes))
        self._waiting.pop(shapes, None)
        return compiled

    def _made(self, shapes: tuple[tuple[int, ...], ...]) -> "Plan | NativePlan":
        mode = kernel_mode()
        if mode == "never" or len(self._plans) >= _MOST_SHAPES or not _can_compile(self._graph):
            return self._in_numpy()
        graph, fetches = self._for_shapes(shapes)
        if mode == "auto":
            runs = math.ceil(WORTH_COMPILING / max(_seconds(graph), _CALL))
            if self._expected_runs < runs:
                if not any(node.op.effect for node in graph.nodes):
                    self._waiting[shapes] = runs
                return self._in_numpy(SmallPlan if _would_be_shared_out(graph) else Plan)
        return self._compiled(graph, fetches)

    def _for_shapes(self, shapes: tuple[tuple[int, ...], ...]) -> tuple[Graph, list[Tensor]]:
        return (self._graph, self._fetches) if self._static else specialized(self._graph, self._fetches, shapes)

    def _compiled(self, graph: Graph, fetches: Sequence[Tensor]) -> "NativePlan":
        from tfcli.engine.kernels.plan import NATIVE_PASSES, NativePlan

        return NativePlan(*optimize(graph, fetches, NATIVE_PASSES))

    def _in_numpy(self, kind: type[Plan] = Plan) -> Plan:
        if kind not in self._numpy:
            self._numpy[kind] = kind(*optimize(self._graph, self._fetches))
        return self._numpy[kind]


def kernel_mode() -> str:
    """When kernels are compiled, as `TFCLI_KERNELS` says: auto, always or never. Raises TfcliError for other words."""
    mode = os.environ.get("TFCLI_KERNELS", "auto")
    if mode not in MODES:
        raise TfcliError(f"TFCLI_KERNELS is {mode!r}; expected {', '.join(MODES)}")
    return mode


def _can_compile(graph: Graph) -> bool:
    """Whether this machine compiles, and whether the graph's variables keep their shapes."""
    from tfcli.engine.kernels.jit import available

    assigned = [n.op.variable for n in graph.nodes if isinstance(n.op, Assignment)]
    return available() and all(v.shape.is_fully_defined() and v.dtype.numpy.kind != "O" for v in assigned)


def _seconds(graph: Graph) -> float:
    """What one run takes in numpy, roughly."""
    costs = [cost_of(node) for node in graph.nodes]
    working = sum(1 for cost in costs if cost.bytes)
    return _CALL * working + _FLOP * sum(c.flops for c in costs) + _BYTE * sum(c.bytes for c in costs)


def _would_be_shared_out(graph: Graph) -> bool:
    """Whether numpy would take several threads for one of the nodes."""
    return any(cost_of(node).flops >= SHARED_OUT for node in graph.nodes)


def specialized(graph: Graph, fetches: Sequence[Tensor], shapes: Sequence[Sequence[int]]) -> tuple[Graph, list[Tensor]]:
    """The graph for inputs of these shapes: what follows from them is known in it."""
    from tfcli.engine.dispatch import recording, tracing

    result = Graph(graph.name)
    fed = {id(i): TensorSpec(Shape(s), i.dtype, i.spec.name) for i, s in zip(graph.inputs, shapes, strict=True)}
    symbols: dict[int, Tensor] = {}
    for node in graph.nodes:
        op = node.op
        if isinstance(op, Placeholder):
            op = Placeholder(fed[id(node.outputs[0])], op.position)
        inputs = tuple(symbols[id(i)] for i in node.inputs)
        if hasattr(op, "again"):
            with tracing(result), recording([]):
                symbols[id(node.outputs[0])] = op.again(*inputs)
            continue
        inferred = op.infer(*[i.spec for i in inputs])
        specs = inferred if isinstance(inferred, tuple) else (inferred,)
        made = new_node(result, op, inputs, specs, node.scope)
        result.nodes.append(made)
        symbols.update((id(old), new) for old, new in zip(node.outputs, made.outputs, strict=True))
    result.inputs = [symbols[id(i)] for i in graph.inputs]  # type: ignore[misc]
    return result, [symbols[id(f)] for f in fetches]
