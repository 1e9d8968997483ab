"""What batch normalization and its gradient need of a whole array, apart from what they do to each entry.

The pass `split_normalization` makes these ops, after differentiation, so they have no gradients.
"""

from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.spec import Shape, TensorSpec


class Moments(Op):
    """x -> mean and variance along all axes but the last, where they have size 1."""

    vjp: Any = None

    def infer(self, x):
        kept = _kept(x)
        return kept, kept

    def forward(self, x):
        axes = tuple(range(x.ndim - 1))
        mean = x.mean(axis=axes, keepdims=True, dtype=x.dtype)
        return mean, np.square(x - mean).mean(axis=axes, keepdims=True, dtype=x.dtype)


class NormalizedSums(Op):
    """g, x, mean, factor -> the sums of g and of g * (x - mean) * factor along all axes but the last."""

    vjp: Any = None

    def infer(self, g, x, mean, factor):
        kept = _kept(x)
        return kept, kept

    def forward(self, g, x, mean, factor):
        axes = tuple(range(x.ndim - 1))
        return g.sum(axis=axes, keepdims=True), (g * (x - mean)).sum(axis=axes, keepdims=True) * factor


def _kept(x: TensorSpec) -> TensorSpec:
    return TensorSpec(Shape((*(1,) * (x.rank - 1), x.shape[-1])), x.dtype)
