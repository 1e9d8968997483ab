"""Signals: frames, windows, short-time Fourier transforms, mel scales and cosine transforms."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.fourier import fitted, irfft, rfft
from tfcli.engine.ops.join import pad
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.ops.shape import transpose
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, float32, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError


class Frame(Op):
    """Frames of `length` entries of the last axis, beginning every `step`: x (..., T) -> (..., frames, length)."""

    length: int
    step: int

    def infer(self, x):
        size = x.shape[-1]
        count = None if size is None else max(0, 1 + (size - self.length) // self.step)
        return TensorSpec(Shape((*x.shape[:-1], count, self.length)), x.dtype)

    def forward(self, x):
        count = max(0, 1 + (x.shape[-1] - self.length) // self.step)
        return x[..., np.arange(count)[:, None] * self.step + np.arange(self.length)]

    def vjp_x(self, g, y, x):
        return FrameGrad(self.length, self.step)(g, x)


class FrameGrad(Op):
    """Frames added where they came from, in the shape of `like`, which lends it alone."""

    length: int
    step: int
    vjp_like = None

    def infer(self, g, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like):
        return _added(g, self.step, like.shape[-1])

    def vjp_g(self, h, y, g, like):
        return Frame(self.length, self.step)(h)


class OverlapAndAdd(Op):
    """Frames (..., F, L), each `step` after the one before, added: (..., (F - 1) * step + L)."""

    step: int

    def infer(self, x):
        if x.rank < 2:
            raise ShapeError(f"overlap_and_add: expected frames (..., F, L), got {show_shape(x.shape)}")
        frames, length = x.shape[-2:]
        total = None if frames is None or length is None else (frames - 1) * self.step + length
        return TensorSpec(Shape((*x.shape[:-2], total)), x.dtype)

    def forward(self, x):
        return _added(x, self.step, (x.shape[-2] - 1) * self.step + x.shape[-1])

    def vjp_x(self, g, y, x):
        if x.shape[-1] is None:
            raise ShapeError(f"overlap_and_add: the gradient needs frames of a known length, got {show_shape(x.shape)}")
        return Frame(x.shape[-1], self.step)(g)


def _added(frames: np.ndarray, step: int, size: int) -> np.ndarray:
    total = np.zeros((*frames.shape[:-2], size), frames.dtype)
    for i in range(frames.shape[-2]):
        total[..., i * step : i * step + frames.shape[-1]] += frames[..., i, :]
    return total


def frame(
    signal: Any, frame_length: int, frame_step: int, pad_end: bool = False, pad_value: float = 0, axis: int = -1
) -> Tensor:
    """The signal in frames along `axis`, which becomes (frames, frame_length). Raises ShapeError.

    With `pad_end` each step begins a frame, the last ones filled with `pad_value`.
    """
    x, length, step = convert_to_tensor(signal), int(frame_length), int(frame_step)
    axis = normalize_axis(axis, x.ndim, "frame")
    order = [i for i in range(x.ndim) if i != axis] + [axis]
    x = transpose(x, order) if axis != x.ndim - 1 else x
    if pad_end:
        size = x.shape[-1]
        if size is None:
            raise ShapeError(f"frame: pad_end needs a signal of a known length, got {show_shape(x.shape)}")
        missing = max(0, (-(-size // step) - 1) * step + length - size)
        x = pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)], pad_value)
    frames = Frame(length, step)(x)
    rank = x.ndim
    return frames if axis == rank - 1 else transpose(frames, [*range(axis), rank - 1, rank, *range(axis, rank - 1)])


def overlap_and_add(signal: Any, frame_step: int) -> Tensor:
    """Frames (..., F, L), `frame_step` apart, added to a signal (..., (F - 1) * frame_step + L). Raises ShapeError."""
    return OverlapAndAdd(int(frame_step))(signal)


def _raised_cosine(a: float, b: float, window_length: int, periodic: bool, dtype: Any) -> Tensor:
    length = int(window_length)
    span = length if periodic and length % 2 == 0 else length - 1  # as in TensorFlow, odd windows are symmetric
    values = a - b * np.cos(2 * np.pi * np.arange(length) / max(span, 1)) if length > 1 else np.ones(length)
    return convert_to_tensor(values.astype(as_dtype(dtype).numpy))


def hann_window(window_length: int, periodic: bool = True, dtype: Any = float32) -> Tensor:
    """A raised cosine that ends at 0."""
    return _raised_cosine(0.5, 0.5, window_length, periodic, dtype)


def hamming_window(window_length: int, periodic: bool = True, dtype: Any = float32) -> Tensor:
    """A raised cosine that ends at 0.08."""
    return _raised_cosine(0.54, 0.46, window_length, periodic, dtype)


def kaiser_window(window_length: int, beta: float = 12.0, dtype: Any = float32) -> Tensor:
    """Kaiser's window, of which `beta` sets the width."""
    return convert_to_tensor(np.kaiser(int(window_length), beta).astype(as_dtype(dtype).numpy))


def vorbis_window(window_length: int, dtype: Any = float32) -> Tensor:
    """The window of the Vorbis codec, whose squares overlap to 1."""
    length = int(window_length)
    angle = np.pi * (np.arange(length) + 0.5) / length
    return convert_to_tensor(np.sin(np.pi / 2 * np.sin(angle) ** 2).astype(as_dtype(dtype).numpy))


def _power_of_two(size: int) -> int:
    return 1 << max(0, (int(size) - 1).bit_length())


