"""Rearranging under TensorFlow's names: roll, space and depth, masks of lengths, partitions; dtypes and shapes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.static import is_unknown
from tfcli.engine.op import Op
from tfcli.engine.ops.comparison import less
from tfcli.engine.ops.dynamic import RepeatPlaces, identity_matrix, repeat_along
from tfcli.engine.ops.elementwise import (
    cast,
    clip_by_value,
    identity,
    where,
)
from tfcli.engine.ops.index import (
    boolean_mask,
    gather,
    gather_nd,
    range_,
    tensor_scatter_nd_add,
    tensor_scatter_nd_update,
)
from tfcli.engine.ops.join import concat, pad, repeat, stack
from tfcli.engine.ops.reduce import reduce_max, reduce_prod
from tfcli.engine.ops.shape import ShapeOf, broadcast_to, expand_dims, reshape, shape, transpose, zeros_like
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, int32, int64, normalize_axis, show_shape
from tfcli.engine.spec import broadcast as broadcast_shapes
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError, TfcliError


class Roll(Op):
    """Entries moved on by `shift` along each of `axes`, those pushed off the end coming back at the start."""

    shift: tuple[int, ...]
    axes: tuple[int, ...]

    def infer(self, x):
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x):
        return np.roll(x, self.shift, self.axes)

    def vjp_x(self, g, y, x):
        return Roll(tuple(-s for s in self.shift), self.axes)(g)


def roll(input: Any, shift: Any, axis: Any) -> Tensor:
    """Entries moved on by `shift` along `axis`, round the end; both may be lists. Raises ShapeError."""
    x = convert_to_tensor(input)
    axes = tuple(normalize_axis(int(a), x.ndim, "roll") for a in np.atleast_1d(axis))
    shifts = tuple(int(s) for s in np.atleast_1d(shift))
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes")
    return Roll(shifts, axes)(x)


def _blocks(what: str, x: Tensor, data_format: str) -> tuple[int | None, int | None, int | None, int | None]:
    if data_format != "NHWC":
        raise TfcliError(f"{what}: data_format {data_format!r}; channels come last here, 'NHWC'")
    if x.ndim != 4:
        raise ShapeError(f"{what}: expected (batch, height, width, channels), got {show_shape(x.shape)}")
    return tuple(x.shape)  # type: ignore[return-value]


def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC") -> Tensor:
    """Blocks of pixels moved into the channels: (N, H, W, C) -> (N, H/b, W/b, C b²). Raises ShapeError."""
    x, b = convert_to_tensor(input), int(block_size)
    _, h, w, c = _blocks("space_to_depth", x, data_format)
    if h is None or w is None or c is None or h % b or w % b:
        raise ShapeError(f"space_to_depth: height and width of {show_shape(x.shape)} must be known multiples of {b}")
    cut = reshape(x, [-1, h // b, b, w // b, b, c])
    return reshape(transpose(cut, [0, 1, 3, 2, 4, 5]), [-1, h // b, w // b, c * b * b])


def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC") -> Tensor:
    """Channels spread over blocks of pixels: (N, H, W, C) -> (N, H b, W b, C/b²). Raises ShapeError."""
    x, b = convert_to_tensor(input), int(block_size)
    _, h, w, c = _blocks("depth_to_space", x, data_format)
    if h is None or w is None or c is None or c % (b * b):
        raise ShapeError(f"depth_to_space: the channels of {show_shape(x.shape)} must be a known multiple of {b * b}")
    cut = reshape(x, [-1, h, w, b, b, c // (b * b)])
    return reshape(transpose(cut, [0, 1, 3, 2, 4, 5]), [-1, h * b, w * b, c // (b * b)])


def space_to_batch(input: Any, block_shape: Sequence[int], paddings: Sequence[Sequence[int]]) -> Tensor:
    """Blocks of the axes after the batch moved into the batch, after padding. Raises ShapeError."""
    x, blocks = convert_to_tensor(input), [int(b) for b in np.atleast_1d(block_shape)]
    count = len(blocks)
    around = [(int(a), int(b)) for a, b in np.asarray(paddings).tolist()]
    x = pad(x, [(0, 0), *around, *[(0, 0)] * (x.ndim - 1 - count)])
    sizes = [int(d) for d in x.shape]  # type: ignore[arg-type]
    if any(s % b for s, b in zip(sizes[1:], blocks, strict=False)):
        raise ShapeError(f"space_to_batch: the padded sizes {show_shape(sizes)} do not divide by the blocks {blocks}")
    cut = [n for s, b in zip(sizes[1:], blocks, strict=False) for n in (s // b, b)]
    x = reshape(x, [sizes[0], *cut, *sizes[1 + count :]])
    inner, outer = [2 + 2 * i for i in range(count)], [1 + 2 * i for i in range(count)]
    x = transpose(x, [*inner, 0, *outer, *range(1 + 2 * count, x.ndim)])
    reduced = [s // b for s, b in zip(sizes[1:], blocks, strict=False)]
    return reshape(x, [sizes[0] * math.prod(blocks), *reduced, *sizes[1 + count :]])


def batch_to_space(input: Any, block_shape: Sequence[int], crops: Sequence[Sequence[int]]) -> Tensor:
    """The inverse of space_to_batch: blocks of the batch laid out in space, then cropped. Raises ShapeError."""
    x, blocks = convert_to_tensor(input), [int(b) for b in np.atleast_1d(block_shape)]
    count, sizes = len(blocks), [int(d) for d in x.shape]  # type: ignore[arg-type]
    batch, rest = sizes[0] // math.prod(blocks), sizes[1 + count :]
    if sizes[0] % math.prod(blocks):
        raise ShapeError(f"batch_to_space: the batch of {show_shape(sizes)} does not divide by the blocks {blocks}")
    x = reshape(x, [*blocks, batch, *sizes[1:]])
    order = [count, *(n for i in range(count) for n in (count + 1 + i, i)), *range(2 * count + 1, x.ndim)]
    spread = [s * b for s, b in zip(sizes[1:], blocks, strict=False)]
    x = reshape(transpose(x, order), [batch, *spread, *rest])
    kept = [slice(int(a), s - int(b)) for s, (a, b) in zip(spread, np.asarray(crops).tolist(), strict=True)]
    return x[(slice(None), *kept)]


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool") -> Tensor:
    """(…, maxlen): true at the first `lengths` places; maxlen is the largest length by default."""
    x = convert_to_tensor(lengths)
    most = reduce_max(x) if maxlen is None else maxlen
    steps = range_(cast(most, x.dtype) if isinstance(most, Tensor) else int(most), dtype=x.dtype)
    return cast(less(steps, expand_dims(x, -1)), dtype)


class EnsureShape(Op):
    """x, whose shape must be `shape`, None standing for any size."""

    shape: Shape

    def infer(self, x):
        fits = x.rank == len(self.shape) and all(
            a == b or None in (a, b) for a, b in zip(x.shape, self.shape, strict=True)
        )
        if not fits:
            raise self._wrong(x.shape)
        return TensorSpec(Shape(b if a is None else a for a, b in zip(x.shape, self.shape, strict=True)), x.dtype)

    def _wrong(self, shape: Sequence[int | None]) -> ShapeError:
        return ShapeError(f"ensure_shape: the tensor has the shape {show_shape(shape)}, not {show_shape(self.shape)}")

    def forward(self, x):
        if any(b not in (None, a) for a, b in zip(x.shape, self.shape, strict=True)):
            raise self._wrong(x.shape)
        return x

    def vjp_x(self, g, y, x):
        return g


def ensure_shape(x: Any, shape: Sequence[int | None]) -> Tensor:
    """x, checked to have `shape` when it is computed; None stands for any size. Raises ShapeError."""
    return EnsureShape(Shape(None if d in (None, -1) else int(d) for d in shape))(x)


class Bitcast(Op):
    """The same bytes read as another dtype; a size that changes makes or takes a last axis."""

    dtype: DType
    vjp_x = None

    def infer(self, x):
        a, b = x.dtype.size, self.dtype.size
        if a == b:
            return TensorSpec(x.shape, self.dtype)
        if a > b:
            return TensorSpec(Shape((*x.shape, a // b)), self.dtype)
        if not x.rank or x.shape[-1] not in (None, b // a):
            raise ShapeError(f"bitcast: {x} to {self.dtype.name}: the last axis must have the size {b // a}")
        return TensorSpec(Shape(x.shape[:-1]), self.dtype)

    def forward(self, x):
        a, b = x.dtype.itemsize, self.dtype.size
        x = np.ascontiguousarray(x)
        if a < b:
            return x.view(self.dtype.numpy)[..., 0]
        return x.view(self.dtype.numpy) if a == b else x[..., None].view(self.dtype.numpy)


def bitcast(input: Any, type: Any) -> Tensor:
    """The same bytes as another dtype. Raises ShapeError, DtypeError."""
    x, dtype = convert_to_tensor(input), as_dtype(type)
    if "string" in (x.dtype, dtype):
        raise DtypeError("bitcast: texts have no fixed bytes; tf.io.decode_raw reads numbers from them")
    return Bitcast(dtype)(x)


def saturate_cast(value: Any, dtype: Any) -> Tensor:
    """value in `dtype`, cut to its range."""
    x, wanted = convert_to_tensor(value), as_dtype(dtype)
    low, high = max(x.dtype.min, wanted.min), min(x.dtype.max, wanted.max)
    if x.dtype.is_floating and wanted.is_integer:
        # The limit itself may round up beyond the range in x's precision.
        high = (
            float(np.nextafter(x.dtype.numpy.type(high), x.dtype.numpy.type(0)))
            if int(x.dtype.numpy.type(high)) > high
            else high
        )
    bounds = (np.asarray(b, x.dtype.numpy) for b in (low, high))
    return cast(clip_by_value(x, *bounds), wanted)


def size(input: Any, out_type: Any = int32) -> Tensor:
    """How many entries there are."""
    x = convert_to_tensor(input)
    known = x.shape.num_elements()
    if known is not None:
        return convert_to_tensor(np.asarray(known, as_dtype(out_type).numpy))
    return cast(reduce_prod(ShapeOf()(x)), out_type)


def rank(input: Any) -> Tensor:
    """How many axes there are."""
    return convert_to_tensor(np.asarray(convert_to_tensor(input).ndim, np.int32))


def identity_n(input: Sequence[Any]) -> list[Tensor]:
    """Tensors as they are."""
    return [identity(x) for x in input]


def slice_(input_: Any, begin: Sequence[int], size: Sequence[int]) -> Tensor:
    """The part that begins at `begin` and has `size`; -1 reaches to the end. Raises ShapeError."""
    x = convert_to_tensor(input_)
    starts, sizes = _each(begin, x.ndim), _each(size, x.ndim)
    if len(starts) != x.ndim or len(sizes) != x.ndim:
        raise ShapeError(f"slice: {len(sizes)} sizes for the {x.ndim} axes of {show_shape(x.shape)}")
    for axis, (b, s) in enumerate(zip(starts, sizes, strict=True)):
        have = x.shape[axis]
        if not is_unknown(b) and (b < 0 or (have is not None and not is_unknown(s) and b + max(s, 0) > have)):
            raise ShapeError(f"slice: {s} entries from {b} on do not fit axis {axis} of {show_shape(x.shape)}")
    ends = [None if not is_unknown(s) and s == -1 else b + s for b, s in zip(starts, sizes, strict=True)]
    return x[tuple(slice(b, e) for b, e in zip(starts, ends, strict=True))]


def _each(numbers: Any, count: int) -> list[Any]:
    """A vector's entries, as integers where they are known."""
    entries = [numbers[i] for i in range(count)] if is_unknown(numbers) else list(numbers)
    return [entry if is_unknown(entry) else int(entry) for entry in entries]


