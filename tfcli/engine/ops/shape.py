"""Rearranging entries: reshape, transpose, broadcast, join, split, slice, pad, gather along axes."""

import operator as operator_module
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.graph.static import is_unknown, sizes_of
from tfcli.engine.op import Op
from tfcli.engine.spec import (
    Shape,
    TensorSpec,
    as_dtype,
    broadcast,
    merge,
    normalize_axes,
    normalize_axis,
    show_shape,
    size_of,
)
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor, operator
from tfcli.errors import DtypeError, ShapeError


class SumLike(Op):
    """g summed over the axes along which `like` was broadcast; `like` lends its shape alone."""

    vjp_like = None

    def infer(self, g, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like):
        return _sum_to_shape(g, like.shape)

    def vjp_g(self, g, y, x, like):
        return BroadcastLike()(g, x)


class BroadcastLike(Op):
    """x repeated to the shape of `like`, which lends its shape alone."""

    vjp_like = None

    def infer(self, x, like):
        return TensorSpec(merge(broadcast(x.shape, like.shape, "broadcast"), like.shape), x.dtype)

    def forward(self, x, like):
        return np.broadcast_to(x, like.shape)

    def vjp_x(self, g, y, x, like):
        return sum_to(g, x)


class BroadcastTo(Op):
    """x repeated to `shape`."""

    shape: Shape

    def infer(self, x):
        if tuple(broadcast(x.shape, self.shape, "broadcast_to")) != tuple(self.shape):
            raise ShapeError(f"broadcast_to: {show_shape(x.shape)} does not broadcast to {show_shape(self.shape)}")
        return TensorSpec(self.shape, x.dtype)

    def forward(self, x):
        return np.broadcast_to(x, self.shape)

    def vjp_x(self, g, y, x):
        return sum_to(g, x)


class SumTo(Op):
    """g summed over the axes along which something of `shape` was broadcast."""

    shape: Shape

    def infer(self, g):
        return TensorSpec(self.shape, g.dtype)

    def forward(self, g):
        return _sum_to_shape(g, self.shape)

    def vjp_g(self, g, y, x):
        return broadcast_like(g, x)


