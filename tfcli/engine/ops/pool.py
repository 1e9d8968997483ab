"""Pooling over 1, 2 or 3 spatial axes, channels last: x (N, *in, C) -> (N, *out, C).

Entries beyond the border take no part, as in TensorFlow: no maximum comes from the padding, and an average is over
the rest.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.window import Padding, Window, as_padding, infer_windows, per_axis, window
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError


class Pooling(Op, abstract=True):
    """The settings of a pooling, the same for its gradients."""

    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding = "valid"

    def pooled(self, x: TensorSpec) -> TensorSpec:
        """What pooling x gives. Raises ShapeError, DtypeError."""
        rank = len(self.pool_size)
        if x.rank != rank + 2:
            raise ShapeError(
                f"{self.name}: expected (batch, *sizes, channels) with {rank} sizes, got {show_shape(x.shape)}"
            )
        if not x.dtype.is_floating:
            raise DtypeError(f"{self.name}: expected a floating tensor, got {x.dtype.name}; tf.cast converts")
        out = infer_windows(self.name, x, self.pool_size, self.strides, (1,) * rank, self.padding)
        return TensorSpec(Shape((x.shape[0], *out, x.shape[-1])), x.dtype)

    def window(self, x: np.ndarray) -> Window:
        return window(x.shape[1:-1], self.pool_size, self.strides, (1,) * len(self.pool_size), self.padding)

    def sibling(self, op: type["Pooling"]) -> "Pooling":
        return op(self.pool_size, self.strides, self.padding)


class MaxPool(Pooling):
    """The largest entry of each window."""

    def infer(self, x):
        return self.pooled(x)

    def forward(self, x):
        w = self.window(x)
        padded, result = w.pad(x, -np.inf), None
        for _, where in w.positions():
            result = padded[where].copy() if result is None else np.maximum(result, padded[where], out=result)
        return result

    def vjp_x(self, g, y, x):
        return self.sibling(MaxPoolGrad)(g, x, y)


class MaxPoolGrad(Pooling):
    """g (N, *out, C) put where each window of x has its first maximum, in row-major order; y is the pooled x."""

    vjp_x = None
    vjp_y = None

    def infer(self, g, x, y):
        return TensorSpec(x.shape, g.dtype)

    def forward(self, g, x, y):
        w = self.window(x)
        padded, result, free = (
            w.pad(x, -np.inf),
            w.empty_padded(len(x), x.shape[-1], g.dtype),
            np.ones(y.shape, np.bool_),
        )
        for _, where in w.positions():
            hit = (padded[where] == y) & free
            result[where] += g * hit
            free &= ~hit
        return w.crop(result)

    def vjp_g(self, h, z, g, x, y):
        return self.sibling(MaxPoolPick)(h, x, y)


class MaxPoolPick(Pooling):
    """The entries of h (N, *in, C) where the windows of x have their first maximum; y is the pooled x."""

    vjp_x = None
    vjp_y = None

    def infer(self, h, x, y):
        return TensorSpec(y.shape, h.dtype)

    def forward(self, h, x, y):
        w = self.window(x)
        padded, source = w.pad(x, -np.inf), w.pad(h)
        result, free = np.zeros(y.shape, h.dtype), np.ones(y.shape, np.bool_)
        for _, where in w.positions():
            hit = (padded[where] == y) & free
            np.copyto(result, source[where], where=hit)
            free &= ~hit
        return result

    def vjp_h(self, g, z, h, x, y):
        return self.sibling(MaxPoolGrad)(g, x, y)


class AveragePool(Pooling):
    """The mean of the entries of each window that lie in x."""

    def infer(self, x):
        return self.pooled(x)

    def forward(self, x):
        w = self.window(x)
        padded, total = w.pad(x), np.zeros((len(x), *w.out, x.shape[-1]), x.dtype)
        for _, where in w.positions():
            total += padded[where]
        return total * _shares(w, x.dtype)

    def vjp_x(self, g, y, x):
        return self.sibling(AveragePoolGrad)(g, x)


class AveragePoolGrad(Pooling):
    """g (N, *out, C) shared out over its windows of `like` (N, *in, C), which lends its shape alone."""

    vjp_like = None

    def infer(self, g, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like):
        w = self.window(like)
        share, result = g * _shares(w, g.dtype), w.empty_padded(len(g), g.shape[-1], g.dtype)
        for _, where in w.positions():
            result[where] += share
        return w.crop(result)

    def vjp_g(self, h, y, g, like):
        return self.sibling(AveragePool)(h)


def _shares(w: Window, dtype: np.dtype) -> np.ndarray:
    """(*out, 1): one over the entries of each window that lie in the input; 0 for a window of padding alone."""
    counts = np.ones((), np.float64)
    for (before, _), size, n, k, s in zip(w.pads, w.sizes, w.out, w.size, w.strides, strict=True):
        first = np.arange(n) * s - before
        inside = np.clip(np.minimum(first + k, size) - np.maximum(first, 0), 0, None)
        counts = counts[..., None] * inside
    return np.divide(1, counts, out=np.zeros_like(counts), where=counts > 0).astype(dtype)[..., None]


def max_pool(x: Any, pool_size: int | Sequence[int] = 2, strides: Any = None, padding: Any = "valid") -> Tensor:
    """The largest entry of each window of x (N, *in, C); strides default to pool_size. Raises TfcliError."""
    return _pool(MaxPool, "max_pool", x, pool_size, strides, padding)


def average_pool(x: Any, pool_size: int | Sequence[int] = 2, strides: Any = None, padding: Any = "valid") -> Tensor:
    """The mean of each window of x (N, *in, C); strides default to pool_size. Raises TfcliError."""
    return _pool(AveragePool, "average_pool", x, pool_size, strides, padding)


def _pool(op: type[Pooling], what: str, x: Any, pool_size: Any, strides: Any, padding: Any) -> Tensor:
    x = convert_to_tensor(x)
    if x.ndim < 3:
        raise ShapeError(
            f"{what}: expected an input (batch, *sizes, channels) of 3 axes or more, got {show_shape(x.shape)}"
        )
    rank = x.ndim - 2
    size = per_axis(pool_size, rank, what)
    steps = size if strides is None else per_axis(strides, rank, what)
    return op(size, steps, as_padding(padding, rank, what))(x)