def stft(
    signals: Any,
    frame_length: int,
    frame_step: int,
    fft_length: int | None = None,
    window_fn: Callable[..., Tensor] | None = hann_window,
    pad_end: bool = False,
) -> Tensor:
    """Short-time Fourier transforms of real signals (..., T) -> (..., frames, fft_length // 2 + 1), complex.

    `fft_length` is the next power of two by default. Raises ShapeError, DtypeError.
    """
    frames = frame(signals, frame_length, frame_step, pad_end)
    if window_fn is not None:
        frames = frames * window_fn(frame_length, dtype=frames.dtype)
    return rfft(frames, _power_of_two(frame_length) if fft_length is None else fft_length)


def inverse_stft(
    stfts: Any,
    frame_length: int,
    frame_step: int,
    fft_length: int | None = None,
    window_fn: Callable[..., Tensor] | None = hann_window,
) -> Tensor:
    """Signals from short-time Fourier transforms; exact with a window from `inverse_stft_window_fn`."""
    length = _power_of_two(frame_length) if fft_length is None else int(fft_length)
    frames = fitted(irfft(stfts, length), int(frame_length))
    if window_fn is not None:
        frames = frames * window_fn(frame_length, dtype=frames.dtype)
    return overlap_and_add(frames, frame_step)


def inverse_stft_window_fn(
    frame_step: int, forward_window_fn: Callable[..., Tensor] = hann_window
) -> Callable[..., Tensor]:
    """The window for `inverse_stft` that undoes `stft` with `forward_window_fn`."""

    def window(frame_length: int, dtype: Any = float32) -> Tensor:
        forward = np.asarray(forward_window_fn(frame_length, dtype=dtype), np.float64)
        overlaps = -(-len(forward) // frame_step)
        filled = np.pad(np.square(forward), (0, overlaps * frame_step - len(forward)))
        total = np.tile(filled.reshape(overlaps, frame_step).sum(axis=0), overlaps)[: len(forward)]
        return convert_to_tensor((forward / total).astype(as_dtype(dtype).numpy))

    return window


def _mel(frequency: Any) -> Any:
    return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)


def linear_to_mel_weight_matrix(
    num_mel_bins: int = 20,
    num_spectrogram_bins: int = 129,
    sample_rate: float = 8000,
    lower_edge_hertz: float = 125.0,
    upper_edge_hertz: float = 3800.0,
    dtype: Any = float32,
) -> Tensor:
    """Weights (num_spectrogram_bins, num_mel_bins) that sum spectra into triangular bands of the mel scale."""
    if not 0 <= lower_edge_hertz < upper_edge_hertz <= sample_rate / 2:
        raise TfcliError(
            f"linear_to_mel_weight_matrix: edges {lower_edge_hertz} and {upper_edge_hertz} Hz; they must rise, from "
            f"0 to half the sample rate {sample_rate}"
        )
    bins = _mel(np.linspace(0.0, sample_rate / 2, num_spectrogram_bins)[1:])[:, None]
    edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)))
    return convert_to_tensor(np.pad(weights, ((1, 0), (0, 0))).astype(as_dtype(dtype).numpy))


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: Any) -> Tensor:
    """Mel-frequency cepstral coefficients (..., bins) of log mel spectrograms (..., bins)."""
    x = convert_to_tensor(log_mel_spectrograms)
    return dct(x) * (1.0 / math.sqrt(2.0 * _known(x)))


def _known(x: Tensor) -> int:
    size = x.shape[-1] if x.ndim else None
    if size is None:
        raise ShapeError(f"dct: expected a last axis of a known size, got {show_shape(x.shape)}")
    return size


def _dct_matrix(type: int, n: int) -> np.ndarray:
    """(n, n): column k holds what coefficient k takes of each entry."""
    t, k = np.arange(n)[:, None], np.arange(n)
    match type:
        case 1:
            ends = np.where((t == 0) | (t == n - 1), 1.0, 2.0)
            return ends * np.cos(np.pi * t * k / (n - 1))
        case 2:
            return 2.0 * np.cos(np.pi * (2 * t + 1) * k / (2 * n))
        case 3:
            return np.where(t == 0, 1.0, 2.0) * np.cos(np.pi * t * (2 * k + 1) / (2 * n))
        case 4:
            return 2.0 * np.cos(np.pi * (2 * t + 1) * (2 * k + 1) / (4 * n))
    raise TfcliError(f"dct: type {type}; there are 1, 2, 3 and 4")


def _orthonormal(type: int, n: int) -> np.ndarray:
    """The factors for each row and column (n, n) that make the transform orthonormal."""
    scale = np.full((n, n), 1.0 / math.sqrt(2.0 * n))
    if type == 2:
        scale[:, 0] = 0.5 / math.sqrt(n)
    elif type == 3:
        scale[0, :] = 1.0 / math.sqrt(n)
    elif type == 1:
        raise TfcliError("dct: type 1 has no orthonormal form")
    return scale


def dct(input: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The discrete cosine transform of the last axis, cut or filled with zeros to `n`. Raises TfcliError."""
    if axis != -1:
        raise TfcliError("dct: only the last axis, axis=-1, is transformed; tf.transpose moves another there")
    if norm not in (None, "ortho"):
        raise TfcliError(f"dct: norm must be None or 'ortho', got {norm!r}")
    x = convert_to_tensor(input)
    size = _known(x) if n is None else int(n)
    matrix = _dct_matrix(type, size)
    if norm == "ortho":
        matrix = matrix * _orthonormal(type, size)
    return _applied(fitted(x, size), matrix)


def _applied(x: Tensor, matrix: np.ndarray) -> Tensor:
    weights = convert_to_tensor(matrix.astype(x.dtype.numpy))
    return matmul(x, weights) if x.ndim > 1 else matmul(x[None], weights)[0]


def idct(input: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of dct, up to a factor of 2 n where `norm` is None, as in TensorFlow. Raises TfcliError."""
    return dct(input, {1: 1, 2: 3, 3: 2, 4: 4}.get(type, type), n, axis, norm)