def _sum_to_shape(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    axes = (*range(extra), *(i + extra for i, d in enumerate(shape) if d == 1 and g.shape[i + extra] != 1))
    return g.sum(axis=axes, keepdims=True).reshape(shape)


def sum_to(g: Tensor, like: Tensor) -> Tensor:
    """g summed to the shape of `like`: the gradient of broadcasting."""
    if like.shape.is_fully_defined():
        return g if g.shape == like.shape else SumTo(like.shape)(g)
    return SumLike()(g, like)


def broadcast_like(x: Any, like: Any, dtype: Any = None) -> Tensor:
    """x (a tensor or number) repeated to the shape of `like`, in the dtype of `like` or `dtype`."""
    like = convert_to_tensor(like)
    x = x if isinstance(x, Tensor) else convert_to_tensor(np.asarray(x, as_dtype(dtype or like.dtype).numpy))
    if like.shape.is_fully_defined():
        return x if x.shape == like.shape else BroadcastTo(like.shape)(x)
    return BroadcastLike()(x, like)


def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros in the shape of x."""
    return broadcast_like(0, x, dtype)


def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones in the shape of x."""
    return broadcast_like(1, x, dtype)


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """x repeated to `shape`. Raises ShapeError."""
    known, sizes = sizes_of(shape)
    if sizes is None:
        return BroadcastTo(known)(x)
    from tfcli.engine.ops.dynamic import BroadcastToSizes

    return BroadcastToSizes(known)(x, sizes)


class ShapeOf(Op):
    """The sizes of x (tf.shape) -> (rank,) int32."""

    vjp_x = None

    def infer(self, x):
        return TensorSpec(Shape((x.rank,)), as_dtype("int32"))

    def forward(self, x):
        return np.asarray(x.shape, np.int32)


def shape(x: Any) -> Tensor:
    """The sizes of x as an int32 vector."""
    return ShapeOf()(x)


class Reshape(Op):
    """x with its entries in a new shape; one size may be -1, and a None is taken from the same axis of x."""

    shape: tuple[int | None, ...]

    def infer(self, x):
        target = [x.shape[i] if d is None else d for i, d in enumerate(self.shape)]
        if target.count(-1) > 1:
            raise ShapeError(f"reshape: {show_shape(self.shape)} leaves more than one size open; -1 may stand once")
        given, count = size_of(d for d in target if d != -1), size_of(x.shape)
        if -1 in target and given is not None and count is not None and given and count % given == 0:
            target[target.index(-1)] = count // given
        elif (-1 not in target and None not in target and count is not None and given != count) or (
            -1 in target and count is not None and given
        ):
            raise self._does_not_fit(x)
        return TensorSpec(Shape(None if d == -1 else d for d in target), x.dtype)

    def _does_not_fit(self, x: TensorSpec) -> ShapeError:
        return ShapeError(
            f"reshape: the {size_of(x.shape)} entries of {show_shape(x.shape)} do not fill {show_shape(self.shape)}"
        )

    def forward(self, x):
        return x.reshape([x.shape[i] if d is None else d for i, d in enumerate(self.shape)])

    def vjp_x(self, g, y, x):
        return reshape_like(g, x)


class ReshapeLike(Op):
    """x in the shape of `like`, which lends its shape alone."""

    vjp_like = None

    def infer(self, x, like):
        return TensorSpec(like.shape, x.dtype)

    def forward(self, x, like):
        return x.reshape(like.shape)

    def vjp_x(self, g, y, x, like):
        return reshape_like(g, x)


def reshape_like(x: Tensor, like: Tensor) -> Tensor:
    """x in the shape of `like`."""
    return reshape(x, like.shape) if like.shape.is_fully_defined() else ReshapeLike()(x, like)


def reshape(x: Any, shape: Sequence[int | None]) -> Tensor:
    """x in a new shape; one size may be -1. Raises ShapeError."""
    known, sizes = sizes_of(shape)
    if sizes is None:
        return Reshape(tuple(known))(x)
    from tfcli.engine.ops.dynamic import ReshapeTo

    return ReshapeTo(known)(x, sizes)


class Transpose(Op):
    """Axis i of the output is axis perm[i] of x."""

    perm: tuple[int, ...]

    def infer(self, x):
        if sorted(self.perm) != list(range(x.rank)):
            raise ShapeError(
                f"transpose: perm {list(self.perm)} does not name each of the {x.rank} axes of "
                f"{show_shape(x.shape)} once"
            )
        return TensorSpec(Shape(x.shape[p] for p in self.perm), x.dtype)

    def forward(self, x):
        return x.transpose(self.perm)

    def vjp_x(self, g, y, x):
        return Transpose(tuple(int(i) for i in np.argsort(self.perm)))(g)


def transpose(x: Any, perm: Sequence[int] | None = None) -> Tensor:
    """The axes in the order of `perm`; reversed without one."""
    tensor = convert_to_tensor(x)
    order = range(tensor.ndim)[::-1] if perm is None else [int(p) for p in perm]
    return Transpose(tuple(p % tensor.ndim if -tensor.ndim <= p < tensor.ndim else p for p in order))(tensor)


def expand_dims(x: Any, axis: int) -> Tensor:
    """x with an axis of size 1 put in at `axis`."""
    tensor = convert_to_tensor(x)
    axis = normalize_axis(axis, tensor.ndim + 1, "expand_dims")
    return ExpandDims((axis,))(tensor)


class ExpandDims(Op):
    """New axes of size 1, at these places of the output."""

    axes: tuple[int, ...]

    def infer(self, x):
        sizes = list(x.shape)
        for axis in self.axes:
            sizes.insert(axis, 1)
        return TensorSpec(Shape(sizes), x.dtype)

    def forward(self, x):
        return np.expand_dims(x, self.axes)

    def vjp_x(self, g, y, x):
        return Squeeze(self.axes)(g)


class Squeeze(Op):
    """x without these axes, each of size 1."""

    axes: tuple[int, ...]

    def infer(self, x):
        long = [a for a in self.axes if x.shape[a] not in (1, None)]
        if long:
            raise ShapeError(f"squeeze: axis {long[0]} of {show_shape(x.shape)} has the size {x.shape[long[0]]}, not 1")
        return TensorSpec(Shape(d for i, d in enumerate(x.shape) if i not in self.axes), x.dtype)

    def forward(self, x):
        return np.squeeze(x, self.axes)

    def vjp_x(self, g, y, x):
        return ExpandDims(self.axes)(g)


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """x without its axes of size 1, or without those named. Raises ShapeError."""
    tensor = convert_to_tensor(x)
    axes = [i for i, d in enumerate(tensor.shape) if d == 1] if axis is None else axis
    return Squeeze(normalize_axes(axes, tensor.ndim, "squeeze"))(tensor)


class Concat(Op):
    """The inputs, equal in shape but for `axis`, one after the other along it."""

    axis: int

    def infer(self, *xs):
        first, axis = xs[0], self.axis
        for other in xs[1:]:
            if other.dtype != first.dtype:
                raise DtypeError(f"concat: {first} and {other} have different dtypes; tf.cast converts")
            same = len(other.shape) == len(first.shape) and all(
                a == b or None in (a, b)
                for i, (a, b) in enumerate(zip(first.shape, other.shape, strict=True))
                if i != axis
            )
            if not same:
                raise ShapeError(
                    f"concat: {show_shape(first.shape)} and {show_shape(other.shape)} differ in more than axis {axis}"
                )
        sizes = [x.shape[axis] for x in xs]
        total = None if None in sizes else sum(s for s in sizes if s is not None)
        return TensorSpec(Shape(total if i == axis else d for i, d in enumerate(first.shape)), first.dtype)

    def forward(self, *xs):
        return np.concatenate(xs, axis=self.axis)

    def vjp(self, g, y, *xs):
        gradients = ConcatGrad(self.axis)(g, *xs)
        return gradients if isinstance(gradients, tuple) else (gradients,)


class ConcatGrad(Op):
    """g cut along `axis` into pieces the size of each input; the inputs lend their shapes alone."""

    axis: int

    def infer(self, g, *xs):
        specs = tuple(TensorSpec(x.shape, g.dtype) for x in xs)
        return specs if len(specs) > 1 else specs[0]

    def forward(self, g, *xs):
        pieces = np.split(g, np.cumsum([x.shape[self.axis] for x in xs])[:-1], axis=self.axis)
        return tuple(pieces) if len(pieces) > 1 else pieces[0]

    def vjp(self, gs, ys, g, *xs):
        if len(xs) == 1:
            return (gs, None)
        filled = [zeros_like(y) if piece is None else piece for piece, y in zip(gs, ys, strict=True)]
        return (Concat(self.axis)(*filled), *([None] * len(xs)))


def concat(values: Sequence[Any], axis: int) -> Tensor:
    """Tensors one after the other along `axis`. Raises ShapeError, DtypeError."""
    tensors = [convert_to_tensor(v) for v in values]
    return Concat(normalize_axis(axis, tensors[0].ndim, "concat"))(*tensors)


@operator("stack")
def stack(values: Sequence[Any], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis. Raises ShapeError, DtypeError."""
    tensors = [convert_to_tensor(v) for v in values]
    axis = normalize_axis(axis, tensors[0].ndim + 1, "stack")
    return concat([expand_dims(t, axis) for t in tensors], axis)


def split(value: Any, num_or_size_splits: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """`value` cut along `axis` into equal parts, or into parts of the given sizes. Raises ShapeError."""
    tensor = convert_to_tensor(value)
    axis = normalize_axis(axis, tensor.ndim, "split")
    size = tensor.shape[axis]
    if isinstance(num_or_size_splits, int | np.integer):
        if size is None or size % num_or_size_splits:
            raise ShapeError(
                f"split: axis {axis} of {show_shape(tensor.shape)} does not divide into {num_or_size_splits} "
                "equal parts"
            )
        sizes = [size // num_or_size_splits] * num_or_size_splits
    else:
        known, unknown = sizes_of(num_or_size_splits)
        if unknown is not None:
            return _split_at(tensor, unknown, len(known), axis)
        sizes = [int(s) for s in known]  # type: ignore[arg-type]
        if size is None and -1 in sizes:
            raise ShapeError(f"split: axis {axis} of {show_shape(tensor.shape)} is unknown, so -1 has no size")
        if size is not None and -1 in sizes:
            sizes[sizes.index(-1)] = size - sum(s for s in sizes if s != -1)
        if size is not None and sum(sizes) != size:
            raise ShapeError(f"split: the sizes {sizes} do not add up to axis {axis} of {show_shape(tensor.shape)}")
    edges = np.cumsum([0, *sizes])
    front = (slice(None),) * axis
    return [tensor[(*front, slice(int(a), int(b)))] for a, b in pairwise(edges)]


def _split_at(tensor: Tensor, sizes: Tensor, count: int, axis: int) -> list[Tensor]:
    """Parts of sizes that only the running graph knows."""
    parts, start = [], convert_to_tensor(0)
    for i in range(count):
        parts.append(tensor[(*(slice(None),) * axis, slice(start, start + sizes[i]))])
        start = start + sizes[i]
    return parts


def unstack(value: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of `value` along `axis`, which is dropped. Raises ShapeError where the size is unknown."""
    tensor = convert_to_tensor(value)
    axis = normalize_axis(axis, tensor.ndim, "unstack")
    size = tensor.shape[axis] if num is None else num
    if size is None:
        raise ShapeError(f"unstack: the size of axis {axis} of {show_shape(tensor.shape)} is unknown; give `num`")
    return [tensor[(*(slice(None),) * axis, i)] for i in range(size)]


class Slice(Op):
    """x[key] for a key of integers, slices, None (new axis) and Ellipsis, as (start, stop, step) triples to be
    hashable."""

    key: tuple[Any, ...]

    def infer(self, x):
        def wrong(why: str) -> ShapeError:
            return ShapeError(
                f"the index {_show_key(self.key)} does not fit a tensor of shape {show_shape(x.shape)}: {why}"
            )

        named = sum(k is not None and k is not Ellipsis for k in self.key)
        if named > x.rank:
            raise wrong(f"it names {named} axes, there are {x.rank}")
        if self.key.count(Ellipsis) > 1:
            raise wrong("it has more than one '...'")
        rest = ((None, None, None),) * (x.rank - named)
        place = self.key.index(Ellipsis) if Ellipsis in self.key else len(self.key)
        sizes: list[int | None] = []
        axis = 0
        for part in (*self.key[:place], *rest, *self.key[place + 1 :]):
            if part is None:
                sizes.append(1)
                continue
            size = x.shape[axis]
            if isinstance(part, tuple):
                if part[2] == 0:
                    raise wrong("a step cannot be 0")
                sizes.append(None if size is None else len(range(*slice(*part).indices(size))))
            elif size is not None and not -size <= part < size:
                raise wrong(f"axis {axis} has no entry {part}")
            axis += 1
        return TensorSpec(Shape(sizes), x.dtype)

    def forward(self, x):
        return x[_index(self.key)]

    def vjp_x(self, g, y, x):
        return SliceGrad(self.key)(g, x)


class SliceGrad(Op):
    """Zeros in the shape of `like`, with g at `key`."""

    key: tuple[Any, ...]
    vjp_like = None

    def infer(self, g, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like):
        result = np.zeros(like.shape, g.dtype)
        result[_index(self.key)] = g
        return result

    def vjp_g(self, g, y, x, like):
        return Slice(self.key)(g)


def _index(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(slice(*k) if isinstance(k, tuple) else k for k in key)


def _show_key(key: tuple[Any, ...]) -> str:
    words = []
    for k in _index(key):
        if isinstance(k, slice):
            words.append(
                ":".join(
                    "" if p is None else str(p) for p in ([k.start, k.stop, k.step] if k.step else [k.start, k.stop])
                )
            )
        else:
            words.append("..." if k is Ellipsis else str(k))
    return f"[{', '.join(words)}]"


@operator("getitem")
def getitem(x: Any, key: Any) -> Tensor:
    """x[key] with integers, slices, `...`, None; a bool mask or an integer tensor picks along the first axis."""
    tensor = convert_to_tensor(x)
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) == 1 and _picks(parts[0]):
        from tfcli.engine.ops.index import pick

        return pick(tensor, parts[0])
    if any(is_unknown(leaf) for part in parts for leaf in _numbers(part)):
        from tfcli.engine.ops.dynamic import slice_at

        return slice_at(tensor, parts)
    return Slice(tuple(hashable(p) for p in parts))(tensor)


def _numbers(part: Any) -> tuple[Any, ...]:
    return (part.start, part.stop, part.step) if isinstance(part, slice) else (part,)


def _picks(part: Any) -> bool:
    """Whether a key is a mask or an array of integers, or one integer that only the running graph will know."""
    return isinstance(part, Symbol) or (isinstance(part, Tensor | Variable | np.ndarray | list) and np.ndim(part) > 0)


def hashable(part: Any) -> Any:
    """A part of a key as a slice op keeps it. Raises ShapeError, DtypeError."""
    if isinstance(part, slice):
        return tuple(None if p is None else hashable(p) for p in (part.start, part.stop, part.step))
    if part is None or part is Ellipsis:
        return part
    if np.ndim(part):
        raise ShapeError("a tensor is indexed by one array alone; tf.gather, tf.gather_nd and tf.boolean_mask do more")
    try:
        return operator_module.index(part)
    except TypeError as error:
        raise DtypeError(f"a tensor is indexed by integers, slices, '...' and None, not by {part!r}") from error


class Pad(Op):
    """x with `paddings[i]` = (before, after) entries of `value` around axis i."""

    paddings: tuple[tuple[int, int], ...]
    value: float = 0.0

    def infer(self, x):
        if len(self.paddings) != x.rank:
            raise ShapeError(f"pad: {len(self.paddings)} paddings for the {x.rank} axes of {show_shape(x.shape)}")
        return TensorSpec(
            Shape(None if d is None else d + a + b for d, (a, b) in zip(x.shape, self.paddings, strict=True)), x.dtype
        )

    def forward(self, x):
        return np.pad(x, self.paddings, constant_values=self.value)

    def vjp_x(self, g, y, x):
        return Slice(tuple((a, -b if b else None, None) for a, b in self.paddings))(g)


def pad(x: Any, paddings: Sequence[Sequence[int]], constant_values: float = 0.0) -> Tensor:
    """x with a border of `constant_values`: (before, after) for each axis."""
    if any(is_unknown(size) for size in nest.flatten(paddings)):
        from tfcli.engine.ops.dynamic import pad_by

        return pad_by(convert_to_tensor(x), paddings, constant_values)
    rows = paddings.array if isinstance(paddings, Tensor) else paddings
    return Pad(tuple((int(a), int(b)) for a, b in rows), constant_values)(x)


class Tile(Op):
    """x repeated `multiples[i]` times along axis i."""

    multiples: tuple[int, ...]

    def infer(self, x):
        if len(self.multiples) != x.rank:
            raise ShapeError(f"tile: {len(self.multiples)} multiples for the {x.rank} axes of {show_shape(x.shape)}")
        return TensorSpec(
            Shape(None if d is None else d * m for d, m in zip(x.shape, self.multiples, strict=True)), x.dtype
        )

    def forward(self, x):
        return np.tile(x, self.multiples)

    def vjp_x(self, g, y, x):
        return TileGrad(self.multiples)(g)


class TileGrad(Op):
    """The sum of the copies that `tile` made."""

    multiples: tuple[int, ...]

    def infer(self, g):
        return TensorSpec(
            Shape(None if d is None else d // m for d, m in zip(g.shape, self.multiples, strict=True)), g.dtype
        )

    def forward(self, g):
        pairs = [n for d, m in zip(g.shape, self.multiples, strict=True) for n in (m, d // m)]
        return g.reshape(pairs).sum(axis=tuple(range(0, len(pairs), 2)))

    def vjp_g(self, g, y, x):
        return Tile(self.multiples)(g)


def tile(x: Any, multiples: Sequence[int]) -> Tensor:
    """x repeated along each axis."""
    known, numbers = sizes_of(multiples)
    if numbers is None:
        return Tile(tuple(known))(x)  # type: ignore[arg-type]
    from tfcli.engine.ops.dynamic import TileBy

    return TileBy(known)(x, numbers)


def repeat(x: Any, repeats: int, axis: int) -> Tensor:
    """Each entry along `axis` repeated `repeats` times, in place."""
    tensor = convert_to_tensor(x)
    axis = normalize_axis(axis, tensor.ndim, "repeat")
    if list(tensor.shape).count(None) > (tensor.shape[axis] is None):
        from tfcli.engine.ops.dynamic import repeat_along

        return repeat_along(tensor, repeats, axis)
    tiled = tile(expand_dims(tensor, axis + 1), [repeats if i == axis + 1 else 1 for i in range(tensor.ndim + 1)])
    sizes: list[int | None] = [-1 if d is None else d for d in tensor.shape]
    sizes[axis] = -1 if tensor.shape[axis] is None else tensor.shape[axis] * repeats  # type: ignore[operator]
    return reshape(tiled, sizes)


def reverse(x: Any, axis: Sequence[int]) -> Tensor:
    """x with the order along these axes turned round."""
    tensor = convert_to_tensor(x)
    axes = normalize_axes(axis, tensor.ndim, "reverse")
    return tensor[tuple(slice(None, None, -1 if i in axes else None) for i in range(tensor.ndim))]


def zeros(shape: Any, dtype: Any = "float32") -> Tensor:
    """A tensor of zeros. Of texts, empty ones."""
    return _filled(shape, np.zeros((), as_dtype(dtype).numpy) if as_dtype(dtype) != "string" else "")


def ones(shape: Any, dtype: Any = "float32") -> Tensor:
    """A tensor of ones."""
    return _filled(shape, np.ones((), as_dtype(dtype).numpy))


def fill(dims: Any, value: Any) -> Tensor:
    """A tensor of one value."""
    return _filled(dims, value)


def _filled(shape: Any, value: Any) -> Tensor:
    known, sizes = sizes_of(shape)
    if sizes is not None or isinstance(value, Symbol):
        return broadcast_to(value, known if sizes is None else sizes)  # type: ignore[arg-type]
    return Tensor(np.full(tuple(known), convert_to_tensor(value).array))  # type: ignore[arg-type]
