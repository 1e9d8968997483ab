"""Pooling, window by window."""

import itertools
from typing import Any

import numpy as np

from references.reference import Weights, reference, several


def pooled(x: np.ndarray, ranges: list[list[range]], function: Any) -> np.ndarray:
    """x (N, *sizes, C) with each window, one range an axis, as one number."""
    output = np.zeros((len(x), *map(len, ranges), x.shape[-1]))
    for place in itertools.product(*(range(len(r)) for r in ranges)):
        window = x
        for axis, p in enumerate(place, 1):
            window = window.take(list(ranges[axis - 1][p]), axis)
        output[(slice(None), *place)] = function(window, tuple(range(1, x.ndim - 1)))
    return output


def sliding(n: int, size: int, stride: int, padding: str) -> list[range]:
    """Where the windows over n entries lie; what reaches beyond them is left out."""
    count = -(-n // stride) if padding == "same" else (n - size) // stride + 1
    before = max((count - 1) * stride + size - n, 0) // 2 if padding == "same" else 0
    starts = [i * stride - before for i in range(count)]
    return [range(max(start, 0), min(start + size, n)) for start in starts]


def with_windows(f: Any, x: np.ndarray, function: Any) -> np.ndarray:
    sizes = several(f.pool_size, x.ndim - 2)
    strides = sizes if f.strides is None else several(f.strides, x.ndim - 2)
    ranges = [
        sliding(n, size, stride, f.padding) for n, size, stride in zip(x.shape[1:-1], sizes, strides, strict=True)
    ]
    return pooled(x, ranges, function)


@reference("max_pooling1d", "max_pooling2d", "max_pooling3d")
def max_pooling(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return with_windows(f, x, np.max)


@reference("average_pooling1d", "average_pooling2d", "average_pooling3d")
def average_pooling(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return with_windows(f, x, np.mean)


def adaptive(f: Any, x: np.ndarray, function: Any) -> np.ndarray:
    """Window i of m over n entries goes from ⌊i n / m⌋ to ⌈(i + 1) n / m⌉."""
    counts = several(f.output_size, x.ndim - 2)
    ranges = [
        [range(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for n, m in zip(x.shape[1:-1], counts, strict=True)
    ]
    return pooled(x, ranges, function)


@reference("adaptive_max_pooling1d", "adaptive_max_pooling2d", "adaptive_max_pooling3d")
def adaptive_max_pooling(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return adaptive(f, x, np.max)


@reference("adaptive_average_pooling1d", "adaptive_average_pooling2d", "adaptive_average_pooling3d")
def adaptive_average_pooling(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return adaptive(f, x, np.mean)


@reference("global_max_pooling1d", "global_max_pooling2d", "global_max_pooling3d")
def global_max_pooling(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return x.max(tuple(range(1, x.ndim - 1)), keepdims=f.keepdims)


@reference("global_average_pooling1d", "global_average_pooling2d", "global_average_pooling3d")
def global_average_pooling(f: Any, w: Weights, x: np.ndarray, masks: list[Any]) -> np.ndarray:
    """Of what the mask shows."""
    if masks[0] is None:
        return x.mean(tuple(range(1, x.ndim - 1)), keepdims=f.keepdims)
    return np.array([example[shown].mean(0, keepdims=f.keepdims) for example, shown in zip(x, masks[0], strict=True)])