def strided_slice(
    input_: Any, begin: Sequence[int], end: Sequence[int], strides: Sequence[int] | None = None
) -> Tensor:
    """input_[begin:end:strides] along each axis. Raises ShapeError."""
    steps = [1] * len(begin) if strides is None else strides
    return convert_to_tensor(input_)[
        tuple(slice(int(b), int(e), int(s)) for b, e, s in zip(begin, end, steps, strict=True))
    ]


class WhereTrue(Op):
    """The places (n, rank) int64 where the condition holds, in row-major order."""

    vjp_condition = None

    def infer(self, condition):
        return TensorSpec(Shape((None, condition.rank)), int64)

    def forward(self, condition):
        return np.argwhere(condition).astype(np.int64)


def where_(condition: Any, x: Any = None, y: Any = None) -> Tensor:
    """x where the condition holds, y elsewhere; the places where it holds without x and y. Raises TfcliError."""
    if (x is None) != (y is None):
        raise TfcliError("where: give both x and y, or neither")
    return WhereTrue()(condition) if x is None else where(condition, x, y)


def tensor_scatter_nd_sub(tensor: Any, indices: Any, updates: Any) -> Tensor:
    """The tensor with updates subtracted at indices, added up where they repeat. Raises ShapeError, DtypeError."""
    return tensor_scatter_nd_add(tensor, indices, -convert_to_tensor(updates))


