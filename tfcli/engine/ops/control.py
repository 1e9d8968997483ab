"""Loops inside a graph: `scan` runs a traced step over the first axis of its inputs."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tfcli.engine.dispatch import apply, recording, state, tracing
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.ir import Graph
from tfcli.engine.op import Op
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, convert_to_tensor

Step = Callable[[list[Tensor], list[Tensor]], tuple[Sequence[Tensor], Sequence[Tensor]]]


class Body:
    """A traced step: the graph takes carries, slices and captured tensors, and gives the new carries and the step's outputs."""

    def __init__(self, step: Step, graph: Graph, carries: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        self.step, self.graph = step, graph
        self.carries, self.outputs = list(carries), list(outputs)

    @cached_property
    def plan(self) -> Plan:
        return Plan(self.graph, [*self.carries, *self.outputs])


class Scan(Op):
    """carries, sequences (T, …) and captured tensors -> final carries, stacked outputs (T, …), carries before each step (T, …).

    The gradient is a scan of the other direction that computes each step anew from its carry, so that it, too, can be differentiated.
    """

    body: Body
    carries: int
    sequences: int
    reverse: bool

    def infer(self, *inputs):
        length = inputs[self.carries].shape[0]
        stacked = [_stacked(o, length) for o in self.body.outputs]
        finals = [TensorSpec(i.shape, i.dtype) for i in inputs[: self.carries]]
        return (*finals, *stacked, *(_stacked(c, length) for c in finals))

    def forward(self, *inputs):
        carries, sequences = list(inputs[: self.carries]), inputs[self.carries : self.carries + self.sequences]
        captured = inputs[self.carries + self.sequences :]
        length = sequences[0].shape[0]
        history: list[list[np.ndarray]] = []
        outputs: list[list[np.ndarray]] = []
        for t in range(length)[:: -1 if self.reverse else 1]:
            history.append(carries)
            result = self.body.plan.run([*carries, *(s[t] for s in sequences), *captured])
            carries = result[: self.carries]
            outputs.append(result[self.carries :])
        if self.reverse:
            history, outputs = history[::-1], outputs[::-1]
        empty = [np.zeros([0, *(d or 0 for d in o.shape)], o.dtype.numpy) for o in self.body.outputs]
        stacked = [np.stack(o) for o in zip(*outputs, strict=True)] if outputs else empty
        before = [np.stack(c) for c in zip(*history, strict=True)] if history else [c[None][:0] for c in carries]
        return (*carries, *stacked, *before)

    def vjp(self, gs, ys, *inputs):
        count, sequences = self.carries, inputs[self.carries : self.carries + self.sequences]
        captured = inputs[self.carries + self.sequences :]
        filled = [zeros_like(y) if g is None else g for g, y in zip(gs, ys, strict=True)]
        made = len(self.body.outputs)
        g_finals, g_outputs, g_history = filled[:count], filled[count : count + made], filled[count + made :]
        float_carries = [i for i in range(count) if inputs[i].dtype.is_floating]
        float_sequences = [i for i, s in enumerate(sequences) if s.dtype.is_floating]
        float_captured = [i for i, c in enumerate(captured) if c.dtype.is_floating]

        def backward_step(carry: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            before, slices = now[:count], now[count : count + len(sequences)]
            g_out, g_before = now[count + len(sequences) :][:made], now[count + len(sequences) :][made:]
            sources = [
                *(before[i] for i in float_carries),
                *(slices[i] for i in float_sequences),
                *(captured[i] for i in float_captured),
            ]
            with GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                after, outputs = self._call(before, slices, captured)
            targets = [*(after[i] for i in float_carries), *(o for o in outputs if o.dtype.is_floating)]
            seeds = [*carry[: len(float_carries)], *(g for g, o in zip(g_out, outputs, strict=True) if o.dtype.is_floating)]
            found = tape.gradient(targets, sources, seeds, unconnected_gradients="zero")
            g_carries = [g + g_before[i] for g, i in zip(found, float_carries, strict=False)]
            g_slices = found[len(float_carries) :][: len(float_sequences)]
            sums = [s + g for s, g in zip(carry[len(float_carries) :], found[len(float_carries) + len(float_sequences) :], strict=True)]
            return [*g_carries, *sums], g_slices

        start = [*(g_finals[i] for i in float_carries), *(zeros_like(captured[i]) for i in float_captured)]
        now = [*ys[count + made :], *sequences, *g_outputs, *g_history]
        ended, g_sequences = scan(backward_step, start, now, reverse=not self.reverse)
        result: list[Tensor | None] = [None] * len(inputs)
        for i, g in zip(float_carries, ended, strict=False):
            result[i] = g
        for i, g in zip(float_sequences, g_sequences, strict=True):
            result[count + i] = g
        for i, g in zip(float_captured, ended[len(float_carries) :], strict=True):
            result[count + len(sequences) + i] = g
        return result

    def _call(self, carries: list[Tensor], slices: list[Tensor], captured: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The body's ops applied anew to other tensors."""
        from tfcli.engine.function import replay

        body = self.body
        results = replay(body.graph, [*carries, *slices, *captured], [*body.carries, *body.outputs])
        return results[: self.carries], results[self.carries :]


def _stacked(value: Tensor | TensorSpec, length: int | None) -> TensorSpec:
    return TensorSpec(Shape((length, *value.shape)), value.dtype)


def scan(step: Step, carries: Sequence[Any], sequences: Sequence[Any], reverse: bool = False) -> tuple[list[Tensor], list[Tensor]]:
    """Run `step(carries, slices) -> (carries, outputs)` over the first axis of `sequences`; final carries and stacked outputs (T, …)."""
    initial = [convert_to_tensor(c) for c in carries]
    inputs = [convert_to_tensor(s) for s in sequences]
    graph = Graph("scan", parent=state.graph, captures=True, tapes=state.tapes)
    with tracing(graph), recording([]):
        held = [graph.placeholder(TensorSpec(c.shape, c.dtype)) for c in initial]
        slices = [graph.placeholder(TensorSpec(Shape(s.shape[1:]), s.dtype)) for s in inputs]
        after, outputs = step(list(held), list(slices))
        body = Body(step, graph, [graph.bring(a) for a in after], [graph.bring(o) for o in outputs])
    result = apply(Scan(body, len(initial), len(inputs), reverse), *initial, *inputs, *(outer for outer, _ in graph.captured))
    made = len(initial) + len(body.outputs)
    flat = result if isinstance(result, tuple) else (result,)
    return list(flat[: len(initial)]), list(flat[len(initial) : made])
