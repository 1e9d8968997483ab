"""Example protos in tensors: `tf.io.parse_example`, and the features that it is told of."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tfcli.data.decode import decoded
from tfcli.data.records.examples import KINDS, Lists, Parser
from tfcli.data.records.frames import Records
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, int64
from tfcli.engine.tensor import Tensor, as_array, convert_to_tensor
from tfcli.errors import DataError


class SparseTensor(NamedTuple):
    """Values (n,) at `indices` (n, rank) of a tensor of `dense_shape` (rank,) that is empty elsewhere."""

    indices: Any
    values: Any
    dense_shape: Any


@dataclass(frozen=True)
class FixedLenFeature:
    """A feature with as many values in every example: `shape` of them; `default_value` where it is missing."""

    shape: Any
    dtype: Any
    default_value: Any = None


@dataclass(frozen=True)
class VarLenFeature:
    """A feature of any number of values: a SparseTensor."""

    dtype: Any


@dataclass(frozen=True)
class FixedLenSequenceFeature:
    """A feature of any number of parts, each of `shape`: filled up with `default_value` to the longest."""

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


Feature = FixedLenFeature | VarLenFeature | FixedLenSequenceFeature


def parse_example(
    serialized: Any, features: dict[str, Feature], example_names: Any = None, name: str | None = None
) -> dict:
    """Tensors by name of Example protos (N,). Raises DataError naming the one that is malformed or does not fit."""
    readers = {key: _reader(key, feature) for key, feature in sorted(features.items())}
    return _parsed(convert_to_tensor(serialized), readers, 1)


def parse_single_example(
    serialized: Any, features: dict[str, Feature], example_names: Any = None, name: str | None = None
) -> dict:
    """As `parse_example` of one Example proto, without the axis of examples."""
    readers = {key: _reader(key, feature) for key, feature in sorted(features.items())}
    return _parsed(convert_to_tensor(serialized), readers, 0)


def _parsed(serialized: Tensor, readers: dict[str, "Reader"], rank: int) -> dict:
    if serialized.dtype != as_dtype("string") or serialized.ndim != rank:
        raise DataError(f"parse_example: expected a {'vector' if rank else 'single'} string, got {serialized.spec}")
    parser = Parser({key: reader.dtype.name for key, reader in readers.items()})
    count = serialized.shape[0] if rank else None

    def function(messages: np.ndarray) -> list[np.ndarray]:
        lists = parser.parse(Records.of(messages.reshape(-1).tolist(), "parse_example"))
        return [array for key, reader in readers.items() for array in reader.read(lists[key], bool(rank))]

    specs = [spec for reader in readers.values() for spec in reader.specs(count, bool(rank))]
    supply = iter(decoded(function, [serialized], specs))
    return {key: reader.collect(supply) for key, reader in readers.items()}


class Reader:
    """How one feature becomes tensors."""

    def __init__(self, key: str, feature: Feature) -> None:
        self.key, self.feature, self.dtype = key, feature, as_dtype(feature.dtype)
        if self.dtype.name not in KINDS:
            raise DataError(f"parse_example: {key!r} has dtype {self.dtype.name}; protos hold {', '.join(KINDS)}")

    def specs(self, count: int | None, batched: bool) -> list[TensorSpec]:
        raise AssertionError(f"{type(self).__name__} must define specs")

    def read(self, lists: Lists, batched: bool) -> list[np.ndarray]:
        raise AssertionError(f"{type(self).__name__} must define read")

    def collect(self, supply: Any) -> Any:
        return next(supply)


class _Fixed(Reader):
    feature: FixedLenFeature

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(size) for size in np.atleast_1d(self.feature.shape)) if self.feature.shape != [] else ()

    def specs(self, count: int | None, batched: bool) -> list[TensorSpec]:
        return [TensorSpec(Shape((*([count] if batched else []), *self.shape)), self.dtype)]

    def read(self, lists: Lists, batched: bool) -> list[np.ndarray]:
        lengths, size = lists.lengths(), math.prod(self.shape)
        missing = lengths == 0 if size else np.zeros(len(lengths), bool)
        wrong = (lengths != size) & ~(missing & (self.feature.default_value is not None))
        if wrong.any():
            at = int(wrong.argmax())
            what = (
                "is missing, and has no default_value" if missing[at] else f"has {lengths[at]} values, expected {size}"
            )
            raise DataError(f"parse_example: feature {self.key!r} of example {at} {what}")
        if not missing.any():
            values = lists.values
        else:
            given = np.broadcast_to(as_array(self.feature.default_value, self.dtype), self.shape).reshape(-1)
            values = np.empty((len(lengths), size), lists.values.dtype)
            values[missing] = given
            values[~missing] = lists.values.reshape(-1, size)
        return [values.reshape((*([len(lengths)] if batched else []), *self.shape))]


class _Sequence(Reader):
    feature: FixedLenSequenceFeature

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.feature.shape)

    def specs(self, count: int | None, batched: bool) -> list[TensorSpec]:
        return [TensorSpec(Shape((*([count] if batched else []), None, *self.shape)), self.dtype)]

    def read(self, lists: Lists, batched: bool) -> list[np.ndarray]:
        size, lengths = math.prod(self.shape), lists.lengths()
        if not self.feature.allow_missing and not lists.present.all():
            raise DataError(f"parse_example: feature {self.key!r} is missing; allow_missing=True takes it as empty")
        if (lengths % size).any():
            raise DataError(f"parse_example: feature {self.key!r} has {lengths.max()} values, no multiple of {size}")
        longest = int(lengths.max(initial=0))
        empty: Any = b"" if self.dtype.name == "string" else 0
        fill = empty if self.feature.default_value is None else as_array(self.feature.default_value, self.dtype)
        padded = np.full((len(lengths), longest), fill, lists.values.dtype)
        padded[np.arange(longest) < lengths[:, None]] = lists.values
        return [padded.reshape((*([len(lengths)] if batched else []), longest // size, *self.shape))]


class _Variable(Reader):
    def specs(self, count: int | None, batched: bool) -> list[TensorSpec]:
        rank = 2 if batched else 1
        return [
            TensorSpec(Shape((None, rank)), int64),
            TensorSpec(Shape((None,)), self.dtype),
            TensorSpec(Shape((rank,)), int64),
        ]

    def read(self, lists: Lists, batched: bool) -> list[np.ndarray]:
        lengths = lists.lengths()
        column = np.arange(len(lists.values)) - np.repeat(lists.offsets[:-1], lengths)
        row = np.repeat(np.arange(len(lengths)), lengths)
        indices = np.stack([row, column], axis=1) if batched else column[:, None]
        longest = int(lengths.max(initial=0))
        return [indices, lists.values, np.array([len(lengths), longest] if batched else [longest], np.int64)]

    def collect(self, supply: Any) -> SparseTensor:
        return SparseTensor(next(supply), next(supply), next(supply))


def _reader(key: str, feature: Feature) -> Reader:
    kinds = {FixedLenFeature: _Fixed, FixedLenSequenceFeature: _Sequence, VarLenFeature: _Variable}
    if type(feature) not in kinds:
        raise DataError(f"parse_example: {key!r} is {feature!r}; tf.io.FixedLenFeature(shape, dtype), for example")
    return kinds[type(feature)](key, feature)


def to_dense(
    sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: str | None = None
) -> Tensor:
    """The whole tensor of a SparseTensor, `default_value` (0, or an empty text) where it is empty."""
    values = convert_to_tensor(sp_input.values)
    empty: Any = b"" if values.dtype.name == "string" else 0
    fill = empty if default_value is None else as_array(default_value, values.dtype)

    def function(indices: np.ndarray, values: np.ndarray, shape: np.ndarray) -> list[np.ndarray]:
        dense = np.full(tuple(shape.tolist()), fill, values.dtype)
        dense[tuple(indices.T)] = values
        return [dense]

    rank = convert_to_tensor(sp_input.indices).shape[1]
    assert rank is not None, "indices have as many columns as the tensor has axes"
    spec = TensorSpec(Shape((None,) * rank), values.dtype)
    return decoded(function, [sp_input.indices, values, sp_input.dense_shape], [spec])[0]
