"""Objective: what training minimises and what it reports, from the outputs of a model and the targets."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfcli.engine.graph.ir import scoped
from tfcli.engine.ops.elementwise import cast, minimum
from tfcli.engine.ops.index import gather
from tfcli.engine.ops.reduce import argmax
from tfcli.engine.ops.shape import reshape
from tfcli.engine.tape import GradientTape
from tfcli.engine.tensor import Tensor, Variable, constant
from tfcli.models.layers.weights import numbered
from tfcli.models.losses import Loss
from tfcli.models.metrics import Mean, Metric
from tfcli.models.optimizers import Optimizer


@dataclass(frozen=True)
class Head:
    """One output of a model with what is computed from it; `prefix` starts its history keys."""

    output: str
    target: str
    loss: Loss | None
    weight: float
    metrics: list[Metric]
    prefix: str
    weighted_metrics: list[Metric] = field(default_factory=list)
    """Metrics in which examples count by their weights."""
    loss_name: str | None = None
    """The history key of its loss, by default the prefix and `loss`."""


class Objective:
    """The heads' losses and metrics, with the running means that an epoch reports."""

    def __init__(
        self, heads: list[Head], class_weight: Mapping[int, float] | None = None, floatx: str = "float32"
    ) -> None:
        self.heads = heads
        self.loss = Mean(name="loss")
        self.head_losses = [Mean(name=h.loss_name or f"{h.prefix}loss") for h in heads] if len(heads) > 1 else []
        self._class_weights = None if class_weight is None else constant(class_weight_vector(class_weight, floatx))

    def compute(
        self,
        targets: Mapping[str, Tensor],
        outputs: Mapping[str, Tensor],
        weights: Mapping[str, Tensor] | Tensor | None,
        examples: Tensor,
        penalties: Sequence[Tensor],
        training: bool = True,
    ) -> Tensor | None:
        """The weighted sum of the heads' losses with the penalties, or None; each head's is added to its running mean.

        `weights` are the examples', one for all heads or by output; `examples` is how many there are. Class weights
        count in training alone.
        """
        total: Tensor | None = None
        for i, head in enumerate(self.heads):
            if head.loss is None:
                continue
            target = targets[head.target]
            own = _weights_of(weights, head)
            value = head.loss(target, outputs[head.output], self._sample_weight(target, own) if training else own)
            if self.head_losses:
                self.head_losses[i].update_state(value, sample_weight=examples)
            weighted = value if head.weight == 1.0 else value * head.weight
            total = weighted if total is None else total + weighted
        for penalty in penalties:
            total = penalty if total is None else total + penalty
        return total

    def _sample_weight(self, target: Tensor, weights: Tensor | None) -> Tensor | None:
        """The examples' weights times those of their classes."""
        if self._class_weights is None:
            return weights
        classes = argmax(target, axis=-1) if target.ndim > 1 and target.shape[-1] != 1 else reshape(target, [-1])
        last = self._class_weights.array.size - 1  # the place of all classes beyond those named
        by_class = gather(self._class_weights, minimum(cast(classes, "int64"), last))
        return by_class if weights is None else by_class * cast(weights, by_class.dtype)

    def update_metrics(
        self,
        targets: Mapping[str, Tensor],
        outputs: Mapping[str, Tensor],
        weights: Mapping[str, Tensor] | Tensor | None = None,
    ) -> None:
        for head in self.heads:
            for metric in head.metrics:
                metric.update_state(targets[head.target], outputs[head.output])
            for metric in head.weighted_metrics:
                metric.update_state(targets[head.target], outputs[head.output], _weights_of(weights, head))

    def head_metrics(self) -> dict[str, Metric]:
        """The metrics of the heads by history key: as in Keras the second of a name is `name_1`, or where it is a
        weighted one `weighted_name`.
        """
        pairs = [(f"{head.prefix}{metric.report_name}", metric) for head in self.heads for metric in head.metrics]
        taken = {name for name, _ in pairs}
        for head in self.heads:
            for metric in head.weighted_metrics:
                name = metric.report_name
                again = f"{head.prefix}{name}" in taken
                pairs.append((f"{head.prefix}{'weighted_' if again else ''}{name}", metric))
        return numbered(pairs)

    def metrics(self) -> dict[str, Metric]:
        """Every running value by its history key, the loss first."""
        own = zip(self.heads, self.head_losses, strict=False)
        losses = {metric.report_name: metric for head, metric in own if head.loss is not None}
        return {"loss": self.loss} | losses | self.head_metrics()


def _weights_of(weights: Mapping[str, Tensor] | Tensor | None, head: Head) -> Tensor | None:
    return weights.get(head.output) if isinstance(weights, Mapping) else weights


def class_weight_vector(weights: Mapping[int, float], floatx: str) -> np.ndarray:
    """A vector by class, one place longer than needed; classes that are not named count 1, as in Keras."""
    vector = np.ones(max(weights) + 2, floatx)
    for number, weight in weights.items():
        vector[number] = weight
    return vector


def descend(
    optimizer: Optimizer, compute: Callable[[], tuple[Tensor, Any]], weights: Callable[[], Sequence[Variable]]
) -> tuple[Tensor, Any]:
    """One step of training: the gradients of the loss that `compute` gives, applied to `weights()`. Returns what it
    gave.
    """
    with GradientTape() as tape:
        loss, outputs = compute()
        scaled = optimizer.scale_loss(loss)
    trained = list(weights())  # a model that builds itself when it is called has them only now
    if not trained:
        warnings.warn("the model has no trainable weights", stacklevel=2)
        return loss, outputs
    gradients = tape.gradient(scaled, trained)
    with scoped("optimizer"):
        optimizer.apply(gradients, trained)
    return loss, outputs
