"""Entries by index: gather, scatter, masks, one-hot; and regular tensors (range, linspace, eye, meshgrid)."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.static import is_unknown, sizes_of
from tfcli.engine.indexed_slices import IndexedSlices
from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import equal
from tfcli.engine.ops.elementwise import add, cast, where
from tfcli.engine.ops.kinds import promote
from tfcli.engine.ops.shape import broadcast_like, expand_dims, reshape, zeros, zeros_like
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, broadcast, normalize_axis, show_shape
from tfcli.engine.tensor import Symbol, Tensor, as_array, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


def check_indices(name: str, indices: np.ndarray, size: int, axis: int) -> None:
    """Raises TfcliError for an index outside 0 .. size - 1."""
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        wrong = indices[(indices < 0) | (indices >= size)].flat[0]
        raise TfcliError(
            f"{name}: the index {wrong} is outside axis {axis} of size {size}; indices go from 0 to {size - 1}"
        )


def add_rows(count: int, places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(count, D) zeros to which rows[i] (M, D) is added at places[i] (M,), repeated places too."""
    width = rows.shape[1]
    total = np.zeros(count * width, rows.dtype)
    # np.add.at is fast along one axis only (numpy >= 1.25).
    flat = places if width == 1 else (places[:, None] * width + np.arange(width)).ravel()
    np.add.at(total, flat, rows.reshape(-1))
    return total.reshape(count, width)


class Gather(Op):
    """Slices of params along `axis` at indices; the first `batch_dims` axes of both run together."""

    axis: int
    batch_dims: int
    vjp_indices = None

    def infer(self, params, indices):
        if not indices.dtype.is_integer:
            raise DtypeError(f"gather: indices must be integers, got {indices}; tf.cast converts")
        batch = self.batch_dims
        if batch > min(self.axis, indices.rank):
            raise ShapeError(
                f"gather: batch_dims={batch} with axis={self.axis} and indices of shape {show_shape(indices.shape)}"
            )
        front = broadcast(Shape(params.shape[:batch]), Shape(indices.shape[:batch]), "gather: batch axes")
        between, after = params.shape[batch : self.axis], params.shape[self.axis + 1 :]
        return TensorSpec(Shape((*front, *between, *indices.shape[batch:], *after)), params.dtype)

    def forward(self, params, indices):
        check_indices("gather", indices, params.shape[self.axis], self.axis)
        if self.batch_dims == 0:
            return np.take(params, indices, axis=self.axis, mode="clip")
        batch, axis = self.batch_dims, self.axis
        table = np.moveaxis(params, axis, batch)
        rows = table.reshape(-1, *table.shape[batch + 1 :])[
            _flat_places(indices, table.shape[:batch], table.shape[batch])
        ]
        return rows.transpose(_between_first(batch, axis, indices.ndim, rows.ndim))

    def vjp_params(self, g, y, params, indices):
        if self.axis == 0 and self.batch_dims == 0 and None not in params.shape[1:]:
            return IndexedSlices.of_rows(g, indices, params)
        return GatherGrad(self.axis, self.batch_dims)(g, params, indices)


class GatherGrad(Op):
    """Zeros in the shape of `params`, which lends its shape alone, with g added where `gather` took from."""

    axis: int
    batch_dims: int
    vjp_params = None
    vjp_indices = None

    def infer(self, g, params, indices):
        return TensorSpec(params.shape, g.dtype)

    def forward(self, g, params, indices):
        batch, axis = self.batch_dims, self.axis
        rows = g.transpose(np.argsort(_between_first(batch, axis, indices.ndim, g.ndim)))
        front = (*params.shape[:batch], params.shape[axis])
        rest = (*params.shape[batch:axis], *params.shape[axis + 1 :])
        places = np.reshape(_flat_places(indices, front[:-1], front[-1]), -1)
        width = int(np.prod(rest))
        total = add_rows(int(np.prod(front)), places, rows.reshape(places.size, width))
        return np.moveaxis(total.reshape(*front, *rest), batch, axis)

    def vjp_g(self, g, y, x, params, indices):
        return Gather(self.axis, self.batch_dims)(g, indices)


def _flat_places(indices: np.ndarray, batch_shape: tuple[int, ...], size: int) -> np.ndarray:
    """Indices into the table whose batch axes and gathered axis are flattened to one."""
    starts = np.arange(int(np.prod(batch_shape)), dtype=np.int64) * size
    return indices + starts.reshape((*batch_shape, *(1,) * (indices.ndim - len(batch_shape))))


