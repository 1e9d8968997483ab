"""Losses of probabilities. Settings are those of `keras.losses`.

Where y_pred comes from a softmax or sigmoid, the crossentropies are computed from what went into it, which is exact
where the probabilities would have rounded to 0 or 1.
"""

from typing import Annotated

import numpy as np

from tfcli.declare import NonNegativeFloat, Probability, Range
from tfcli.engine.ops.comparison import not_equal
from tfcli.engine.ops.elementary import log, sigmoid
from tfcli.engine.ops.elementwise import (
    cast,
    clip_by_value,
    pow_,
    where,
)
from tfcli.engine.ops.index import one_hot
from tfcli.engine.ops.nn import (
    sigmoid_cross_entropy_with_logits,
    softmax,
    softmax_cross_entropy_with_logits,
    sparse_softmax_cross_entropy_with_logits,
)
from tfcli.engine.ops.reduce import reduce_mean, reduce_sum
from tfcli.engine.ops.shape import squeeze, zeros_like
from tfcli.engine.spec import normalize_axis
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.losses.base import EPSILON, Loss, describe


def _logits_of(y_pred: Tensor, from_logits: bool) -> Tensor | None:
    """The logits that y_pred is, or was made of."""
    if y_pred.logits is not None:
        return y_pred.logits
    return y_pred if from_logits else None


def _clipped(probabilities: Tensor) -> Tensor:
    return clip_by_value(probabilities, EPSILON, 1.0 - EPSILON)


def _differ(y_true: Tensor, y_pred: Tensor) -> bool:
    """Whether the shapes are known to be different."""
    pairs = zip(y_true.shape, y_pred.shape, strict=False)
    return len(y_true.shape) != len(y_pred.shape) or any(a != b and None not in (a, b) for a, b in pairs)


def _check_binary(loss: Loss, y_true: Tensor, y_pred: Tensor) -> None:
    if not _differ(y_true, y_pred):
        return
    classes = y_pred.shape[-1]
    if classes is not None and classes > 1:
        advice = f"for one of {classes} classes use sparse_categorical_crossentropy; for two, end the model with 1 unit"
    else:
        advice = "both must have the same shape"
    raise ShapeError(f"{loss.type_name}: {describe(y_true, y_pred)}; {advice}")


def _check_one_hot(loss: Loss, y_true: Tensor, y_pred: Tensor) -> None:
    classes = y_pred.shape[-1]
    if classes == 1:
        raise ShapeError(
            f"{loss.type_name}: the predictions {tuple(y_pred.shape)} hold one class only; "
            "use binary_crossentropy, or end the model with one unit a class"
        )
    if _differ(y_true, y_pred):
        numbers = len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
        sparse = "sparse_categorical_crossentropy" if "focal" not in loss.type_name else "one-hot targets"
        advice = f"for targets that are class numbers use {sparse}" if numbers else "both must have the same shape"
        raise ShapeError(f"{loss.type_name}: {describe(y_true, y_pred)}; {advice}")


def _binary_crossentropy(y_true: Tensor, y_pred: Tensor, from_logits: bool) -> Tensor:
    """Entry by entry."""
    logits = _logits_of(y_pred, from_logits)
    if logits is not None:
        return sigmoid_cross_entropy_with_logits(labels=y_true, logits=logits)
    p = _clipped(y_pred)
    return -(y_true * log(p) + (1.0 - y_true) * log(1.0 - p))


def _smooth_binary(y_true: Tensor, smoothing: float) -> Tensor:
    return y_true * (1.0 - smoothing) + 0.5 * smoothing if smoothing else y_true


def _smooth_one_hot(y_true: Tensor, smoothing: float) -> Tensor:
    return y_true * (1.0 - smoothing) + smoothing / int(y_true.shape[-1] or 1) if smoothing else y_true


class BinaryCrossentropy(Loss, aliases=("bce",)):
    """-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)) along `axis`; labels 0 and 1, of y_pred's shape."""

    from_logits: bool = False
    """y_pred is what would go into a sigmoid."""
    label_smoothing: Probability = 0.0
    axis: int = -1

    def check_shapes(self, y_true, y_pred):
        _check_binary(self, y_true, y_pred)

    def call(self, y_true, y_pred):
        y_true = _smooth_binary(y_true, self.label_smoothing)
        return reduce_mean(_binary_crossentropy(y_true, y_pred, self.from_logits), axis=self.axis)


class BinaryFocalCrossentropy(Loss):
    """Binary crossentropy times (1 - p_right) ** gamma: examples already right count less (Lin et al., 2017)."""

    apply_class_balancing: bool = False
    alpha: float = 0.25
    """The weight of class 1, with `apply_class_balancing`; class 0 has 1 - alpha."""
    gamma: NonNegativeFloat = 2.0
    from_logits: bool = False
    """y_pred is what would go into a sigmoid."""
    label_smoothing: Probability = 0.0
    axis: int = -1

    def check_shapes(self, y_true, y_pred):
        _check_binary(self, y_true, y_pred)

    def call(self, y_true, y_pred):
        y_true = _smooth_binary(y_true, self.label_smoothing)
        crossentropy = _binary_crossentropy(y_true, y_pred, self.from_logits)
        p = sigmoid(y_pred) if self.from_logits else y_pred
        right = y_true * p + (1.0 - y_true) * (1.0 - p)
        focal = pow_(1.0 - right, self.gamma) * crossentropy
        if self.apply_class_balancing:
            focal = (y_true * self.alpha + (1.0 - y_true) * (1.0 - self.alpha)) * focal
        return reduce_mean(focal, axis=self.axis)


