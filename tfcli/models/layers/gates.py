"""The cells made of gates, `simple_rnn_cell`, `gru_cell` and `lstm_cell`: the arithmetic that their layers share."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from tfcli.declare import DropRate, PositiveInt
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.nn import dropout
from tfcli.engine.ops.recurrent import GruSequence, LstmSequence, SimpleRnnSequence
from tfcli.engine.ops.sequences import parts
from tfcli.engine.ops.shape import expand_dims, ones_like, zeros_like
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor
from tfcli.models.activations import Activation, Sigmoid, Tanh
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.base import feature_size
from tfcli.models.layers.cells import Cell, zeros_of
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

    usual: ClassVar[dict[str, type[Activation]]] = {"activation": Tanh, "recurrent_activation": Sigmoid}
    """The activations that the op over whole sequences has."""
    gates: ClassVar[int] = 1
    mask_for_each_gate: ClassVar[bool] = False
    """Whether dropout draws a mask for each gate even where the state has none."""

    @property
    def size(self) -> int:
        """How many features each gate gives."""
        return self.units  # type: ignore[attr-defined]

    def kernel_shape(self, features: int) -> tuple[int, ...]:
        return (features, self.gates * self.size)

    def build_cell(self, input_shape: Shape) -> None:
        """Make the weights for inputs (N, …, C)."""
        self.kernel = self.add_weight(
            "kernel",
            self.kernel_shape(feature_size(input_shape, self.type_name)),
            self.kernel_initializer,
            True,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel",
            self.kernel_shape(self.size),
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
        return (self.gates * self.size,)

    def first_bias(self) -> Initializer:
        return self.bias_initializer

    def hold(self, inputs: Tensor, training: bool) -> Held:
        if not training:
            return Held([], [], self.recurrent_kernels(1), self.recurrent_bias())
        # As in Keras, the inputs of most cells have a mask for each gate only where the state has them too.
        of_state = self.gates if self.recurrent_dropout else 1
        of_inputs = self.gates if self.mask_for_each_gate else of_state
        input_masks = self._masks(inputs, self.dropout, of_inputs) if self.dropout else []
        state_masks = (
            self._masks(self.state_like(inputs), self.recurrent_dropout, of_state) if self.recurrent_dropout else []
        )
        return Held(input_masks, state_masks, self.recurrent_kernels(of_state), self.recurrent_bias())

    def state_like(self, inputs: Tensor) -> Tensor:
        """Zeros in the shape of a state, for the inputs of one step."""
        return zeros_of(inputs, self.size)

    def _masks(self, like: Tensor, rate: float, count: int) -> list[Tensor]:
        return [dropout(ones_like(like), rate, seed=self.seed) for _ in range(count)]

    def recurrent_kernels(self, count: int) -> list[Tensor]:
        """The recurrent kernel in `count` parts, one or one a gate."""
        kernel = self.recurrent_kernel.value()
        return [kernel] if count == 1 else list(parts(kernel, count))

    def project(self, inputs: Tensor, held: Held) -> Tensor:
        """inputs @ kernel + bias: (…, N, C) -> (…, N, gates * units)."""
        masks, kernel = held.input_masks, self.kernel.value()
        kernels = parts(kernel, len(masks)) if len(masks) > 1 else [kernel]
        z = self.products(self.input_product, inputs, masks, kernels)
        return z + self.input_bias() if self.use_bias else z

    def input_bias(self) -> Tensor:
        return self.bias.value()

    def recurrent_bias(self) -> Tensor | None:
        return None

    def input_product(self, x: Tensor, kernel: Tensor) -> Tensor:
        return matmul(x, kernel)

    def recurrent_product(self, h: Tensor, kernel: Tensor) -> Tensor:
        return matmul(h, kernel)

    def recur(self, h: Tensor, held: Held) -> Tensor:
        """h @ recurrent kernel: (N, units) -> (N, gates * units)."""
        return self.products(self.recurrent_product, h, held.state_masks, held.kernels)

    def is_plain(self, held: Held) -> bool:
        """Whether the op over whole sequences does what this cell does: usual activations, no masks of states."""
        usual = [(getattr(self, name), kind) for name, kind in self.usual.items()]
        return not held.state_masks and all(type(activation) is kind for activation, kind in usual)

    def project_whole(self, inputs: Tensor, held: Held) -> Tensor:
        return self.project(inputs, held._replace(input_masks=[expand_dims(mask, 1) for mask in held.input_masks]))

    def products(
        self, product: Callable[[Tensor, Tensor], Tensor], x: Tensor, masks: Sequence[Tensor], kernels: Sequence[Tensor]
    ) -> Tensor:
        """x times a kernel, or under each mask times its part of the kernel."""
        if not masks:
            (kernel,) = kernels
            return product(x, kernel)
        made = [product(x * mask, kernel) for mask, kernel in zip(masks, kernels, strict=True)]
        return made[0] if len(made) == 1 else concat(made, -1)


class SimpleRNNStep(Gates, abstract=True):
    """h' = activation(x W + b + h U)."""

    units: PositiveInt
    activation: Activation | None = "tanh"  # type: ignore[assignment]

    usual = {"activation": Tanh}

    @property
    def state_size(self) -> int:
        return self.units

    def takes_whole(self, held: Held) -> bool:
        return self.is_plain(held)

    def whole(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        h, outputs = SimpleRnnSequence()(projected, *states, *held.kernels)
        return outputs, [h]

    def step(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        h = projected + self.recur(h, held)
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

    def takes_whole(self, held: Held) -> bool:
        return self.reset_after and self.is_plain(held)

    def whole(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        (kernel,) = held.kernels
        bias = zeros_like(kernel[0]) if held.bias is None else held.bias
        h, outputs, _ = GruSequence()(projected, *states, kernel, bias)
        return outputs, [h]

    def step(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        (h,) = states
        x_z, x_r, x_h = parts(projected, 3)
        if self.reset_after:
            inner = self.recur(h, held)
            h_z, h_r, h_h = parts(inner if held.bias is None else inner + held.bias, 3)
        else:
            h_z, h_r = parts(self.products(self.recurrent_product, h, held.state_masks[:2], held.kernels[:-1]), 2)
        z, r = _gate(self.recurrent_activation, x_z + h_z), _gate(self.recurrent_activation, x_r + h_r)
        if not self.reset_after:
            h_h = matmul(r * (h * held.state_masks[2] if held.state_masks else h), held.kernels[-1])
        candidate = _gate(self.activation, x_h + (r * h_h if self.reset_after else h_h))
        h = z * h + (1.0 - z) * candidate
        return h, [h]


class LSTMGates(Gates, abstract=True):
    """c' = f c + i activation(g), h' = o activation(c'), with i, f, o = recurrent_activation(x W + h U + b).

    Hochreiter and Schmidhuber, 1997.
    """

    activation: Activation | None = "tanh"  # type: ignore[assignment]
    recurrent_activation: Activation | None = "sigmoid"  # type: ignore[assignment]
    unit_forget_bias: bool = True
    "Whether the bias of the forget gate starts at 1."

    gates = 4

    @property
    def state_size(self) -> list[int]:
        return [self.size, self.size]

    def first_bias(self) -> Initializer:
        return ForgetBias(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer

    def step(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        h, c = states
        z_i, z_f, z_g, z_o = parts(projected + self.recur(h, held), 4)
        i, f, o = (_gate(self.recurrent_activation, z) for z in (z_i, z_f, z_o))
        c = f * c + i * _gate(self.activation, z_g)
        h = o * _gate(self.activation, c)
        return h, [h, c]


class LSTMStep(LSTMGates, abstract=True):
    """An LSTM's step with dense kernels."""

    units: PositiveInt

    def takes_whole(self, held: Held) -> bool:
        return self.is_plain(held)

    def whole(self, projected: Tensor, states: list[Tensor], held: Held) -> tuple[Tensor, list[Tensor]]:
        h, c, outputs, _, _ = LstmSequence()(projected, *states, *held.kernels)
        return outputs, [h, c]


def _gate(activation: Activation | None, x: Tensor) -> Tensor:
    return x if activation is None else activation(x)


class ForgetBias(Initializer, abstract=True):
    """An LSTM's bias (4 * units): ones for the forget gate, the second quarter, and `initializer` for the others."""

    initializer: Initializer

    def values(self, shape: Any, dtype: Any, generator: np.random.Generator) -> np.ndarray:
        (size,) = shape
        units = size // 4
        before, after = (self.initializer.values((n,), dtype, generator) for n in (units, 2 * units))
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
