"""Metrics that count right predictions. Settings are those of `keras.metrics`."""

from tfcli.declare import PositiveInt
from tfcli.engine.ops.comparison import equal, greater
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.order import in_top_k
from tfcli.engine.ops.reduce import argmax, reduce_any
from tfcli.engine.ops.shape import expand_dims, reshape, reshape_like, squeeze
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.losses.base import describe, match_ranks
from tfcli.models.metrics.base import ExampleMean


class _Accuracy(ExampleMean, abstract=True):
    """The mean of `values`, 1 where right and 0 where wrong."""

    direction = "maximize"


def _same_shape(metric: ExampleMean, y_true: Tensor, y_pred: Tensor, advice: str) -> tuple[Tensor, Tensor]:
    y_true, y_pred = match_ranks(y_true, y_pred)
    if len(y_true.shape) != len(y_pred.shape):
        raise ShapeError(f"{metric.type_name}: {describe(y_true, y_pred)}; {advice}")
    return y_true, y_pred


class Accuracy(_Accuracy, aliases=("acc",)):
    """How often the prediction is right.

    In a model: the binary, categorical or sparse categorical accuracy, by the shapes of targets and predictions. By
    itself: how often y_true and y_pred are equal.
    """

    def resolve(self, y_true: TensorSpec, y_pred: TensorSpec) -> ExampleMean:
        """Keras's rule: one output is binary; targets with one number for several outputs are class numbers."""
        settings = {"name": self.report_name, "dtype": self.dtype}
        if y_pred.shape[-1] == 1:
            return BinaryAccuracy(**settings)
        if len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1:
            return SparseCategoricalAccuracy(**settings)
        return CategoricalAccuracy(**settings)

    def values(self, y_true, y_pred):
        y_true, y_pred = _same_shape(self, y_true, y_pred, "both must have the same shape")
        return cast(equal(y_true, y_pred), y_pred.dtype)


class BinaryAccuracy(_Accuracy):
    """How often the prediction is on the right side of `threshold`; labels 0 and 1."""

    threshold: float = 0.5

    def values(self, y_true, y_pred):
        y_true, y_pred = _same_shape(self, y_true, y_pred, "both must have the same shape")
        return cast(equal(y_true, cast(greater(y_pred, self.threshold), y_true.dtype)), y_pred.dtype)


class CategoricalAccuracy(_Accuracy):
    """How often the largest prediction is the right one; y_true one-hot and y_pred (..., classes)."""

    def values(self, y_true, y_pred):
        if len(y_true.shape) != len(y_pred.shape):
            advice = "for targets that are class numbers use sparse_categorical_accuracy"
            raise ShapeError(f"{self.type_name}: {describe(y_true, y_pred)}; {advice}")
        return cast(equal(argmax(y_true, axis=-1), argmax(y_pred, axis=-1)), y_pred.dtype)


def _class_numbers(metric: ExampleMean, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """y_true (...) int64 for y_pred (..., classes). Raises ShapeError."""
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = squeeze(y_true, -1)
    if len(y_true.shape) != len(y_pred.shape) - 1:
        advice = f"for one-hot targets use {metric.type_name.removeprefix('sparse_')}"
        raise ShapeError(f"{metric.type_name}: {describe(y_true, y_pred)}; {advice}")
    return cast(y_true, "int64")


class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest prediction is the right one; y_true class numbers (...) and y_pred (..., classes)."""

    keeps_targets = True

    def values(self, y_true, y_pred):
        labels = _class_numbers(self, y_true, y_pred)
        return cast(equal(labels, argmax(y_pred, axis=-1)), y_pred.dtype)


def _in_top_k(labels: Tensor, y_pred: Tensor, k: int) -> Tensor:
    """1 where fewer than k predictions exceed that of the label: labels (...), y_pred (..., classes) -> (...)."""
    flat = in_top_k(reshape(labels, [-1]), reshape(y_pred, [-1, y_pred.shape[-1]]), k)
    return cast(reshape_like(flat, labels), y_pred.dtype)


class TopKCategoricalAccuracy(_Accuracy, name="top_k_categorical_accuracy"):
    """How often the right class is among the k largest predictions; y_true one-hot and y_pred (..., classes)."""

    k: PositiveInt = 5

    def values(self, y_true, y_pred):
        if len(y_true.shape) != len(y_pred.shape):
            advice = "for targets that are class numbers use sparse_top_k_categorical_accuracy"
            raise ShapeError(f"{self.type_name}: {describe(y_true, y_pred)}; {advice}")
        return _in_top_k(argmax(y_true, axis=-1), y_pred, self.k)


class SparseTopKCategoricalAccuracy(_Accuracy, name="sparse_top_k_categorical_accuracy"):
    """How often the right class is among the k largest predictions; y_true class numbers, y_pred (..., classes)."""

    keeps_targets = True

    k: PositiveInt = 5
    from_sorted_ids: bool = False
    """y_pred holds class numbers, the likeliest first, instead of scores."""

    def values(self, y_true, y_pred):
        labels = _class_numbers(self, y_true, y_pred)
        if not self.from_sorted_ids:
            return _in_top_k(labels, y_pred, self.k)
        first = y_pred[..., : self.k]
        return cast(reduce_any(equal(expand_dims(cast(labels, y_pred.dtype), -1), first), axis=-1), y_pred.dtype)