def _between_first(batch: int, axis: int, index_rank: int, rank: int) -> list[int]:
    """The order that brings (batch, indexed, between, after) to (batch, between, indexed, after)."""
    between = axis - batch
    return [
        *range(batch),
        *range(index_rank, index_rank + between),
        *range(batch, index_rank),
        *range(index_rank + between, rank),
    ]


def gather(params: Any, indices: Any, axis: int | None = None, batch_dims: int = 0) -> Tensor:
    """Slices of `params` along `axis` (the first after the batch axes) at integer `indices`.

    Raises TfcliError where an index is outside the axis, ShapeError, DtypeError.
    """
    tensor, places = convert_to_tensor(params), convert_to_tensor(indices)
    batch = batch_dims + places.ndim if batch_dims < 0 else batch_dims
    return Gather(normalize_axis(batch if axis is None else axis, tensor.ndim, "gather"), batch)(tensor, places)


class GatherNd(Op):
    """params[indices[..., 0], indices[..., 1], ...]: the last axis of indices holds coordinates."""

    vjp_indices = None

    def infer(self, params, indices):
        depth = _depth("gather_nd", indices, params.shape)
        return TensorSpec(Shape((*indices.shape[:-1], *params.shape[depth:])), params.dtype)

    def forward(self, params, indices):
        return params[_coordinates("gather_nd", indices, params.shape)]

    def vjp_params(self, g, y, params, indices):
        return ScatterNdLike()(g, params, indices)


class ScatterNdLike(Op):
    """Zeros in the shape of `like`, which lends its shape alone, with updates added at indices."""

    vjp_like = None
    vjp_indices = None

    def infer(self, updates, like, indices):
        _check_updates("scatter_nd", updates, like.shape, indices)
        return TensorSpec(like.shape, updates.dtype)

    def forward(self, updates, like, indices):
        return _scatter(updates, indices, like.shape)

    def vjp_updates(self, g, y, updates, like, indices):
        return gather_nd(g, indices)


class ScatterNd(Op):
    """Zeros of `shape` with updates added at indices."""

    shape: tuple[int, ...]
    vjp_indices = None

    def infer(self, indices, updates):
        _check_updates("scatter_nd", updates, Shape(self.shape), indices)
        return TensorSpec(Shape(self.shape), updates.dtype)

    def forward(self, indices, updates):
        return _scatter(updates, indices, self.shape)

    def vjp_updates(self, g, y, indices, updates):
        return gather_nd(g, indices)


class TensorScatterNdUpdate(Op):
    """x with updates in place of the slices at indices; of repeated indices the last stands."""

    vjp_indices = None

    def infer(self, x, indices, updates):
        if x.dtype != updates.dtype:
            raise DtypeError(f"tensor_scatter_nd_update: the tensor is {x}, the updates {updates}; tf.cast converts")
        _check_updates("tensor_scatter_nd_update", updates, x.shape, indices)
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x, indices, updates):
        result = np.array(x)
        result[_coordinates("tensor_scatter_nd_update", indices, x.shape)] = updates
        return result

    def vjp_x(self, g, y, x, indices, updates):
        return TensorScatterNdUpdate()(g, indices, zeros_like(updates))

    def vjp_updates(self, g, y, x, indices, updates):
        return gather_nd(g, indices)


def _depth(name: str, indices: TensorSpec, shape: Shape) -> int:
    """How many axes the coordinates name."""
    if not indices.dtype.is_integer:
        raise DtypeError(f"{name}: indices must be integers, got {indices}; tf.cast converts")
    depth = indices.shape[-1] if indices.rank else None
    if depth is None or depth > len(shape):
        raise ShapeError(
            f"{name}: indices of shape {show_shape(indices.shape)} for a tensor of shape {show_shape(shape)}; "
            f"their last axis holds 0 to {len(shape)} coordinates"
        )
    return depth