class CategoricalCrossentropy(Loss):
    """-Σ y_true * log(y_pred) along `axis`; y_true one-hot and y_pred (..., classes) -> (...)."""

    from_logits: bool = False
    """y_pred is what would go into a softmax."""
    label_smoothing: Probability = 0.0
    axis: int = -1

    def check_shapes(self, y_true, y_pred):
        _check_one_hot(self, y_true, y_pred)

    def call(self, y_true, y_pred):
        y_true = _smooth_one_hot(y_true, self.label_smoothing)
        logits = _logits_of(y_pred, self.from_logits)
        if logits is not None:
            return softmax_cross_entropy_with_logits(labels=y_true, logits=logits, axis=self.axis)
        p = _clipped(y_pred / reduce_sum(y_pred, axis=self.axis, keepdims=True))
        return -reduce_sum(y_true * log(p), axis=self.axis)


class CategoricalFocalCrossentropy(Loss):
    """Categorical crossentropy, each class times alpha * (1 - p) ** gamma (Lin et al., 2017)."""

    alpha: float = 0.25
    gamma: NonNegativeFloat = 2.0
    from_logits: bool = False
    """y_pred is what would go into a softmax."""
    label_smoothing: Probability = 0.0
    axis: int = -1

    def check_shapes(self, y_true, y_pred):
        _check_one_hot(self, y_true, y_pred)

    def call(self, y_true, y_pred):
        y_true = _smooth_one_hot(y_true, self.label_smoothing)
        p = softmax(y_pred, axis=self.axis) if self.from_logits else y_pred
        p = _clipped(p / reduce_sum(p, axis=self.axis, keepdims=True))
        return -reduce_sum(self.alpha * pow_(1.0 - p, self.gamma) * y_true * log(p), axis=self.axis)


def _labels(loss: Loss, y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Class numbers (...) int64 for y_pred (..., classes). Raises ShapeError."""
    classes = y_pred.shape[-1]
    if classes == 1:
        raise ShapeError(
            f"{loss.type_name}: the predictions {tuple(y_pred.shape)} hold one class only; "
            "use binary_crossentropy, or end the model with one unit a class"
        )
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = squeeze(y_true, -1)
    before = y_pred.shape[:-1]
    fits = len(y_true.shape) == len(before) and all(
        a == b or None in (a, b) for a, b in zip(y_true.shape, before, strict=True)
    )
    if not fits:
        one_hot_targets = len(y_true.shape) == len(y_pred.shape)
        advice = (
            "for one-hot targets use categorical_crossentropy"
            if one_hot_targets
            else "give one class number a prediction"
        )
        raise ShapeError(f"{loss.type_name}: {describe(y_true, y_pred)}; {advice}")
    return cast(y_true, "int64")


class SparseCategoricalCrossentropy(Loss):
    """-log of the probability of the right class; y_true class numbers (...), y_pred (..., classes) -> (...)."""

    takes_labels = True

    from_logits: bool = False
    """y_pred is what would go into a softmax."""
    ignore_class: int | None = None
    """A class number that does not count, as for pixels without a label."""
    axis: int = -1

    def call(self, y_true, y_pred):
        if normalize_axis(self.axis, len(y_pred.shape), self.type_name) != len(y_pred.shape) - 1:
            raise ShapeError(f"{self.type_name}: the classes must be on the last axis, not on axis {self.axis}")
        labels = _labels(self, y_true, y_pred)
        valid = None
        if self.ignore_class is not None:
            valid = not_equal(labels, np.int64(self.ignore_class))
            labels = where(valid, labels, zeros_like(labels))
        logits = _logits_of(y_pred, self.from_logits)
        values = sparse_softmax_cross_entropy_with_logits(
            labels=labels, logits=log(_clipped(y_pred)) if logits is None else logits
        )
        if valid is not None:
            values = where(valid, values, zeros_like(values))
            values.mask = valid
        return values


class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p_right ** q) / q, which noisy labels harm less (Zhang and Sabuncu, 2018); y_true class numbers."""

    takes_labels = True

    q: Annotated[float, Range(0, 1, open_low=True, open_high=True)] = 0.5

    def call(self, y_true, y_pred):
        labels = _labels(self, y_true, y_pred)
        right = reduce_sum(y_pred * one_hot(labels, int(y_pred.shape[-1]), dtype=y_pred.dtype), axis=-1)
        return (1.0 - pow_(right, self.q)) / self.q


class KLDivergence(Loss, name="kl_divergence", aliases=("kld", "kullback_leibler_divergence")):
    """Σ y_true * log(y_true / y_pred)."""

    def call(self, y_true, y_pred):
        y_true, y_pred = clip_by_value(y_true, EPSILON, 1.0), clip_by_value(y_pred, EPSILON, 1.0)
        return reduce_sum(y_true * log(y_true / y_pred), axis=-1)


class Poisson(Loss):
    """mean(y_pred - y_true * log(y_pred))."""

    def call(self, y_true, y_pred):
        return reduce_mean(y_pred - y_true * log(y_pred + EPSILON), axis=-1)
