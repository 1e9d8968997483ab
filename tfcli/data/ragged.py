"""tf.RaggedTensor: rows of different lengths, as `Dataset.ragged_batch` makes them.

ragged = tf.ragged.constant([[1, 2, 3], [], [4]])
ragged.row_lengths(), ragged.flat_values, ragged[0], ragged.to_tensor()
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfcli.engine.ops.index import gather
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.shape import reshape
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor, as_array, convert_to_tensor
from tfcli.errors import ShapeError


class RaggedTensorSpec:
    """What is known of a RaggedTensor before there is one: sizes that differ are None."""

    def __init__(self, shape: Sequence[int | None], dtype: Any, ragged_rank: int = 1) -> None:
        self.shape, self.dtype, self.ragged_rank = Shape(tuple(shape)), dtype, ragged_rank

    def __repr__(self) -> str:
        return f"RaggedTensorSpec({self.shape}, {self.dtype}, {self.ragged_rank})"


class RaggedTensor:
    """Rows of different lengths: row i has values[row_splits[i]:row_splits[i + 1]].

    `values` is a Tensor, or a RaggedTensor where rows have rows. Gradients flow through `flat_values`, indices and
    `to_tensor`. Raises ShapeError for splits that do not fit the values.
    """

    def __init__(self, values: "Tensor | RaggedTensor", row_splits: np.ndarray) -> None:
        splits = np.asarray(row_splits, np.int64)
        count = len(values) if isinstance(values, RaggedTensor) else values.shape[0]
        if splits.ndim != 1 or len(splits) < 1 or splits[0] != 0 or splits[-1] != count or (np.diff(splits) < 0).any():
            raise ShapeError(
                f"RaggedTensor: row_splits must rise from 0 to the number of values, {count}, got {splits.tolist()[:9]}"
            )
        self.values, self._splits = values, splits

    @staticmethod
    def from_row_splits(values: Any, row_splits: Any) -> "RaggedTensor":
        """Row i has values[row_splits[i]:row_splits[i + 1]]."""
        return RaggedTensor(_as_values(values), as_array(row_splits))

    @staticmethod
    def from_row_lengths(values: Any, row_lengths: Any) -> "RaggedTensor":
        """Rows of the lengths `row_lengths`, one after the other."""
        return RaggedTensor(_as_values(values), np.append(0, np.cumsum(as_array(row_lengths))))

    @staticmethod
    def from_value_rowids(values: Any, value_rowids: Any, nrows: int | None = None) -> "RaggedTensor":
        """Value i is in the row value_rowids[i]; these rise."""
        rows = as_array(value_rowids)
        return RaggedTensor.from_row_lengths(values, np.bincount(rows, minlength=nrows or 0))

    @staticmethod
    def from_tensor(tensor: Any, lengths: Any = None, padding: Any = None) -> "RaggedTensor":
        """The rows of a tensor (N, L, …): their first `lengths` values, or all up to what is `padding` to the end."""
        whole = convert_to_tensor(tensor)
        rows, size, *inner = whole.numpy().shape
        kept = np.full(rows, size) if lengths is None else as_array(lengths)
        if padding is not None:
            real = (whole.numpy() != padding).reshape(rows, size, -1).any(axis=2)
            kept = np.where(real.any(axis=1), size - real[:, ::-1].argmax(axis=1), 0)
        places = np.flatnonzero(np.arange(size) < kept[:, None])
        flat = reshape(whole, (rows * size, *inner))
        return RaggedTensor.from_row_lengths(gather(flat, places), kept)

    @property
    def flat_values(self) -> Tensor:
        """All values, one after the other."""
        return self.values.flat_values if isinstance(self.values, RaggedTensor) else self.values

    @property
    def row_splits(self) -> Tensor:
        return convert_to_tensor(self._splits)

    @property
    def nested_row_splits(self) -> tuple[Tensor, ...]:
        inner = self.values.nested_row_splits if isinstance(self.values, RaggedTensor) else ()
        return (self.row_splits, *inner)

    @property
    def ragged_rank(self) -> int:
        return 1 + (self.values.ragged_rank if isinstance(self.values, RaggedTensor) else 0)

    @property
    def dtype(self) -> Any:
        return self.flat_values.dtype

    @property
    def shape(self) -> Shape:
        """The sizes, None for those of rows."""
        return Shape((len(self), None, *self.values.shape[1:]))

    def __len__(self) -> int:
        return len(self._splits) - 1

    def nrows(self) -> Tensor:
        return convert_to_tensor(np.int64(len(self)))

    def row_lengths(self) -> Tensor:
        return convert_to_tensor(np.diff(self._splits))

    def row_starts(self) -> Tensor:
        return convert_to_tensor(self._splits[:-1])

    def value_rowids(self) -> Tensor:
        """The row of each value: what `tf.math.segment_sum` and its kin take to reduce by row."""
        return convert_to_tensor(np.repeat(np.arange(len(self)), np.diff(self._splits)))

    def with_values(self, values: Any) -> "RaggedTensor":
        """Other values in rows of the same lengths."""
        return RaggedTensor(_as_values(values), self._splits)

    def with_flat_values(self, values: Any) -> "RaggedTensor":
        inner = self.values.with_flat_values(values) if isinstance(self.values, RaggedTensor) else values
        return self.with_values(inner)

    def to_list(self) -> list[Any]:
        """Lists of lists; texts are bytes."""
        rows = self.values.to_list() if isinstance(self.values, RaggedTensor) else self.values.numpy().tolist()
        return [rows[a:b] for a, b in zip(self._splits[:-1].tolist(), self._splits[1:].tolist(), strict=True)]

    def to_tensor(self, default_value: Any = None) -> Tensor:
        """(N, longest, …), filled up with `default_value`: 0, "" or False where it is None."""
        inner = self.values.to_tensor(default_value) if isinstance(self.values, RaggedTensor) else self.values
        lengths = np.diff(self._splits)
        held = inner.numpy()
        fill = np.zeros_like(held, shape=(1, *held.shape[1:]))
        fill[...] = (b"" if inner.dtype == "string" else 0) if default_value is None else as_array(default_value)
        columns = np.arange(lengths.max(initial=0))
        places = np.where(columns < lengths[:, None], self._splits[:-1, None] + columns, len(held))
        return gather(concat([inner, convert_to_tensor(fill)], 0), places)

    def __getitem__(self, key: Any) -> Any:
        """A row, a slice of rows, or what further indices take of each of them."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if not isinstance(first, slice):
            row = range(len(self))[int(first)]
            found = self.values[int(self._splits[row]) : int(self._splits[row + 1])]
            return found[tuple(rest)] if rest else found
        rows = range(len(self))[first]
        chosen = [self[row][tuple(rest)] if rest else self[row] for row in rows]
        if chosen and rest and not isinstance(rest[0], slice):
            return stack_rows(chosen)
        return concatenated(chosen) if chosen else RaggedTensor(self.values[:0], np.zeros(1))

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"

    def spec_as_leaf(self) -> RaggedTensorSpec:
        return RaggedTensorSpec(self.shape, self.dtype, self.ragged_rank)


