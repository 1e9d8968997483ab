"""Pooling: the largest or the mean of windows, of whole inputs, or of as many parts as asked for."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.join import stack
from tfcli.engine.ops.pool import average_pool, max_pool
from tfcli.engine.ops.reduce import reduce_max, reduce_mean, reduce_sum
from tfcli.engine.ops.shape import expand_dims, zeros_like
from tfcli.engine.preprocessing.base import DataFormat
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.layers.spatial import Sizes, Spatial


class _Pooling(Spatial, abstract=True):
    """x (N, *sizes, C) -> (N, *out, C), an entry for each window."""

    per_axis = ("pool_size", "strides")

    pool_size: Sizes
    "The size of the windows: one number, or one for each spatial axis."
    strides: Sizes | None = None
    "How far apart windows are; by default pool_size, so that they do not overlap."
    padding: Literal["valid", "same"] = "valid"
    "`same` has a window for each stride, also where it reaches over the edge; `valid` only windows inside the input."
    data_format: DataFormat = None

    pool: ClassVar[Callable]

    def call(self, inputs: Tensor) -> Tensor:
        strides = None if self.strides is None else self.along_axes("strides")
        return type(self).pool(inputs, self.along_axes("pool_size"), strides, self.padding)


class _MaxPooling(_Pooling, abstract=True):
    pool_size: Sizes = 2

    pool = staticmethod(max_pool)


class MaxPooling1D(_MaxPooling, aliases=("max_pool1d",)):
    """The largest of windows of steps: x (N, T, C) -> (N, out, C)."""

    rank = 1


class MaxPooling2D(_MaxPooling, aliases=("max_pool2d",)):
    """The largest of windows of images: x (N, H, W, C) -> (N, *out, C)."""

    rank = 2


class MaxPooling3D(_MaxPooling, aliases=("max_pool3d",)):
    """The largest of windows of volumes: x (N, D, H, W, C) -> (N, *out, C)."""

    rank = 3


class _AveragePooling(_Pooling, abstract=True):
    """Padding counts for nothing: a mean is over what lies in the input."""

    pool = staticmethod(average_pool)


class AveragePooling1D(_AveragePooling, aliases=("avg_pool1d",)):
    """The means of windows of steps: x (N, T, C) -> (N, out, C)."""

    rank = 1


class AveragePooling2D(_AveragePooling, aliases=("avg_pool2d",)):
    """The means of windows of images: x (N, H, W, C) -> (N, *out, C)."""

    rank = 2


class AveragePooling3D(_AveragePooling, aliases=("avg_pool3d",)):
    """The means of windows of volumes: x (N, D, H, W, C) -> (N, *out, C)."""

    rank = 3


class _GlobalPooling(Spatial, abstract=True):
    """x (N, *sizes, C) -> (N, C), or (N, 1, …, C) with `keepdims`."""

    data_format: DataFormat = None
    keepdims: bool = False
    "Whether the spatial axes stay, with size 1."

    reduction: ClassVar[Callable]

    def call(self, inputs: Tensor) -> Tensor:
        return type(self).reduction(inputs, axis=range(1, self.rank + 1), keepdims=self.keepdims)


class _GlobalAverage(_GlobalPooling, abstract=True):
    reduction = staticmethod(reduce_mean)


class GlobalAveragePooling1D(_GlobalAverage, aliases=("global_avg_pool1d",)):
    """The mean over the steps that the mask shows: x (N, T, C) -> (N, C)."""

    rank = 1
    supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        shown = expand_dims(mask, 2)
        total = reduce_sum(where(shown, inputs, zeros_like(inputs)), axis=1, keepdims=self.keepdims)
        return total / reduce_sum(cast(shown, inputs.dtype), axis=1, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None


class GlobalAveragePooling2D(_GlobalAverage, aliases=("global_avg_pool2d",)):
    """The mean of whole images: x (N, H, W, C) -> (N, C)."""

    rank = 2


class GlobalAveragePooling3D(_GlobalAverage, aliases=("global_avg_pool3d",)):
    """The mean of whole volumes: x (N, D, H, W, C) -> (N, C)."""

    rank = 3


class _GlobalMax(_GlobalPooling, abstract=True):
    reduction = staticmethod(reduce_max)


class GlobalMaxPooling1D(_GlobalMax, aliases=("global_max_pool1d",)):
    """The largest over all steps: x (N, T, C) -> (N, C)."""

    rank = 1


class GlobalMaxPooling2D(_GlobalMax, aliases=("global_max_pool2d",)):
    """The largest of whole images: x (N, H, W, C) -> (N, C)."""

    rank = 2


class GlobalMaxPooling3D(_GlobalMax, aliases=("global_max_pool3d",)):
    """The largest of whole volumes: x (N, D, H, W, C) -> (N, C)."""

    rank = 3


class _AdaptivePooling(Spatial, abstract=True):
    """x (N, *sizes, C) -> (N, *output_size, C): each axis in parts of about equal length, overlapping if they must."""

    per_axis = ("output_size",)

    output_size: Sizes
    "How many parts: one number, or one for each spatial axis."
    data_format: DataFormat = None

    reduction: ClassVar[Callable]

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if None in input_shape[1:-1]:
            raise ShapeError(f"the sizes of the input {show_shape(input_shape)} must be known to be cut into parts")

    def call(self, inputs: Tensor) -> Tensor:
        # Both the mean of equal counts and the largest can be taken axis by axis.
        for axis, parts in enumerate(self.along_axes("output_size"), 1):
            size, front = inputs.shape[axis], (slice(None),) * axis
            assert size is not None
            edges = [(i * size // parts, -(-(i + 1) * size // parts)) for i in range(parts)]
            pieces = [inputs[(*front, slice(start, end))] for start, end in edges]
            inputs = stack([type(self).reduction(piece, axis=axis) for piece in pieces], axis)
        return inputs


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """The means of `output_size` parts of the steps: x (N, T, C) -> (N, output_size, C)."""

    rank = 1
    reduction = staticmethod(reduce_mean)


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """The means of `output_size` parts of images: x (N, H, W, C) -> (N, *output_size, C)."""

    rank = 2
    reduction = staticmethod(reduce_mean)


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """The means of `output_size` parts of volumes: x (N, D, H, W, C) -> (N, *output_size, C)."""

    rank = 3
    reduction = staticmethod(reduce_mean)


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """The largest of `output_size` parts of the steps: x (N, T, C) -> (N, output_size, C)."""

    rank = 1
    reduction = staticmethod(reduce_max)


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """The largest of `output_size` parts of images: x (N, H, W, C) -> (N, *output_size, C)."""

    rank = 2
    reduction = staticmethod(reduce_max)


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """The largest of `output_size` parts of volumes: x (N, D, H, W, C) -> (N, *output_size, C)."""

    rank = 3
    reduction = staticmethod(reduce_max)
