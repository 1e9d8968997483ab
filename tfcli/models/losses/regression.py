"""Losses of numbers: y_true and y_pred (N, ..., D) -> (N, ...). Settings are those of `keras.losses`."""

import math

from tfcli.declare import NonNegativeFloat
from tfcli.engine.ops.elementary import log, softplus
from tfcli.engine.ops.elementwise import (
    abs_,
    maximum,
    square,
    squared_difference,
    where,
)
from tfcli.engine.ops.reduce import reduce_mean, reduce_sum
from tfcli.models.losses.base import EPSILON, Loss, l2_normalize


class MeanSquaredError(Loss, aliases=("mse",)):
    """mean((y_true - y_pred)²)."""

    def call(self, y_true, y_pred):
        return reduce_mean(squared_difference(y_true, y_pred), axis=-1)


class MeanAbsoluteError(Loss, aliases=("mae",)):
    """mean(|y_true - y_pred|)."""

    def call(self, y_true, y_pred):
        return reduce_mean(abs_(y_true - y_pred), axis=-1)


class MeanAbsolutePercentageError(Loss, aliases=("mape",)):
    """100 * mean(|(y_true - y_pred) / y_true|)."""

    def call(self, y_true, y_pred):
        return 100.0 * reduce_mean(abs_((y_true - y_pred) / maximum(abs_(y_true), EPSILON)), axis=-1)


class MeanSquaredLogarithmicError(Loss, aliases=("msle",)):
    """mean((log(1 + y_true) - log(1 + y_pred))²); what is negative counts as 0."""

    def call(self, y_true, y_pred):
        logarithms = [log(maximum(y, EPSILON) + 1.0) for y in (y_pred, y_true)]
        return reduce_mean(squared_difference(*logarithms), axis=-1)


class CosineSimilarity(Loss):
    """Minus the cosine of the angle between y_true and y_pred: -1 where they point the same way."""

    axis: int = -1

    def call(self, y_true, y_pred):
        return -reduce_sum(l2_normalize(y_true, self.axis) * l2_normalize(y_pred, self.axis), axis=self.axis)


class Huber(Loss, aliases=("huber_loss",)):
    """Squared for errors up to `delta`, linear beyond (Huber, 1964)."""

    delta: NonNegativeFloat = 1.0

    def call(self, y_true, y_pred):
        error = abs_(y_pred - y_true)
        linear = self.delta * error - 0.5 * self.delta**2
        return reduce_mean(where(error <= self.delta, 0.5 * square(error), linear), axis=-1)


class LogCosh(Loss, aliases=("logcosh",)):
    """mean(log(cosh(y_pred - y_true)))."""

    def call(self, y_true, y_pred):
        error = y_pred - y_true
        return reduce_mean(error + softplus(-2.0 * error) - math.log(2.0), axis=-1)
