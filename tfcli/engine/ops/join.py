"""Longer and shorter along an axis: concat, stack, split, unstack, pad, tile, repeat."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.graph.static import is_unknown, sizes_of
from tfcli.engine.op import Op
from tfcli.engine.ops.shape import expand_dims, reshape, zeros_like
from tfcli.engine.ops.slicing import Slice
from tfcli.engine.spec import Shape, TensorSpec, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor, operator
from tfcli.errors import DtypeError, ShapeError


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
