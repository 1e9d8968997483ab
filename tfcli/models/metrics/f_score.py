"""F-scores and intersection over union. Settings are those of `keras.metrics`."""

from typing import Annotated, Literal

from tfcli.declare import PositiveFloat, Range
from tfcli.engine.ops.elementwise import abs_, cast
from tfcli.engine.ops.reduce import reduce_max, reduce_mean, reduce_sum
from tfcli.engine.ops.shape import broadcast_like, expand_dims, ones_like
from tfcli.engine.spec import show_shape
from tfcli.errors import ShapeError
from tfcli.models.losses.base import EPSILON
from tfcli.models.metrics.base import Metric


class FBetaScore(Metric, name="fbeta_score", aliases=("f_beta_score",)):
    """(1 + beta²) * precision * recall / (beta² * precision + recall); y_true 0 and 1, y_pred (N, classes)."""

    direction = "maximize"

    average: Literal["micro", "macro", "weighted"] | None = None
    """One score a class (null), over all entries (micro), the mean of the classes (macro), by frequency (weighted)."""
    beta: PositiveFloat = 1.0
    """How much more recall counts than precision."""
    threshold: Annotated[float, Range(0, 1, open_low=True)] | None = None
    """What is predicted above it is positive; by default an example's largest prediction is."""

    def states(self, y_true, y_pred):
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2 or None in (y_pred.shape[1], y_true.shape[1]):
            shapes = f"targets {show_shape(y_true.shape)}, predictions {show_shape(y_pred.shape)}"
            raise ShapeError(f"{self.type_name}: expected both as (N, classes), targets one-hot; got {shapes}")
        shape = () if self.average == "micro" else (y_pred.shape[1],)
        return dict.fromkeys(("true_positives", "false_positives", "false_negatives", "intermediate_weights"), shape)

    def update(self, y_true, y_pred, sample_weight):
        if self.threshold is None:
            positive = (y_pred >= reduce_max(y_pred, axis=-1, keepdims=True)) & (abs_(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        positive = cast(positive, y_pred.dtype)
        weights = ones_like(y_true) if sample_weight is None else broadcast_like(expand_dims(sample_weight, 1), y_true)
        axis = None if self.average == "micro" else 0
        self.add(
            true_positives=reduce_sum(positive * y_true * weights, axis=axis),
            false_positives=reduce_sum(positive * (1.0 - y_true) * weights, axis=axis),
            false_negatives=reduce_sum((1.0 - positive) * y_true * weights, axis=axis),
            intermediate_weights=reduce_sum(y_true * weights, axis=axis),
        )

    def result(self):
        found = self.true_positives.value()
        precision = found / (found + self.false_positives + EPSILON)
        recall = found / (found + self.false_negatives + EPSILON)
        square = self.beta**2
        score = precision * recall / (square * precision + recall + EPSILON) * (1.0 + square)
        if self.average == "weighted":
            frequency = self.intermediate_weights.value()
            return reduce_sum(score * (frequency / (reduce_sum(frequency) + EPSILON)))
        return score if self.average is None else reduce_mean(score)


class F1Score(FBetaScore, name="f1_score"):
    """2 * precision * recall / (precision + recall); y_true one-hot (or multi-hot) and y_pred (N, classes)."""

    beta = 1.0

    @classmethod
    def fields(cls):
        return {name: field for name, field in super().fields().items() if name != "beta"}