def _as_values(values: Any) -> "Tensor | RaggedTensor":
    return values if isinstance(values, RaggedTensor) else convert_to_tensor(values)


def stack_rows(rows: Sequence[Any]) -> Tensor:
    """Single values in one tensor."""
    return concat([reshape(row, (1, *row.shape)) for row in rows], 0)


def concatenated(rows: Sequence[Any]) -> RaggedTensor:
    """Tensors, or RaggedTensors, as the rows of one."""
    lengths = [len(row) if isinstance(row, RaggedTensor) else int(row.shape[0]) for row in rows]
    if not isinstance(rows[0], RaggedTensor):
        return RaggedTensor.from_row_lengths(concat(list(rows), 0), lengths)
    inner = concatenated([row.values for row in rows]).values
    return RaggedTensor.from_row_lengths(
        RaggedTensor.from_row_lengths(inner, np.concatenate([np.diff(row.row_splits.numpy()) for row in rows])), lengths
    )


def constant(pylist: Sequence[Any], dtype: Any = None) -> RaggedTensor:
    """tf.ragged.constant: nested lists, whose innermost are rows of values."""
    nested = any(isinstance(value, Sequence) and not isinstance(value, str | bytes) for row in pylist for value in row)
    lengths = [len(row) for row in pylist]
    flat = [value for row in pylist for value in row]
    return RaggedTensor.from_row_lengths(constant(flat, dtype) if nested else convert_to_tensor(flat, dtype), lengths)


def stack(values: Sequence[Any]) -> RaggedTensor:
    """tf.ragged.stack along a new first axis: tensors of different lengths are the rows."""
    return concatenated([_as_values(value) for value in values])


def map_flat_values(op: Callable[..., Any], *args: Any, **kwargs: Any) -> RaggedTensor:
    """`op` of the values, in rows of the same lengths; RaggedTensors among `args` have the same ones."""
    ragged = [value for value in args if isinstance(value, RaggedTensor)]
    if not ragged or any(value.shape != ragged[0].shape or not _alike(value, ragged[0]) for value in ragged):
        raise ShapeError("map_flat_values: expected RaggedTensors with rows of the same lengths")
    flat = [value.flat_values if isinstance(value, RaggedTensor) else value for value in args]
    return ragged[0].with_flat_values(op(*flat, **kwargs))


def _alike(a: RaggedTensor, b: RaggedTensor) -> bool:
    pairs = zip(a.nested_row_splits, b.nested_row_splits, strict=True)
    return all(np.array_equal(x.numpy(), y.numpy()) for x, y in pairs)
