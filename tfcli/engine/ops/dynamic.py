"""Rearranging by sizes and places that only the running graph knows, as `tf.shape(x)[0]` of an unknown batch.

The functions of `shape`, `index` and `arrange` come here where a number is a symbol without a value. What is known of
the result's shape is the op's field; once more is known (`again`), the op with fixed numbers takes its place.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tfcli.engine.graph.static import is_unknown
from tfcli.engine.op import Op
from tfcli.engine.ops import join, slicing
from tfcli.engine.ops import shape as fixed
from tfcli.engine.spec import Shape, TensorSpec, broadcast, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError


class Dynamic(Op, abstract=True):
    """Base: an op of a tensor and of numbers that the graph computes."""

    def again(self, *inputs: Tensor) -> Tensor:
        """The same, for inputs of which more may be known by now."""
        raise AssertionError(f"{self.name} has no again")


class ReshapeTo(Dynamic):
    """x in the shape `sizes`, of which `shape` is known; one may be -1."""

    shape: Shape
    vjp_sizes = None

    def infer(self, x, sizes):
        return TensorSpec(Shape(None if d == -1 else d for d in self.shape), x.dtype)

    def forward(self, x, sizes):
        try:
            return x.reshape(sizes)
        except ValueError as error:
            raise ShapeError(
                f"reshape: the {x.size} entries of {show_shape(x.shape)} do not fill {show_shape(sizes)}"
            ) from error

    def again(self, x, sizes):
        return fixed.reshape(x, sizes)

    def vjp_x(self, g, y, x, sizes):
        return fixed.reshape_like(g, x)


class BroadcastToSizes(Dynamic):
    """x repeated to the shape `sizes`, of which `shape` is known."""

    shape: Shape
    vjp_sizes = None

    def infer(self, x, sizes):
        return TensorSpec(self.shape, x.dtype)

    def forward(self, x, sizes):
        try:
            return np.broadcast_to(x, sizes)
        except ValueError as error:
            raise ShapeError(
                f"broadcast_to: {show_shape(x.shape)} does not broadcast to {show_shape(sizes)}"
            ) from error

    def again(self, x, sizes):
        return fixed.broadcast_to(x, sizes)

    def vjp_x(self, g, y, x, sizes):
        return fixed.sum_to(g, x)


class TileBy(Dynamic):
    """x repeated multiples[i] times along axis i."""

    known: Shape
    vjp_multiples = None

    def infer(self, x, multiples):
        if len(self.known) != x.rank:
            raise ShapeError(f"tile: {len(self.known)} multiples for the {x.rank} axes of {show_shape(x.shape)}")
        sizes = (None if None in (d, m) else d * m for d, m in zip(x.shape, self.known, strict=True))
        return TensorSpec(Shape(sizes), x.dtype)

    def forward(self, x, multiples):
        return np.tile(x, multiples)

    def again(self, x, multiples):
        return join.tile(x, multiples)

    def vjp_x(self, g, y, x, multiples):
        return TileByGrad(self.known)(g, multiples, x)


class TileByGrad(Op):
    """The sum of the copies that `tile` made; `like` lends its shape alone."""

    known: Shape
    vjp_multiples = vjp_like = None

    def infer(self, g, multiples, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, multiples, like):
        pairs = [n for m, d in zip(multiples, like.shape, strict=True) for n in (int(m), d)]
        return g.reshape(pairs).sum(axis=tuple(range(0, len(pairs), 2)))

    def vjp_g(self, g, y, x, multiples, like):
        return join.tile(g, multiples)


@dataclass(frozen=True)
class Place:
    """In the key of a slice: the number that the input of this position holds."""

    position: int


class SliceAt(Dynamic):
    """x[key], where some integers of the key are inputs."""

    key: tuple[Any, ...]

    def infer(self, x, *numbers):
        unknown = slicing.Slice(tuple(self._without_places(part) for part in self.key)).infer(x)
        return TensorSpec(Shape(self._sizes(x, unknown.shape)), x.dtype)

    def _without_places(self, part: Any) -> Any:
        if isinstance(part, Place):
            return 0
        return (None, None, part[2]) if _has_place(part) else part

    def _sizes(self, x: TensorSpec, sizes: Shape) -> list[int | None]:
        """None where a slice's ends are only known later."""
        named = sum(part is not None and part is not Ellipsis for part in self.key)
        place = self.key.index(Ellipsis) if Ellipsis in self.key else len(self.key)
        rest = ((None, None, None),) * (x.rank - named)
        parts = [p for p in (*self.key[:place], *rest, *self.key[place + 1 :]) if p is None or isinstance(p, tuple)]
        return [None if _has_place(part) else size for part, size in zip(parts, sizes, strict=True)]

    def _index(self, numbers: Any) -> tuple[Any, ...]:
        def value(part: Any) -> Any:
            if isinstance(part, Place):
                return int(numbers[part.position])
            return slice(*map(value, part)) if isinstance(part, tuple) else part

        return tuple(value(part) for part in self.key)

    def forward(self, x, *numbers):
        try:
            return x[self._index(numbers)]
        except IndexError as error:
            raise ShapeError(f"an index does not fit a tensor of shape {show_shape(x.shape)}: {error}") from error

    def again(self, x, *numbers):
        def value(part: Any) -> Any:
            if isinstance(part, Place):
                return numbers[part.position]
            return slice(*map(value, part)) if isinstance(part, tuple) else part

        return x[tuple(value(part) for part in self.key)]

    def vjp(self, g, y, x, *numbers):
        return (SliceAtGrad(self.key)(g, x, *numbers), *[None] * len(numbers))


