"""Numbers, categories, texts and sounds as features, example by example."""

import math
import string
from collections import Counter
from typing import Any

import numpy as np

from references.hashes import crossed, fingerprint, siphash
from references.normalization import along
from references.reference import Weights, reference


@reference("rescaling")
def rescaling(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return x * np.array(f.scale) + np.array(f.offset)


@reference("normalization")
def normalization(f: Any, w: Weights, x: np.ndarray, learn: Any) -> np.ndarray:
    axes = [] if f.axis is None else [f.axis] if isinstance(f.axis, int) else f.axis
    mean, variance = f.mean, f.variance
    if learn is not None:
        data = np.array(learn)
        rest = tuple(axis for axis in range(data.ndim) if axis not in [a % data.ndim for a in axes])
        mean, variance = data.mean(rest), data.var(rest)
    kept = axes[len(axes) - np.ndim(mean) :]
    mean, deviation = (along(np.array(v), kept, x.ndim) for v in (mean, np.sqrt(variance)))
    return x * deviation + mean if f.invert else (x - mean) / deviation


def encoded(indices: np.ndarray, size: int, mode: str, weights: Any = None) -> np.ndarray:
    """Indices as vectors; those below 0 leave no trace. `weights`: of each index, for tf_idf."""
    if mode == "int":
        return indices
    if mode == "one_hot":
        kept = indices[..., 0] if indices.ndim > 1 and indices.shape[-1] == 1 else indices
        return np.array([[float(i == place) for place in range(size)] for i in kept.ravel()]).reshape(*kept.shape, size)
    rows = indices.reshape(-1, indices.shape[-1])
    counts = np.array([[np.count_nonzero(row == place) for place in range(size)] for row in rows], float)
    if mode == "multi_hot":
        counts = np.minimum(counts, 1)
    if mode == "tf_idf":
        counts = counts * weights
    return counts.reshape(*indices.shape[:-1], size)


@reference("discretization")
def discretization(f: Any, w: Weights, x: np.ndarray, state: Any) -> np.ndarray:
    """How many boundaries a number is not below. Those learned are estimates, whose numbers are Keras's."""
    boundaries = f.bin_boundaries or state["bin_boundaries"]
    bins = np.array([sum(number >= b for b in boundaries) for number in x.ravel()]).reshape(x.shape)
    return encoded(bins, len(boundaries) + 1, f.output_mode)


@reference("category_encoding")
def category_encoding(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return encoded(x, f.num_tokens, f.output_mode)


def as_text(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else str(int(value)).encode()


def bin_of(value: Any, bins: int, salt: Any) -> int:
    if salt is None:
        return fingerprint(as_text(value)) % bins
    return siphash(as_text(value), tuple(salt) if isinstance(salt, list) else (salt, salt)) % bins


@reference("hashing")
def hashing(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    """With a mask, bin 0 is kept for it."""
    if f.mask_value is None:
        bins = [bin_of(value, f.num_bins, f.salt) for value in x.ravel()]
    else:
        bins = [0 if v == f.mask_value else 1 + bin_of(v, f.num_bins - 1, f.salt) for v in x.ravel()]
    return encoded(np.array(bins).reshape(x.shape), f.num_bins, f.output_mode)


@reference("hashed_crossing")
def hashed_crossing(f: Any, w: Weights, *xs: np.ndarray) -> np.ndarray:
    bins = []
    for values in zip(*(x.ravel() for x in xs), strict=True):
        whole = 0xDECAFCAFFE
        for value in values:
            whole = crossed(whole, fingerprint(value.encode()) if isinstance(value, str) else int(value) % 2**64)
        bins.append(whole % f.num_bins)
    return encoded(np.array(bins).reshape(xs[0].shape), f.num_bins, f.output_mode)


# vocabularies


class Vocabulary:
    """Given or learned tokens, and what index each value has: the mask, then unknown ones, then tokens."""

    def __init__(self, f: Any, documents: list[list[Any]] | None) -> None:
        self.f = f
        self.masks = f.mask_token is not None and f.output_mode == "int"
        self.first = self.masks + f.num_oov_indices
        self.tokens, self.idf = f.vocabulary, f.idf_weights
        if documents is not None:
            counts = Counter(token for document in documents for token in document if token != f.mask_token)
            ordered = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
            self.tokens = ordered[: None if f.max_tokens is None else f.max_tokens - self.first]
            occurring = [sum(token in document for document in documents) for token in self.tokens]
            self.idf = [math.log(1 + len(documents) / (1 + n)) for n in occurring]

    def index(self, value: Any) -> int:
        if self.f.mask_token is not None and value == self.f.mask_token:
            return 0 if self.masks else -1
        if value in self.tokens:
            return self.first + self.tokens.index(value)
        bins = self.f.num_oov_indices
        if getattr(self.f, "oov_method", "farmhash") == "floormod":
            return self.masks + value % bins
        return self.masks + bin_of(value, bins, self.f.salt)

    def encoded(self, indices: np.ndarray) -> np.ndarray:
        size = self.first + len(self.tokens)
        padding = self.f.max_tokens - size if self.f.pad_to_max_tokens else 0
        weights = None
        if self.f.output_mode == "tf_idf":
            weights = np.array([np.mean(self.idf)] * self.first + self.idf + [0] * padding)
        return encoded(indices, size + padding, self.f.output_mode, weights)


@reference("string_lookup", "integer_lookup")
def lookup(f: Any, w: Weights, x: np.ndarray, learn: Any) -> np.ndarray:
    vocabulary = Vocabulary(f, learn)
    return vocabulary.encoded(np.array([vocabulary.index(value) for value in x.ravel()]).reshape(x.shape))


@reference("text_vectorization")
def text_vectorization(f: Any, w: Weights, x: np.ndarray, learn: Any) -> np.ndarray:
    f.mask_token, f.num_oov_indices, f.salt = "", 1, None
    vocabulary = Vocabulary(f, None if learn is None else [tokens(f, text) for text in learn])
    if f.split is None and f.ngrams is None and f.output_mode != "int":
        return vocabulary.encoded(np.array([vocabulary.index(cleaned(f, v)) for v in x.ravel()]).reshape(x.shape))
    rows = [[vocabulary.index(token) for token in tokens(f, text)] for text in x]
    length = f.output_sequence_length or max(map(len, rows))
    filling = 0 if f.output_mode == "int" else -1
    return vocabulary.encoded(np.array([(row + [filling] * length)[: max(length, 0)] for row in rows]))


def cleaned(f: Any, text: str) -> str:
    """Lower case of ASCII letters alone, without punctuation, as far as the field says."""
    if f.standardize in ("lower", "lower_and_strip_punctuation"):
        text = "".join(c.lower() if c.isascii() else c for c in text)
    if f.standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
        text = "".join(c for c in text if c not in string.punctuation)
    return text


def tokens(f: Any, text: Any) -> list[str]:
    """Of one text, or of a row of tokens."""
    if f.split is None:
        row = [cleaned(f, token) for token in text]
    else:
        row = cleaned(f, text).split() if f.split == "whitespace" else list(cleaned(f, text))
    if f.ngrams is None:
        return row
    widths = range(1, f.ngrams + 1) if isinstance(f.ngrams, int) else f.ngrams
    return [" ".join(row[i : i + width]) for width in widths for i in range(len(row) - width + 1)]


# sounds


def window(kind: Any, size: int, periodic: bool) -> np.ndarray:
    if kind is None or isinstance(kind, list):
        return np.ones(size) if kind is None else np.array(kind)
    a = 0.5 if kind == "hann" else 0.54
    return a - (1 - a) * np.cos(2 * np.pi * np.arange(size) / (size if periodic else size - 1))


def mel(hertz: Any) -> Any:
    return 1127 * np.log(1 + np.asarray(hertz) / 700)


@reference("mel_spectrogram")
def mel_spectrogram(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    """Frames of the mirrored signal under a window, the strengths of their frequencies, and of bands of these.

    As in TensorFlow, windows of an even size are periodic, others symmetric.
    """
    n, length = f.fft_length, f.sequence_length or f.fft_length
    left = (n - length) // 2
    weights = (
        np.ones(n) if f.window is None else np.pad(window(f.window, length, length % 2 == 0), (left, n - length - left))
    )
    signals = np.pad(x, [(0, 0), (n // 2, n // 2)], mode="reflect")
    starts = range(0, signals.shape[1] - n + 1, f.sequence_stride)
    spectra = np.array([[np.fft.rfft(s[t : t + n] * weights) for t in starts] for s in signals])
    top = f.max_freq or f.sampling_rate // 2
    edges = np.linspace(mel(f.min_freq), mel(top), f.num_mel_bins + 2)
    bands = np.zeros((n // 2 + 1, f.num_mel_bins))
    for i in range(1, n // 2 + 1):  # the constant part belongs to no band
        here = mel(i * f.sampling_rate / n)
        for j, (low, centre, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
            bands[i, j] = max(0, min((here - low) / (centre - low), (high - here) / (high - centre)))
    power = np.abs(spectra) ** f.mag_exp @ bands
    if f.power_to_db:
        power = 10 * np.log10(np.maximum(power, f.min_power)) - 10 * math.log10(max(abs(f.ref_power), f.min_power))
        power = np.maximum(power, power.max() - f.top_db)
    return power.transpose(0, 2, 1)


@reference("stft_spectrogram")
def stft_spectrogram(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    """Frames under a window as complex spectra, and of these what the mode says."""
    size, step = f.frame_length, f.frame_step or f.frame_length // 2
    n = f.fft_length or 2 ** math.ceil(math.log2(size))
    weights = window(f.window, size, f.periodic)
    scale = {"density": math.sqrt((weights**2).sum()), "spectrum": abs(weights).sum(), None: 1}[f.scaling]
    if f.padding == "same":
        total = max((-(-x.shape[1] // step) - 1) * step + size - x.shape[1], 0)
        x = np.pad(x, [(0, 0), (total // 2, total - total // 2), (0, 0)])
    starts = range(0, x.shape[1] - size + 1, step)
    frames = np.array([[[s[t : t + size, c] for c in range(x.shape[2])] for t in starts] for s in x])
    spectra = np.fft.rfft(frames * weights / (1 if f.window is None else scale), n)  # (N, frames, C, F)
    power = np.abs(spectra) ** 2
    magnitude = np.sqrt(np.maximum(power, 1e-7))
    once = np.r_[1, np.full(power.shape[-1] - 2, 2), 1]
    y = {
        "magnitude": magnitude,
        "log": np.log(magnitude),
        "psd": power * once,
        "real": spectra.real,
        "imag": spectra.imag,
        "angle": np.angle(spectra),
        "stft": np.concatenate([spectra.real, spectra.imag], -1),
    }[f.mode]
    return y.transpose(0, 1, 3, 2) if f.expand_dims else y.reshape(*y.shape[:2], -1)
