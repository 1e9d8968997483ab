"""Bodies of loops and branches, and `scan`, which runs one over the first axis of its inputs."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tfcli.engine.dispatch import apply, assign, read, recording, replay, state, tracing
from tfcli.engine.graph.execute import Plan
from tfcli.engine.graph.ir import Graph
from tfcli.engine.op import Op
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor

Step = Callable[[list[Tensor], list[Tensor]], tuple[Sequence[Tensor], Sequence[Tensor]]]


class Body:
    """A traced piece of control flow: a graph without state, from its inputs and captured tensors to its outputs.

    Variables are read around the body, and those that it assigns are assigned around it, so that the body is a
    function.
    """

    def __init__(self, name: str, function: Callable[..., Any], specs: Sequence[TensorSpec]) -> None:
        self.graph = Graph(name, parent=state.graph, captures=True, tapes=state.tapes)
        with tracing(self.graph), recording([]):
            self.inputs: list[Symbol] = [self.graph.placeholder(spec) for spec in specs]
            self.returned = function(*self.inputs)
        self.outputs: list[Tensor] = []

    @classmethod
    def of(cls, graph: Graph, inputs: Sequence[Symbol], outputs: Sequence[Tensor]) -> "Body":
        """The finished body of a graph that was traced before; what is fed after `inputs` was captured then."""
        body = cls.__new__(cls)
        body.graph, body.inputs, body.outputs, body.returned = graph, list(inputs), list(outputs), None
        return body

    def value_of(self, variable: Variable) -> Tensor:
        """A variable's value where the body ends."""
        with tracing(self.graph), recording([]):
            return read(variable)

    def carry(self, variable: Variable) -> Tensor:
        """Make the variable's value a further input; returns its value around the body."""
        self.value_of(variable)
        outer, inner = self.graph.release(variable)
        self.inputs.append(inner)
        return outer

    def finish(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        """Fix the outputs; returns the captured tensors, which are fed after the inputs."""
        with tracing(self.graph):
            self.outputs = [self.graph.bring(convert_to_tensor(o)) for o in outputs]
        self.graph.order_inputs([*self.inputs, *(inner for _, inner in self.graph.captured)])
        captured = [outer for outer, _ in self.graph.captured]
        # What was around the body is over when it runs: keeping it would keep every tensor of it.
        self.graph.parent, self.graph.tapes, self.graph.captured, self.returned = None, (), [], None
        return captured

    @cached_property
    def plan(self) -> Plan:
        from tfcli.engine.graph.passes import optimize

        return Plan(*optimize(self.graph, self.outputs))

    @property
    def effect(self) -> bool:
        return any(node.op.effect for node in self.graph.nodes)

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The body's ops applied anew to other tensors."""
        return replay(self.graph, inputs, self.outputs)


class Control(Op, abstract=True):
    """Base of the ops that run bodies: what happens in a body happens through the op."""

    @property
    def bodies(self) -> tuple[Body, ...]:
        raise AssertionError(f"{self.name} lists no bodies")

    @property
    def effect(self) -> bool:  # type: ignore[override]
        return any(body.effect for body in self.bodies)


def as_list(value: Any) -> list[Any]:
    """What `vjp` gets for the outputs, also where there is only one."""
    return list(value) if isinstance(value, tuple | list) else [value]


def as_tuple(result: Any) -> tuple[Tensor, ...]:
    """What `apply` gives, also where there is only one output."""
    return result if isinstance(result, tuple) else (result,)


def floats_in(inputs: Sequence[Tensor]) -> list[Tensor]:
    """The tensors that may have gradients, each once: two bodies may have captured the same one."""
    return list({id(i): i for i in inputs if i.dtype.is_floating}.values())


def gradients_of(
    inputs: Sequence[Tensor], floats: Sequence[Tensor], found: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """One gradient for each input: where a tensor comes twice, the first place has all of its gradient."""
    gradients = {id(f): g for f, g in zip(floats, found, strict=True)}
    return [gradients.pop(id(i), None) for i in inputs]


class Scan(Control):
    """carries, sequences (T, …) and captured tensors -> final carries, stacked outputs (T, …), carries before each
    step (T, …).

    The gradient is a scan of the other direction that computes each step anew from its carry, so that it, too, can
    be differentiated.
    """

    body: Body
    carries: int
    sequences: int
    reverse: bool

    @property
    def bodies(self):
        return (self.body,)

    def infer(self, *inputs):
        length = inputs[self.carries].shape[0]
        stacked = [_stacked(o, length) for o in self.body.outputs[self.carries :]]
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
        made = self.body.outputs[self.carries :]
        empty = [np.zeros([0, *(d or 0 for d in o.shape)], o.dtype.numpy) for o in made]
        stacked = [np.stack(o) for o in zip(*outputs, strict=True)] if outputs else empty
        before = [np.stack(c) for c in zip(*history, strict=True)] if history else [c[None][:0] for c in carries]
        return (*carries, *stacked, *before)

    def vjp(self, gs, ys, *inputs):
        gs, ys = as_list(gs), as_list(ys)
        count, sequences = self.carries, inputs[self.carries : self.carries + self.sequences]
        captured = inputs[self.carries + self.sequences :]
        filled = [zeros_like(y) if g is None else g for g, y in zip(gs, ys, strict=True)]
        made = len(self.body.outputs) - count
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
                results = self.body([*before, *slices, *captured])
                after, outputs = results[:count], results[count:]
            targets = [*(after[i] for i in float_carries), *(o for o in outputs if o.dtype.is_floating)]
            seeds = [
                *carry[: len(float_carries)],
                *(g for g, o in zip(g_out, outputs, strict=True) if o.dtype.is_floating),
            ]
            found = tape.dense_gradient(targets, sources, seeds, "zero")
            g_carries = [g + g_before[i] for g, i in zip(found, float_carries, strict=False)]
            g_slices = found[len(float_carries) :][: len(float_sequences)]
            sums = [
                s + g
                for s, g in zip(
                    carry[len(float_carries) :], found[len(float_carries) + len(float_sequences) :], strict=True
                )
            ]
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


def _stacked(value: Tensor | TensorSpec, length: int | None) -> TensorSpec:
    return TensorSpec(Shape((length, *value.shape)), value.dtype)


def scan(
    step: Step, carries: Sequence[Any], sequences: Sequence[Any], reverse: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """Run `step(carries, slices) -> (carries, outputs)` over the first axis of `sequences`; final carries and
    stacked outputs (T, …).
    """
    initial = [convert_to_tensor(c) for c in carries]
    inputs = [convert_to_tensor(s) for s in sequences]
    count = len(initial)
    specs = [TensorSpec(c.shape, c.dtype) for c in initial]
    body = Body(
        "scan",
        lambda *now: step(list(now[:count]), list(now[count:])),
        [*specs, *(TensorSpec(Shape(s.shape[1:]), s.dtype) for s in inputs)],
    )
    after, outputs = body.returned
    slices = body.inputs[count:]
    body.inputs = body.inputs[:count]
    variables = list(body.graph.written)
    initial += [body.carry(v) for v in variables]
    body.inputs += slices
    captured = body.finish([*after, *(body.value_of(v) for v in variables), *outputs])
    results = as_tuple(apply(Scan(body, len(initial), len(inputs), reverse), *initial, *inputs, *captured))
    for variable, value in zip(variables, results[count : len(initial)], strict=True):
        assign(variable, value)
    return list(results[:count]), list(results[len(initial) : len(body.outputs)])
