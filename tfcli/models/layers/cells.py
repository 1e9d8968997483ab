"""Recurrent cells: what a recurrent layer does at one time step, and cells stacked on one another."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from tfcli.declare import DropRate, FieldError, PositiveInt
from tfcli.engine import nest
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.nn import dropout
from tfcli.engine.ops.sequences import parts
from tfcli.engine.ops.shape import concat, ones_like, tile, zeros_like
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor
from tfcli.models.activations import Activation
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.base import Layer, feature_size
from tfcli.models.layers.keras_order import KerasOrder
from tfcli.models.regularizers import Regularizer

INITIALIZERS = ("use_bias", "kernel_initializer", "recurrent_initializer", "bias_initializer")
REGULARIZERS = ("kernel_regularizer", "recurrent_regularizer", "bias_regularizer")
CONSTRAINTS = ("kernel_constraint", "recurrent_constraint", "bias_constraint")
DROPOUT = ("dropout", "recurrent_dropout")


class Held(NamedTuple):
    """What stays the same at every time step of a call."""

    input_masks: list[Tensor]
    """Dropout masks (N, C): none, one, or one a gate."""
    state_masks: list[Tensor]
    """Dropout masks (N, units): none, or one a gate."""
    kernels: list[Tensor]
    """The recurrent kernel (units, gates * units), or its parts."""
    bias: Tensor | None = None
    """The recurrent bias (gates * units), where there is one."""


class Cell(Layer, abstract=True):
    """Base of the cells: `cell(inputs, states)` -> (output, new states) for one time step.

    A cell of one's own needs `state_size` (a size, or a list of them) and `call(inputs, states)`. Ours also divide a
    step in two: `project(inputs, held)`, which needs no state and so is done for all steps at once, and
    `step(projected, states, held)`.
    """

    @property
    def state_size(self) -> Any:
        raise TypeError(f"the cell {type(self).__name__} has no state_size")

    def call(self, inputs: Tensor, states: Any = None, training: bool = False) -> tuple[Tensor, Any]:
        """inputs (N, C) and states (N, size), zeros by default -> output (N, size) and the new states."""
        held = self.hold(inputs, training)
        projected = self.project(inputs, held)
        if states is None:
            states = nest.pack(self.state_size, self.zero_states(projected))
        output, after = self.step(projected, nest.flatten(states), held)
        return output, nest.pack(states, after)

    def hold(self, inputs: Tensor, training: bool) -> Any:
        """What one call of a layer over all time steps draws and cuts once. `inputs` (N, C) are those of one step."""
        return training

    def project(self, inputs: Tensor, held: Any) -> Tensor:
        """The part of a step that needs no state: inputs (…, N, C) -> (…, N, size)."""
        return inputs

    def step(self, projected: Tensor, states: list[Tensor], held: Any) -> tuple[Tensor, list[Tensor]]:
        """What `project` made of one step, (N, size), and flat states -> output and new flat states."""
        raise TypeError(f"the cell {type(self).__name__} has no step")

    def zero_states(self, projected: Tensor) -> list[Tensor]:
        """The states before the first step, (N, size) each."""
        return [zeros_of(projected, size) for size in nest.flatten(self.state_size)]

    def zero_output(self, states: list[Tensor]) -> Tensor:
        """Zeros in the shape of an output."""
        return zeros_like(states[0])


def zeros_of(like: Tensor, size: int) -> Tensor:
    """Zeros (N, size) for the batch of `like` (N, …)."""
    return tile(zeros_like(like[:, :1]), (1, size))


class Gates(KerasOrder, Cell, abstract=True):
    """Base of the cells that are made of a kernel, a recurrent kernel and a bias for each gate."""

    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    recurrent_initializer: Initializer = "orthogonal"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    kernel_regularizer: Regularizer | None = None
    recurrent_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    recurrent_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None
    dropout: DropRate = 0.0
    "The fraction of the inputs that training drops, the same entries at every time step."
    recurrent_dropout: DropRate = 0.0
    "The fraction of the recurrent state that training drops, the same entries at every time step."
    seed: int | None = None
    "Of the dropout; by default that of the whole run."

    gates: ClassVar[int] = 1
    units: int

    def build_cell(self, input_shape: Shape) -> None:
        """Make the weights for inputs (N, C)."""
        width = self.gates * self.units
        self.kernel = self.add_weight(
            "kernel",
            (feature_size(input_shape, self.type_name), width),
            self.kernel_initializer,
            True,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel",
            (self.units, width),
            self.recurrent_initializer,
            True,
            self.recurrent_regularizer,
            self.recurrent_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", self.bias_shape(), self.first_bias(), True, self.bias_regularizer, self.bias_constraint
            )

    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def first_bias(self) -> Initializer:
        return self.bias_initializer

    def hold(self, inputs: Tensor, training: bool) -> Held:
        # As in Keras, the gates have masks of their own only where the state has dropout too.
        count = self.gates if self.recurrent_dropout else 1
        if not training:
            return Held([], [], self.recurrent_kernels(1), self.recurrent_bias())
        state = zeros_of(inputs, self.units)
        return Held(
            self._masks(inputs, self.dropout, count),
            self._masks(state, self.recurrent_dropout, count),
            self.recurrent_kernels(count),
            self.recurrent_bias(),
        )

    def _masks(self, like: Tensor, rate: float, count: int) -> list[Tensor]:
        return [dropout(ones_like(like), rate, seed=self.seed) for _ in range(count)] if rate else []

    def recurrent_kernels(self, count: int) -> list[Tensor]:
        """The recurrent kernel in `count` parts, one or one a gate."""
        kernel = self.recurrent_kernel.value()
        return [kernel] if count == 1 else list(parts(kernel, count))

    def project(self, inputs: Tensor, held: Held) -> Tensor:
        """inputs @ kernel + bias: (…, N, C) -> (…, N, gates * units)."""
        masks, kernel = held.input_masks, self.kernel.value()
        kernels = parts(kernel, len(masks)) if len(masks) > 1 else [kernel]
        z = self.products(inputs, masks, kernels)
        return z + self.input_bias() if self.use_bias else z

    def input_bias(self) -> Tensor:
        return self.bias.value()

    def recurrent_bias(self) -> Tensor | None:
        return None

    def products(self, x: Tensor, masks: list[Tensor], kernels: Any) -> Tensor:
        """x @ kernel with x under a mask for each part of the kernel: (…, N, C) -> (…, N, gates * units)."""
        if not masks:
            (kernel,) = kernels
            return matmul(x, kernel)
        made = [matmul(x * mask, kernel) for mask, kernel in zip(masks, kernels, strict=True)]
        return made[0] if len(made) == 1 else concat(made, -1)


class SimpleRNNStep(Gates, abstract=True):
    """h' = activation(x W + b + h U)."""

    units: PositiveInt
    activation: Activation | None = "tanh"  # type: ignore[assignment]

    @property
    def state_size(self) -> int:
        return self.units

    def step(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        h = projected + self.products(h, held.state_masks, held.kernels)
        h = h if self.activation is None else self.activation(h)
        return h, [h]


class GRUStep(Gates, abstract=True):
    """h' = z h + (1 - z) activation(candidate), z and r = recurrent_activation(x W + h U) (Cho et al., 2014).

    The reset gate r acts on h U_h with `reset_after` (two biases), else on h before the product.
    """

    units: PositiveInt
    activation: Activation | None = "tanh"  # type: ignore[assignment]
    recurrent_activation: Activation | None = "sigmoid"  # type: ignore[assignment]
    reset_after: bool = True
    "Whether the reset gate acts after the product with the recurrent kernel (as in cuDNN) or before."

    gates = 3

    @property
    def state_size(self) -> int:
        return self.units

    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def input_bias(self) -> Tensor:
        return self.bias.value()[0] if self.reset_after else self.bias.value()

    def recurrent_bias(self) -> Tensor | None:
        return self.bias.value()[1] if self.use_bias and self.reset_after else None

    def recurrent_kernels(self, count: int) -> list[Tensor]:
        """Without `reset_after` the candidate's part stands by itself."""
        if self.reset_after or count > 1:
            return super().recurrent_kernels(count)
        kernel = self.recurrent_kernel.value()
        return [kernel[:, : 2 * self.units], kernel[:, 2 * self.units :]]

    def step(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        x_z, x_r, x_h = parts(projected, 3)
        if self.reset_after:
            inner = self.products(h, held.state_masks, held.kernels)
            h_z, h_r, h_h = parts(inner if held.bias is None else inner + held.bias, 3)
        else:
            h_z, h_r = parts(self.products(h, held.state_masks[:2], held.kernels[:-1]), 2)
        z, r = _gate(self.recurrent_activation, x_z + h_z), _gate(self.recurrent_activation, x_r + h_r)
        if not self.reset_after:
            h_h = matmul(r * (h * held.state_masks[2] if held.state_masks else h), held.kernels[-1])
        candidate = _gate(self.activation, x_h + (r * h_h if self.reset_after else h_h))
        h = z * h + (1.0 - z) * candidate
        return h, [h]


class LSTMStep(Gates, abstract=True):
    """c' = f c + i activation(g), h' = o activation(c'), with i, f, o = recurrent_activation(x W + h U + b).

    Hochreiter and Schmidhuber, 1997.
    """

    units: PositiveInt
    activation: Activation | None = "tanh"  # type: ignore[assignment]
    recurrent_activation: Activation | None = "sigmoid"  # type: ignore[assignment]
    unit_forget_bias: bool = True
    "Whether the bias of the forget gate starts at 1."

    gates = 4

    @property
    def state_size(self) -> list[int]:
        return [self.units, self.units]

    def first_bias(self) -> Initializer:
        return ForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer

    def step(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        z_i, z_f, z_g, z_o = parts(projected + self.products(h, held.state_masks, held.kernels), 4)
        i, f, o = (_gate(self.recurrent_activation, z) for z in (z_i, z_f, z_o))
        c = f * c + i * _gate(self.activation, z_g)
        h = o * _gate(self.activation, c)
        return h, [h, c]


def _gate(activation: Activation | None, x: Tensor) -> Tensor:
    return x if activation is None else activation(x)


class ForgetBias(Initializer, abstract=True):
    """An LSTM's bias (4 * units): ones for the forget gate, the second quarter, and `initializer` for the others."""

    initializer: Initializer

    def __call__(self, shape: Any, dtype: Any, generator: np.random.Generator) -> np.ndarray:
        (size,) = shape
        units = size // 4
        before, after = (self.initializer((n,), dtype, generator) for n in (units, 2 * units))
        return np.concatenate([before, np.ones_like(before), after])


class SimpleRNNCell(SimpleRNNStep):
    """One step of a `simple_rnn`."""

    order = ("units", "activation", *INITIALIZERS, *REGULARIZERS, *CONSTRAINTS, *DROPOUT)

    build = Gates.build_cell


class GRUCell(GRUStep):
    """One step of a `gru`."""

    order = (
        "units",
        "activation",
        "recurrent_activation",
        *INITIALIZERS,
        *REGULARIZERS,
        *CONSTRAINTS,
        *DROPOUT,
        "reset_after",
    )

    build = Gates.build_cell


class LSTMCell(LSTMStep):
    """One step of an `lstm`."""

    order = (
        "units",
        "activation",
        "recurrent_activation",
        *INITIALIZERS,
        "unit_forget_bias",
        *REGULARIZERS,
        *CONSTRAINTS,
        *DROPOUT,
    )

    build = Gates.build_cell


class StackedRNNCells(Cell):
    """Cells on one another: each reads the output of the one before."""

    cells: list[Layer]

    def check(self) -> None:
        if not self.cells:
            raise FieldError(
                "cells", "a stack without cells does nothing", "list at least one cell, such as `lstm_cell`"
            )
        for i, cell in enumerate(self.cells):
            require_cell(cell, ("cells", i))

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self._steppers()]

    @property
    def output_size(self) -> int:
        return output_size(self.cells[-1])

    def _steppers(self) -> list[Cell]:
        return [as_cell(cell) for cell in self.cells]

    def build(self, input_shape: Shape) -> None:
        for i, cell in enumerate(self.cells):
            build_cell(cell, f"{self.path}/{cell.name or i}", input_shape)
            input_shape = Shape((input_shape[0], output_size(cell)))

    def hold(self, inputs: Tensor, training: bool) -> list[Any]:
        held = []
        for cell in self._steppers():
            held.append(cell.hold(inputs, training))
            inputs = zeros_of(inputs, output_size(cell))
        return held

    def zero_output(self, states: list[Tensor]) -> Tensor:
        last = self._steppers()[-1]
        return last.zero_output(states[-len(nest.flatten(last.state_size)) :])

    def project(self, inputs: Tensor, held: list[Any]) -> Tensor:
        return self._steppers()[0].project(inputs, held[0])

    def step(self, projected: Tensor, states: list[Tensor], held: list[Any]) -> tuple[Tensor, list[Tensor]]:
        after: list[Tensor] = []
        output = projected
        for i, cell in enumerate(self._steppers()):
            own = states[len(after) : len(after) + len(nest.flatten(cell.state_size))]
            output, new = cell.step(output if i == 0 else cell.project(output, held[i]), own, held[i])
            after += new
        return output, after


class OwnCell(Cell, abstract=True):
    """A cell written in Python, with `state_size` and `call(inputs, states)` alone, as one of ours."""

    cell: Layer

    @property
    def state_size(self) -> Any:
        return self.cell.state_size  # type: ignore[attr-defined]

    def zero_output(self, states: list[Tensor]) -> Tensor:
        return zeros_of(states[0], output_size(self.cell))

    def step(self, projected: Tensor, states: list[Tensor], held: Any) -> tuple[Tensor, list[Tensor]]:
        output, after = self.cell(projected, states, training=held)
        return output, nest.flatten(after)


def as_cell(cell: Layer) -> Cell:
    return cell if isinstance(cell, Cell) else OwnCell(cell)


def output_size(cell: Layer) -> int:
    """The size of a cell's output: its `output_size` where it has one, else that of its first state."""
    own = cell.cell if isinstance(cell, OwnCell) else cell
    return getattr(own, "output_size", None) or nest.flatten(own.state_size)[0]  # type: ignore[attr-defined]


def require_cell(cell: Layer, place: str | tuple[str | int, ...]) -> None:
    """Raises FieldError for a layer that is no cell."""
    is_cell = hasattr(type(cell), "state_size") or "state_size" in cell.__dict__
    if not is_cell or hasattr(cell, "return_sequences"):
        hint = "cells are `simple_rnn_cell`, `gru_cell`, `lstm_cell` and `stacked_rnn_cells`"
        raise FieldError(place, f"a {cell.type_name} layer is no recurrent cell", hint)


def build_cell(cell: Layer, path: str, input_shape: Shape) -> None:
    """Make a cell's weights under `path` for inputs (N, C), unless they are made."""
    if not cell.built:
        cell.path = path
        cell.build(input_shape)
        cell.built = True
