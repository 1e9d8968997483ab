"""Recurrent cells over whole sequences: the simple, gated and long short-term memory units, and their gradients.

z (N, T, gates * U) is what the inputs give every gate at every step, h (N, U) and c (N, U) are states, the kernel is
(U, gates * U). Each cell is written once, as a step on arrays or tensors: the ops run it in numpy, and derivatives of
higher order come from the same step in a scan.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.control import scan
from tfcli.engine.ops.elementary import Sigmoid, sigmoid, tanh
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.sequences import parts
from tfcli.engine.ops.shape import reshape, transpose, zeros_like
from tfcli.engine.spec import Shape, TensorSpec, merge, show_shape
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor
from tfcli.errors import DtypeError, ShapeError


class Maths(NamedTuple):
    """The functions that a step is made of, on arrays or on tensors."""

    sigmoid: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    parts: Callable[[Any, int], Sequence[Any]]
    join: Callable[[Sequence[Any]], Any]
    product: Callable[[Any, Any], Any]
    back: Callable[[Any, Any], Any]
    """x times the transposed kernel."""


_ARRAYS = Maths(
    Sigmoid().forward,
    np.tanh,
    lambda x, count: np.split(x, count, -1),
    lambda xs: np.concatenate(xs, -1),
    np.matmul,
    lambda x, kernel: x @ kernel.T,
)
_TENSORS = Maths(
    sigmoid, tanh, parts, lambda xs: concat(xs, -1), matmul, lambda x, kernel: matmul(x, kernel, transpose_b=True)
)

Step = Callable[..., tuple[list[Any], list[Any]]]
"""maths, states, what belongs to the step, what stays the same -> new states, outputs."""


def _run(step: Step, states: list[Any], sequences: list[Any], fixed: list[Any], last_first: bool = False) -> list[Any]:
    """Final states and outputs (N, T, …) of arrays."""
    made: list[list[np.ndarray]] = []
    for t in range(sequences[0].shape[1])[:: -1 if last_first else 1]:
        states, outputs = step(_ARRAYS, states, [s[:, t] for s in sequences], *fixed)
        made.append(outputs)
    return [*states, *(np.stack(o[:: -1 if last_first else 1], 1) for o in zip(*made, strict=True))]


def _scanned(
    step: Step, states: list[Tensor], sequences: list[Tensor], fixed: list[Tensor], last_first: bool = False
) -> list[Tensor]:
    """The same of tensors, in ops whose gradients can be differentiated."""

    def now(carries: list[Tensor], slices: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        return step(_TENSORS, carries, slices, *fixed)

    final, outputs = scan(now, states, [transpose(s, (1, 0, 2)) for s in sequences], last_first)
    return [*final, *(transpose(o, (1, 0, 2)) for o in outputs)]


class StepsBefore(Op):
    """A first state (N, U) and the states after each step (N, T, U) -> those before each step (N, T, U)."""

    def infer(self, first, steps):
        return TensorSpec(steps.shape, steps.dtype)

    def forward(self, first, steps):
        return np.concatenate([first[:, None], steps], 1)[:, :-1]

    def vjp_first(self, g, y, first, steps):
        return reduce_sum(g[:, :1], 1)

    def vjp_steps(self, g, y, first, steps):
        return concat([g[:, 1:], zeros_like(g[:, :1])], 1)


def _before(first: Any, steps: Any) -> Any:
    """The states before each step, of arrays or tensors."""
    op = StepsBefore()
    return op.forward(first, steps) if isinstance(first, np.ndarray) else op(first, steps)


class _Steps(Op, abstract=True):
    """Base: `of` (arrays or tensors, by the way of running) computes the outputs."""

    def of(self, run: Callable[..., list[Any]], *inputs: Any) -> list[Any]:
        raise AssertionError(f"{self.name} has no steps")

    def through_steps(self, gs: Sequence[Tensor | None], inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """The gradient by way of a scan."""
        with GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(inputs))
            outputs = self.of(_scanned, *inputs)
        wanted = [(y, g) for y, g in zip(outputs, gs, strict=True) if g is not None]
        return tape.dense_gradient([y for y, _ in wanted], list(inputs), [g for _, g in wanted])


class _Sequence(_Steps, abstract=True):
    gates = 1
    states = 1
    saved: ClassVar[tuple[int, ...]] = ()
    """Sizes, in units, of what a step leaves for the gradient."""

    def infer(self, z, *rest):
        kernel = rest[self.states]
        units = kernel.shape[0]
        whole = None if units is None else self.gates * units
        fits = (
            z.rank == 3
            and all(s.rank == 2 and s.shape[1] == units for s in rest[: self.states])
            and z.shape[2] == kernel.shape[1] == whole
        )
        if not fits:
            raise ShapeError(
                f"{self.name}: z {show_shape(z.shape)}, states {show_shape(rest[0].shape)}, kernel "
                f"{show_shape(kernel.shape)}; expected (batch, steps, {self.gates} * units), (batch, units) and "
                f"(units, {self.gates} * units)"
            )
        if any(x.dtype != z.dtype for x in rest) or not z.dtype.is_floating:
            raise DtypeError(f"{self.name}: z is {z}, the kernel {kernel}; all must have one floating dtype")
        batch = merge(Shape(z.shape[:1]), Shape(rest[0].shape[:1]))[0]
        state = TensorSpec(Shape((batch, units)), z.dtype)
        sizes = [1, *self.saved]
        over_time = [TensorSpec(Shape((batch, z.shape[1], n * (units or 0))), z.dtype) for n in sizes]
        return (*(state,) * self.states, *over_time)

    def forward(self, *inputs):
        z = inputs[0]
        if z.shape[1]:
            return tuple(self.of(_run, *inputs))
        units = inputs[1].shape[1]
        return (*inputs[1 : 1 + self.states], *(z.reshape(len(z), 0, n * units) for n in (1, *self.saved)))

    def filled(self, gs: Sequence[Tensor | None], ys: Sequence[Tensor]) -> list[Tensor]:
        """The gradients of the final states and of the outputs; zeros where nothing depends on them."""
        return [zeros_like(y) if g is None else g for g, y in zip(gs, ys, strict=False)]


def _kernel_gradient(before: Tensor, g: Tensor) -> Tensor:
    """before (N, T, U) and g (N, T, G) -> (U, G)."""
    rows, columns = (reshape(x, (-1, x.shape[2])) for x in (before, g))
    return matmul(rows, columns, transpose_a=True)


class LstmSequence(_Sequence):
    """z, h, c, kernel -> final h and c, outputs (N, T, U), gates i, f, g, o (N, T, 4 U), cells (N, T, U).

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.
    """

    gates, states, saved = 4, 2, (4, 1)

    def forward(self, z, h, c, kernel):
        return super().forward(z, h, c, kernel)

    def of(self, run, z, h, c, kernel):
        return run(_lstm, [h, c], [z], [kernel])

    def vjp(self, gs, ys, z, h, c, kernel):
        if gs[3] is not None or gs[4] is not None:
            return self.through_steps(gs, (z, h, c, kernel))
        _, _, outputs, gates, cells = ys
        to_h, to_c, to_z = LstmSequenceGrad()(*self.filled(gs[:3], ys), gates, cells, c, kernel)
        return to_z, to_h, to_c, _kernel_gradient(_before(h, outputs), to_z)


def _lstm(maths: Maths, states: list[Any], now: list[Any], kernel: Any) -> tuple[list[Any], list[Any]]:
    (h, c), (z,) = states, now
    i, f, g, o = maths.parts(z + maths.product(h, kernel), 4)
    i, f, g, o = maths.sigmoid(i), maths.sigmoid(f), maths.tanh(g), maths.sigmoid(o)
    c = f * c + i * g
    h = o * maths.tanh(c)
    return [h, c], [h, maths.join([i, f, g, o]), c]


class LstmSequenceGrad(_Steps):
    """The gradients of final h and c and of the outputs, gates, cells, first c, kernel -> those of first h and c, z."""

    def infer(self, g_h, g_c, g_outputs, gates, cells, c, kernel):
        return (*(TensorSpec(c.shape, c.dtype),) * 2, TensorSpec(gates.shape, gates.dtype))

    def forward(self, g_h, g_c, g_outputs, gates, cells, c, kernel):
        if not gates.shape[1]:
            return g_h, g_c, gates
        return tuple(self.of(_run, g_h, g_c, g_outputs, gates, cells, c, kernel))

    def of(self, run, g_h, g_c, g_outputs, gates, cells, c, kernel):
        return run(_lstm_back, [g_h, g_c], [g_outputs, gates, cells, _before(c, cells)], [kernel], True)

    def vjp(self, gs, ys, *inputs):
        return self.through_steps(gs, inputs)


def _lstm_back(maths: Maths, states: list[Any], now: list[Any], kernel: Any) -> tuple[list[Any], list[Any]]:
    (g_h, g_c), (g_output, gates, cell, before) = states, now
    i, f, g, o = maths.parts(gates, 4)
    t, g_h = maths.tanh(cell), g_h + g_output
    g_c = g_c + g_h * o * (1 - t * t)
    to_z = maths.join(
        [g_c * g * (i * (1 - i)), g_c * before * (f * (1 - f)), g_c * i * (1 - g * g), g_h * t * (o * (1 - o))]
    )
    return [maths.back(to_z, kernel), g_c * f], [to_z]


class GruSequence(_Sequence):
    """z, h, kernel, bias (3 U) -> final h, outputs (N, T, U), gates z, r, candidate and h U_h + b_h (N, T, 4 U).

    The reset gate acts after the product with the kernel. Source: Cho et al., 2014.
    """

    gates, states, saved = 3, 1, (4,)

    def forward(self, z, h, kernel, bias):
        return super().forward(z, h, kernel, bias)

    def of(self, run, z, h, kernel, bias):
        return run(_gru, [h], [z], [kernel, bias])

    def vjp(self, gs, ys, z, h, kernel, bias):
        if gs[2] is not None:
            return self.through_steps(gs, (z, h, kernel, bias))
        _, outputs, gates = ys
        to_h, to_z, to_product = GruSequenceGrad()(*self.filled(gs[:2], ys), gates, outputs, h, kernel)
        to_kernel = _kernel_gradient(_before(h, outputs), to_product)
        return to_z, to_h, to_kernel, reduce_sum(to_product, (0, 1))


def _gru(maths: Maths, states: list[Any], now: list[Any], kernel: Any, bias: Any) -> tuple[list[Any], list[Any]]:
    (h,), (x,) = states, now
    x_z, x_r, x_h = maths.parts(x, 3)
    h_z, h_r, h_h = maths.parts(maths.product(h, kernel) + bias, 3)
    z, r = maths.sigmoid(x_z + h_z), maths.sigmoid(x_r + h_r)
    candidate = maths.tanh(x_h + r * h_h)
    h = z * h + (1 - z) * candidate
    return [h], [h, maths.join([z, r, candidate, h_h])]


class GruSequenceGrad(_Steps):
    """The gradients of final h and of the outputs, gates, outputs, first h, kernel -> those of first h, of z and of
    h times the kernel.
    """

    def infer(self, g_h, g_outputs, gates, outputs, h, kernel):
        whole = TensorSpec(Shape((*gates.shape[:2], kernel.shape[1])), gates.dtype)
        return TensorSpec(h.shape, h.dtype), whole, whole

    def forward(self, g_h, g_outputs, gates, outputs, h, kernel):
        if not gates.shape[1]:
            empty = np.zeros((len(h), 0, kernel.shape[1]), h.dtype)
            return g_h, empty, empty
        return tuple(self.of(_run, g_h, g_outputs, gates, outputs, h, kernel))

    def of(self, run, g_h, g_outputs, gates, outputs, h, kernel):
        return run(_gru_back, [g_h], [g_outputs, gates, _before(h, outputs)], [kernel], True)

    def vjp(self, gs, ys, *inputs):
        return self.through_steps(gs, inputs)


def _gru_back(maths: Maths, states: list[Any], now: list[Any], kernel: Any) -> tuple[list[Any], list[Any]]:
    (g_h,), (g_output, gates, before) = states, now
    z, r, candidate, h_h = maths.parts(gates, 4)
    g_h = g_h + g_output
    to_candidate = g_h * (1 - z) * (1 - candidate * candidate)
    to_z = g_h * (before - candidate) * (z * (1 - z))
    to_r = to_candidate * h_h * (r * (1 - r))
    to_product = maths.join([to_z, to_r, to_candidate * r])
    return [g_h * z + maths.back(to_product, kernel)], [maths.join([to_z, to_r, to_candidate]), to_product]


class SimpleRnnSequence(_Sequence):
    """z, h, kernel -> final h, outputs (N, T, U): h' = tanh(z + h U)."""

    def forward(self, z, h, kernel):
        return super().forward(z, h, kernel)

    def of(self, run, z, h, kernel):
        return run(_simple, [h], [z], [kernel])

    def vjp(self, gs, ys, z, h, kernel):
        _, outputs = ys
        to_h, to_z = SimpleRnnSequenceGrad()(*self.filled(gs, ys), outputs, kernel)
        return to_z, to_h, _kernel_gradient(_before(h, outputs), to_z)