class TensorScatterNdExtreme(Op):
    """x with the larger (or smaller) of its entries and the updates at indices."""

    largest: bool
    vjp_indices = None

    def infer(self, x, indices, updates):
        return tensor_scatter_nd_update.infer(x, indices, updates)

    def forward(self, x, indices, updates):
        result = np.array(x)
        extreme = np.maximum if self.largest else np.minimum
        extreme.at(result, tuple(np.moveaxis(indices, -1, 0)), updates)
        return result

    def vjp_x(self, g, y, x, indices, updates):
        return g * cast(x == y, g.dtype)

    def vjp_updates(self, g, y, x, indices, updates):
        chosen = cast(gather_nd(y, indices) == updates, g.dtype)
        return gather_nd(g * cast(x != y, g.dtype), indices) * chosen


def tensor_scatter_nd_max(tensor: Any, indices: Any, updates: Any) -> Tensor:
    """The tensor with the larger of entry and update at indices. Raises ShapeError, DtypeError."""
    return TensorScatterNdExtreme(True)(tensor, indices, updates)


def tensor_scatter_nd_min(tensor: Any, indices: Any, updates: Any) -> Tensor:
    """The tensor with the smaller of entry and update at indices. Raises ShapeError, DtypeError."""
    return TensorScatterNdExtreme(False)(tensor, indices, updates)


