"""Images moved at random."""

import math
from collections.abc import Sequence
from typing import Literal

from tfcli.declare import PositiveInt, Probability
from tfcli.engine.ops.comparison import less_equal
from tfcli.engine.ops.decomposition import solve
from tfcli.engine.ops.elementary import cos, sin
from tfcli.engine.ops.elementwise import cast, floor, where
from tfcli.engine.ops.image import crop_at, projective_transform
from tfcli.engine.ops.join import concat, stack
from tfcli.engine.ops.shape import ones_like, zeros_like
from tfcli.engine.ops.slicing import reverse
from tfcli.engine.preprocessing.base import Augmentation, Bounds, DataFormat, Draws, bounds
from tfcli.engine.preprocessing.images import enlarged, image_size
from tfcli.engine.tensor import Tensor

FillMode = Literal["reflect", "wrap", "constant", "nearest"]
"""What stands where the moved image does not reach: its mirror image, itself again, `fill_value`, or its edge."""
Interpolation = Literal["bilinear", "nearest"]


class RandomFlip(Augmentation):
    """Images turned over, each with probability one half."""

    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = "horizontal_and_vertical"
    "Left to right, upside down, or both at once."
    seed: int | None = None
    data_format: DataFormat = None

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        axes = {"horizontal": [2], "vertical": [1], "horizontal_and_vertical": [1, 2]}[self.mode]
        return where(less_equal(draws.uniform(), 0.5), reverse(images, axes), images)


class _Warp(Augmentation):
    """Base of what moves pixels by an affine map of their coordinates."""

    fill_mode: FillMode
    interpolation: Interpolation
    fill_value: float

    def warped(self, images: Tensor, *coefficients: Tensor) -> Tensor:
        """`coefficients` a0 a1 a2 b0 b1 b2, each (N, 1, 1, 1): see ProjectiveTransform."""
        zero = zeros_like(coefficients[0])
        transforms = concat([c[:, :, 0, 0] for c in (*coefficients, zero, zero)], axis=1)
        return projective_transform(images, transforms, self.interpolation, self.fill_mode, self.fill_value)


