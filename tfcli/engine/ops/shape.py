"""The shape of a tensor: reshaped, transposed, broadcast, with axes of size 1 put in or taken out; filled tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfcli.engine.graph.static import sizes_of
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
from tfcli.engine.tensor import Symbol, Tensor, convert_to_tensor
from tfcli.errors import ShapeError


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
