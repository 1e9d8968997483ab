"""Recurrent layers: a cell run over the time steps of sequences (N, T, …)."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from tfcli.declare import FieldError
from tfcli.engine import nest
from tfcli.engine.ops.control import Step, scan
from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.join import stack
from tfcli.engine.ops.sequences import carried_state
from tfcli.engine.ops.shape import expand_dims, transpose
from tfcli.engine.ops.slicing import reverse
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError
from tfcli.models.layers.base import Layer
from tfcli.models.layers.cells import Cell, StackedRNNCells, as_cell, build_cell, require_cell
from tfcli.models.layers.gates import (
    CONSTRAINTS,
    DROPOUT,
    INITIALIZERS,
    REGULARIZERS,
    GRUStep,
    LSTMStep,
    SimpleRNNStep,
)
from tfcli.models.layers.keras_order import KerasOrder
from tfcli.models.regularizers import Regularizer

TIME = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll")


class OverTime(KerasOrder, abstract=True):
    """Base of the layers that run a cell over time: (N, T, C) -> (N, units), or (N, T, units) with `return_sequences`.

    Where the mask (N, T) is false the states stay as they are and the output is the one before, or zero with
    `zero_output_for_mask`. From Python `initial_state` is what it starts from, and with `return_state` it returns
    (output, *states).
    """

    return_sequences: bool = False
    "Whether the output has every time step, or the last alone."
    return_state: bool = False
    "Whether the final states are returned after the output (from Python; a layer of a spec has one output)."
    go_backwards: bool = False
    "Whether time runs backwards; the outputs then come in the order they were computed."
    stateful: bool = False
    "Whether each batch goes on from the final states of the batch before."
    unroll: bool = False
    "Whether each step becomes a part of the graph, instead of a loop. Needs a known length."
    zero_output_for_mask: bool = False
    "Whether masked steps give zeros; otherwise they repeat the output before."

    supports_masking = True
    axes: ClassVar[int] = 3
    """How many axes the input has; 0: what the cell reads."""
    _states: Sequence[Variable] = ()
    """What `stateful` keeps from batch to batch; empty before the first."""

    def cell_of(self) -> Cell:
        """What does one time step."""
        raise TypeError(f"the layer {type(self).__name__} has no cell")

    def build_steps(self, step_shape: Shape) -> None:
        """Make the cell's weights for the inputs of one time step, (N, …)."""
        raise TypeError(f"the layer {type(self).__name__} has no build_steps")

    def build(self, input_shape: Shape) -> None:
        if self.axes and len(input_shape) != self.axes:
            raise ShapeError(
                f"expected {self.axes} axes, (batch, time, …), got {show_shape(input_shape)}; "
                "`reshape` adds an axis, and a recurrent layer before this one needs `return_sequences: true`"
            )
        self.build_steps(Shape((input_shape[0], *input_shape[2:])))

    def call(self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        cell = self.cell_of()
        inputs = reverse(sequences, [1]) if self.go_backwards else sequences
        held = cell.hold(inputs[:, 0], training)
        if mask is None and not self.unroll and cell.takes_whole(held):
            projected = cell.project_whole(inputs, held)
            outputs, states = cell.whole(projected, self._first_states(cell, projected[:, 0], initial_state), held)
            output = outputs if self.return_sequences else states[0]
        else:
            projected = cell.project(_swap(inputs), held)  # every step's product with the kernel at once
            states = self._first_states(cell, projected[0], initial_state)
            mask = None if mask is None else self._step_mask(mask, states[0].ndim)
            outputs, states = self._run(cell, held, projected, states, mask)
            output = _swap(outputs) if self.return_sequences else outputs[-1]
        if self.stateful:
            self._keep(states)
        if not self.return_state:
            return output
        packed = nest.pack(cell.state_size, states)
        return (output, *(packed if isinstance(packed, list | tuple) else [packed]))

    def _step_mask(self, mask: Any, rank: int) -> Tensor:
        """(N, T) -> (T, N, 1, …), to broadcast against states of `rank` axes."""
        steps = _swap(cast(convert_to_tensor(mask), "bool"))
        steps = reverse(steps, [0]) if self.go_backwards else steps
        for _ in range(rank - 1):
            steps = expand_dims(steps, -1)
        return steps

    def _first_states(self, cell: Cell, first: Tensor, given: Any) -> list[Tensor]:
        zeros = cell.zero_states(first)
        if self.stateful and not self._states:
            self._states = [_no_state_yet(zero) for zero in zeros]
        if given is not None:
            states = nest.flatten(given)
            if len(states) != len(zeros):
                raise ShapeError(f"initial_state has {len(states)} tensors, the cell has {len(zeros)} states")
            return [cast(convert_to_tensor(state), zero.dtype) for state, zero in zip(states, zeros, strict=True)]
        if not self.stateful:
            return zeros
        return [carried_state(state.value(), zero) for state, zero in zip(self._states, zeros, strict=True)]

    def _keep(self, states: Sequence[Tensor]) -> None:
        for variable, state in zip(self._states, states, strict=True):
            variable.assign(state)

    @property
    def carried(self) -> Sequence[Variable]:
        """What `stateful` keeps from batch to batch, each (N, …), without rows before the first batch."""
        return self._states

    def reset_state(self) -> None:
        """Forget the states that `stateful` kept: the next batch starts from zeros. Raises TfcliError without."""
        if not self.stateful:
            raise TfcliError(f"{self.path} keeps no state between batches; that is what `stateful=True` is for")
        for variable in self._states:
            variable.array = variable.array[:0]

    reset_states = reset_state

    def _run(
        self, cell: Cell, held: Any, projected: Tensor, states: list[Tensor], mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """All steps: the outputs (T, N, …) and the final states."""
        if mask is None:

            def step(carries: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
                output, after = cell.step(now[0], carries, held)
                return after, [output]

            final, (outputs,) = self._loop(step, states, [projected])
            return outputs, list(final)

        def masked_step(carries: list[Tensor], now: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
            (z, here), (before, *held_states) = now, carries
            output, after = cell.step(z, held_states, held)
            output = where(here, output, before)
            kept = [where(here, new, old) for new, old in zip(after, held_states, strict=True)]
            return [before if self.zero_output_for_mask else output, *kept], [output]

        start = [cell.zero_output(states), *states]
        (_, *final), (outputs,) = self._loop(masked_step, start, [projected, mask])
        return outputs, final

    def _loop(
        self, step: Step, carries: Sequence[Tensor], sequences: Sequence[Tensor]
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        if not self.unroll:
            return scan(step, carries, sequences)
        length = sequences[0].shape[0]
        if length is None:
            raise ShapeError(
                "unroll needs to know the number of time steps; give the model's input a length, or leave unroll out"
            )
        made = []
        for t in range(length):
            carries, outputs = step(list(carries), [s[t] for s in sequences])
            made.append(outputs)
        return carries, [stack(o) for o in zip(*made, strict=True)]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return mask if self.return_sequences else None


def _no_state_yet(zero: Tensor) -> Variable:
    """A variable for states like `zero` (N, …), for batches of any size."""
    sizes = zero.shape[1:]
    if None in sizes:
        raise ShapeError(f"stateful needs to know every size of a state but the batch's, got {show_shape(zero.shape)}")
    empty = np.zeros((0, *(d or 0 for d in sizes)), zero.dtype.numpy)
    return Variable(empty, trainable=False, name="rnn_state", shape=Shape((None, *sizes)))


def _swap(x: Tensor) -> Tensor:
    return transpose(x, [1, 0, *range(2, x.ndim)])


class Gated(OverTime, abstract=True):
    """Base of the layers that are a cell of gates themselves: its fields and its weights (`lstm/kernel`) are theirs."""

    activity_regularizer: Regularizer | None = None

    def cell_of(self) -> Cell:
        assert isinstance(self, Cell)
        return self

    def build_steps(self, step_shape: Shape) -> None:
        self.build_cell(step_shape)  # type: ignore[attr-defined]


class SimpleRNN(SimpleRNNStep, Gated):  # type: ignore[misc]
    """h' = activation(x W + b + h U) over time: (N, T, C) -> (N, units), or (N, T, units) with `return_sequences`.

    As in Keras, its `activity_regularizer` does not count: an activity_regularization layer behind it does.
    """

    penalizes_outputs = False

    order = (
        "units",
        "activation",
        *INITIALIZERS,
        *REGULARIZERS,
        "activity_regularizer",
        *CONSTRAINTS,
        *DROPOUT,
        *TIME,
        "seed",
    )


class _Fused(Gated, abstract=True):
    use_cudnn: bool | Literal["auto"] = "auto"
    "`true` asks for a GPU's kernel, which there is none of."

    def check(self) -> None:
        if self.use_cudnn is True:
            raise FieldError("use_cudnn", "there is no cuDNN here, training runs on the CPU", "write `use_cudnn: auto`")


class GRU(GRUStep, _Fused):  # type: ignore[misc]
    """The gated recurrent unit over time: (N, T, C) -> (N, units), or (N, T, units) with `return_sequences`.

    Cho et al., 2014.
    """

    order = (
        "units",
        "activation",
        "recurrent_activation",
        *INITIALIZERS,
        *REGULARIZERS,
        "activity_regularizer",
        *CONSTRAINTS,
        *DROPOUT,
        "seed",
        *TIME,
        "reset_after",
        "use_cudnn",
    )


class LSTM(LSTMStep, _Fused):  # type: ignore[misc]
    """Long short-term memory over time: (N, T, C) -> (N, units), or (N, T, units) with `return_sequences`.

    Hochreiter and Schmidhuber, 1997.
    """

    order = (
        "units",
        "activation",
        "recurrent_activation",
        *INITIALIZERS,
        "unit_forget_bias",
        *REGULARIZERS,
        "activity_regularizer",
        *CONSTRAINTS,
        *DROPOUT,
        "seed",
        *TIME,
        "use_cudnn",
    )


class RNN(OverTime):
    """A cell, or a list of cells stacked on one another, run over time: (N, T, …) -> (N, size), or (N, T, size)."""

    cell: Layer | list[Layer]
    activity_regularizer: Regularizer | None = None

    axes = 0
    order = ("cell", *TIME, "zero_output_for_mask")

    def check(self) -> None:
        if isinstance(self.cell, list):
            self.cell = StackedRNNCells(self.cell)
        require_cell(self.cell, "cell")

    def cell_of(self) -> Cell:
        assert isinstance(self.cell, Layer)
        return as_cell(self.cell)

    def build_steps(self, step_shape: Shape) -> None:
        assert isinstance(self.cell, Layer)
        build_cell(self.cell, self.path, step_shape)
