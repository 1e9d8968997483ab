"""Examples of different lengths: a column that is an object array of arrays, until a stage fills them up."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Sizes = Sequence[int | None]


def is_uneven(column: np.ndarray) -> bool:
    """Whether the column's examples are arrays, each of its own shape. (Texts are object arrays, too.)"""
    return column.dtype == object and column.ndim == 1 and len(column) > 0 and isinstance(column[0], np.ndarray)


def uneven(examples: Sequence[np.ndarray]) -> np.ndarray:
    """A column of arrays as they are."""
    column = np.empty(len(examples), object)
    for i, array in enumerate(examples):  # a whole assignment would stack arrays of one shape
        column[i] = array
    return column


def stacked_or_uneven(examples: Sequence[np.ndarray]) -> np.ndarray:
    """One array where the examples have one shape."""
    return np.stack(examples) if len({array.shape for array in examples}) == 1 else uneven(examples)


def in_floats(column: np.ndarray, floatx: str) -> np.ndarray:
    """The column with floating-point numbers as `floatx`."""
    if not is_uneven(column):
        return column.astype(floatx, copy=False) if column.dtype.kind == "f" else column
    return column if column[0].dtype.kind != "f" else uneven([array.astype(floatx, copy=False) for array in column])


def lengths(column: np.ndarray) -> np.ndarray:
    """The length of each example (N,): of arrays their first size, of texts the number of words, and of rows of one
    array the place of the last entry that is not 0, since zeros fill up."""
    if is_uneven(column):
        return np.array([len(array) for array in column], np.int64)
    if column.dtype == object and column.ndim == 1:
        return np.array([len(text.split()) for text in column.tolist()], np.int64)
    if column.ndim == 1 or not column.size:
        return np.full(len(column), int(column.ndim == 1), np.int64)
    filled = np.any(column.reshape(len(column), column.shape[1], -1) != 0, axis=2)
    return np.where(filled.any(axis=1), column.shape[1] - filled[:, ::-1].argmax(axis=1), 0)


def filled_up(column: np.ndarray, sizes: Sizes, value: Any) -> np.ndarray:
    """The examples in one array, filled up with `value` behind their ends to `sizes`, or to the longest where a size
    is None. Raises ValueError for an example that is larger."""
    shapes = [array.shape for array in column] if is_uneven(column) else [column.shape[1:]]
    longest = [max(each) for each in zip(*shapes, strict=True)]
    target = tuple(have if want is None else want for have, want in zip(longest, sizes, strict=True))
    if any(have > want for have, want in zip(longest, target, strict=True)):
        raise ValueError(f"an example of shape {tuple(longest)} is larger than {list(sizes)}")
    if not is_uneven(column) and target == column.shape[1:]:
        return column
    dtype = np.result_type(*{array.dtype for array in column}) if is_uneven(column) else column.dtype
    result = np.full((len(column), *target), value, dtype)
    for row, array in zip(result, column, strict=True):
        row[tuple(map(slice, array.shape))] = array
    return result