class RandomRotation(_Warp):
    """Images turned about their middle by a random angle."""

    factor: Bounds
    "The greatest angle as a fraction of the full circle, or the least and the greatest; positive is counter-clockwise."
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    def check(self) -> None:
        bounds(self.factor, "factor", -1, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = image_size(images)
        low, high = bounds(self.factor, "factor", -1, 1)
        angle = draws.uniform(low * 2 * math.pi, high * 2 * math.pi)
        x, y = (width - 1) / 2, (height - 1) / 2
        c, s = cos(angle), sin(angle)
        return self.warped(images, c, -s, x - x * c + y * s, s, c, y - x * s - y * c)


class RandomZoom(_Warp):
    """Images seen from nearer or farther: a positive factor zooms out, a negative one in."""

    height_factor: Bounds
    width_factor: Bounds | None = None
    "Default: as the height, so that the aspect ratio stays."
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    def check(self) -> None:
        self._bounds("height_factor")
        if self.width_factor is not None:
            self._bounds("width_factor")

    def _bounds(self, field: str) -> tuple[float, float]:
        low, high = bounds(getattr(self, field), field, -1, 1, open_low=True)
        return 1 + low, 1 + high

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = image_size(images)
        down = draws.uniform(*self._bounds("height_factor"))
        across = down if self.width_factor is None else draws.uniform(*self._bounds("width_factor"))
        zero = zeros_like(down)
        left, top = (1.0 - across) * ((width - 1) / 2), (1.0 - down) * ((height - 1) / 2)
        return self.warped(images, across, zero, left, zero, down, top)


class RandomTranslation(_Warp):
    """Images moved down and to the right by random fractions of their size, or up and to the left."""

    height_factor: Bounds
    width_factor: Bounds
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    def check(self) -> None:
        for field in ("height_factor", "width_factor"):
            bounds(getattr(self, field), field, -1, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = image_size(images)
        down = draws.uniform(*bounds(self.height_factor, "height_factor", -1, 1)) * float(height)
        across = draws.uniform(*bounds(self.width_factor, "width_factor", -1, 1)) * float(width)
        zero, one = zeros_like(down), ones_like(down)
        return self.warped(images, one, zero, -across, zero, one, -down)


class RandomShear(_Warp):
    """Images slanted at random, in either direction."""

    x_factor: Bounds = 0.0
    "The greatest shift to the side for each pixel down, or the least and the greatest, in 0 … 1."
    y_factor: Bounds = 0.0
    "The greatest shift down for each pixel to the side, likewise."
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"
    fill_value: float = 0.0
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        self._bounds("x_factor")
        self._bounds("y_factor")

    def _bounds(self, field: str) -> tuple[float, float]:
        factor: Bounds = getattr(self, field)
        low, high = bounds(factor, field, 0, 1)
        return (low, high) if isinstance(factor, tuple) else (-high, high)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        sign = where(draws.uniform() > 0.5, draws.each(-1.0), draws.each(1.0))
        down = draws.uniform(*self._bounds("y_factor")) * sign
        across = draws.uniform(*self._bounds("x_factor")) * sign
        zero, one = zeros_like(sign), ones_like(sign)
        return self.warped(images, one, across, zero, down, one, zero)


class RandomPerspective(Augmentation):
    """Images seen at a slant, each with a random probability from `factor`: the corners move apart from each other."""

    factor: Bounds = 1.0
    "The greatest probability, or the least and the greatest."
    scale: Probability = 1.0
    "How far corners move: up to half of this fraction of the image."
    interpolation: Interpolation = "bilinear"
    fill_value: float = 0.0
    seed: int | None = None
    data_format: DataFormat = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = image_size(images)
        chosen = draws.uniform() < draws.uniform(*bounds(self.factor, "factor", 0, 1))
        corners = [(x, y) for y in (0.0, float(height - 1)) for x in (0.0, float(width - 1))]
        moved = [tuple(place * self._stretch(draws) for place in corner) for corner in corners]
        transforms = homography(corners, moved)
        warped = projective_transform(images, transforms, self.interpolation, "constant", self.fill_value)
        return where(chosen, warped, images)

    def _stretch(self, draws: Draws) -> Tensor:
        return draws.uniform(1.0 - 0.5 * self.scale, 1.0 + 0.5 * self.scale)[:, 0, 0, 0]


def homography(start: Sequence[tuple[float, float]], end: Sequence[tuple[Tensor, ...]]) -> Tensor:
    """The transforms (N, 8) of projective_transform that bring four points to others, of N numbers a coordinate."""
    rows, targets = [], []
    for (x, y), (to_x, to_y) in zip(start, end, strict=True):
        zero, one = zeros_like(to_x), ones_like(to_x)
        rows.append(stack([to_x, to_y, one, zero, zero, zero, to_x * -x, to_y * -x], axis=1))
        rows.append(stack([zero, zero, zero, to_x, to_y, one, to_x * -y, to_y * -y], axis=1))
        targets += [one * x, one * y]
    return solve(stack(rows, axis=1), stack(targets, axis=1)[:, :, None])[:, :, 0]


class RandomCrop(Augmentation):
    """A random (height, width) part; images that are not larger are cut to the aspect ratio and enlarged.

    As in Keras a model's prediction reads images whole: a center_crop of the same size behind it cuts them too.
    """

    height: PositiveInt
    width: PositiveInt
    seed: int | None = None
    data_format: DataFormat = None

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = image_size(images)
        if height <= self.height or width <= self.width:
            return enlarged(images, self.height, self.width)
        starts = [draws.common(0.0, float(size)) for size in (height - self.height + 1, width - self.width + 1)]
        corners = cast(floor(concat([start[:, :, 0, 0] for start in starts], axis=1)), "int32")
        return crop_at(images, corners, self.height, self.width)
