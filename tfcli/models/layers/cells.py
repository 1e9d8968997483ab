"""Recurrent cells: what a cell is, cells stacked on one another, and cells written in Python."""

from typing import Any

from tfcli.declare import FieldError
from tfcli.engine import nest
from tfcli.engine.ops.join import tile
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor
from tfcli.models.layers.base import Layer


class Cell(Layer, abstract=True):
    """Base of the cells: `cell(inputs, states)` -> (output, new states) for one time step.

    A cell of one's own needs `state_size` (a size, or a list of them) and `call(inputs, states)`. Ours also divide a
    step in two: `project(inputs, held)`, which needs no state and so is done for all steps at once, and
    `step(projected, states, held)`.
    """

    @property
    def state_size(self) -> Any:
        raise TypeError(f"the cell {type(self).__name__} has no state_size")

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> Any:  # type: ignore[override]
        """inputs (N, C) and states (N, size) -> output (N, size) and the new states."""
        held = self.hold(inputs, training)
        output, after = self.step(self.project(inputs, held), nest.flatten(states), held)
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

    def takes_whole(self, held: Any) -> bool:
        """Whether `project_whole` and `whole` do all steps at once."""
        return False

    def project_whole(self, inputs: Tensor, held: Any) -> Tensor:
        """What `project` makes of all steps: inputs (N, T, C) -> (N, T, size)."""
        raise TypeError(f"the cell {type(self).__name__} has no project_whole")

    def whole(self, projected: Tensor, states: list[Tensor], held: Any) -> tuple[Tensor, list[Tensor]]:
        """All steps from flat states: (N, T, size) -> outputs (N, T, size), final states, first the last output."""
        raise TypeError(f"the cell {type(self).__name__} has no whole")

    def zero_states(self, projected: Tensor) -> list[Tensor]:
        """The states before the first step, (N, size) each."""
        return [zeros_of(projected, size) for size in nest.flatten(self.state_size)]

    def zero_output(self, states: list[Tensor]) -> Tensor:
        """Zeros in the shape of an output."""
        return zeros_like(states[0])


def zeros_of(like: Tensor, size: int) -> Tensor:
    """Zeros (N, size) for the batch of `like` (N, …)."""
    return tile(zeros_like(like[:, :1]), (1, size))


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
            build_cell(cell, f"{self.path}/{cell.given_name or i}", input_shape)
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