class SliceAtGrad(Op):
    """Zeros in the shape of `like`, with g at the key."""

    key: tuple[Any, ...]

    def infer(self, g, like, *numbers):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, like, *numbers):
        result = np.zeros(like.shape, g.dtype)
        result[SliceAt(self.key)._index(numbers)] = g
        return result

    def vjp(self, g, y, x, like, *numbers):
        return (SliceAt(self.key)(g, *numbers), None, *[None] * len(numbers))


def _has_place(part: Any) -> bool:
    return isinstance(part, tuple) and any(isinstance(p, Place) for p in part)


def placed_key(key: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Tensor]]:
    """A key of integers, slices, None and Ellipsis, with places for the integers that are symbols; and those."""
    numbers: list[Tensor] = []

    def place(part: Any) -> Any:
        if isinstance(part, slice):
            return tuple(place(p) for p in (part.start, part.stop, part.step))
        if is_unknown(part):
            numbers.append(part)
            return Place(len(numbers) - 1)
        return slicing.hashable(part)

    return tuple(place(part) for part in key), numbers


def slice_at(x: Tensor, key: tuple[Any, ...]) -> Tensor:
    """x[key] for a key in which integers may be symbols."""
    placed, numbers = placed_key(key)
    return SliceAt(placed)(x, *numbers)


class RepeatPlaces(Op):
    """0, 1, 2, … each as often as `counts` says."""

    vjp_counts = None

    def infer(self, counts):
        return TensorSpec(Shape((None,)), counts.dtype)

    def forward(self, counts):
        return np.repeat(np.arange(counts.size, dtype=counts.dtype), counts)


def repeat_along(x: Tensor, repeats: Any, axis: int) -> Tensor:
    """Each entry along `axis` as often as the one number says."""
    from tfcli.engine.ops.elementwise import cast
    from tfcli.engine.ops.index import gather, range_

    number = cast(repeats, "int32")
    return gather(x, range_(fixed.shape(x)[axis] * number) // number, axis=axis)


def pad_by(x: Tensor, paddings: Any, value: Any) -> Tensor:
    """x with paddings[i] = (before, after) entries of `value` around axis i, some of them symbols."""
    pairs = [tuple(pair) if isinstance(pair, list | tuple) else (pair[0], pair[1]) for pair in _rows(paddings, x.ndim)]
    for axis, sizes in enumerate(pairs):
        shape = fixed.shape(x)
        before, after = (
            fixed.fill([*(shape[i] if i != axis else size for i in range(x.ndim))], np.asarray(value, x.dtype.numpy))
            for size in sizes
        )
        x = join.concat([before, x, after], axis)
    return x


def _rows(paddings: Any, count: int) -> list[Any]:
    return list(paddings) if isinstance(paddings, list | tuple) else [paddings[i] for i in range(count)]


def identity_matrix(rows: Any, columns: Any, dtype: Any) -> Tensor:
    """(rows, columns) with ones on the diagonal."""
    from tfcli.engine.ops.comparison import equal
    from tfcli.engine.ops.elementwise import cast
    from tfcli.engine.ops.index import range_

    return cast(equal(fixed.expand_dims(range_(rows), 1), range_(columns)), dtype)


def even_steps(count: Tensor, dtype: Any) -> Tensor:
    """`count` numbers from 0 to 1, evenly spaced."""
    from tfcli.engine.ops.elementwise import cast, maximum
    from tfcli.engine.ops.index import range_

    number = cast(count, "int32")
    return cast(range_(number), dtype) / cast(maximum(number - 1, convert_to_tensor(1)), dtype)


class UpdateAt(Op):
    """x with `value` in the place of x[key], where some integers of the key are inputs."""

    key: tuple[Any, ...]

    def infer(self, x, value, *numbers):
        part = SliceAt(self.key).infer(x, *numbers)
        if len(broadcast(value.shape, part.shape, "assign")) > part.rank:
            raise ShapeError(f"a part of shape {show_shape(part.shape)} was assigned {show_shape(value.shape)}")
        return TensorSpec(x.shape, x.dtype)

    def forward(self, x, value, *numbers):
        result = np.array(x)
        result[SliceAt(self.key)._index(numbers)] = value
        return result

    def vjp(self, g, y, x, value, *numbers):
        part = SliceAt(self.key)(g, *numbers)
        rest = UpdateAt(self.key)(g, fixed.zeros_like(value), *numbers)
        return (rest, fixed.sum_to(part, value), *[None] * len(numbers))


def updated_at(x: Tensor, key: Any, value: Tensor) -> Tensor:
    """x with `value`, broadcast, in the place of x[key]. Raises ShapeError."""
    placed, numbers = placed_key(key if isinstance(key, tuple) else (key,))
    return UpdateAt(placed)(x, value, *numbers)
