"""Sounds as spectrograms: how strong each frequency is, over time."""

import math
from typing import Any, Literal

import numpy as np

from tfcli.declare import FieldError, NonNegativeFloat, PositiveFloat, PositiveInt
from tfcli.engine.ops.complex import imag, real
from tfcli.engine.ops.conv import conv
from tfcli.engine.ops.elementary import log, sqrt
from tfcli.engine.ops.elementwise import (
    atan2,
    maximum,
    pow_,
    square,
)
from tfcli.engine.ops.join import concat, pad
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.reduce import reduce_max
from tfcli.engine.ops.shape import expand_dims, transpose
from tfcli.engine.ops.signal import hamming_window, hann_window, linear_to_mel_weight_matrix, stft
from tfcli.engine.ops.slicing import reverse
from tfcli.engine.preprocessing.base import DataFormat, OnTensors, Preprocessing
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError

Window = Literal["hann", "hamming"] | list[float] | None
"""The weights of a frame's samples: by name, or one for each; null: all are 1."""
Scaling = Literal["density", "spectrum"] | None
"""What a window is divided by: its length as a vector, its sum, or nothing."""
Side = Literal["real", "imag"]
_EPSILON = 1e-7


class MelSpectrogram(OnTensors):
    """Signals (N, samples) as the strength of each band of the mel scale over time: (N, num_mel_bins, frames).

    With `power_to_db` in decibels, those of a batch no weaker than `top_db` below its strongest.
    """

    fft_length: PositiveInt = 2048
    sequence_stride: PositiveInt = 512
    "Samples from one frame to the next."
    sequence_length: PositiveInt | None = None
    "Samples of a frame. Default: `fft_length`."
    window: Window = "hann"
    sampling_rate: PositiveInt = 16000
    "Samples a second."
    num_mel_bins: PositiveInt = 128
    min_freq: NonNegativeFloat = 20.0
    "Where the lowest band begins, in hertz."
    max_freq: PositiveFloat | None = None
    "Where the highest band ends, in hertz. Default: half the sampling rate."
    power_to_db: bool = True
    top_db: NonNegativeFloat = 80.0
    mag_exp: PositiveFloat = 2.0
    "1 for magnitudes, 2 for powers."
    min_power: PositiveFloat = 1e-10
    ref_power: float = 1.0
    "The power of 0 decibels."

    def check(self) -> None:
        if self._length > self.fft_length:
            raise FieldError("fft_length", f"must be at least `sequence_length`, which is {self._length}")
        if not self.min_freq < self._max_freq <= self.sampling_rate / 2:
            raise FieldError("max_freq", f"must be more than `min_freq`, and at most {self.sampling_rate / 2:g}")
        check_window(self.window, self._length)

    @property
    def _length(self) -> int:
        return self.sequence_length or self.fft_length

    @property
    def _max_freq(self) -> float:
        return self.max_freq or self.sampling_rate // 2

    def transform(self, inputs: Tensor, together: bool = True) -> Tensor:
        """`together`: the strongest is sought in the whole batch, as in Keras, and not in each example by itself."""
        if inputs.ndim not in (1, 2):
            raise ShapeError(f"expected signals (batch, samples), got {show_shape(inputs.shape)}; a reshape joins axes")
        matrix = linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self._max_freq, inputs.dtype
        )
        bands = matmul(self._strengths(inputs), matrix)
        if self.power_to_db:
            bands = self._decibels(bands, together)
        return transpose(bands, [*range(bands.ndim - 2), bands.ndim - 1, bands.ndim - 2])

    def _strengths(self, inputs: Tensor) -> Tensor:
        """(…, frames, frequencies)."""
        transformed = stft(
            mirrored(inputs, self.fft_length // 2),
            self.fft_length,
            self.sequence_stride,
            self.fft_length,
            None if self.window is None else self._weights,
        )
        squared = square(real(transformed)) + square(imag(transformed))
        return squared if self.mag_exp == 2.0 else pow_(sqrt(squared), self.mag_exp)

    def _weights(self, frame_length: int, dtype: Any) -> Tensor:
        """The window in the middle of a frame of the transform's length."""
        if isinstance(self.window, list):
            window = np.asarray(self.window)
        else:
            make = hann_window if self.window == "hann" else hamming_window
            window = make(self._length, dtype=dtype).array
        left = (frame_length - self._length) // 2
        filled = np.pad(window, (left, frame_length - self._length - left))
        return Tensor(filled.astype(dtype.numpy))

    def _decibels(self, power: Tensor, together: bool) -> Tensor:
        reference = 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
        decibels = log(maximum(power, self.min_power)) * (10.0 / math.log(10.0)) - reference
        strongest = reduce_max(decibels) if together else reduce_max(decibels, (-2, -1), keepdims=True)
        return maximum(decibels, strongest - self.top_db)


def mirrored(signals: Tensor, size: int) -> Tensor:
    """The signals (…, T) with `size` more samples at both ends, which mirror those inside. Raises ShapeError."""
    length = signals.shape[-1]
    if length is not None and length <= size:
        raise ShapeError(f"signals of {length} samples are too short; more than fft_length // 2, {size}, are needed")
    last = signals.ndim - 1
    before, after = signals[..., 1 : size + 1], signals[..., -size - 1 : -1]
    return concat([reverse(before, [last]), signals, reverse(after, [last])], last)


def check_window(window: Window, length: int) -> None:
    """Raises FieldError where a window of numbers does not have `length` of them."""
    if isinstance(window, list) and len(window) != length:
        raise FieldError("window", f"has {len(window)} numbers; a frame has {length} samples")


def waves(
    frame_length: int, frequencies: int, side: Side, window: Window, scaling: Scaling, periodic: bool
) -> np.ndarray:
    """What turns a frame into one side of its spectrum: cosines or sines under a window, (T, 1, F)."""
    # As in Keras, the transform has the even length that so many frequencies come of.
    turns = -2.0 * np.pi * np.arange(frame_length)[:, None, None] * np.arange(frequencies) / (2 * (frequencies - 1))
    kernel = np.cos(turns) if side == "real" else np.sin(turns)
    if window is None:
        return kernel
    weights = np.asarray(window) if isinstance(window, list) else raised_cosine(window, frame_length, periodic)
    scale = {"density": np.sqrt(np.square(weights).sum()), "spectrum": np.abs(weights).sum(), None: 1.0}
    return kernel * weights[:, None, None] / scale[scaling]


def raised_cosine(name: str, size: int, periodic: bool) -> np.ndarray:
    """A `hann` or `hamming` window of this size: one period of its wave, or symmetric."""
    a, b = (0.5, 0.5) if name == "hann" else (0.54, 0.46)
    span = size - (0 if periodic else 1)
    return a - b * np.cos(2 * np.pi * np.arange(size) / span) if span else np.ones(1)


class STFTSpectrogram(Preprocessing):
    """Signals (N, samples, C) as spectrograms by a convolution whose kernels begin as waves: (N, frames, C * F).

    F is fft_length // 2 + 1, twice that in mode stft.
    """

    mode: Literal["log", "magnitude", "psd", "real", "imag", "angle", "stft"] = "log"
    frame_length: PositiveInt = 256
    "Samples of a frame."
    frame_step: PositiveInt | None = None
    "Samples from one frame to the next. Default: half of `frame_length`."
    fft_length: PositiveInt | None = None
    "Default: the next power of two from `frame_length` on."
    window: Window = "hann"
    periodic: bool = False
    "The window is one period of a wave, and not symmetric."
    scaling: Scaling = "density"
    padding: Literal["valid", "same"] = "valid"
    expand_dims: bool = False
    "The output is (N, frames, F, C), like an image."
    data_format: DataFormat = None

    def check(self) -> None:
        if self.frame_step is not None and self.frame_step > self.frame_length:
            raise FieldError("frame_step", f"must be at most `frame_length`, {self.frame_length}")
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise FieldError("fft_length", f"must be at least `frame_length`, {self.frame_length}")
        check_window(self.window, self.frame_length)

    @property
    def uses(self) -> tuple[str, ...]:
        """The kernels that the mode needs."""
        return {"real": ("real_kernel",), "imag": ("imag_kernel",)}.get(self.mode, ("real_kernel", "imag_kernel"))

    def kernel(self, name: str) -> np.ndarray:
        """Cosines or sines under the window: (frame_length, 1, frequencies)."""
        length = self.fft_length or 1 << (self.frame_length - 1).bit_length()
        side: Side = "real" if name == "real_kernel" else "imag"
        return waves(self.frame_length, length // 2 + 1, side, self.window, self.scaling, self.periodic)

    def spectrogram(self, inputs: Tensor, kernels: list[Any]) -> Tensor:
        """`kernels` are those that the mode uses, in order."""
        if inputs.ndim != 3 or inputs.shape[2] is None:
            raise ShapeError(
                f"expected signals (batch, samples, channels), got {show_shape(inputs.shape)}; "
                "a reshape adds a missing axis"
            )
        channels = [self._channel(inputs[:, :, i : i + 1], kernels) for i in range(inputs.shape[2])]
        return concat([expand_dims(c, -1) for c in channels] if self.expand_dims else channels, -1)

    def _channel(self, signals: Tensor, kernels: list[Any]) -> Tensor:
        """(N, samples, 1) -> (N, frames, frequencies)."""
        step = self.frame_step or max(self.frame_length // 2, 1)
        parts = [conv(signals, kernel, [step], self.padding) for kernel in kernels]
        if self.mode in ("real", "imag"):
            return parts[0]
        cosines, sines = parts
        if self.mode == "angle":
            return atan2(sines, cosines)
        if self.mode == "stft":
            return concat([cosines, sines], -1)
        power = square(cosines) + square(sines)
        if self.mode == "psd":
            return power + pad(power[:, :, 1:-1], [[0, 0], [0, 0], [1, 1]])
        magnitude = sqrt(maximum(power, _EPSILON))
        return magnitude if self.mode == "magnitude" else log(maximum(magnitude, _EPSILON))
