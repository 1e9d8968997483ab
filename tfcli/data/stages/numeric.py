"""Keras's preprocessing layers for numbers."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfcli.data.stage import Context, InputTransform, numbers
from tfcli.declare import FieldError
from tfcli.errors import DataError

EPSILON = 1e-7
Numbers = float | list[float]


class Normalization(InputTransform):
    """(inputs - mean) / sqrt(variance), for each position along `axis`; the training split's where they are not
    given."""

    axis: int | list[int] | None = -1
    """The axes (of the batch, whose examples are axis 0) that have a mean and variance a position. null: one mean
    and variance."""
    mean: Numbers | None = None
    variance: Numbers | None = None
    invert: bool = False
    """From normalized inputs back to original ones: inputs * sqrt(variance) + mean."""

    def check(self) -> None:
        if (self.mean is None) != (self.variance is None):
            missing = "mean" if self.mean is None else "variance"
            raise FieldError(missing, "`mean` and `variance` are given both or not at all")

    @property
    def learns(self) -> bool:
        return self.mean is None

    def checked(self, array: np.ndarray, name: str, context: Context) -> np.ndarray:
        array = numbers(array, name, context)
        for axis in self._axes():
            if not -array.ndim < axis < array.ndim or axis == 0:
                raise DataError(f"{context.where}: input {name!r} of shape {array.shape[1:]} has no axis {axis}")
        return array

    def _axes(self) -> list[int]:
        return [] if self.axis is None else [self.axis] if isinstance(self.axis, int) else self.axis

    def _kept(self, dimensions: int) -> list[int]:
        return sorted(axis % dimensions for axis in self._axes())

    def learn_input(self, arrays: Iterator[np.ndarray], name: str, context: Context) -> Any:
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for array in arrays:
            # Chan's merging of means and squared deviations: exact where a sum of squares would cancel.
            kept = self._kept(array.ndim)
            reduced = tuple(axis for axis in range(array.ndim) if axis not in kept)
            size = math.prod(array.shape[axis] for axis in reduced)
            batch_mean = array.mean(axis=reduced, dtype=np.float64)
            delta, total = batch_mean - mean, count + size
            mean = mean + delta * (size / total)
            squares = squares + array.var(axis=reduced, dtype=np.float64) * size + delta**2 * (count * size / total)
            count = total
        return {"mean": mean, "variance": squares / count}

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        mean, variance = (self.mean, self.variance) if self.mean is not None else (learned["mean"], learned["variance"])
        mean = np.asarray(mean, context.floatx)
        deviation = np.maximum(np.sqrt(np.asarray(variance, context.floatx)), np.asarray(EPSILON, context.floatx))

        def normalize(array: np.ndarray) -> np.ndarray:
            kept = self._kept(array.ndim)
            shape = [size if axis in kept else 1 for axis, size in enumerate(array.shape)]
            try:
                center, scale = (np.broadcast_to(v, [array.shape[axis] for axis in kept]) for v in (mean, deviation))
            except ValueError:
                raise DataError(
                    f"{context.where}: a mean of shape {mean.shape} does not fit input {name!r} of shape"
                    f" {array.shape[1:]}"
                ) from None
            center, scale = center.reshape(shape), scale.reshape(shape)
            return array * scale + center if self.invert else (array - center) / scale

        return normalize
