"""Regularizers: a penalty on a weight, added to the loss. Names and settings are those of `keras.regularizers`."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from tfcli.declare import Declared, NonNegativeFloat
from tfcli.engine.ops.elementwise import abs_, square
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.ops.shape import transpose
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError, SpecError
from tfcli.models.losses.base import l2_normalize


class Regularizer(Declared, kind="regularizer"):
    """Base of the regularizers: a weight of any shape -> a penalty of shape ()."""

    def __call__(self, x: Tensor) -> Tensor:
        raise SpecError(f"the regularizer `{self.type_name}` does not define __call__(self, x)")

    @classmethod
    def from_value(cls, value: Any) -> "Regularizer | None":
        return Custom(value) if callable(value) else None


class Custom(Regularizer, abstract=True):
    """A Python function as regularizer."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return self.function(x)


class L1(Regularizer):
    """l1 * Σ|x|."""

    l1: NonNegativeFloat = 0.01

    def __call__(self, x):
        return self.l1 * reduce_sum(abs_(x))


class L2(Regularizer):
    """l2 * Σx²."""

    l2: NonNegativeFloat = 0.01

    def __call__(self, x):
        return self.l2 * reduce_sum(square(x))


class L1L2(Regularizer, name="l1_l2"):
    """l1 * Σ|x| + l2 * Σx²."""

    l1: NonNegativeFloat = 0.0
    l2: NonNegativeFloat = 0.0

    def __call__(self, x):
        return self.l1 * reduce_sum(abs_(x)) + self.l2 * reduce_sum(square(x))


class OrthogonalRegularizer(Regularizer, aliases=("orthogonal",)):
    """`factor` times the mean |cosine| between the rows (or columns) of a matrix. Raises ShapeError."""

    factor: NonNegativeFloat = 0.01
    mode: Literal["rows", "columns"] = "rows"

    def __call__(self, x):
        x = convert_to_tensor(x)
        if len(x.shape) != 2:
            raise ShapeError(f"orthogonal_regularizer: expected a matrix, got the shape {show_shape(x.shape)}")
        vectors = l2_normalize(x if self.mode == "rows" else transpose(x), axis=1)  # (size, entries)
        size = vectors.shape[0]
        others = 1.0 - np.eye(size, dtype=x.dtype.numpy)
        cosines = reduce_sum(abs_(matmul(vectors, transpose(vectors)) * others))
        return cosines * (self.factor * 0.5 / (size * (size - 1.0) / 2.0))
