"""Images brought to a size, and numbers to a scale: the same for every example."""

from typing import Annotated, Literal

import numpy as np

from tfcli.declare import FieldError, Hints, PositiveInt
from tfcli.engine.ops.elementwise import (
    cast,
    clip_by_value,
    round_,
    where,
)
from tfcli.engine.ops.image import clipped, resize_image
from tfcli.engine.ops.join import pad
from tfcli.engine.ops.reduce import reduce_max, reduce_min
from tfcli.engine.ops.shape import ones_like
from tfcli.engine.preprocessing.base import DataFormat, OnTensors
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError

Numbers = float | list[float]
ValueRange = tuple[float, float]
"""The least and the greatest value that the images can have."""
Interpolation = Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area"]


class Rescaling(OnTensors):
    """inputs * scale + offset."""

    scale: Numbers
    "One number, or one for each place of the last axis."
    offset: Numbers = 0.0

    supports_masking = True

    def transform(self, inputs: Tensor) -> Tensor:
        for values in (self.scale, self.offset):
            if isinstance(values, list) and (inputs.ndim < 2 or inputs.shape[-1] != len(values)):
                raise ShapeError(f"{len(values)} values do not fit inputs of shape {show_shape(inputs.shape[1:])}")
        scale, offset = (np.asarray(v, inputs.dtype.numpy) for v in (self.scale, self.offset))
        return inputs * scale + offset


class Resizing(OnTensors):
    """Images (N, H, W, C) as (N, height, width, C); whole numbers stay whole."""

    height: PositiveInt
    width: PositiveInt
    interpolation: Interpolation = "bilinear"
    crop_to_aspect_ratio: bool = False
    "Cut off what does not fit the new aspect ratio, instead of distorting."
    pad_to_aspect_ratio: bool = False
    "Fill up to the new aspect ratio, instead of distorting."
    fill_mode: Annotated[Literal["constant"], Hints({"reflect": "Keras fills with a constant alone"})] = "constant"
    fill_value: float = 0.0
    "What is filled in where `pad_to_aspect_ratio` is set."
    antialias: bool = False
    "Blur what shrinks, so that fine patterns do not turn into coarse ones."
    data_format: DataFormat = None

    takes_integers = True

    def check(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise FieldError("pad_to_aspect_ratio", "either crop or pad to the aspect ratio, not both")

    def transform(self, inputs: Tensor) -> Tensor:
        dtype = inputs.dtype
        images = inputs if dtype.is_floating else cast(inputs, "float32")
        if self.crop_to_aspect_ratio:
            images = cropped_to_ratio(images, self.height, self.width)
        elif self.pad_to_aspect_ratio:
            images = self._padded(images)
        resized = resize_image(images, self.height, self.width, self.interpolation, self.antialias)
        if dtype.is_floating:
            return resized
        return cast(clip_by_value(round_(resized), float(dtype.min), float(dtype.max)), dtype)

    def _padded(self, images: Tensor) -> Tensor:
        height, width = image_size(images)
        down = max(height, _scaled(width, self.height, self.width)) - height
        across = max(width, _scaled(height, self.width, self.height)) - width
        sides = [[0, 0], [down // 2] * 2, [across // 2] * 2, [0, 0]]
        return pad(images, sides, constant_values=self.fill_value)


class CenterCrop(OnTensors):
    """The middle (height, width) of images (N, H, W, C); smaller images are enlarged, and cut to the aspect ratio."""

    height: PositiveInt
    width: PositiveInt
    data_format: DataFormat = None

    def transform(self, inputs: Tensor) -> Tensor:
        height, width = image_size(inputs)
        if height < self.height or width < self.width:
            return enlarged(inputs, self.height, self.width)
        top, left = (height - self.height) // 2, (width - self.width) // 2
        return inputs[:, top : top + self.height, left : left + self.width, :]


class AutoContrast(OnTensors):
    """Each channel of each image stretched over the whole range of values."""

    value_range: ValueRange = (0, 255)

    def transform(self, inputs: Tensor) -> Tensor:
        image_size(inputs)
        low, high = reduce_min(inputs, (1, 2), keepdims=True), reduce_max(inputs, (1, 2), keepdims=True)
        flat = high <= low
        bottom, top = min(self.value_range), max(self.value_range)
        stretched = (inputs - low) / where(flat, ones_like(low), high - low) * (top - bottom) + bottom
        return where(flat, inputs, clipped(stretched, (bottom, top)))


def image_size(images: Tensor) -> tuple[int, int]:
    """Height and width. Raises ShapeError where they are unknown, or the axes are not (N, H, W, C)."""
    if images.ndim != 4 or images.shape[1] is None or images.shape[2] is None:
        raise ShapeError(
            f"expected images (batch, height, width, channels) of known size, got {show_shape(images.shape)}; "
            "a reshape adds a missing axis"
        )
    return images.shape[1], images.shape[2]


def enlarged(images: Tensor, height: int, width: int) -> Tensor:
    """The middle part of the new aspect ratio, resized."""
    return resize_image(cropped_to_ratio(images, height, width), height, width)


def cropped_to_ratio(images: Tensor, height: int, width: int) -> Tensor:
    """The greatest middle part with the aspect ratio of height to width."""
    rows, columns = image_size(images)
    kept_rows = max(min(rows, _scaled(columns, height, width)), 1)
    kept_columns = max(min(columns, _scaled(rows, width, height)), 1)
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return images[:, top : top + kept_rows, left : left + kept_columns, :]


def _scaled(size: int, numerator: int, denominator: int) -> int:
    return size * numerator // denominator
