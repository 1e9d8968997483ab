"""Convolutions, place by place."""

import itertools
from typing import Any

import numpy as np

from references.activations import activate
from references.reference import Weights, reference, several


def reach(size: int, dilation: int) -> int:
    """How far a kernel of this size reaches with gaps between its entries."""
    return (size - 1) * dilation + 1


def padded(x: np.ndarray, kernel: list[int], strides: list[int], dilation: list[int], padding: str) -> np.ndarray:
    """x (N, *sizes, C) with the zeros that the padding asks for."""
    pairs = []
    for size, k, s, d in zip(x.shape[1:-1], kernel, strides, dilation, strict=True):
        total = max((-(-size // s) - 1) * s + reach(k, d) - size, 0)
        pairs.append(
            {"valid": (0, 0), "same": (total // 2, total - total // 2), "causal": (reach(k, d) - 1, 0)}[padding]
        )
    return np.pad(x, [(0, 0), *pairs, (0, 0)])


def windows(x: np.ndarray, kernel: list[int], strides: list[int], dilation: list[int]) -> Any:
    """Each place of the output and what the kernel sees there, (N, *kernel, C)."""
    sizes = [
        (size - reach(k, d)) // s + 1 for size, k, s, d in zip(x.shape[1:-1], kernel, strides, dilation, strict=True)
    ]
    for place in itertools.product(*map(range, sizes)):
        cut = tuple(
            slice(p * s, p * s + reach(k, d), d) for p, k, s, d in zip(place, kernel, strides, dilation, strict=True)
        )
        yield sizes, place, x[(slice(None), *cut)]


def convolved(
    x: np.ndarray, kernel: np.ndarray, strides: Any = 1, padding: str = "valid", dilation: Any = 1, groups: int = 1
) -> np.ndarray:
    """x (N, *sizes, C), kernel (*k, C / groups, F) -> (N, *out, F)."""
    rank = x.ndim - 2
    strides, dilation, size = several(strides, rank), several(dilation, rank), list(kernel.shape[:-2])
    x = padded(x, size, strides, dilation, padding)
    of_x, of_kernel = np.split(x, groups, -1), np.split(kernel, groups, -1)
    output = None
    for sizes, place, _ in windows(x, size, strides, dilation):
        if output is None:
            output = np.zeros((len(x), *sizes, kernel.shape[-1]))
        cut = tuple(
            slice(p * s, p * s + reach(k, d), d) for p, k, s, d in zip(place, size, strides, dilation, strict=True)
        )
        made = [np.tensordot(a[(slice(None), *cut)], b, rank + 1) for a, b in zip(of_x, of_kernel, strict=True)]
        output[(slice(None), *place)] = np.concatenate(made, -1)
    return output


@reference("conv1d", "conv2d", "conv3d")
def conv(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    y = convolved(x, w["kernel"], f.strides, f.padding, f.dilation_rate, f.groups)
    return activate(f.activation, y + w.get("bias", 0))


def by_channel(x: np.ndarray, kernel: np.ndarray, f: Any) -> np.ndarray:
    """Each channel with kernels of its own, (*k, C, M): (N, *sizes, C) -> (N, *out, C * M)."""
    return np.concatenate(
        [
            convolved(x[..., c : c + 1], kernel[..., c : c + 1, :], f.strides, f.padding, f.dilation_rate)
            for c in range(x.shape[-1])
        ],
        -1,
    )


@reference("depthwise_conv1d", "depthwise_conv2d")
def depthwise(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    return activate(f.activation, by_channel(x, w["kernel"], f) + w.get("bias", 0))


@reference("separable_conv1d", "separable_conv2d")
def separable(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    y = convolved(by_channel(x, w["depthwise_kernel"], f), w["pointwise_kernel"])
    return activate(f.activation, y + w.get("bias", 0))


@reference("conv1d_transpose", "conv2d_transpose", "conv3d_transpose")
def transposed(f: Any, w: Weights, x: np.ndarray) -> np.ndarray:
    """Each entry adds the kernel, times itself, to the places that a convolution would have read for it."""
    kernel, rank = w["kernel"], x.ndim - 2  # (*k, F, C)
    strides, dilation = several(f.strides, rank), several(f.dilation_rate, rank)
    spans = [reach(k, d) for k, d in zip(kernel.shape, dilation, strict=False)]
    whole = [(n - 1) * s + span for n, s, span in zip(x.shape[1:-1], strides, spans, strict=True)]
    y = np.zeros((len(x), *whole, kernel.shape[-2]))
    for place in itertools.product(*map(range, x.shape[1:-1])):
        cut = tuple(
            slice(p * s, p * s + span, d) for p, s, span, d in zip(place, strides, spans, dilation, strict=True)
        )
        y[(slice(None), *cut)] += np.einsum("nc,...fc->n...f", x[(slice(None), *place)], kernel)
    extra = [None] * rank if f.output_padding is None else several(f.output_padding, rank)
    for axis, (n, s, span, more) in enumerate(zip(x.shape[1:-1], strides, spans, extra, strict=True), 1):
        y = cut_to(y, axis, transposed_size(n, s, span, f.padding, more), f.padding)
    return activate(f.activation, y + w.get("bias", 0))


def transposed_size(n: int, stride: int, span: int, padding: str, output_padding: int | None) -> int:
    """The size that Keras says the output has."""
    if output_padding is None:
        return n * stride + (max(span - stride, 0) if padding == "valid" else 0)
    return (n - 1) * stride + span - (2 * (span // 2) if padding == "same" else 0) + output_padding


def cut_to(y: np.ndarray, axis: int, size: int, padding: str) -> np.ndarray:
    """`size` entries along an axis: with `same` from the middle of y, and zeros where there is nothing left."""
    before = max(y.shape[axis] - size, 0) // 2 if padding == "same" else 0
    y = y.take(range(before, min(before + size, y.shape[axis])), axis)
    return np.pad(y, [(0, size - y.shape[axis] if i == axis else 0) for i in range(y.ndim)])
