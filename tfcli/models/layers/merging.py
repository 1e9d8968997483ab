"""Layers that make one tensor of several."""

from collections.abc import Callable
from functools import reduce
from typing import Any, ClassVar

from tfcli.declare import FieldError
from tfcli.engine.ops.comparison import logical_or
from tfcli.engine.ops.elementwise import maximum, minimum, where
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.linalg import einsum
from tfcli.engine.ops.nn import l2_normalize
from tfcli.engine.ops.reduce import reduce_any
from tfcli.engine.ops.shape import broadcast_like, expand_dims, ones_like, zeros_like
from tfcli.engine.spec import Shape, broadcast, normalize_axis, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.layers.base import Layer


class Merge(Layer, abstract=True):
    """Inputs of shapes that broadcast -> one output; where all have masks, it shows what any of them shows."""

    supports_masking = True
    many_inputs = True

    def build(self, input_shape: Any) -> None:
        shapes = _several(input_shape, self.type_name)
        reduce(lambda a, b: broadcast(a, b, self.type_name), [Shape(s[1:]) for s in shapes])

    def call(self, inputs: list[Tensor], mask: list[Tensor | None] | None = None) -> Tensor:
        rank = max(len(x.shape) for x in inputs)
        return self.merge([_raise_rank(x, rank) for x in inputs], mask or [None] * len(inputs))

    def merge(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        """The output for inputs of one rank."""
        raise TypeError(f"the layer {type(self).__name__} has no merge method")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor | None:
        if mask is None or any(m is None for m in mask):
            return None
        return reduce(logical_or, mask)


def _several(shapes: Any, name: str) -> list[Shape]:
    """The shapes of several inputs. Raises ShapeError."""
    if not isinstance(shapes, list):
        raise ShapeError(f"{name} reads several inputs; list their names: `inputs: [a, b]`")
    batches = {shape[0] for shape in shapes} - {None}
    if len(batches) > 1:
        raise ShapeError(f"{name}: the inputs {' and '.join(map(show_shape, shapes))} differ in their batch sizes")
    return shapes


def _two(shapes: Any, name: str) -> tuple[Shape, Shape]:
    """The shapes of two inputs. Raises ShapeError."""
    several = _several(shapes, name)
    if len(several) != 2:
        raise ShapeError(f"{name} reads two inputs, got {len(several)}")
    return several[0], several[1]


def _raise_rank(x: Tensor, rank: int) -> Tensor:
    """x with axes of size 1 after the batch until it has `rank`."""
    return _raise_rank(expand_dims(x, 1), rank) if len(x.shape) < rank else x


class Add(Merge):
    """The sum of the inputs."""

    def merge(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        return reduce(lambda total, x: total + x, inputs)


class Subtract(Merge):
    """The first input less the second."""

    def build(self, input_shape: Any) -> None:
        _two(input_shape, self.type_name)
        super().build(input_shape)

    def merge(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """The product of the inputs; a masked entry counts as 1, and as 0 where it is masked in all of them."""

    def merge(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        shown = [x if m is None else where(_expand(m, x), x, ones_like(x)) for x, m in zip(inputs, masks, strict=True)]
        product = reduce(lambda total, x: total * x, shown)
        mask = self.compute_mask(inputs, masks)
        return product if mask is None else where(_expand(mask, product), product, zeros_like(product))


def _expand(mask: Tensor, x: Tensor) -> Tensor:
    """A mask (N, T) in the shape of x (N, T, C)."""
    return broadcast_like(expand_dims(mask, -1), x)


class Average(Merge):
    """The mean of the inputs."""

    def merge(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        return reduce(lambda total, x: total + x, inputs) / float(len(inputs))


class _Extreme(Merge, abstract=True):
    """The inputs merged entry by entry; where one is masked, the others alone count."""

    function: ClassVar[Callable[..., Any]]
    "Which of two entries is taken."

    def merge(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        output, shown = inputs[0], _mask_of(inputs[0], masks[0])
        for x, m in zip(inputs[1:], masks[1:], strict=True):
            mask = _mask_of(x, m)
            if mask is not None:
                x = where(mask, x, output)
            if shown is not None:
                output = where(shown, output, x)
            shown = None if mask is None or shown is None else logical_or(shown, mask)
            output = type(self).function(output, x)
        return output


def _mask_of(x: Tensor, mask: Tensor | None) -> Tensor | None:
    return None if mask is None else _expand(mask, x)


class Maximum(_Extreme):
    """The largest of the inputs, entry by entry."""

    function: ClassVar[Callable[..., Any]] = staticmethod(maximum)


class Minimum(_Extreme):
    """The smallest of the inputs, entry by entry."""

    function: ClassVar[Callable[..., Any]] = staticmethod(minimum)


class Concatenate(Layer):
    """The inputs one after the other along `axis`."""

    axis: int = -1
    "Along which they are joined; 0 is the batch."

    supports_masking = True
    many_inputs = True
    keeps_integers = True

    def build(self, input_shape: Any) -> None:
        _several(input_shape, self.type_name)

    def call(self, inputs: list[Tensor]) -> Tensor:
        return concat(inputs, self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor | None:
        if mask is None or all(m is None for m in mask):
            return None
        whole = [
            ones_like(x, "bool") if m is None else broadcast_like(_deepen(m, len(x.shape)), x, "bool")
            for x, m in zip(inputs, mask, strict=True)
        ]
        return reduce_any(concat(whole, self.axis), axis=-1)


def _deepen(mask: Tensor, rank: int) -> Tensor:
    """A mask with axes of size 1 at the end until it has `rank`."""
    return _deepen(expand_dims(mask, -1), rank) if len(mask.shape) < rank else mask


class Dot(Layer):
    """The dot products of two inputs along one axis of each -> (N, the axes left of the first, those of the second)."""

    axes: int | tuple[int, int]
    "The axis of both, or one of each; 0 is the batch."
    normalize: bool = False
    "Whether vectors along the axes are scaled to length 1 first, which gives cosines."

    many_inputs = True

    def check(self) -> None:
        if 0 in self._pair():
            raise FieldError("axes", "axis 0 is the batch, along which there is no dot product", "count from 1")

    def _pair(self) -> tuple[int, int]:
        return (self.axes, self.axes) if isinstance(self.axes, int) else self.axes

    def build(self, input_shape: Any) -> None:
        a, b = _two(input_shape, self.type_name)
        i, j = self._axes(a, b)
        if 0 in (i, j) or min(len(a), len(b)) < 2:
            raise ShapeError(
                f"dot: the axes {list(self._pair())} of {show_shape(a)} and {show_shape(b)} reach the batch"
            )
        if a[i] != b[j] and None not in (a[i], b[j]):
            raise ShapeError(
                f"dot: axis {i} of {show_shape(a)} has the size {a[i]}, axis {j} of {show_shape(b)} {b[j]}; "
                "they must be equal"
            )

    def _axes(self, a: Shape, b: Shape) -> tuple[int, int]:
        i, j = self._pair()
        return normalize_axis(i, len(a), "dot"), normalize_axis(j, len(b), "dot")

    def call(self, inputs: list[Tensor]) -> Tensor:
        x, y = inputs
        i, j = self._axes(x.shape, y.shape)
        if self.normalize:
            x, y = (l2_normalize(v, axis, 1e-14) for v, axis in ((x, i), (y, j)))  # the square of Keras's 1e-7
        labels = iter("bcdefghijklmnopqrstuvw")
        of_x = ["a", *(next(labels) for _ in x.shape[1:])]
        of_y = ["a", *(next(labels) for _ in y.shape[1:])]
        of_x[i] = of_y[j] = "z"
        left = [label for label in of_x + of_y[1:] if label != "z"] or ["a"]
        product = einsum(f"{''.join(of_x)},{''.join(of_y)}->{''.join(left)}", x, y)
        return expand_dims(product, 1) if len(product.shape) == 1 else product

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None
