"""What networks are made of besides products: softmax and its losses, normalization, activations, dropout."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.elementary import (
    erf,
    exp,
    rsqrt,
    sigmoid,
    tanh,
)
from tfcli.engine.ops.elementwise import (
    maximum,
    minimum,
    relu,
    square,
    where,
)
from tfcli.engine.ops.kinds import Floating
from tfcli.engine.ops.random import uniform_like
from tfcli.engine.ops.reduce import ReduceMeanGrad, reduce_mean, reduce_sum
from tfcli.engine.ops.shape import expand_dims, ones_like, squeeze, transpose, zeros_like
from tfcli.engine.spec import Shape, TensorSpec, merge, normalize_axes, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DataError, DtypeError, ShapeError


class _AlongAxis(Floating, abstract=True):
    """x floating; each vector along `axis` by itself."""

    axis: int

    def infer(self, x):
        normalize_axis(self.axis, x.rank, self.name)
        return super().infer(x)


class Softmax(_AlongAxis):
    """exp(x) / sum(exp(x)), computed without overflow."""

    def forward(self, x):
        return _softmax(x, self.axis)

    def vjp_x(self, g, y, x):
        return SoftmaxGrad(self.axis)(g, y)


class LogSoftmax(_AlongAxis):
    """x - log(sum(exp(x))), computed without overflow."""

    def forward(self, x):
        return _log_softmax(x, self.axis)

    def vjp_x(self, g, y, x):
        return LogSoftmaxGrad(self.axis)(g, y)


class _AlongAxisGrad(Op, abstract=True):
    """g and y of one shape; each vector along `axis` by itself."""

    axis: int

    def infer(self, g, y):
        return TensorSpec(y.shape, g.dtype)


class SoftmaxGrad(_AlongAxisGrad):
    """y * (g - sum(g * y)): the gradient of softmax, whose result is y."""

    def forward(self, g, y):
        weighted = g * y
        weighted -= y * weighted.sum(axis=self.axis, keepdims=True)
        return weighted

    def vjp_g(self, h, d, g, y):
        return SoftmaxGrad(self.axis)(h, y)

    def vjp_y(self, h, d, g, y):
        along = reduce_sum(h * y, self.axis, keepdims=True)
        return h * (g - reduce_sum(g * y, self.axis, keepdims=True)) - g * along


class LogSoftmaxGrad(_AlongAxisGrad):
    """g - exp(y) * sum(g): the gradient of log_softmax, whose result is y."""

    def forward(self, g, y):
        return g - np.exp(y) * g.sum(axis=self.axis, keepdims=True)

    def vjp_g(self, h, d, g, y):
        return h - reduce_sum(h * exp(y), self.axis, keepdims=True)

    def vjp_y(self, h, d, g, y):
        return -h * exp(y) * reduce_sum(g, self.axis, keepdims=True)


def _softmax(x: np.ndarray, axis: int) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        result = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    result /= result.sum(axis=axis, keepdims=True)
    return result


def _log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        shifted = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    shifted -= np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return shifted


def softmax(logits: Any, axis: int = -1) -> Tensor:
    """Probabilities along `axis`. Raises ShapeError, DtypeError."""
    return Softmax(axis)(logits)


def log_softmax(logits: Any, axis: int = -1) -> Tensor:
    """Logarithms of the probabilities along `axis`. Raises ShapeError, DtypeError."""
    return LogSoftmax(axis)(logits)


class SoftmaxCrossEntropyWithLogits(Op):
    """labels (…, C) weights of the classes, logits (…, C) -> -sum(labels * log_softmax(logits)), (…)."""

    def infer(self, labels, logits):
        return TensorSpec(Shape(_same("softmax_cross_entropy_with_logits", labels, logits).shape[:-1]), logits.dtype)

    def forward(self, labels, logits):
        return -np.sum(labels * _log_softmax(logits, -1), axis=-1)

    def vjp_labels(self, g, y, labels, logits):
        return expand_dims(-g, -1) * log_softmax(logits)

    def vjp_logits(self, g, y, labels, logits):
        return expand_dims(g, -1) * (softmax(logits) * reduce_sum(labels, -1, keepdims=True) - labels)


class SparseSoftmaxCrossEntropyWithLogits(Op):
    """labels (…) integers, logits (…, C) -> -log_softmax(logits)[label], (…)."""

    vjp_labels = None

    def infer(self, labels, logits):
        fits = len(labels.shape) == logits.rank - 1 and all(
            a == b or None in (a, b) for a, b in zip(labels.shape, logits.shape, strict=False)
        )
        if not fits:
            raise ShapeError(
                f"{self.name}: labels {show_shape(labels.shape)}, logits {show_shape(logits.shape)}; the labels are "
                "class numbers and have the shape of the logits without the last axis"
            )
        if not labels.dtype.is_integer or not logits.dtype.is_floating:
            raise DtypeError(
                f"{self.name}: labels {labels}, logits {logits}; expected integer labels and floating logits"
            )
        return TensorSpec(merge(labels.shape, Shape(logits.shape[:-1])), logits.dtype)

    def forward(self, labels, logits):
        _check_labels(labels, logits.shape[-1])
        picked = np.take_along_axis(_log_softmax(logits, -1), labels[..., None].astype(np.int64), axis=-1)
        return -picked[..., 0]

    def vjp_logits(self, g, y, labels, logits):
        return SparseSoftmaxCrossEntropyGrad()(g, labels, logits)


class SparseSoftmaxCrossEntropyGrad(Op):
    """g (…), labels (…), logits (…, C) -> g * (softmax(logits) - one_hot(labels)), (…, C)."""

    vjp_labels = None

    def infer(self, g, labels, logits):
        return TensorSpec(logits.shape, logits.dtype)

    def forward(self, g, labels, logits):
        result = _softmax(logits, -1)
        rows = result.reshape(-1, result.shape[-1])
        rows[np.arange(len(rows)), labels.reshape(-1)] -= 1
        return result * g[..., None]

    def vjp_g(self, h, y, g, labels, logits):
        return reduce_sum(h * SparseSoftmaxCrossEntropyGrad()(ones_like(g), labels, logits), -1)

    def vjp_logits(self, h, y, g, labels, logits):
        p = softmax(logits)
        weighted = h * p
        return expand_dims(g, -1) * (weighted - p * reduce_sum(weighted, -1, keepdims=True))


def _check_labels(labels: np.ndarray, classes: int) -> None:
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise DataError(
            f"sparse_softmax_cross_entropy_with_logits: the label {wrong.flat[0]} with {classes} classes; labels are 0 "
            f"… {classes - 1}: give the last layer more units, or number the labels from 0"
        )


class SigmoidCrossEntropyWithLogits(Op):
    """labels z and logits x of one shape -> -z * log(sigmoid(x)) - (1 - z) * log(1 - sigmoid(x))."""

    def infer(self, labels, logits):
        return _same("sigmoid_cross_entropy_with_logits", labels, logits)

    def forward(self, labels, logits):
        return np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))

    def vjp_labels(self, g, y, labels, logits):
        return -g * logits

    def vjp_logits(self, g, y, labels, logits):
        return g * (sigmoid(logits) - labels)


def _same(what: str, labels: TensorSpec, logits: TensorSpec) -> TensorSpec:
    """The spec of two inputs of one shape and floating dtype. Raises ShapeError, DtypeError."""
    fits = labels.rank == logits.rank and all(
        a == b or None in (a, b) for a, b in zip(labels.shape, logits.shape, strict=True)
    )
    if not fits or not labels.rank:
        raise ShapeError(
            f"{what}: labels {show_shape(labels.shape)} and logits {show_shape(logits.shape)} must have one shape"
        )
    if labels.dtype != logits.dtype or not logits.dtype.is_floating:
        raise DtypeError(f"{what}: labels {labels} and logits {logits} must have one floating dtype; tf.cast converts")
    return TensorSpec(merge(labels.shape, logits.shape), logits.dtype)


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1) -> Tensor:
    """Cross-entropy of softmax(logits) along `axis` and `labels`, weights of the classes. Raises ShapeError."""
    labels, logits = convert_to_tensor(labels), convert_to_tensor(logits)
    axis = normalize_axis(axis, logits.ndim, "softmax_cross_entropy_with_logits")
    if axis != logits.ndim - 1 and labels.ndim == logits.ndim:
        order = [i for i in range(logits.ndim) if i != axis] + [axis]
        labels, logits = transpose(labels, order), transpose(logits, order)
    return SoftmaxCrossEntropyWithLogits()(labels, logits)


sparse_softmax_cross_entropy_with_logits = SparseSoftmaxCrossEntropyWithLogits()
sigmoid_cross_entropy_with_logits = SigmoidCrossEntropyWithLogits()


class Normalize(Op):
    """x -> (x - mean) / sqrt(variance + epsilon), mean, variance; the last two have size 1 along `axes`."""

    axes: tuple[int, ...]
    epsilon: float

    def infer(self, x):
        if not x.dtype.is_floating:
            raise DtypeError(f"normalize: expected a floating tensor, got {x}; tf.cast converts")
        kept = TensorSpec(Shape(1 if i in self.axes else d for i, d in enumerate(x.shape)), x.dtype)
        return TensorSpec(x.shape, x.dtype), kept, kept

    def forward(self, x):
        mean = _mean(x, self.axes)
        centered = x - mean
        variance = _mean(np.square(centered), self.axes)
        centered *= 1 / np.sqrt(variance + x.dtype.type(self.epsilon))
        return centered, mean, variance

    def vjp(self, g, y, x):
        (g, g_mean, g_variance), (normal, mean, variance) = g, y
        parts = []
        if g is not None:
            parts.append(NormalizeGrad(self.axes, self.epsilon)(g, normal, variance))
        if g_mean is not None:
            parts.append(ReduceMeanGrad(self.axes)(g_mean, x))
        if g_variance is not None:
            parts.append(2.0 * (x - mean) * ReduceMeanGrad(self.axes)(g_variance, x))
        return (sum(parts[1:], parts[0]),)


class NormalizeGrad(Op):
    """(g - mean(g) - y * mean(g * y)) / sqrt(variance + epsilon): the gradient of Normalize's y."""

    axes: tuple[int, ...]
    epsilon: float

    def infer(self, g, y, variance):
        return TensorSpec(y.shape, g.dtype)

    def forward(self, g, y, variance):
        result = y * -_mean(g * y, self.axes)
        result += g
        result -= _mean(g, self.axes)
        result *= 1 / np.sqrt(variance + g.dtype.type(self.epsilon))
        return result

    def vjp_g(self, h, d, g, y, variance):
        return NormalizeGrad(self.axes, self.epsilon)(h, y, variance)

    def vjp_y(self, h, d, g, y, variance):
        along = h * reduce_mean(g * y, self.axes, keepdims=True) + g * reduce_mean(h * y, self.axes, keepdims=True)
        return -along * rsqrt(variance + self.epsilon)

    def vjp_variance(self, h, d, g, y, variance):
        return -0.5 * reduce_sum(h * d, self.axes, keepdims=True) / (variance + self.epsilon)


