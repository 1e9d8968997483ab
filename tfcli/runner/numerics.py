"""Where a number that is not finite came from: the step that made it, done once more, op by op.

Training looks at the loss and at what it saves alone. When one of them is NaN or infinite, the run's last checkpoint is
loaded again, the steps after it are repeated, and each op of the step at fault is watched: the same numbers come, since
every random number is drawn from the seed, the step and the place.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tfcli.engine.dispatch import recording, state
from tfcli.engine.graph.ir import Node
from tfcli.engine.tensor import Tensor, Variable
from tfcli.models.trainer import Batch, Trainer

REMEDIES = {
    "weights": "the weights that training began with hold it: look at train.initial_weights",
    "inputs": "look for it in the data, whose rows and columns `tfcli check` describes",
    "activations": "try a smaller optimizer.learning_rate, a normalization stage for the inputs, or normalization layers",
    "loss": "try a smaller optimizer.learning_rate, and a loss with from_logits: true",
    "gradients": "try optimizer.clipnorm, or a smaller optimizer.learning_rate",
    "update": "try a smaller optimizer.learning_rate, and optimizer.clipnorm",
}


class Fault(Exception):
    """The first value that is not finite: of which `kind` (a key of REMEDIES), and a `text` that says where."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


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
    try:
        _look_at_batch(batch)
        with recording([_Watch()]):  # type: ignore[list-item]
            trainer.train_eagerly(batch)
    except Fault as fault:
        return fault
    return None


def _look_at_batch(batch: Batch) -> None:
    for what, arrays in (("input", batch.inputs), ("label", batch.targets)):
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                rows = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
                raise Fault("inputs", f"the {what} `{name}` has {_kind_of(array)} in row {rows[0]} of the batch")


class _Watch:
    """Stands where a gradient tape would: it is told of every op, and stops at the first bad output."""

    def record_read(self, variable: Variable, value: Tensor) -> None:
        if _is_bad(value):
            raise Fault("weights", f"the weights {variable.name} are {_kind_of(value.array)} before the step")

    def record(self, node: Node) -> None:
        bad = next((output for output in node.outputs if _is_bad(output)), None)
        if bad is None:
            return
        kind, where = self._place(node)
        sizes = [_size_of(tensor) for tensor in node.inputs]
        read = f", of inputs {', '.join(filter(None, sizes))}" if any(sizes) else ""
        raise Fault(kind, f"{node.op.name} {where} gives {_kind_of(bad.array)}{read}")

    def _place(self, node: Node) -> tuple[str, str]:
        is_forward = len(state.tapes) > 1  # the step's own tape listens as well
        if node.scope == "optimizer":
            return "update", "in the optimizer's update"
        if is_forward and node.scope:
            return "activations", f"in the layer `{node.scope}`"
        if is_forward:
            return "loss", "in the loss"
        return "gradients", f"in the gradient of {f'the layer `{node.scope}`' if node.scope else 'the loss'}"


def _is_bad(tensor: Tensor) -> bool:
    array = tensor.array
    # Masks are filled with -inf on purpose, and nothing else is all of it.
    return array.dtype.kind in "fc" and not np.isfinite(array).all()


def _kind_of(array: Any) -> str:
    return "NaN" if np.isnan(array).any() else "infinity" if (array > 0)[np.isinf(array)].any() else "-infinity"


def _size_of(tensor: Tensor) -> str | None:
    """The range of a tensor's numbers."""
    array = tensor.array
    if array.dtype.kind not in "fi" or not array.size:
        return None
    return f"{array.min():.3g} … {array.max():.3g}" if array.ndim else f"{array:.3g}"
