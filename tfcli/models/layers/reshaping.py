"""Layers that rearrange, cut, pad and enlarge."""

import math
from typing import Annotated, Any, ClassVar, Literal

from tfcli.declare import FieldError, NonNegativeInt, PositiveInt, Range
from tfcli.engine.ops.join import pad, tile
from tfcli.engine.ops.resize import repeat_entries, resize_axis
from tfcli.engine.ops.shape import expand_dims, reshape, transpose
from tfcli.engine.preprocessing.base import DataFormat
from tfcli.engine.spec import Shape, show_shape, size_of
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.layers.base import Layer
from tfcli.models.layers.spatial import Sizes, Spatial


class Flatten(Layer):
    """x (N, …) -> (N, the product of the others); (N,) -> (N, 1)."""

    data_format: DataFormat = None

    keeps_integers = True

    def call(self, inputs: Tensor) -> Tensor:
        size = size_of(inputs.shape[1:])
        return reshape(inputs, [None, -1 if size is None else size])


class Reshape(Layer):
    """x (N, …) -> (N, *target_shape); one size may be -1."""

    target_shape: list[Annotated[int, Range(low=-1)]]
    "The new sizes, without the batch."

    keeps_integers = True

    def check(self) -> None:
        if self.target_shape.count(-1) > 1:
            raise FieldError("target_shape", f"{self.target_shape} has more than one -1")

    def call(self, inputs: Tensor) -> Tensor:
        target, count = list(self.target_shape), size_of(inputs.shape[1:])
        given = math.prod(size for size in target if size != -1)
        if count is not None:
            if -1 in target and given and count % given == 0:
                target[target.index(-1)] = count // given
            if math.prod(target) != count:
                shown = f"{show_shape(inputs.shape)} do not fill {show_shape((None, *self.target_shape))}"
                raise ShapeError(f"the {count} entries of each example of {shown}")
        return reshape(inputs, [None, *target])


class Permute(Layer):
    """The axes after the batch in another order: `[2, 1]` swaps two."""

    dims: list[PositiveInt]
    "The axes in their new order, counted from 1."

    keeps_integers = True

    def check(self) -> None:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            count = len(self.dims)
            raise FieldError(
                "dims", f"{self.dims} does not name each of the axes 1 to {count} once; the batch, 0, stays"
            )

    def call(self, inputs: Tensor) -> Tensor:
        if len(inputs.shape) != len(self.dims) + 1:
            raise ShapeError(
                f"dims {self.dims} goes with inputs of {len(self.dims) + 1} axes, got {show_shape(inputs.shape)}"
            )
        return transpose(inputs, [0, *self.dims])


class RepeatVector(Layer):
    """x (N, C) -> (N, n, C), the same vector n times."""

    n: PositiveInt

    keeps_integers = True

    def call(self, inputs: Tensor) -> Tensor:
        if len(inputs.shape) != 2:
            raise ShapeError(f"expected an input of 2 axes, (batch, features), got {show_shape(inputs.shape)}")
        return tile(expand_dims(inputs, 1), [1, self.n, 1])


Border1D = NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt]
"""One number for both ends, or (before, after)."""
Border = NonNegativeInt | list[NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt]]
"""One number for all, or for each spatial axis one number or (before, after)."""


class _Bordered(Spatial, abstract=True):
    """Base of the layers that cut or pad the ends of the spatial axes."""

    keeps_integers = True
    border: ClassVar[str]
    """The field with the border."""

    def check(self) -> None:
        value = getattr(self, self.border)
        if self.rank > 1 and isinstance(value, list) and len(value) != self.rank:
            raise FieldError(self.border, f"expected one number, or {self.rank} numbers or pairs, got {value}")

    def pairs(self) -> list[tuple[int, int]]:
        """(before, after) for each spatial axis."""
        value: Any = getattr(self, self.border)
        values = [value] * self.rank if isinstance(value, int) or self.rank == 1 else value
        return [(v, v) if isinstance(v, int) else v for v in values]


class _Cropping(_Bordered, abstract=True):
    border = "cropping"

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        for axis, (size, pair) in enumerate(zip(input_shape[1:-1], self.pairs(), strict=True), 1):
            if size is not None and sum(pair) >= size:
                shown = f"axis {axis} of the input {show_shape(input_shape)}"
                raise ShapeError(f"cropping {pair} leaves nothing of {shown}; take less than {size} away")

    def call(self, inputs: Tensor) -> Tensor:
        inner = [slice(before, -after or None) for before, after in self.pairs()]
        return inputs[(slice(None), *inner, slice(None))]


class Cropping1D(_Cropping):
    """x (N, T, C) without entries at both ends of T."""

    rank = 1

    cropping: Border1D = (1, 1)


class Cropping2D(_Cropping):
    """x (N, H, W, C) without its border."""

    rank = 2

    cropping: Border = ((0, 0), (0, 0))  # type: ignore[assignment]
    data_format: DataFormat = None


class Cropping3D(_Cropping):
    """x (N, D, H, W, C) without its border."""

    rank = 3

    cropping: Border = ((1, 1), (1, 1), (1, 1))  # type: ignore[assignment]
    data_format: DataFormat = None


class _ZeroPadding(_Bordered, abstract=True):
    border = "padding"

    def call(self, inputs: Tensor) -> Tensor:
        return pad(inputs, [(0, 0), *self.pairs(), (0, 0)])


class ZeroPadding1D(_ZeroPadding):
    """x (N, T, C) with zeros at both ends of T."""

    rank = 1

    padding: Border1D = 1
    data_format: DataFormat = None


class ZeroPadding2D(_ZeroPadding):
    """x (N, H, W, C) with a border of zeros."""

    rank = 2

    padding: Border = (1, 1)  # type: ignore[assignment]
    data_format: DataFormat = None


class ZeroPadding3D(_ZeroPadding):
    """x (N, D, H, W, C) with a border of zeros."""

    rank = 3

    padding: Border = ((1, 1), (1, 1), (1, 1))  # type: ignore[assignment]
    data_format: DataFormat = None


class _UpSampling(Spatial, abstract=True):
    """x (N, *sizes, C) -> (N, *(sizes * size), C), each entry repeated."""

    per_axis = ("size",)

    size: Sizes = 2
    "How many times larger: one number, or one for each spatial axis."

    def call(self, inputs: Tensor) -> Tensor:
        for axis, factor in enumerate(self.along_axes("size"), 1):
            inputs = repeat_entries(inputs, factor, axis)
        return inputs


class UpSampling1D(_UpSampling):
    """x (N, T, C) -> (N, T * size, C), each step repeated."""

    rank = 1


class UpSampling2D(_UpSampling):
    """x (N, H, W, C) -> (N, H * size, W * size, C), each pixel repeated or interpolated between its neighbours."""

    rank = 2

    size: Sizes = 2
    data_format: DataFormat = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"] = "nearest"

    def call(self, inputs: Tensor) -> Tensor:
        if self.interpolation == "nearest":
            return super().call(inputs)
        for axis, factor in enumerate(self.along_axes("size"), 1):
            inputs = resize_axis(inputs, factor, axis, self.interpolation)
        return inputs


class UpSampling3D(_UpSampling):
    """x (N, D, H, W, C) -> (N, D * size, H * size, W * size, C), each entry repeated."""

    rank = 3

    size: Sizes = 2
    data_format: DataFormat = None
