"""Metrics of true and false positives and negatives. Settings are those of `keras.metrics`.

y_true holds 0 and 1 and has the shape of y_pred, (N,) or (N, ..., outputs). What is predicted above a threshold counts
as positive.
"""

from typing import ClassVar, Literal

import numpy as np

from tfcli.declare import FieldError, NonNegativeInt, PositiveInt, Probability
from tfcli.engine.ops.elementary import log, sigmoid
from tfcli.engine.ops.elementwise import (
    divide_no_nan,
    maximum,
    minimum,
    where,
)
from tfcli.engine.ops.reduce import reduce_max, reduce_mean, reduce_sum
from tfcli.engine.ops.shape import broadcast_like, ones_like
from tfcli.engine.spec import TensorSpec, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.losses.base import EPSILON, align, describe, match_ranks
from tfcli.models.metrics.base import UNDECLARED, Metric
from tfcli.models.metrics.counts import NEVER, confusion, only_top_k

Thresholds = Probability | list[Probability] | None


def _spaced(count: int) -> list[float]:
    """Thresholds from 0 to 1, evenly spaced; 0.5 if there is one only."""
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]


class _Confusion(Metric, abstract=True):
    """Adds up `counted`, some of the four counts, at each of `cuts`, the thresholds."""

    counted: ClassVar[tuple[str, ...]] = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    class_id = top_k = UNDECLARED

    @property
    def cuts(self) -> np.ndarray:
        return np.asarray([0.5])

    def states(self, y_true, y_pred):
        return dict.fromkeys(self.counted, (len(self.cuts),))

    def update(self, y_true, y_pred, sample_weight):
        y_true, y_pred, weights = self.aligned(y_true, y_pred, sample_weight)
        if self.top_k is not None:
            y_pred = only_top_k(y_pred, self.top_k)
        if self.class_id is not None:
            y_true, y_pred, weights = (self.one_class(y) for y in (y_true, y_pred, weights))
        self.count(y_true, y_pred, weights)

    def count(self, y_true: Tensor, y_pred: Tensor, weights: Tensor) -> None:
        counts = confusion(y_true, y_pred, weights, self.cuts)
        self.add(**{name: counts[name] for name in self.counted})

    def aligned(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """All three in one shape. Raises ShapeError."""
        y_pred, y_true = match_ranks(y_pred, y_true)
        pairs = zip(y_true.shape, y_pred.shape, strict=False)
        if len(y_true.shape) != len(y_pred.shape) or any(a != b and None not in (a, b) for a, b in pairs):
            advice = "both must have the same shape; targets that are class numbers must be one-hot here"
            raise ShapeError(f"{self.type_name}: {describe(y_true, y_pred)}; {advice}")
        if sample_weight is None:
            return y_true, y_pred, ones_like(y_pred)
        return y_true, y_pred, broadcast_like(align(y_pred, sample_weight)[1], y_pred)

    def one_class(self, y: Tensor) -> Tensor:
        """(..., classes) -> (..., 1), the class asked for. Raises ShapeError."""
        classes = y.shape[-1]
        if len(y.shape) < 2 or classes is None or not 0 <= self.class_id < classes:
            raise ShapeError(
                f"{self.type_name}: there is no class {self.class_id} in predictions {show_shape(y.shape)}"
            )
        return y[..., self.class_id : self.class_id + 1]

    def share(self, part: str, other: str) -> Tensor:
        """part / (part + other), 0 where both are."""
        first, second = self.variables[part].value(), self.variables[other].value()
        return divide_no_nan(first, first + second)


class _AtThresholds(_Confusion, abstract=True):
    """At thresholds of the user's: a number, or a list, which gives as many results."""

    thresholds: Thresholds = None
    """0.5 by default."""

    @property
    def cuts(self):
        default = 0.5 if self.top_k is None else NEVER
        return np.atleast_1d(np.asarray(default if self.thresholds is None else self.thresholds, np.float64))

    def each(self, results: Tensor) -> Tensor:
        return results[0] if len(self.cuts) == 1 else results


class _Count(_AtThresholds, abstract=True):
    """One of the four counts."""

    def result(self):
        return self.each(self.variables[self.counted[0]].value())


class TruePositives(_Count):
    direction = "maximize"
    counted = ("true_positives",)


class FalsePositives(_Count):
    counted = ("false_positives",)


class TrueNegatives(_Count):
    direction = "maximize"
    counted = ("true_negatives",)


class FalseNegatives(_Count):
    counted = ("false_negatives",)


class Precision(_AtThresholds):
    """The share of the positive predictions that is right."""

    direction = "maximize"
    counted = ("true_positives", "false_positives")

    top_k: PositiveInt | None = None
    """Only an example's k largest predictions can be positive, above any threshold unless `thresholds` is given."""
    class_id: NonNegativeInt | None = None
    """This class alone, an index of the last axis."""

    def result(self):
        return self.each(self.share("true_positives", "false_positives"))


class Recall(_AtThresholds):
    """The share of the positive targets that is found."""

    direction = "maximize"
    counted = ("true_positives", "false_negatives")

    top_k: PositiveInt | None = None
    """Only an example's k largest predictions can be positive, above any threshold unless `thresholds` is given."""
    class_id: NonNegativeInt | None = None
    """This class alone, an index of the last axis."""

    def result(self):
        return self.each(self.share("true_positives", "false_negatives"))


class _BestAt(_Confusion, abstract=True):
    """The best of one share over `num_thresholds` thresholds among those where another is at least the given bound."""

    direction = "maximize"

    @property
    def cuts(self):
        return np.asarray(_spaced(self.num_thresholds))

    @property
    def sensitivities(self) -> Tensor:
        return self.share("true_positives", "false_negatives")

    recalls = sensitivities

    @property
    def specificities(self) -> Tensor:
        return self.share("true_negatives", "false_positives")

    @property
    def precisions(self) -> Tensor:
        return self.share("true_positives", "false_positives")

    def best(self, wanted: Tensor, bounded: Tensor, bound: float) -> Tensor:
        return reduce_max(where(bounded >= bound, wanted, 0.0))


class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity (recall of positives) where the specificity (recall of negatives) reaches the one given."""

    specificity: Probability
    num_thresholds: PositiveInt = 200
    class_id: NonNegativeInt | None = None

    def result(self):
        return self.best(self.sensitivities, self.specificities, self.specificity)


class SpecificityAtSensitivity(_BestAt):
    """The best specificity (recall of negatives) where the sensitivity (recall of positives) reaches the one given."""

    sensitivity: Probability
    num_thresholds: PositiveInt = 200
    class_id: NonNegativeInt | None = None

    def result(self):
        return self.best(self.specificities, self.sensitivities, self.sensitivity)


class PrecisionAtRecall(_BestAt):
    """The best precision where the recall is at least the one given."""

    recall: Probability
    num_thresholds: PositiveInt = 200
    class_id: NonNegativeInt | None = None

    def result(self):
        return self.best(self.precisions, self.recalls, self.recall)


class RecallAtPrecision(_BestAt):
    """The best recall where the precision is at least the one given."""

    precision: Probability
    num_thresholds: PositiveInt = 200
    class_id: NonNegativeInt | None = None

    def result(self):
        return self.best(self.recalls, self.precisions, self.precision)


class AUC(_Confusion, name="auc"):
    """The area under the ROC or precision-recall curve, by a sum over thresholds (Davis and Goadrich, 2006, for PR)."""

    direction = "maximize"

    num_thresholds: PositiveInt = 200
    curve: Literal["ROC", "PR", "PRGAIN", "roc", "pr", "prgain"] = "ROC"
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    thresholds: list[Probability] | None = None
    """Used instead of `num_thresholds` even ones; 0 and 1 are added."""
    multi_label: bool = False
    """The mean of a curve for each column of y_pred (N, L), instead of one curve over all entries."""
    num_labels: PositiveInt | None = None
    """L, checked against the predictions; with `multi_label`."""
    label_weights: list[float] | None = None
    """What each column counts."""
    from_logits: bool = False
    """y_pred is what would go into a sigmoid."""

    def check(self):
        if self.num_thresholds == 1:
            raise FieldError("num_thresholds", "a curve needs at least 2 thresholds")
        if self.num_labels is not None and not self.multi_label:
            raise FieldError("num_labels", "it goes with `multi_label: true` only")

    @property
    def cuts(self):
        inner = _spaced(self.num_thresholds)[1:-1] if self.thresholds is None else sorted(self.thresholds)
        return np.asarray([-EPSILON, *inner, 1.0 + EPSILON])

    def states(self, y_true, y_pred):
        shape = (len(self.cuts), self.columns(y_pred)) if self.multi_label else (len(self.cuts),)
        return dict.fromkeys(self.counted, shape)

    def columns(self, y_pred: TensorSpec) -> int:
        """L. Raises ShapeError."""
        columns = y_pred.shape[1] if len(y_pred.shape) == 2 else None
        if columns is None or self.num_labels not in (None, columns):
            wanted = f"(N, {self.num_labels or 'L'})"
            raise ShapeError(
                f"auc: with multi_label the predictions must be {wanted}, they are {show_shape(y_pred.shape)}"
            )
        return columns

    def count(self, y_true, y_pred, weights):
        if self.from_logits:
            y_pred = sigmoid(y_pred)
        if self.label_weights is not None and not self.multi_label:
            weights = weights * np.asarray(self.label_weights, weights.dtype.numpy)
        self.add(**confusion(y_true, y_pred, weights, self.cuts, self.multi_label))

    def result(self):
        if self.curve.upper() == "PR" and self.summation_method == "interpolation":
            return self.over_labels(self._interpolated_precision_recall())
        x, y = self._curve()
        heights = {
            "interpolation": lambda: (y[:-1] + y[1:]) / 2.0,
            "minoring": lambda: minimum(y[:-1], y[1:]),
            "majoring": lambda: maximum(y[:-1], y[1:]),
        }[self.summation_method]()
        return self.over_labels((x[:-1] - x[1:]) * heights)

    def over_labels(self, pieces: Tensor) -> Tensor:
        """The sum of the pieces (T - 1,), or the weighted mean of the columns' sums (T - 1, L)."""
        if not self.multi_label:
            return reduce_sum(pieces)
        areas = reduce_sum(pieces, axis=0)
        if self.label_weights is None:
            return reduce_mean(areas)
        weights = np.asarray(self.label_weights, areas.dtype.numpy)
        return reduce_sum(areas * weights) / weights.sum()

    def _curve(self) -> tuple[Tensor, Tensor]:
        recall = self.share("true_positives", "false_negatives")
        if self.curve.upper() == "ROC":
            return self.share("false_positives", "true_negatives"), recall
        if self.curve.upper() == "PR":
            return recall, self.share("true_positives", "false_positives")
        tp, fp, tn, fn = (self.variables[name].value() for name in self.counted)
        odds = divide_no_nan(tp + fn, tn + fp)
        none = tp == 0.0
        recall_gain = where(none, 0.0, 1.0 - odds * divide_no_nan(fn, tp))
        return maximum(recall_gain, 0.0), where(none, 1.0, 1.0 - odds * divide_no_nan(fp, tp))

    def _interpolated_precision_recall(self) -> Tensor:
        """Between thresholds true positives grow linearly with positives, so precision does not (Davis, Goadrich)."""
        tp, fp, _, fn = (self.variables[name].value() for name in self.counted)
        p = tp + fp
        slope = divide_no_nan(tp[:-1] - tp[1:], maximum(p[:-1] - p[1:], 0.0))
        intercept = tp[1:] - slope * p[1:]
        both = (p[:-1] > 0.0) & (p[1:] > 0.0)
        ratio = where(both, divide_no_nan(p[:-1], maximum(p[1:], 0.0)), 1.0)
        gained = slope * (tp[:-1] - tp[1:] + intercept * log(ratio))
        return divide_no_nan(gained, maximum(tp[1:] + fn[1:], 0.0))
