"""Constraints: what a weight becomes after an update. Names and settings are those of `keras.constraints`."""

from collections.abc import Callable
from typing import Any

from tfcli.declare import Declared, FieldError, NonNegativeFloat, PositiveFloat, Probability
from tfcli.engine.ops.elementary import sqrt
from tfcli.engine.ops.elementwise import clip_by_value, maximum, square
from tfcli.engine.ops.reduce import reduce_sum
from tfcli.engine.tensor import Tensor
from tfcli.errors import SpecError

EPSILON = 1e-7


class Constraint(Declared, kind="constraint"):
    """Base of the constraints: a weight -> its nearest value, of the same shape, that is allowed."""

    def __call__(self, w: Tensor) -> Tensor:
        raise SpecError(f"the constraint `{self.type_name}` does not define __call__(self, w)")

    @classmethod
    def from_value(cls, value: Any) -> "Constraint | None":
        return Custom(value) if callable(value) else None


class Custom(Constraint, abstract=True):
    """A Python function as constraint."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, w: Tensor) -> Tensor:
        return self.function(w)


Axes = int | list[int]
"""The axes that one vector of a weight runs along: 0 for dense kernels, [0, 1, 2] for 2D convolutions."""


def _norms(w: Tensor, axis: Axes) -> Tensor:
    return sqrt(reduce_sum(square(w), axis=axis, keepdims=True))


class NonNeg(Constraint):
    """No entry below 0."""

    def __call__(self, w):
        return maximum(w, 0.0)


class MaxNorm(Constraint):
    """Vectors along `axis` no longer than `max_value`."""

    max_value: NonNegativeFloat = 2.0
    axis: Axes = 0

    def __call__(self, w):
        norms = _norms(w, self.axis)
        return w * (clip_by_value(norms, 0.0, self.max_value) / (EPSILON + norms))


class UnitNorm(Constraint):
    """Vectors along `axis` of length 1."""

    axis: Axes = 0

    def __call__(self, w):
        return w / (EPSILON + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """Vectors along `axis` with a length between two bounds, approached at `rate` (1: at once)."""

    min_value: NonNegativeFloat = 0.0
    max_value: PositiveFloat = 1.0
    rate: Probability = 1.0
    axis: Axes = 0

    def check(self):
        if self.min_value > self.max_value:
            raise FieldError("min_value", f"{self.min_value} is above max_value, {self.max_value}")

    def __call__(self, w):
        norms = _norms(w, self.axis)
        desired = self.rate * clip_by_value(norms, self.min_value, self.max_value) + (1.0 - self.rate) * norms
        return w * (desired / (EPSILON + norms))
