"""Indices as vectors, as Keras's layers for categories encode them, and values as texts."""

from typing import Literal

import numpy as np

from tfcli.declare import FieldError
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, show_shape
from tfcli.errors import DataError, DtypeError

Encoding = Literal["one_hot", "multi_hot", "count"]


def refuse_sparse(sparse: bool) -> None:
    """Raises FieldError where vectors are to be sparse tensors."""
    if sparse:
        raise FieldError("sparse", "there are no sparse tensors here; vectors are dense", "leave out `sparse`")


def encoded_spec(indices: TensorSpec, size: int | None, mode: str, floatx: str) -> TensorSpec:
    """What `encode` makes of indices like these."""
    shape = tuple(indices.shape)
    if mode == "one_hot":
        kept = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    else:
        kept = shape[:-1]
    return TensorSpec(Shape((*kept, size)), as_dtype(floatx))


def encode(indices: np.ndarray, size: int, mode: str, floatx: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Indices (…, K) as vectors; one that is not in 0 … size - 1 leaves no trace.

    one_hot: a vector an index, (…, K, size), an axis K of 1 becoming it; multi_hot and count: a vector for all along
    the last axis, (…, size). `weights`, in the shape of the indices, are what count adds up.
    """
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        return (indices[..., None] == np.arange(size)).astype(floatx)
    rows = indices.reshape(-1, indices.shape[-1] if indices.ndim else 1)
    places = np.arange(len(rows))[:, None] * size + rows
    inside = (rows >= 0) & (rows < size)
    counted = count(places[inside], len(rows) * size, None if weights is None else weights.reshape(rows.shape)[inside])
    if mode == "multi_hot":
        counted = np.minimum(counted, 1)
    return counted.reshape(*indices.shape[:-1], size).astype(floatx)


def count(places: np.ndarray, size: int, weights: np.ndarray | None = None) -> np.ndarray:
    """How often (or with what total weight) each place from 0 to size - 1 occurs."""
    return np.bincount(places, weights, minlength=size)


def whole_numbers(array: np.ndarray) -> np.ndarray:
    """int64. Raises DtypeError for texts, DataError for fractions."""
    if array.dtype.kind not in "biuf":
        raise DtypeError(
            f"expected whole numbers, got texts like {_first(array)}; a string_lookup makes numbers of them"
        )
    if array.dtype.kind == "f":
        wrong = array[array != np.floor(array)]
        if wrong.size:
            raise DataError(f"expected whole numbers, got {wrong.ravel()[0]}")
    return array.astype(np.int64)


def refuse_outside(indices: np.ndarray, size: int) -> None:
    """Raises DataError where an index is not in 0 … size - 1."""
    wrong = indices[(indices < 0) | (indices >= size)]
    if wrong.size:
        raise DataError(f"expected whole numbers from 0 to {size - 1}, got {wrong.ravel()[0]}")


def require_texts(array: np.ndarray) -> None:
    """Raises DtypeError for numbers."""
    if array.dtype != object:
        raise DtypeError(f"expected texts, got numbers ({array.dtype})")


def require_string(inputs: TensorSpec) -> None:
    """Raises DtypeError for numbers."""
    if inputs.dtype != "string":
        raise DtypeError(f"expected texts, got {inputs.dtype.name}{show_shape(inputs.shape)}")


def as_bytes(array: np.ndarray) -> list[bytes]:
    """The values, in order: texts as UTF-8, numbers spelled out, fractions cut off."""
    values = (array.astype(np.int64) if array.dtype.kind == "f" else array).ravel().tolist()
    if array.dtype == object:
        return [value if isinstance(value, bytes) else value.encode() for value in values]
    if array.dtype == bool:
        return [b"true" if value else b"false" for value in values]
    return [b"%d" % value for value in values]


def as_texts(values: list[bytes] | list[str]) -> np.ndarray:
    """(N,) objects."""
    result = np.empty(len(values), object)
    result[:] = values
    return result


def _first(array: np.ndarray) -> str:
    value = array.ravel()[0] if array.size else ""
    return repr(value.decode(errors="replace") if isinstance(value, bytes) else value)