def _mean(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The mean along `axes`, kept with size 1; that of each channel as a product, which is faster and rounds less."""
    if axes == tuple(range(x.ndim - 1)) and x.size:
        rows = x.reshape(-1, x.shape[-1])
        total = np.ones(len(rows), x.dtype) @ rows
        return (total / x.dtype.type(len(rows))).reshape((1,) * len(axes) + (-1,))
    return x.mean(axis=axes, keepdims=True, dtype=x.dtype)


def normalize(x: Any, axes: int | Sequence[int], epsilon: float = 1e-3) -> tuple[Tensor, Tensor, Tensor]:
    """x with mean 0 and variance 1 along `axes`; the mean and variance it had, of size 1 there. Raises ShapeError."""
    x = convert_to_tensor(x)
    return Normalize(normalize_axes(axes, x.ndim, "normalize"), float(epsilon))(x)


def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float = 1e-3) -> Tensor:
    """x normalized along `axis` of each example, times gamma, plus beta (both broadcast to x). Ba et al., 2016."""
    result, _, _ = normalize(x, axis, epsilon)
    result = result if gamma is None else result * gamma
    return result if beta is None else result + beta


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any = None, scale: Any = None, variance_epsilon: float = 1e-3
) -> Tensor:
    """(x - mean) * scale / sqrt(variance + variance_epsilon) + offset. Ioffe and Szegedy, 2015."""
    factor = rsqrt(convert_to_tensor(variance) + variance_epsilon)
    factor = factor if scale is None else factor * scale
    shift = -mean * factor if offset is None else offset - mean * factor
    return x * factor + shift


def moments(x: Any, axes: int | Sequence[int], keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance along `axes`. Raises ShapeError."""
    x = convert_to_tensor(x)
    mean = reduce_mean(x, axes, keepdims=True)
    variance = reduce_mean(square(x - mean), axes, keepdims=keepdims)
    return (mean if keepdims else squeeze(mean, axes)), variance


def l2_normalize(x: Any, axis: int | Sequence[int] | None = None, epsilon: float = 1e-12) -> Tensor:
    """x over its Euclidean norm along `axis`."""
    x = convert_to_tensor(x)
    return x * rsqrt(maximum(reduce_sum(square(x), axis, keepdims=True), epsilon))


class LeakyRelu(Floating):
    """x where positive, alpha * x elsewhere."""

    alpha: float = 0.2

    def forward(self, x):
        return np.where(x > 0, x, x.dtype.type(self.alpha) * x)

    def vjp_x(self, g, y, x):
        return where(x > 0.0, g, self.alpha * g)


class Elu(Floating):
    """x where positive, alpha * (exp(x) - 1) elsewhere. Clevert et al., 2015."""

    alpha: float = 1.0

    def forward(self, x):
        return np.where(x > 0, x, x.dtype.type(self.alpha) * np.expm1(np.minimum(x, 0)))

    def vjp_x(self, g, y, x):
        return where(x > 0.0, g, g * (y + self.alpha))


def leaky_relu(features: Any, alpha: float = 0.2) -> Tensor:
    """x where positive, alpha * x elsewhere."""
    return LeakyRelu(float(alpha))(features)


def elu(features: Any, alpha: float = 1.0) -> Tensor:
    """x where positive, alpha * (exp(x) - 1) elsewhere."""
    return Elu(float(alpha))(features)


def selu(features: Any) -> Tensor:
    """elu scaled so that activations keep mean 0 and variance 1. Klambauer et al., 2017."""
    return 1.0507009873554805 * elu(features, 1.6732632423543772)


def gelu(features: Any, approximate: bool = False) -> Tensor:
    """x times the normal distribution function of x, or its approximation by tanh. Hendrycks and Gimpel, 2016."""
    x = convert_to_tensor(features)
    if approximate:
        return 0.5 * x * (1.0 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1.0 + erf(x * math.sqrt(0.5)))


def silu(features: Any) -> Tensor:
    """x * sigmoid(x)."""
    x = convert_to_tensor(features)
    return x * sigmoid(x)


def relu6(features: Any) -> Tensor:
    """x cut to 0 … 6."""
    return minimum(relu(features), 6.0)


def softsign(features: Any) -> Tensor:
    """x / (1 + |x|)."""
    x = convert_to_tensor(features)
    return x / (1.0 + abs(x))


def dropout(x: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None) -> Tensor:
    """x with entries set to 0 with probability `rate`, the others scaled by 1 / (1 - rate). Raises ShapeError.

    `noise_shape`: 1 along the axes where all entries share one fate, the size of x or None elsewhere.
    Source: Srivastava et al., 2014.
    """
    x = convert_to_tensor(x)
    if not rate:
        return x
    noise = uniform_like(x if noise_shape is None else _noise_like(x, noise_shape), seed=seed)
    return where(noise >= rate, x * (1.0 / (1.0 - rate)), zeros_like(x))


def _noise_like(x: Tensor, noise_shape: Sequence[int | None]) -> Tensor:
    """A part of x, of the size of the noise."""
    fits = len(noise_shape) == x.ndim and all(
        n in (1, None) or d in (n, None) for n, d in zip(noise_shape, x.shape, strict=True)
    )
    if not fits:
        raise ShapeError(f"dropout: noise_shape {show_shape(noise_shape)} does not broadcast to {show_shape(x.shape)}")
    return x[tuple(slice(0, 1) if n == 1 else slice(None) for n in noise_shape)]
