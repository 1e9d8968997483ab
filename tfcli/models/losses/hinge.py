"""Losses of a margin. Settings are those of `keras.losses`."""

from tfcli.engine.ops.elementwise import maximum, square, where
from tfcli.engine.ops.reduce import reduce_all, reduce_max, reduce_mean, reduce_sum
from tfcli.engine.tensor import Tensor
from tfcli.models.losses.base import Loss


def _signed(y_true: Tensor) -> Tensor:
    """Labels 0 and 1 as -1 and 1; a batch with any other value stays as it is."""
    binary = reduce_all((y_true == 0.0) | (y_true == 1.0))
    return where(binary, 2.0 * y_true - 1.0, y_true)


class Hinge(Loss):
    """mean(max(1 - y_true * y_pred, 0)), labels -1 and 1 (or 0 and 1)."""

    def call(self, y_true, y_pred):
        return reduce_mean(maximum(1.0 - _signed(y_true) * y_pred, 0.0), axis=-1)


class SquaredHinge(Loss):
    """mean(max(1 - y_true * y_pred, 0)²), labels -1 and 1 (or 0 and 1)."""

    def call(self, y_true, y_pred):
        return reduce_mean(square(maximum(1.0 - _signed(y_true) * y_pred, 0.0)), axis=-1)


class CategoricalHinge(Loss):
    """max(largest wrong score - right score + 1, 0), labels one-hot."""

    def call(self, y_true, y_pred):
        right = reduce_sum(y_true * y_pred, axis=-1)
        wrong = reduce_max((1.0 - y_true) * y_pred, axis=-1)
        return maximum(wrong - right + 1.0, 0.0)
