"""Discrete Fourier transforms of the last axes, of complex and of real signals."""

from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.complex import REAL, Complex, Real, complex_of, real_of
from tfcli.engine.ops.join import concat, pad
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError


class _Transform(Op, abstract=True):
    """x complex (..., n) -> its transform over the last `axes` axes."""

    axes: int

    def infer(self, x):
        real_of(self.name, x.dtype)
        if x.rank < self.axes:
            raise ShapeError(f"{self.name}: expected {self.axes} axes or more, got {show_shape(x.shape)}")
        return TensorSpec(x.shape, x.dtype)

    def over(self, rank: int) -> tuple[int, ...]:
        return tuple(range(rank - self.axes, rank))


class Fft(_Transform):
    """The sum of x[t] exp(-2πi kt / n)."""

    def forward(self, x):
        return np.fft.fftn(x, axes=self.over(x.ndim)).astype(x.dtype, copy=False)

    def vjp_x(self, g, y, x):
        return FftAdjoint(self.axes)(g)


class FftAdjoint(_Transform):
    """The sum of x[k] exp(2πi kt / n): the inverse without its factor 1 / n."""

    def forward(self, x):
        return np.fft.ifftn(x, axes=self.over(x.ndim), norm="forward").astype(x.dtype, copy=False)

    def vjp_x(self, g, y, x):
        return Fft(self.axes)(g)


class Ifft(_Transform):
    """The inverse of Fft."""

    def forward(self, x):
        return np.fft.ifftn(x, axes=self.over(x.ndim)).astype(x.dtype, copy=False)

    def vjp_x(self, g, y, x):
        return FftForward(self.axes)(g)


class FftForward(_Transform):
    """Fft with the factor 1 / n: the adjoint of the inverse."""

    def forward(self, x):
        return np.fft.fftn(x, axes=self.over(x.ndim), norm="forward").astype(x.dtype, copy=False)

    def vjp_x(self, g, y, x):
        return Ifft(self.axes)(g)


class RealFft(Op):
    """x real (..., n) -> the first n // 2 + 1 coefficients of its transform."""

    length: int

    def infer(self, x):
        return TensorSpec(Shape((*x.shape[:-1], self.length // 2 + 1)), complex_of("rfft", x.dtype))

    def forward(self, x):
        return np.fft.rfft(x, n=self.length).astype(np.result_type(x.dtype, np.complex64), copy=False)

    def vjp_x(self, g, y, x):
        missing = self.length - self.length // 2 - 1
        full = concat([g, zeros_like(g[..., :missing])], -1) if missing else g
        return Real()(FftAdjoint(1)(full))


class RealIfft(Op):
    """The real signal of `length` whose first length // 2 + 1 coefficients are x."""

    length: int

    def infer(self, x):
        return TensorSpec(Shape((*x.shape[:-1], self.length)), real_of("irfft", x.dtype))

    def forward(self, x):
        return np.fft.irfft(x, n=self.length).astype(REAL[x.dtype.name].numpy, copy=False)

    def vjp_x(self, g, y, x):
        weights = np.full(self.length // 2 + 1, 2.0 / self.length)
        weights[0] = 1.0 / self.length
        if self.length % 2 == 0:
            weights[-1] = 1.0 / self.length
        return RealFft(self.length)(g) * weights.astype(x.dtype.numpy)


def fft(input: Any) -> Tensor:
    """The discrete Fourier transform of the last axis of a complex tensor. Raises DtypeError, ShapeError."""
    return Fft(1)(input)


def ifft(input: Any) -> Tensor:
    """The inverse of fft."""
    return Ifft(1)(input)


def fft2d(input: Any) -> Tensor:
    """The transform of the last two axes of a complex tensor. Raises DtypeError, ShapeError."""
    return Fft(2)(input)


def ifft2d(input: Any) -> Tensor:
    """The inverse of fft2d."""
    return Ifft(2)(input)


def fft3d(input: Any) -> Tensor:
    """The transform of the last three axes of a complex tensor. Raises DtypeError, ShapeError."""
    return Fft(3)(input)


def ifft3d(input: Any) -> Tensor:
    """The inverse of fft3d."""
    return Ifft(3)(input)


def rfft(input_tensor: Any, fft_length: Any = None) -> Tensor:
    """The first n // 2 + 1 coefficients of the transform of a real last axis, cut or filled with zeros to `fft_length`.

    Raises DtypeError, ShapeError.
    """
    x = convert_to_tensor(input_tensor)
    size = x.shape[-1] if x.ndim else None
    length = size if fft_length is None else int(np.reshape(fft_length, ()))
    if length is None:
        raise ShapeError(f"rfft: the last axis of {show_shape(x.shape)} is unknown; give fft_length")
    return RealFft(length)(fitted(x, length))


def irfft(input_tensor: Any, fft_length: Any = None) -> Tensor:
    """The inverse of rfft: a real last axis of `fft_length`, by default 2 (n - 1). Raises DtypeError, ShapeError."""
    x = convert_to_tensor(input_tensor)
    size = x.shape[-1] if x.ndim else None
    if fft_length is None and size is None:
        raise ShapeError(f"irfft: the last axis of {show_shape(x.shape)} is unknown; give fft_length")
    length = 2 * (size - 1) if fft_length is None else int(np.reshape(fft_length, ()))  # type: ignore[operator]
    return RealIfft(length)(fitted(x, length // 2 + 1))


def fitted(x: Tensor, size: int) -> Tensor:
    """x with its last axis cut or filled with zeros to `size`. Raises ShapeError."""
    have = x.shape[-1]
    if have == size:
        return x
    if have is None:
        return fitted_unknown(x, size)
    if have > size:
        return x[..., :size]
    return pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size - have)])


def fitted_unknown(x: Tensor, size: int) -> Tensor:
    """As `fitted`, where only the running graph knows the size."""
    return pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size)])[..., :size]


def fftshift(x: Any, axes: Any = None) -> Tensor:
    """The coefficient of frequency 0 moved to the middle of each axis. Raises ShapeError."""
    from tfcli.engine.ops.arrange import roll

    x = convert_to_tensor(x)
    over = _axes(x, axes)
    return roll(x, [_size(x, a) // 2 for a in over], over)


def ifftshift(x: Any, axes: Any = None) -> Tensor:
    """The inverse of fftshift. Raises ShapeError."""
    from tfcli.engine.ops.arrange import roll

    x = convert_to_tensor(x)
    over = _axes(x, axes)
    return roll(x, [-(_size(x, a) // 2) for a in over], over)


def _axes(x: Tensor, axes: Any) -> list[int]:
    return list(range(x.ndim)) if axes is None else [int(a) for a in np.atleast_1d(axes)]


def _size(x: Tensor, axis: int) -> int:
    size = x.shape[axis]
    if size is None:
        raise ShapeError(f"fftshift: axis {axis} of {show_shape(x.shape)} is unknown")
    return size


def complex_like(x: Tensor) -> Tensor:
    """A real tensor as a complex one."""
    return Complex()(x, zeros_like(x))
