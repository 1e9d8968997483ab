"""Normalization, and noise that keeps mean and variance."""

import math
from typing import Any

import numpy as np

from references.activations import SELU_ALPHA, SELU_SCALE
from references.reference import Weights, compute, reference


def along(values: Any, axes: list[int], rank: int) -> Any:
    """`values`, one for each place of the axes, to broadcast against `rank` axes."""
    if np.ndim(values) == 0:
        return values
    shape = [1] * rank
    for axis, size in zip(axes, np.shape(values), strict=True):
        shape[axis % rank] = size
    return np.reshape(values, shape)


@reference("batch_normalization")
def batch_normalization(f: Any, w: Weights, x: np.ndarray, masks: list[Any], training: bool) -> np.ndarray:
    mean, variance = w["moving_mean"], w["moving_variance"]
    if training and f.trainable:
        shown = np.ones(x.shape[:-1], bool) if masks[0] is None else masks[0]
        channels = np.moveaxis(x, f.axis, 0)
        entries = [c[shown] if f.axis in (-1, x.ndim - 1) else c.ravel() for c in channels]
        # As in Keras, what is masked is averaged with 1e-7 added to the number of entries.
        count = len(entries[0]) + (0 if masks[0] is None else 1e-7)
        mean = np.array([e.sum() / count for e in entries])
        variance = np.array([((e - m) ** 2).sum() / count for e, m in zip(entries, mean, strict=True)])
        w["moving_mean"] = w["moving_mean"] * f.momentum + mean * (1 - f.momentum)
        w["moving_variance"] = w["moving_variance"] * f.momentum + variance * (1 - f.momentum)
    mean, variance, gamma, beta = (
        along(v, [f.axis], x.ndim) for v in (mean, variance, w.get("gamma", 1), w.get("beta", 0))
    )
    return (x - mean) / np.sqrt(variance + f.epsilon) * gamma + beta


@reference("layer_normalization")
def layer_normalization(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    axes = [f.axis] if isinstance(f.axis, int) else f.axis
    mean, variance = x.mean(tuple(axes), keepdims=True), x.var(tuple(axes), keepdims=True)
    gamma, beta = (along(v, axes, x.ndim) for v in (w.get("gamma", 1), w.get("beta", 0)))
    return (x - mean) / np.sqrt(variance + f.epsilon) * gamma + beta


@reference("group_normalization")
def group_normalization(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    channels = np.moveaxis(x, f.axis, 1)  # (N, C, …)
    groups = np.split(channels, channels.shape[1] if f.groups == -1 else f.groups, axis=1)
    rest = tuple(range(1, x.ndim))
    normal = [(g - g.mean(rest, keepdims=True)) / np.sqrt(g.var(rest, keepdims=True) + f.epsilon) for g in groups]
    gamma, beta = (along(v, [1], x.ndim) for v in (w.get("gamma", 1), w.get("beta", 0)))
    return np.moveaxis(np.concatenate(normal, axis=1) * gamma + beta, 1, f.axis)


@reference("rms_normalization")
def rms_normalization(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    axes = [f.axis] if isinstance(f.axis, int) else f.axis
    root = np.sqrt((x**2).mean(tuple(axes), keepdims=True) + f.epsilon)
    return x / root * along(w["scale"], axes, x.ndim)


@reference("unit_normalization")
def unit_normalization(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).sum(f.axis, keepdims=True))


@reference("spectral_normalization")
def spectral_normalization(f: Any, w: Weights, x: np.ndarray, training: bool) -> np.ndarray:
    if training:
        matrix, u = w["kernel"].reshape(-1, w["kernel"].shape[-1]), w["vector_u"][0]
        for _ in range(f.power_iterations):
            v = matrix @ u / np.linalg.norm(matrix @ u)
            u = v @ matrix / np.linalg.norm(v @ matrix)
        w["kernel"], w["vector_u"] = w["kernel"] / (v @ matrix @ u), u[None]
    return compute(f.layer, w, [x], training=training)


# noise


@reference("dropout", "spatial_dropout1d", "spatial_dropout2d", "spatial_dropout3d")
def dropout(f: Any, w: Weights, x: np.ndarray, training: bool, draws: Any) -> np.ndarray:
    return x * next(draws) if training else x


@reference("gaussian_noise")
def gaussian_noise(f: Any, w: Weights, x: np.ndarray, training: bool, draws: Any) -> np.ndarray:
    return x + next(draws) if training else x


@reference("gaussian_dropout")
def gaussian_dropout(f: Any, w: Weights, x: np.ndarray, training: bool, draws: Any) -> np.ndarray:
    return x * next(draws) if training else x


@reference("alpha_dropout")
def alpha_dropout(f: Any, w: Weights, x: np.ndarray, training: bool, draws: Any) -> np.ndarray:
    """What is dropped becomes the least value of SELU; then all of it is brought back to mean 0 and variance 1."""
    if not training:
        return x
    least, kept = -SELU_ALPHA * SELU_SCALE, 1 - f.rate
    a = 1 / math.sqrt(kept * (1 + f.rate * least**2))
    return a * np.where(next(draws) > 0, x, least) - a * least * f.rate