def _simple(maths: Maths, states: list[Any], now: list[Any], kernel: Any) -> tuple[list[Any], list[Any]]:
    (h,), (z,) = states, now
    h = maths.tanh(z + maths.product(h, kernel))
    return [h], [h]


class SimpleRnnSequenceGrad(_Steps):
    """The gradients of final h and of the outputs, outputs, kernel -> those of first h and of z."""

    def infer(self, g_h, g_outputs, outputs, kernel):
        return TensorSpec(g_h.shape, g_h.dtype), TensorSpec(outputs.shape, outputs.dtype)

    def forward(self, g_h, g_outputs, outputs, kernel):
        if not outputs.shape[1]:
            return g_h, outputs
        return tuple(self.of(_run, g_h, g_outputs, outputs, kernel))

    def of(self, run, g_h, g_outputs, outputs, kernel):
        return run(_simple_back, [g_h], [g_outputs, outputs], [kernel], True)

    def vjp(self, gs, ys, *inputs):
        return self.through_steps(gs, inputs)


def _simple_back(maths: Maths, states: list[Any], now: list[Any], kernel: Any) -> tuple[list[Any], list[Any]]:
    (g_h,), (g_output, output) = states, now
    to_z = (g_h + g_output) * (1 - output * output)
    return [maths.back(to_z, kernel)], [to_z]
