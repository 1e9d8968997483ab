"""Metrics of numbers: means of a loss, correlations and R². Settings are those of `keras.metrics`."""

from typing import Literal

from tfcli.declare import NonNegativeInt
from tfcli.engine.ops.comparison import is_inf
from tfcli.engine.ops.elementary import sqrt
from tfcli.engine.ops.elementwise import square, squared_difference, where
from tfcli.engine.ops.reduce import reduce_mean, reduce_std, reduce_sum, reduce_variance
from tfcli.engine.ops.shape import broadcast_like, ones_like, zeros_like
from tfcli.engine.spec import show_shape
from tfcli.errors import ShapeError
from tfcli.models.losses import regression
from tfcli.models.losses.base import EPSILON, align, describe, match_ranks
from tfcli.models.metrics.base import ExampleMean, LossMean, Metric


class MeanSquaredError(LossMean, aliases=("mse",)):
    """mean((y_true - y_pred)²)."""

    loss = regression.MeanSquaredError


class MeanAbsoluteError(LossMean, aliases=("mae",)):
    """mean(|y_true - y_pred|)."""

    loss = regression.MeanAbsoluteError


class MeanAbsolutePercentageError(LossMean, aliases=("mape",)):
    """100 * mean(|(y_true - y_pred) / y_true|)."""

    loss = regression.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(LossMean, aliases=("msle",)):
    """mean((log(1 + y_true) - log(1 + y_pred))²)."""

    loss = regression.MeanSquaredLogarithmicError


class LogCoshError(LossMean, aliases=("logcosh", "log_cosh")):
    """mean(log(cosh(y_pred - y_true)))."""

    default_name = "logcosh"
    loss = regression.LogCosh


class CosineSimilarity(LossMean):
    """The cosine of the angle between y_true and y_pred: 1 where they point the same way."""

    direction = "maximize"
    loss = regression.CosineSimilarity

    axis: int = -1

    def values(self, y_true, y_pred):
        return -super().values(y_true, y_pred)


class RootMeanSquaredError(ExampleMean, aliases=("rmse",)):
    """sqrt(mean((y_true - y_pred)²)), over all examples at once."""

    def values(self, y_true, y_pred):
        return squared_difference(*match_ranks(y_true, y_pred))

    def result(self):
        return sqrt(super().result())


class PearsonCorrelation(ExampleMean):
    """The correlation of y_true and y_pred along `axis`, averaged over the examples."""

    direction = "maximize"

    axis: int = -1

    def values(self, y_true, y_pred):
        standard = [
            (y - reduce_mean(y, axis=self.axis, keepdims=True)) / reduce_std(y, axis=self.axis, keepdims=True)
            for y in match_ranks(y_true, y_pred)
        ]
        return reduce_mean(standard[0] * standard[1], axis=self.axis)


class ConcordanceCorrelation(ExampleMean):
    """How near y_pred comes to y_true itself, not to a line through it, along `axis` (Lin, 1989); their mean."""

    direction = "maximize"

    axis: int = -1

    def values(self, y_true, y_pred):
        y_true, y_pred = match_ranks(y_true, y_pred)
        mean_true, mean_pred = (reduce_mean(y, axis=self.axis, keepdims=True) for y in (y_true, y_pred))
        spread = sum(reduce_variance(y, axis=self.axis, keepdims=True) for y in (y_true, y_pred))
        covariance = (y_true - mean_pred) * (y_pred - mean_pred)
        return reduce_mean(2.0 * covariance / (spread + square(mean_true - mean_pred) + EPSILON), axis=self.axis)


class R2Score(Metric, name="r2_score"):
    """The share of the targets' variance that the predictions explain; y_true and y_pred (N, D). Raises ShapeError."""

    direction = "maximize"

    class_aggregation: Literal["uniform_average", "variance_weighted_average"] | None = "uniform_average"
    """How the D scores become one: their mean, their mean by variance, or not at all."""
    num_regressors: NonNegativeInt = 0
    """The number of inputs, for the adjusted score; 0: the plain one."""

    def states(self, y_true, y_pred):
        if len(y_pred.shape) != 2 or y_pred.shape[1] is None:
            got = show_shape(y_pred.shape)
            raise ShapeError(f"{self.type_name}: expected predictions (N, D), got {got}; reshape or flatten them")
        size = (y_pred.shape[1],)
        return {"num_samples": (), "sum": size, "squared_sum": size, "residual": size, "count": size}

    def update(self, y_true, y_pred, sample_weight):
        y_true, y_pred = match_ranks(y_true, y_pred)
        if len(y_true.shape) != 2:
            raise ShapeError(f"{self.type_name}: {describe(y_true, y_pred)}; both must be (N, D)")
        weights = ones_like(y_true)
        if sample_weight is not None:
            weights = broadcast_like(align(y_true, sample_weight)[1], y_true)
        self.add(
            num_samples=reduce_sum(ones_like(y_true)),
            sum=reduce_sum(y_true * weights, axis=0),
            squared_sum=reduce_sum(square(y_true) * weights, axis=0),
            residual=reduce_sum(squared_difference(y_true, y_pred) * weights, axis=0),
            count=reduce_sum(weights, axis=0),
        )

    def result(self):
        total = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1.0 - self.residual / total
        score = where(is_inf(scores), zeros_like(scores), scores)
        if self.class_aggregation == "uniform_average":
            score = reduce_mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = reduce_sum(total * score) / reduce_sum(total)
        if not self.num_regressors:
            return score
        free = self.num_samples - (self.num_regressors + 1.0)
        adjusted = 1.0 - (1.0 - score) * (self.num_samples - 1.0) / where(free > 0.0, free, 1.0)
        return where(free > 0.0, adjusted, score)
