"""Sums, means and extremes of the rows that share a segment number."""

from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import equal
from tfcli.engine.ops.elementwise import cast, maximum, where
from tfcli.engine.ops.index import add_rows, gather
from tfcli.engine.ops.shape import broadcast_like, expand_dims, ones_like, zeros_like
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


class _Segment(Op, abstract=True):
    """data (ids..., rest) reduced to (num_segments, rest) over the rows of one id.

    Ids below 0 belong to no segment. Without `num_segments` the ids rise, and the last one ends the output.
    """

    num_segments: int | None
    vjp_ids: Any = None

    def infer(self, data, ids):
        if not ids.dtype.is_integer:
            raise DtypeError(f"{self.name}: segment ids must be integers, got {ids}; tf.cast converts")
        front = data.shape[: ids.rank]
        fits = len(front) == ids.rank > 0 and all(
            a == b or None in (a, b) for a, b in zip(front, ids.shape, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"{self.name}: the ids {show_shape(ids.shape)} must match the first axes of {show_shape(data.shape)}"
            )
        return TensorSpec(Shape((self.num_segments, *data.shape[ids.rank :])), data.dtype)

    def rows(self, data: np.ndarray, ids: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
        """The number of segments, the ids that are not negative, and their rows, all checked."""
        flat = ids.reshape(-1)
        table = data.reshape(flat.size, int(np.prod(data.shape[ids.ndim :])))
        count = self.num_segments
        if count is None:
            if np.any(flat[1:] < flat[:-1]) or np.any(flat < 0):
                raise TfcliError(
                    f"{self.name}: the ids must rise from 0 on; the unsorted_segment functions take any order"
                )
            return (int(flat[-1]) + 1 if flat.size else 0), flat, table
        if flat.size and flat.max() >= count:
            raise TfcliError(
                f"{self.name}: the id {flat.max()} is outside the {count} segments; ids go from 0 to {count - 1}"
            )
        kept = flat >= 0
        return (count, flat, table) if kept.all() else (count, flat[kept], table[kept])


class SegmentSum(_Segment):
    def forward(self, data, ids):
        count, places, rows = self.rows(data, ids)
        return add_rows(count, places, rows).reshape(count, *data.shape[ids.ndim :])

    def vjp_data(self, g, y, data, ids):
        return _spread(g, data, ids)


class _SegmentExtreme(_Segment, abstract=True):
    """Rows that tie for the extreme share its gradient equally."""

    def extreme(self, data: np.ndarray, ids: np.ndarray, ufunc: np.ufunc, start: float) -> np.ndarray:
        count, places, rows = self.rows(data, ids)
        result = np.full((count, rows.shape[1]), start, data.dtype)
        ufunc.at(result, places, rows)
        return result.reshape(count, *data.shape[ids.ndim :])

    def vjp_data(self, g, y, data, ids):
        chosen = cast(equal(data, _spread(y, data, ids)), g.dtype)
        ties = SegmentSum(self.num_segments)(chosen, ids)
        return chosen * _spread(g / maximum(ties, ones_like(ties)), data, ids)


class SegmentMax(_SegmentExtreme):
    def forward(self, data, ids):
        return self.extreme(data, ids, np.maximum, _bounds(data.dtype)[0])


class SegmentMin(_SegmentExtreme):
    def forward(self, data, ids):
        return self.extreme(data, ids, np.minimum, _bounds(data.dtype)[1])


def _bounds(dtype: np.dtype) -> tuple[float, float]:
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return limits.min, limits.max


def _spread(y: Tensor, data: Tensor, ids: Tensor) -> Tensor:
    """The value of its segment for each row of data; zero for negative ids."""
    kept = ids >= 0
    rows = gather(y, where(kept, ids, zeros_like(ids)))
    for _ in range(data.ndim - ids.ndim):
        kept = expand_dims(kept, -1)
    return where(kept, rows, zeros_like(rows))


def _mean(data: Any, ids: Any, num_segments: int | None) -> Tensor:
    data, ids = convert_to_tensor(data), convert_to_tensor(ids)
    total = SegmentSum(num_segments)(data, ids)
    count = SegmentSum(num_segments)(broadcast_like(1, ids, data.dtype), ids)
    for _ in range(data.ndim - ids.ndim):
        count = expand_dims(count, -1)
    return total / maximum(count, ones_like(count))


def segment_sum(data: Any, segment_ids: Any) -> Tensor:
    """The sums of the rows of each segment; the ids (N,) rise. Raises TfcliError."""
    return SegmentSum(None)(data, segment_ids)


def segment_mean(data: Any, segment_ids: Any) -> Tensor:
    """The means of the rows of each segment (0 without rows); the ids (N,) rise. Raises TfcliError."""
    return _mean(data, segment_ids, None)


def segment_max(data: Any, segment_ids: Any) -> Tensor:
    """The largest of the rows of each segment; the ids (N,) rise. Raises TfcliError."""
    return SegmentMax(None)(data, segment_ids)


def segment_min(data: Any, segment_ids: Any) -> Tensor:
    """The smallest of the rows of each segment; the ids (N,) rise. Raises TfcliError."""
    return SegmentMin(None)(data, segment_ids)


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """The sums of the rows of each segment; ids in any order, negative ones are left out. Raises TfcliError."""
    return SegmentSum(int(num_segments))(data, segment_ids)


def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """The means of the rows of each segment (0 without rows); ids in any order, negative ones are left out."""
    return _mean(data, segment_ids, int(num_segments))


def unsorted_segment_max(data: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """The largest of the rows of each segment (the dtype's lowest without rows); negative ids are left out."""
    return SegmentMax(int(num_segments))(data, segment_ids)


def unsorted_segment_min(data: Any, segment_ids: Any, num_segments: int) -> Tensor:
    """The smallest of the rows of each segment (the dtype's highest without rows); negative ids are left out."""
    return SegmentMin(int(num_segments))(data, segment_ids)
