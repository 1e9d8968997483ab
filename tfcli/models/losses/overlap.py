"""Losses of overlap and of distance between embeddings. Settings are those of `keras.losses`."""

from tfcli.declare import NonNegativeFloat
from tfcli.engine.ops.elementary import softplus
from tfcli.engine.ops.elementwise import cast, maximum, where
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import cumsum, reduce_logsumexp, reduce_sum
from tfcli.engine.ops.shape import expand_dims, ones_like, reshape, transpose
from tfcli.engine.tensor import Tensor
from tfcli.models.losses.base import EPSILON, Loss

Axes = int | list[int] | None


class Dice(Loss):
    """1 - 2|A ∩ B| / (|A| + |B|), over all entries or over `axis` (Dice, 1945)."""

    axis: Axes = None

    def call(self, y_true, y_pred):
        intersection = reduce_sum(y_true * y_pred, axis=self.axis)
        total = reduce_sum(y_true, axis=self.axis) + reduce_sum(y_pred, axis=self.axis)
        return 1.0 - 2.0 * intersection / (total + EPSILON)


class Tversky(Loss):
    """Dice with weights for what is missed (`alpha`) and what is wrongly found (`beta`) (Salehi et al., 2017)."""

    alpha: NonNegativeFloat = 0.5
    beta: NonNegativeFloat = 0.5
    axis: Axes = None

    def call(self, y_true, y_pred):
        intersection = reduce_sum(y_true * y_pred, axis=self.axis)
        missed = reduce_sum((1.0 - y_pred) * y_true, axis=self.axis)
        found = reduce_sum(y_pred * (1.0 - y_true), axis=self.axis)
        return 1.0 - intersection / (intersection + self.alpha * missed + self.beta * found + EPSILON)


class Circle(Loss):
    """Embeddings of one class closer together than of different ones (Sun et al., 2020).

    y_true class numbers (N,), y_pred unit vectors (N, D) -> (N,); an example alone in its class does not count.
    """

    takes_labels = True

    gamma: NonNegativeFloat = 80.0
    margin: NonNegativeFloat = 0.4
    remove_diagonal: bool = True
    """An example is no partner of its own."""

    def call(self, y_true, y_pred):
        labels = reshape(cast(y_true, "int32"), [-1])
        distances = maximum(1.0 - matmul(y_pred, transpose(y_pred)), 0.0)  # (N, N)
        same = expand_dims(labels, 1) == expand_dims(labels, 0)
        different = ~same
        if self.remove_diagonal:
            ones = ones_like(distances)
            same = same & (cumsum(ones, axis=0) != cumsum(ones, axis=1))
        positive = self.gamma * (self.margin + distances) * (distances - self.margin)
        negative = self.gamma * maximum(1.0 + self.margin - distances, 0.0) * (1.0 - self.margin - distances)
        values = softplus(_logsumexp(positive, same) + _logsumexp(negative, different))
        values.mask = values > 0.0
        return values


def _logsumexp(x: Tensor, chosen: Tensor) -> Tensor:
    """log(Σ exp(x)) over the chosen entries of each row; far below zero, but finite, where there are none."""
    return reduce_logsumexp(where(chosen, x, -1e9), axis=1)
