"""Enlarging an axis by a whole factor: entries repeated, or interpolated between their neighbours."""

from functools import lru_cache
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.spec import Shape, TensorSpec, normalize_axis
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError


class RepeatEntries(Op):
    """Each entry along `axis` `repeats` times, one after the other."""

    repeats: int
    axis: int

    def infer(self, x):
        return _scaled(x, self.axis, self.repeats)

    def forward(self, x):
        return np.repeat(x, self.repeats, self.axis)

    def vjp_x(self, g, y, x):
        return RepeatEntriesGrad(self.repeats, self.axis)(g)


class RepeatEntriesGrad(Op):
    """The sum of each `repeats` neighbours along `axis`."""

    repeats: int
    axis: int

    def infer(self, g):
        size = g.shape[self.axis]
        return TensorSpec(_replace(g.shape, self.axis, None if size is None else size // self.repeats), g.dtype)

    def forward(self, g):
        split = (*g.shape[: self.axis], g.shape[self.axis] // self.repeats, self.repeats, *g.shape[self.axis + 1 :])
        return g.reshape(split).sum(axis=self.axis + 1)

    def vjp_g(self, h, y, g):
        return RepeatEntries(self.repeats, self.axis)(h)


class ResizeAxis(Op):
    """x interpolated to `factor` times as many entries along `axis`, pixel centres aligned as in tf.image.resize."""

    factor: int
    axis: int
    method: str

    def infer(self, x):
        if not x.dtype.is_floating:
            raise DtypeError(f"resize_axis: expected a floating tensor, got {x}; tf.cast converts")
        return _scaled(x, self.axis, self.factor)

    def forward(self, x):
        return _along(weights(x.shape[self.axis], self.factor, self.method), x, self.axis)

    def vjp_x(self, g, y, x):
        return ResizeAxisGrad(self.factor, self.axis, self.method)(g)


class ResizeAxisGrad(Op):
    """What each entry of the input gave to g: the transpose of the interpolation."""

    factor: int
    axis: int
    method: str

    def infer(self, g):
        size = g.shape[self.axis]
        return TensorSpec(_replace(g.shape, self.axis, None if size is None else size // self.factor), g.dtype)

    def forward(self, g):
        return _along(weights(g.shape[self.axis] // self.factor, self.factor, self.method).T, g, self.axis)

    def vjp_g(self, h, y, g):
        return ResizeAxis(self.factor, self.axis, self.method)(h)


def repeat_entries(x: Any, repeats: int, axis: int) -> Tensor:
    """Each entry along `axis` `repeats` times, one after the other."""
    tensor = convert_to_tensor(x)
    return RepeatEntries(repeats, normalize_axis(axis, tensor.ndim, "repeat_entries"))(tensor)


def resize_axis(x: Any, factor: int, axis: int, method: str) -> Tensor:
    """x with `factor` times the entries along `axis`, by bilinear, bicubic, lanczos3 or lanczos5. Raises DtypeError."""
    tensor = convert_to_tensor(x)
    return ResizeAxis(factor, normalize_axis(axis, tensor.ndim, "resize_axis"), method)(tensor)


def _scaled(x: TensorSpec, axis: int, factor: int) -> TensorSpec:
    size = x.shape[axis]
    return TensorSpec(_replace(x.shape, axis, None if size is None else size * factor), x.dtype)


def _replace(shape: Shape, axis: int, size: int | None) -> Shape:
    return Shape(size if i == axis else d for i, d in enumerate(shape))


def _along(matrix: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """x with `matrix` applied to its vectors along `axis`."""
    product = np.tensordot(matrix.astype(x.dtype), x, (1, axis))
    return np.ascontiguousarray(np.moveaxis(product, 0, axis))


@lru_cache(maxsize=64)
def weights(size: int, factor: int, method: str) -> np.ndarray:
    """(size * factor, size): how much of each entry goes into each new one; what lies outside has no weight."""
    centres = (np.arange(size * factor) + 0.5) / factor - 0.5
    if method == "bicubic":  # TensorFlow reads the cubic from a table with this many steps
        centres = np.round(centres * 1024) / 1024
    kernel = KERNELS[method](centres[:, None] - np.arange(size))
    return kernel / kernel.sum(axis=1, keepdims=True)


def _triangle(d: np.ndarray) -> np.ndarray:
    return np.maximum(1.0 - np.abs(d), 0.0)


def _cubic(d: np.ndarray) -> np.ndarray:
    """The cubic of R. Keys (1981), with a = -1/2."""
    d = np.abs(d)
    near, far = (1.5 * d - 2.5) * d * d + 1.0, ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return np.where(d <= 1.0, near, np.where(d < 2.0, far, 0.0))


def _lanczos(radius: int, d: np.ndarray) -> np.ndarray:
    return np.where(np.abs(d) < radius, np.sinc(d) * np.sinc(d / radius), 0.0)


KERNELS = {
    "bilinear": _triangle,
    "bicubic": _cubic,
    "lanczos3": lambda d: _lanczos(3, d),
    "lanczos5": lambda d: _lanczos(5, d),
}
