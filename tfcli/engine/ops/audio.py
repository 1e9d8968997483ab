"""Frames of signals and their Fourier transforms."""

from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.index import gather
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError


class Rfft(Op):
    """x (…, T) real, cut or padded with zeros to `length` -> the real and imaginary parts (…, length // 2 + 1) of its spectrum."""

    length: int

    def infer(self, x):
        if not x.dtype.is_floating or not x.shape:
            raise DtypeError(f"rfft: expected floating signals of one axis or more, got {x}")
        spec = TensorSpec(Shape((*x.shape[:-1], self.length // 2 + 1)), x.dtype)
        return spec, spec

    def forward(self, x):
        spectrum = np.fft.rfft(x, self.length)
        return spectrum.real.astype(x.dtype), spectrum.imag.astype(x.dtype)

    def vjp(self, g, y, x):
        real, imaginary = (part * 0.0 if given is None else given for given, part in zip(g, y, strict=True))
        return (RfftGrad(self.length)(real, imaginary, x),)


class RfftGrad(Op):
    """What each sample of a signal like `like` gave to the real and the imaginary part of its spectrum."""

    length: int

    def infer(self, real, imaginary, like):
        return TensorSpec(like.shape, real.dtype)

    def forward(self, real, imaginary, like):
        waves = np.fft.ifft(real + 1j * imaginary, self.length).real * self.length
        samples = like.shape[-1]
        result = np.zeros(like.shape, real.dtype)
        result[..., : min(samples, self.length)] = waves[..., :samples]
        return result

    def vjp(self, h, y, real, imaginary, like):
        return (*Rfft(self.length)(h), None)


def frames(x: Any, length: int, step: int, padding: int = 0) -> Tensor:
    """x (…, samples) -> (…, T, length), a frame each `step` samples; `padding` samples are mirrored at both ends first.

    Raises ShapeError for a signal of unknown length, or too short for a frame or its mirror image.
    """
    x = convert_to_tensor(x)
    samples = x.shape[-1] if x.shape else None
    if samples is None or samples + 2 * padding < length or (padding and samples <= padding):
        shown = show_shape(x.shape)
        raise ShapeError(f"expected signals (…, samples) of {max(length - 2 * padding, padding + 1)} or more, got {shown}")
    mirrored = np.abs(np.arange(-padding, samples + padding))
    mirrored = np.where(mirrored >= samples, 2 * (samples - 1) - mirrored, mirrored)
    starts = np.arange(0, len(mirrored) - length + 1, step)
    return gather(x, mirrored[starts[:, None] + np.arange(length)], axis=-1)


def rfft(x: Any, length: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary part (…, length // 2 + 1) of the spectrum of x (…, T). Raises DtypeError."""
    return Rfft(length)(x)
