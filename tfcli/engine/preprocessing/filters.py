"""Images sharpened, blurred and distorted at random."""

from typing import Literal

from tfcli.declare import FieldError
from tfcli.engine.ops.comparison import less_equal
from tfcli.engine.ops.elementary import exp
from tfcli.engine.ops.elementwise import cast, floor, where
from tfcli.engine.ops.image import clipped
from tfcli.engine.ops.index import range_
from tfcli.engine.ops.join import concat, pad
from tfcli.engine.ops.sampling import map_coordinates
from tfcli.engine.ops.shape import reshape, zeros_like
from tfcli.engine.preprocessing.base import Augmentation, Bounds, DataFormat, Draws, bounds
from tfcli.engine.preprocessing.geometry import Interpolation
from tfcli.engine.preprocessing.images import ValueRange, image_size
from tfcli.engine.tensor import Tensor


class RandomSharpness(Augmentation):
    """Each image drawn towards its smoothed self (a number below 0.5) or away from it (above)."""

    factor: Bounds
    "The greatest number, or the least and the greatest, in 0 … 1."
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = image_size(images)
        framed = pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
        around = zeros_like(images)
        for row in range(3):
            for column in range(3):
                around = around + framed[:, row : row + height, column : column + width, :]
        smooth = (around + images * 4.0) / 13.0
        sharpness = draws.uniform(*bounds(self.factor, "factor", 0, 1)) * 2.0
        return clipped(images + (1.0 - sharpness) * (smooth - images), (min(self.value_range), max(self.value_range)))


class RandomGaussianBlur(Augmentation):
    """Images blurred, each with a random probability from `factor`."""

    factor: Bounds = 1.0
    "The greatest probability, or the least and the greatest."
    kernel_size: int | tuple[int, int] = 3
    "Height and width of the neighbourhood, odd numbers."
    sigma: Bounds = 1.0
    "The greatest width of the bell in pixels, or the least and the greatest, in 0 … 1."
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)
        bounds(self.sigma, "sigma", 0, 1)
        if any(size < 1 or size % 2 == 0 for size in self._sizes):
            raise FieldError("kernel_size", f"expected odd numbers, got {self.kernel_size}")

    @property
    def _sizes(self) -> tuple[int, int]:
        return self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size, self.kernel_size)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        blurred = images
        for axis, size in enumerate(self._sizes, 1):
            sigma = draws.common(*bounds(self.sigma, "sigma", 0, 1)) + 1e-6
            blurred = blurred_along(blurred, axis, size // 2, sigma)
        probability = draws.uniform(*bounds(self.factor, "factor", 0, 1))
        return clipped(where(draws.uniform() < probability, blurred, images), self.value_range)


class RandomElasticTransform(Augmentation):
    """Images distorted as if drawn on rubber, each with a random probability from `factor`.

    As in Keras, a pixel moves as far down as it moves to the right.
    """

    factor: Bounds = 1.0
    "The greatest probability, or the least and the greatest."
    scale: Bounds = 1.0
    "The greatest strength of the distortion, or the least and the greatest, in 0 … 1."
    interpolation: Interpolation = "bilinear"
    fill_mode: Literal["constant", "nearest", "wrap", "mirror", "reflect"] = "reflect"
    fill_value: float = 0.0
    value_range: ValueRange = (0, 255)
    seed: int | None = None
    data_format: DataFormat = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)
        bounds(self.scale, "scale", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        low, high = bounds(self.scale, "scale", 0, 1)
        probability = draws.uniform(*bounds(self.factor, "factor", 0, 1))
        chosen = draws.uniform() < probability
        if high == 0:
            return clipped(images, self.value_range)
        distorted = self._distorted(images, draws, draws.common(low, high), high)
        return clipped(where(chosen, distorted, images), self.value_range)

    def _distorted(self, images: Tensor, draws: Draws, strength: Tensor, most: float) -> Tensor:
        height, width = image_size(images)
        sigma = strength * (0.05 * min(height, width))
        reach = 3 * int(0.05 * min(height, width) * most)
        shift = draws.normal(images[..., :1]) * sigma
        for axis in (1, 2):
            shift = blurred_along(shift, axis, reach, sigma + 1e-12, 3.0 * floor(sigma))
        shift = shift * strength * (0.1 * max(height, width))
        rows = reshape(cast(range_(height), images.dtype), (1, height, 1, 1))
        columns = reshape(cast(range_(width), images.dtype), (1, 1, width, 1))
        coordinates = concat([rows + shift, columns + shift], axis=3)
        return map_coordinates(images, coordinates, self.interpolation, self.fill_mode, self.fill_value)


def blurred_along(images: Tensor, axis: int, reach: int, sigma: Tensor, cut: Tensor | None = None) -> Tensor:
    """images averaged along an axis with the weights of a bell of width `sigma`, (N or 1, 1, 1, 1).

    The bell reaches `reach` pixels to either side, and no further than `cut`; outside the image there are zeros.
    """
    size = images.shape[axis]
    assert size is not None
    framed = pad(images, [[reach, reach] if i == axis else [0, 0] for i in range(4)])
    total, weights = zeros_like(images), zeros_like(sigma)
    for place in range(2 * reach + 1):
        away = float(place - reach)
        weight = exp((away / sigma) * (away / sigma) * -0.5)
        if cut is not None:
            weight = where(less_equal(abs(away), cut), weight, zeros_like(weight))
        part = framed[:, place : place + size] if axis == 1 else framed[:, :, place : place + size]
        total, weights = total + part * weight, weights + weight
    return total / weights
