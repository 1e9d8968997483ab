"""Windows that slide over the spatial axes of channels-last arrays: the geometry that convolution and pooling share."""

import itertools
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tfcli.engine.spec import TensorSpec, show_shape
from tfcli.errors import ShapeError

Padding = str | tuple[tuple[int, int], ...]
"""`"valid"`, `"same"`, `"causal"` (all of it before), or (before, after) for each spatial axis."""


class Window:
    """Windows of `size` taps, `dilations` apart, `strides` apart over `sizes` padded by `pads`: `out` of them."""

    def __init__(
        self,
        sizes: tuple[int, ...],
        size: tuple[int, ...],
        strides: tuple[int, ...],
        dilations: tuple[int, ...],
        padding: Padding,
    ) -> None:
        settings = list(zip(sizes, size, strides, dilations, strict=True))
        self.sizes, self.size, self.strides, self.dilations = sizes, size, strides, dilations
        self.pads = tuple(pads_of_axis(padding, i, *axis) for i, axis in enumerate(settings))
        self.out = tuple(count_windows(padding, i, *axis) for i, axis in enumerate(settings))

    @property
    def trivial(self) -> bool:
        """Whether every entry is a window by itself."""
        return set(self.size) == {1} and set(self.strides) == {1} and not any(map(any, self.pads))

    def positions(self) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
        """For each tap in row-major order, its place in the window and the slices of a padded array that it meets."""
        for place in itertools.product(*map(range, self.size)):
            axes = zip(place, self.dilations, self.strides, self.out, strict=True)
            yield place, (slice(None), *(slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, s, n in axes))

    def pad(self, x: np.ndarray, value: Any = 0) -> np.ndarray:
        """x (N, *sizes, C) with its border."""
        if not any(map(any, self.pads)):
            return x
        result = self.empty_padded(x.shape[0], x.shape[-1], x.dtype, value)
        self.crop(result)[...] = x
        return result

    def empty_padded(self, n: int, channels: int, dtype: np.dtype, value: Any = 0) -> np.ndarray:
        """(N, *padded sizes, C), filled with `value`."""
        return np.full(
            (n, *(d + a + b for d, (a, b) in zip(self.sizes, self.pads, strict=True)), channels), value, dtype
        )

    def crop(self, padded: np.ndarray) -> np.ndarray:
        """A padded array without its border, as a view."""
        return padded[(slice(None), *(slice(a, a + d) for d, (a, _) in zip(self.sizes, self.pads, strict=True)))]


@lru_cache(maxsize=1024)
def window(sizes: Any, size: Any, strides: Any, dilations: Any, padding: Padding) -> Window:
    """The Window of these settings, remembered as training asks for the same few again and again."""
    return Window(sizes, size, strides, dilations, padding)


def pads_of_axis(padding: Padding, axis: int, n: int, k: int, stride: int, dilation: int) -> tuple[int, int]:
    """Padding (before, after) of one axis of n entries under k taps."""
    reach = (k - 1) * dilation + 1
    match padding:
        case "valid":
            return 0, 0
        case "same":
            total = max((-(-n // stride) - 1) * stride + reach - n, 0)
            return total // 2, total - total // 2
        case "causal":
            return reach - 1, 0
    return padding[axis]  # type: ignore[return-value]


def count_windows(padding: Padding, axis: int, n: int, k: int, stride: int, dilation: int) -> int:
    """Windows along one axis of n entries; less than 1 where none fits."""
    before, after = pads_of_axis(padding, axis, n, k, stride, dilation)
    return (n + before + after - (k - 1) * dilation - 1) // stride + 1


def infer_windows(
    what: str, x: TensorSpec, size: Sequence[int | None], strides: Any, dilations: Any, padding: Padding
) -> tuple[int | None, ...]:
    """Spatial sizes of the output for x (N, *sizes, C). Raises ShapeError where no window fits."""
    out: list[int | None] = []
    for i, (n, k, s, d) in enumerate(zip(x.shape[1:-1], size, strides, dilations, strict=True)):
        count = None if n is None or k is None else count_windows(padding, i, n, k, s, d)
        if count is not None and count < 1:
            raise ShapeError(
                f"{what}: the window {show_shape(size)} with dilation {d} does not fit spatial axis {i} of "
                f"{show_shape(x.shape)}, of size {n}, with padding {padding!r}; take a smaller window or padding 'same'"
            )
        out.append(count)
    return tuple(out)


def per_axis(value: int | Sequence[int], rank: int, what: str) -> tuple[int, ...]:
    """One positive int for each spatial axis. Raises ShapeError."""
    listed = (int(value),) * rank if isinstance(value, int | np.integer) else tuple(int(v) for v in value)
    if len(listed) != rank or min(listed, default=1) < 1:
        raise ShapeError(f"{what}: expected a positive int or {rank} of them (one a spatial axis), got {value!r}")
    return listed


def as_padding(value: Any, rank: int, what: str) -> Padding:
    """A padding in its one form. Raises ShapeError."""
    if isinstance(value, str):
        if value.lower() not in ("valid", "same", "causal"):
            raise ShapeError(
                f"{what}: padding {value!r} is none of 'valid', 'same', 'causal', or (before, after) pairs"
            )
        return value.lower()
    pairs = tuple((int(pair[0]), int(pair[1])) for pair in value)
    if len(pairs) != rank or any(size < 0 for pair in pairs for size in pair):
        raise ShapeError(f"{what}: expected {rank} pairs (before, after) of sizes 0 or more as padding, got {value!r}")
    return pairs
