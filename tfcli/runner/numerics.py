"""Where a number that is not finite came from: the step that made it, done once more, op by op.

Training looks at the loss and at what it saves alone. When one of them is NaN or infinite, the run's last checkpoint is
loaded again, the steps after it are repeated, and each op of the step at fault is watched: the same numbers come, since
every random number is drawn from the seed, the step and the place.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfcli.engine.dispatch import recording, state
from tfcli.engine.graph.ir import Node
from tfcli.engine.tensor import Tensor, Variable
from tfcli.models.trainer import Batch, Trainer

REMEDIES = {
    "weights": "the weights that training began with hold it: look at train.initial_weights",
    "inputs": "look for it in the data, whose rows and columns `tfcli check` describes",
    "activations": "try a smaller optimizer.learning_rate, or a normalization stage for the inputs",
    "loss": "try a smaller optimizer.learning_rate, and a loss with from_logits: true",
    "gradients": "try optimizer.clipnorm, or a smaller optimizer.learning_rate",
    "update": "try a smaller optimizer.learning_rate, and optimizer.clipnorm",
}


@dataclass(frozen=True)
class Fault:
    """Where a value first was not finite: its `kind`, a key of REMEDIES, and a `text` that says where."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.text}; {REMEDIES[self.kind]}"


def name_of_non_finite(groups: Mapping[str, Mapping[str, np.ndarray]]) -> str | None:
    """The first array that holds NaN or an infinity, called `group name`; None where all are finite."""
    for group, arrays in groups.items():
        for name, array in arrays.items():
            if array.dtype.kind in "fc" and not np.isfinite(array).all():
                return f"{group} {name}"
    return None


def find_fault(trainer: Trainer, batches: Iterable[Batch], steps: int, wanted: Callable[[], bool]) -> Fault | None:
    """Repeat `steps` steps, the last of them watched; None where all its values are finite, or nothing is `wanted` any
    more. `trainer` is then one step on, in disorder.
    """
    for number, batch in enumerate(batches, 1):
        if not wanted():
            return None
        if number == steps:
            return _watched(trainer, batch)
        trainer.train_batch(batch)
    return None


def _watched(trainer: Trainer, batch: Batch) -> Fault | None:
    fault = _fault_of_batch(batch)
    if fault is not None:
        return fault
    watch = _Watch()
    with recording([watch]):  # type: ignore[list-item]
        trainer.train_eagerly(batch)
    return watch.fault()


def _fault_of_batch(batch: Batch) -> Fault | None:
    for what, arrays in (("input", batch.inputs), ("label", batch.targets)):
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                rows = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
                return Fault("inputs", f"the {what} `{name}` holds {_kind_of(array)} in row {rows[0]} of the batch")
    return None


class _Watch:
    """Stands where a gradient tape would, is told of every op, and keeps those with outputs that are not finite."""

    def __init__(self) -> None:
        self._faults: list[tuple[Fault, Sequence[Tensor]]] = []
        """What was bad, and what it was made of."""
        self._makers: dict[int, int] = {}
        """Which fault made an array, by the array's id: variables that are set in the step give arrays on."""
        self._kept: list[Tensor] = []

    def record_read(self, variable: Variable, value: Tensor) -> None:
        if _is_bad(value) and id(value.array) not in self._makers:
            text = f"`{getattr(variable, 'path', variable.name)}` holds {_kind_of(value.array)} before the step"
            self._add(Fault("weights", text), (), [value])

    def record(self, node: Node) -> None:
        bad = [output for output in node.outputs if _is_bad(output)]
        if bad:
            self._add(self._fault(node, bad[0]), node.inputs, bad)

    def _add(self, fault: Fault, inputs: Sequence[Tensor], bad: list[Tensor]) -> None:
        for tensor in bad:
            self._makers.setdefault(id(tensor.array), len(self._faults))
        self._kept += bad
        self._faults.append((fault, inputs))

    def fault(self) -> Fault | None:
        """The one that the last bad value comes from: others may have been masked, as a logarithm of 0 often is."""
        if not self._faults:
            return None
        place = len(self._faults) - 1
        while True:
            fault, inputs = self._faults[place]
            arrays = [id(tensor.array) for tensor in inputs]
            before = [self._makers[array] for array in arrays if self._makers.get(array, place) < place]
            if not before:
                return fault
            place = min(before)

    def _fault(self, node: Node, bad: Tensor) -> Fault:
        kind, where = _place(node)
        ranges = [text for text in map(_range_of, node.inputs) if text]
        read = f" from {' and '.join(ranges)}" if ranges else ""
        return Fault(kind, f"`{node.op.name}` {where} makes {_kind_of(bad.array)}{read}")


def _place(node: Node) -> tuple[str, str]:
    is_forward = len(state.tapes) > 1  # the step's own tape listens as well
    if node.scope == "optimizer":
        return "update", "in the optimizer's update"
    if is_forward:
        return ("activations", f"in the layer `{node.scope}`") if node.scope else ("loss", "in the loss")
    return "gradients", f"in the gradient of {f'the layer `{node.scope}`' if node.scope else 'the loss'}"


def _is_bad(tensor: Tensor) -> bool:
    return tensor.array.dtype.kind in "fc" and not np.isfinite(tensor.array).all()


def _kind_of(array: Any) -> str:
    return "NaN" if np.isnan(array).any() else "an infinity"


def _range_of(tensor: Tensor) -> str | None:
    """The range of a tensor's numbers."""
    array = tensor.array
    if array.dtype.kind not in "fi" or not array.size:
        return None
    return f"{array.min():.3g} … {array.max():.3g}" if array.ndim else f"{array:.3g}"