def dynamic_partition(data: Any, partitions: Any, num_partitions: int) -> list[Tensor]:
    """The rows of data for each number in `partitions`. Raises ShapeError."""
    places = convert_to_tensor(partitions)
    return [boolean_mask(data, places == i) for i in range(int(num_partitions))]


def dynamic_stitch(indices: Sequence[Any], data: Sequence[Any]) -> Tensor:
    """Rows put together: row `indices[m][i]` of the result is `data[m][i]`, of several the last. Raises TfcliError."""
    places = [convert_to_tensor(i) for i in indices]
    if any(isinstance(p, Symbol) for p in places):
        raise TfcliError(
            "dynamic_stitch: the indices must be known; in a traced function use tf.tensor_scatter_nd_update"
        )
    flat = [reshape(p, [-1]) for p in places]
    rows = []
    for place, part in zip(places, data, strict=True):
        values = convert_to_tensor(part)
        rows.append(reshape(values, [-1, *[int(d) for d in values.shape[place.ndim :]]]))  # type: ignore[arg-type]
    joined = concat(flat, 0)
    count = int(joined.array.max(initial=-1)) + 1
    latest = np.zeros(count, np.int64)
    latest[joined.array] = np.arange(len(joined.array))
    return gather(concat(rows, 0), latest)


