"""What is known of a value before it is computed: dtype and shape, with None for a dimension not yet known."""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfcli.errors import DtypeError, ShapeError

_MOST_AXES = 64
"""Of an array of numpy's."""


class DType:
    """An element type under TensorFlow's name; equal to its name and to the numpy dtype."""

    __slots__ = ("name", "numpy")

    def __init__(self, name: str, numpy: Any) -> None:
        self.name, self.numpy = name, np.dtype(numpy)

    @property
    def as_numpy_dtype(self) -> type:
        return self.numpy.type

    @property
    def is_floating(self) -> bool:
        return self.numpy.kind == "f"

    @property
    def is_complex(self) -> bool:
        return self.numpy.kind == "c"

    @property
    def is_differentiable(self) -> bool:
        return self.numpy.kind in "fc"

    @property
    def is_integer(self) -> bool:
        return self.numpy.kind in "iu"

    @property
    def is_bool(self) -> bool:
        return self.numpy.kind == "b"

    @property
    def is_numeric(self) -> bool:
        return self.numpy.kind in "iufc"

    @property
    def size(self) -> int:
        return self.numpy.itemsize

    @property
    def min(self) -> Any:
        return np.finfo(self.numpy).min if self.is_floating else np.iinfo(self.numpy).min

    @property
    def max(self) -> Any:
        return np.finfo(self.numpy).max if self.is_floating else np.iinfo(self.numpy).max

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self.name == other.name
        try:
            return as_dtype(other).name == self.name
        except DtypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: {self.name!r}>"


_NAMES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
DTYPES = {name: DType(name, name) for name in _NAMES} | {"string": DType("string", object)}
_BY_NUMPY = {dtype.numpy: dtype for dtype in DTYPES.values()}
bool_, int32, int64, float32, float64 = (DTYPES[n] for n in ("bool", "int32", "int64", "float32", "float64"))


def as_dtype(value: Any) -> DType:
    """The DType for a DType, name, numpy dtype or Python type. Raises DtypeError."""
    if isinstance(value, DType):
        return value
    if isinstance(value, str) and value in DTYPES:
        return DTYPES[value]
    try:
        numpy = np.dtype(value)
    except TypeError as error:
        raise DtypeError(f"{value!r} is not a dtype; there are {', '.join(DTYPES)}") from error
    if numpy.kind in "US":
        return DTYPES["string"]
    if numpy not in _BY_NUMPY:
        raise DtypeError(f"the dtype {numpy} has no counterpart here; there are {', '.join(DTYPES)}")
    return _BY_NUMPY[numpy]


class Shape(tuple[int | None, ...]):
    """A tuple of sizes, None where unknown, that also compares with lists."""

    __slots__ = ()

    @property
    def rank(self) -> int:
        return len(self)

    ndims = rank

    def as_list(self) -> list[int | None]:
        return list(self)

    def is_fully_defined(self) -> bool:
        return None not in self

    def num_elements(self) -> int | None:
        return size_of(self)

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, tuple(other)) if isinstance(other, Iterable) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __repr__(self) -> str:
        return show_shape(self)


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Shape and dtype of a value."""

    shape: Shape
    dtype: DType = float32
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", Shape(None if d is None else int(d) for d in self.shape))
        object.__setattr__(self, "dtype", as_dtype(self.dtype))

    @property
    def rank(self) -> int:
        return len(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype.name}{show_shape(self.shape)}"


def show_shape(shape: Iterable[int | None]) -> str:
    """`(None, 28, 28, 1)`, as Keras prints it."""
    sizes = [str(d) for d in shape]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def size_of(shape: Iterable[int | None]) -> int | None:
    """Number of entries; None where a size is unknown."""
    total = 1
    for d in shape:
        if d is None:
            return None
        total *= d
    return total


def broadcast(a: Shape, b: Shape, what: str = "these") -> Shape:
    """The shape that numpy's broadcasting gives. Raises ShapeError."""
    if len(a) < len(b):
        a = Shape((1,) * (len(b) - len(a)) + a)
    elif len(b) < len(a):
        b = Shape((1,) * (len(a) - len(b)) + b)
    return Shape(_broadcast_size(x, y, a, b, what) for x, y in zip(a, b, strict=True))


def _broadcast_size(x: int | None, y: int | None, a: Shape, b: Shape, what: str) -> int | None:
    if x == y or y == 1:
        return x
    if x == 1:
        return y
    if x is None or y is None:
        return y if x is None else x
    raise ShapeError(f"{what}: shapes {show_shape(a)} and {show_shape(b)} do not broadcast: {x} and {y} differ")


def merge(a: Shape, b: Shape) -> Shape:
    """What both say of one shape: a size that either knows."""
    assert len(a) == len(b), (a, b)
    return Shape(y if x is None else x for x, y in zip(a, b, strict=True))


def normalize_axis(axis: int, rank: int, what: str) -> int:
    """`axis` counted from the front. Raises ShapeError."""
    if not -rank <= axis < rank:
        raise ShapeError(f"{what}: axis {axis} does not exist in a tensor of {rank} axes")
    return axis % rank


def normalize_axes(axes: int | Iterable[int] | None, rank: int, what: str) -> tuple[int, ...]:
    """Axes counted from the front, in order; None means all. Raises ShapeError."""
    if axes is None:
        return tuple(range(rank))
    listed = [axes] if isinstance(axes, int | np.integer) else axes
    return tuple(sorted({normalize_axis(int(a), rank, what) for a in listed}))


def is_beyond_numpy(shape: Sequence[int], itemsize: int) -> bool:
    """Whether no array has the shape, though it may be of no bytes: sizes of 0 do not count there."""
    return math.prod(size or 1 for size in shape) * itemsize > sys.maxsize or len(shape) > _MOST_AXES
