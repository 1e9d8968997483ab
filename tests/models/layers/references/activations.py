"""Activations, one number at a time where that is all there is to them."""

import math
from typing import Any

import numpy as np

from references.reference import Weights, reference

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log(1 + np.exp(x))


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    y = np.where(x >= threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else np.minimum(y, max_value)


def softmax(x, axis=-1):
    axis = tuple(axis) if isinstance(axis, list) else axis
    powers = np.exp(x - np.max(x, axis, keepdims=True))
    return powers / np.sum(powers, axis, keepdims=True)


def gelu(x, approximate=False):
    if approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def glu(x, axis=-1):
    value, gate = np.split(x, 2, axis)
    return value * sigmoid(gate)


def sparsemax(x, axis=-1):
    """As in Keras, which adds up all running sums of the support, where the paper takes the last."""

    def vector(z):
        ordered = np.sort(z)[::-1]
        running = np.cumsum(ordered)
        support = 1 + np.arange(1, len(z) + 1) * ordered > running
        return np.maximum(z - (running[support].sum() - 1) / support.sum(), 0)

    return np.apply_along_axis(vector, axis, x)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": relu,
    "leaky_relu": lambda x, negative_slope=0.2: np.where(x >= 0, x, negative_slope * x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(x) - 1)),
    "selu": lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (np.exp(x) - 1)),
    "celu": lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(x / alpha) - 1)),
    "gelu": gelu,
    "glu": glu,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "log_softmax": lambda x, axis=-1: np.log(softmax(x, axis)),
    "sparsemax": sparsemax,
    "softplus": softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "silu": lambda x: x * sigmoid(x),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_shrink": lambda x, threshold=0.5: np.where(np.abs(x) > threshold, x, 0),
    "soft_shrink": lambda x, threshold=0.5: np.sign(x) * np.maximum(np.abs(x) - threshold, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "threshold": lambda x, threshold, default_value: np.where(x > threshold, x, default_value),
    "exponential": np.exp,
    "log_sigmoid": lambda x: np.log(sigmoid(x)),
    "sparse_sigmoid": lambda x: np.where(x <= -1, 0, np.where(x >= 1, 1, (x + 1) / 2)),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
    "squareplus": lambda x, b=4.0: (x + np.sqrt(x**2 + b)) / 2,
    "mish": lambda x: x * np.tanh(softplus(x)),
}


def activate(activation: dict[str, Any] | None, x: np.ndarray) -> np.ndarray:
    """The activation that a field says, applied."""
    if activation is None:
        return x
    settings = {name: value for name, value in activation.items() if name != "type"}
    return ACTIVATIONS[activation["type"]](x, **settings)


@reference("activation")
def activation_layer(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return activate(f.activation, x)


@reference("relu")
def relu_layer(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return relu(x, f.negative_slope, f.max_value, f.threshold)


@reference("leaky_relu")
def leaky_relu_layer(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x, f.negative_slope * x)


@reference("prelu")
def prelu_layer(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return np.where(x >= 0, x, w["alpha"] * x)


@reference("elu")
def elu_layer(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, f.alpha * (np.exp(x) - 1))


@reference("softmax")
def softmax_layer(f: Any, w: Weights, x: np.ndarray, masks: list[Any]) -> np.ndarray:
    return softmax(x if masks[0] is None else np.where(masks[0], x, -1e30), f.axis)