def reverse_sequence(input: Any, seq_lengths: Any, seq_axis: int | None = None, batch_axis: int = 0) -> Tensor:
    """Each example's first `seq_lengths` entries along `seq_axis` in reverse order, the others as they are."""
    x, lengths = convert_to_tensor(input), cast(seq_lengths, int32)
    axis = normalize_axis(1 if seq_axis is None else seq_axis, x.ndim, "reverse_sequence")
    batch = normalize_axis(batch_axis, x.ndim, "reverse_sequence")
    order = [batch, axis, *(i for i in range(x.ndim) if i not in (batch, axis))]
    rows = transpose(x, order)
    steps = expand_dims(range_(ShapeOf()(rows)[1]), 0)
    ends = expand_dims(lengths, 1)
    places = where(steps < ends, ends - 1 - steps, steps + zeros_like(ends))
    return transpose(gather(rows, places, axis=1, batch_dims=1), [int(i) for i in np.argsort(order)])


def unravel_index(indices: Any, dims: Sequence[int]) -> Tensor:
    """The coordinates, along a new first axis, of places counted in row-major order."""
    rest, sizes, parts = convert_to_tensor(indices), [int(d) for d in np.asarray(dims)], []
    for d in reversed(sizes):
        parts.append(rest % d)
        rest = rest // d
    return stack(parts[::-1], 0)


def broadcast_static_shape(shape_x: Sequence[int], shape_y: Sequence[int]) -> Shape:
    """The shape that two shapes broadcast to. Raises ShapeError."""
    return broadcast_shapes(Shape(shape_x), Shape(shape_y), "broadcast_static_shape")


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """The sizes, as a tensor, that two shapes broadcast to. Raises ShapeError."""
    x, y = (Shape(int(d) for d in np.asarray(s)) for s in (shape_x, shape_y))
    return convert_to_tensor(np.asarray(broadcast_shapes(x, y, "broadcast_dynamic_shape"), np.int32))


def shape_n(input: Sequence[Any]) -> list[Tensor]:
    """The sizes of each tensor."""
    return [ShapeOf()(x) for x in input]


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor or a variable."""
    return isinstance(x, Tensor | Variable)


def is_symbolic_tensor(x: Any) -> bool:
    """Whether x is a tensor of a graph being traced."""
    return isinstance(x, Symbol)


def get_static_value(tensor: Any) -> np.ndarray | None:
    """The value where it is known: always outside of traced functions, where None stands for not yet."""
    return None if isinstance(tensor, Symbol) else convert_to_tensor(tensor).array


def eye(
    num_rows: int, num_columns: int | None = None, batch_shape: Sequence[int] | None = None, dtype: Any = "float32"
) -> Tensor:
    """Identity matrices (*batch_shape, num_rows, num_columns)."""
    if is_unknown(num_rows) or is_unknown(num_columns):
        one = identity_matrix(num_rows, num_rows if num_columns is None else num_columns, dtype)
        sizes: list[Any] = [*(batch_shape or ()), shape(one)[0], shape(one)[1]]
        return one if batch_shape is None else broadcast_to(one, sizes)
    matrix = np.eye(int(num_rows), None if num_columns is None else int(num_columns), dtype=as_dtype(dtype).numpy)
    front = () if batch_shape is None else tuple(int(d) for d in batch_shape)
    return convert_to_tensor(np.broadcast_to(matrix, (*front, *matrix.shape)).copy())


def repeat_(input: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each entry along `axis` (of all in a row without one) as often as `repeats` says, one number or one each.

    Raises ShapeError.
    """
    x = convert_to_tensor(input)
    x, axis = (reshape(x, [-1]), 0) if axis is None else (x, normalize_axis(axis, x.ndim, "repeat"))
    if is_unknown(repeats):
        return gather(x, RepeatPlaces()(repeats), axis=axis) if repeats.ndim else repeat_along(x, repeats, axis)
    counts = np.asarray(repeats)
    if counts.size == 1:
        return repeat(x, int(counts.reshape(())), axis)
    if x.shape[axis] not in (None, counts.size):
        raise ShapeError(f"repeat: {counts.size} repeats for axis {axis} of {show_shape(x.shape)}")
    return gather(x, np.repeat(np.arange(counts.size), counts), axis=axis)
