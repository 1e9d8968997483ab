"""Keras's preprocessing layers for numbers as stages; fields and arithmetic are in `tfcli.engine.preprocessing`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.data.stage import Context, numbers
from tfcli.data.stages.learned import Adapting, Computing, about
from tfcli.engine.preprocessing import numeric
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError


class Normalization(numeric.Normalization, Adapting):
    def as_input(self, array: np.ndarray, name: str, context: Context) -> np.ndarray:
        array = numbers(array, name, context)
        if 0 in self.kept(array.shape):
            raise ShapeError(f"an input of shape {array.shape[1:]} has no axis {self.axis}: axis 0 counts the examples")
        return array

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        moments = (learned["mean"], learned["variance"]) if self.learns else (self.mean, self.variance)

        def normalize(array: np.ndarray) -> np.ndarray:
            with about(name, context):
                return self.scaled(Tensor(self.as_input(array, name, context)), *moments).array

        return normalize


class Discretization(numeric.Discretization, Computing, Adapting):
    def as_input(self, array: np.ndarray, name: str, context: Context) -> np.ndarray:
        return super().as_input(numbers(array, name, context), name, context)