def _check_updates(name: str, updates: TensorSpec, shape: Shape, indices: TensorSpec) -> None:
    expected = Shape((*indices.shape[:-1], *shape[_depth(name, indices, shape) :]))
    fits = len(expected) == updates.rank and all(
        a == b or None in (a, b) for a, b in zip(expected, updates.shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{name}: the updates have the shape {show_shape(updates.shape)}, expected {show_shape(expected)}"
        )


def _coordinates(name: str, indices: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    for axis in range(indices.shape[-1]):
        check_indices(name, indices[..., axis], shape[axis], axis)
    return tuple(np.moveaxis(indices, -1, 0))


def _scatter(updates: np.ndarray, indices: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    depth = indices.shape[-1]
    places = np.zeros(indices.shape[:-1], np.int64)
    for part, size in zip(_coordinates("scatter_nd", indices, shape), shape, strict=False):
        places = places * size + part
    width = int(np.prod(shape[depth:]))
    return add_rows(int(np.prod(shape[:depth])), places.reshape(-1), updates.reshape(places.size, width)).reshape(shape)


gather_nd, tensor_scatter_nd_update = GatherNd(), TensorScatterNdUpdate()


def scatter_nd(indices: Any, updates: Any, shape: Sequence[int]) -> Tensor:
    """Zeros of `shape` with `updates` added at `indices` (..., coordinates). Raises TfcliError, ShapeError."""
    known, sizes = sizes_of(shape)
    if sizes is None:
        return ScatterNd(tuple(known))(indices, updates)  # type: ignore[arg-type]
    values = convert_to_tensor(updates)
    return ScatterNdLike()(values, zeros(sizes, values.dtype), indices)


def tensor_scatter_nd_add(tensor: Any, indices: Any, updates: Any) -> Tensor:
    """`tensor` with `updates` added at `indices`. Raises TfcliError, ShapeError, DtypeError."""
    tensor = convert_to_tensor(tensor)
    return add(tensor, ScatterNdLike()(updates, tensor, indices))


class BooleanMask(Op):
    """The slices of x (along the axes of mask, from `axis` on) where mask holds; in a graph their number is None."""

    axis: int
    vjp_mask = None

    def infer(self, x, mask):
        if not mask.dtype.is_bool:
            raise DtypeError(f"boolean_mask: expected a bool mask, got {mask}")
        masked = x.shape[self.axis : self.axis + mask.rank]
        fits = len(masked) == mask.rank > 0 and all(
            a == b or None in (a, b) for a, b in zip(masked, mask.shape, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"boolean_mask: the mask {show_shape(mask.shape)} must match the axes of {show_shape(x.shape)} "
                f"from axis {self.axis} on"
            )
        return TensorSpec(Shape((*x.shape[: self.axis], None, *x.shape[self.axis + mask.rank :])), x.dtype)

    def forward(self, x, mask):
        return x[(*(slice(None),) * self.axis, mask)]

    def vjp_x(self, g, y, x, mask):
        return BooleanMaskGrad(self.axis)(g, x, mask)


class BooleanMaskGrad(Op):
    """Zeros in the shape of `like`, which lends its shape alone, with g where mask holds."""

    axis: int
    vjp_like = None
    vjp_mask = None

    def infer(self, g, like, mask):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like, mask):
        result = np.zeros(like.shape, g.dtype)
        result[(*(slice(None),) * self.axis, mask)] = g
        return result

    def vjp_g(self, g, y, x, like, mask):
        return BooleanMask(self.axis)(g, mask)


def boolean_mask(tensor: Any, mask: Any, axis: int = 0) -> Tensor:
    """The slices of `tensor` where `mask`, matching its axes from `axis` on, holds. Raises ShapeError, DtypeError."""
    tensor = convert_to_tensor(tensor)
    return BooleanMask(normalize_axis(axis, tensor.ndim, "boolean_mask"))(tensor, mask)


def pick(tensor: Tensor, key: Any) -> Tensor:
    """tensor[key] for a bool mask, or for integers along the first axis, where concrete ones may count from the end."""
    places = convert_to_tensor(key)
    if places.dtype.is_bool:
        return boolean_mask(tensor, places)
    if not places.dtype.is_integer:
        raise DtypeError(f"a tensor is indexed by integers, slices or a bool mask, not by {places}")
    size = tensor.shape[0] if tensor.ndim else None
    if size is not None and not isinstance(places, Symbol):
        places = Tensor(np.where(places.array < 0, places.array + places.array.dtype.type(size), places.array))
    return gather(tensor, places)


class OneHot(Op):
    """`on_value` where the place along the new `axis` is the index, `off_value` elsewhere.

    An index outside 0 .. depth - 1 gives `off_value` alone.
    """

    depth: int
    on_value: float
    off_value: float
    axis: int
    dtype: DType
    vjp_indices = None

    def infer(self, indices):
        if not indices.dtype.is_integer:
            raise DtypeError(f"one_hot: indices must be integers, got {indices}; tf.cast converts")
        axis = normalize_axis(self.axis, indices.rank + 1, "one_hot")
        return TensorSpec(Shape((*indices.shape[:axis], self.depth, *indices.shape[axis:])), self.dtype)

    def forward(self, indices):
        flat = indices.reshape(-1)
        result = np.full((flat.size, self.depth), self.off_value, self.dtype.numpy)
        rows = np.flatnonzero((flat >= 0) & (flat < self.depth))
        result[rows, flat[rows]] = self.on_value
        return np.moveaxis(result.reshape(*indices.shape, self.depth), -1, self.axis)


def one_hot(
    indices: Any, depth: int, on_value: float = 1, off_value: float = 0, axis: int = -1, dtype: Any = "float32"
) -> Tensor:
    """A new axis of size `depth` with `on_value` at each index. Raises DtypeError, ShapeError."""
    if is_unknown(depth):
        places, new = convert_to_tensor(indices), normalize_axis(axis, convert_to_tensor(indices).ndim + 1, "one_hot")
        steps = reshape(range_(cast(depth, places.dtype)), [-1 if i == new else 1 for i in range(places.ndim + 1)])
        return where(equal(expand_dims(places, new), steps), *(cast(v, dtype) for v in (on_value, off_value)))
    return OneHot(int(depth), on_value, off_value, int(axis), as_dtype(dtype))(indices)


class Range(Op):
    """start, start + delta, ... before limit; in a graph their number is None."""

    vjp_start = vjp_limit = vjp_delta = None

    def infer(self, start, limit, delta):
        if any(x.rank for x in (start, limit, delta)):
            raise ShapeError(f"range: expected scalars, got {start}, {limit} and {delta}")
        return TensorSpec(Shape((None,)), start.dtype)

    def forward(self, start, limit, delta):
        if delta == 0:
            raise TfcliError("range: delta is 0, which leads nowhere")
        return np.arange(start, limit, delta, start.dtype)


def range_(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Tensor:
    """start, start + delta, ... before limit; `range_(n)` counts from 0. Python's ints give int32, floats float32."""
    if limit is None:
        start, limit = 0, start
    parts = [start, limit, delta]
    if dtype is None:
        typed = [p.dtype for p in parts if hasattr(p, "dtype")]
        dtype = typed[0] if typed else as_array(parts).dtype
    return Range()(*(cast(p, dtype) for p in parts))


def linspace(start: Any, stop: Any, num: Any) -> Tensor:
    """`num` evenly spaced numbers from start to stop, both included, along a new first axis."""
    start, stop = promote(_as_float(start), _as_float(stop), "linspace")
    if is_unknown(num):
        from tfcli.engine.ops.dynamic import even_steps

        spread = reshape(even_steps(num, start.dtype), [-1, *(1,) * max(start.ndim, stop.ndim)])
        return start * (1 - spread) + stop * spread
    num = int(num)
    if num < 1:
        raise TfcliError(f"linspace: num must be 1 or more, got {num}")
    steps = np.linspace(0.0, 1.0, num).reshape(num, *(1,) * max(start.ndim, stop.ndim)).astype(start.dtype.numpy)
    return start * (1 - steps) + stop * steps


def _as_float(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value


def eye(num_rows: int, num_columns: int | None = None, dtype: Any = "float32") -> Tensor:
    """The identity matrix, cut or padded with zeros to `num_columns`."""
    return Tensor(np.eye(num_rows, num_columns, dtype=as_dtype(dtype).numpy))


def meshgrid(*args: Any, indexing: str = "xy") -> list[Tensor]:
    """Vectors repeated to grids: the first runs along axis 1 with "xy", along axis 0 with "ij". Raises TfcliError."""
    if indexing not in ("xy", "ij"):
        raise TfcliError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    tensors = [convert_to_tensor(a) for a in args]
    axes = list(range(len(tensors)))
    if indexing == "xy" and len(tensors) > 1:
        axes[:2] = [1, 0]
    placed = [
        reshape(t, [-1 if i == axis else 1 for i in range(len(axes))]) for t, axis in zip(tensors, axes, strict=True)
    ]
    grid = functools.reduce(add, [zeros_like(p, "float32") for p in placed])
    return [broadcast_like(p, grid) for p in placed]
