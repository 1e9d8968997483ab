"""Where the values of a program lie: values that are never alive together share memory."""

import bisect
import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


def aligned(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """An array, not set to anything, that begins on a cache line.

    Its base is no array, so that views of it refer to it itself: its references tell whether somebody holds it.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    skip = -memory.ctypes.data % ALIGNMENT
    return np.ndarray(shape, dtype, buffer=memory.data[skip:])


def address_of(array: np.ndarray) -> int:
    """Where a contiguous array's numbers begin."""
    if array.flags.writeable and array.size:
        # Four times as quick as asking the array, but for buffers that may be written alone.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    return array.ctypes.data


class Lifetime(NamedTuple):
    """`size` bytes that are in use from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int


def layout(lifetimes: Sequence[Lifetime]) -> tuple[list[int], int]:
    """An offset for each, and the bytes for all of them.

    The largest are placed first, each at the lowest place that is free through its whole life: Pisarchyk and Lee,
    "Efficient memory management for deep neural net inference", 2020, greedy by size.
    """
    offsets = [0] * len(lifetimes)
    placed: list[tuple[int, int, Lifetime]] = []
    """Begin and end of each, the lowest first."""
    for i in sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].size, i)):
        own, start = lifetimes[i], 0
        size = -(-max(1, own.size) // ALIGNMENT) * ALIGNMENT
        for low, high, other in placed:
            if other.first <= own.last and own.first <= other.last:
                if start + size <= low:
                    break
                start = max(start, high)
        offsets[i] = start
        bisect.insort(placed, (start, start + size, own))
    return offsets, max((high for _, high, _ in placed), default=0)
