"""Parts of images erased, and images mixed with others of their batch."""

from dataclasses import dataclass

from tfcli.declare import FieldError, NonNegativeFloat
from tfcli.engine.ops.comparison import less_equal, logical_and
from tfcli.engine.ops.elementary import sqrt
from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.image import clipped
from tfcli.engine.ops.index import gather, range_
from tfcli.engine.ops.order import argsort
from tfcli.engine.ops.shape import reshape, zeros_like
from tfcli.engine.preprocessing.base import Augmentation, Bounds, DataFormat, Draws, bounds
from tfcli.engine.preprocessing.images import ValueRange, image_size
from tfcli.engine.tensor import Tensor


class RandomErasing(Augmentation):
    """A random rectangle of each image filled, each with a random probability from `factor`."""

    factor: Bounds = 1.0
    "The greatest probability, or the least and the greatest."
    scale: Bounds = (0.02, 0.33)
    "The greatest part of the image that is erased, or the least and the greatest, in 0 … 1."
    fill_value: float | tuple[float, float, float] | None = None
    "One number or one a channel; by default noise."
    value_range: ValueRange = (0, 255)
    seed: int | None = None
    data_format: DataFormat = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)
        bounds(self.scale, "scale", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        height, width = image_size(images)
        low, high = bounds(self.scale, "scale", 0, 1)
        across, down = sqrt(draws.uniform(low, high)), sqrt(draws.uniform(low, high))
        inside = rectangle(images, draws, across * float(width), down * float(height)).inside
        chosen = draws.uniform() < draws.uniform(*bounds(self.factor, "factor", 0, 1))
        filling = clipped(self._filling(images, draws), self.value_range)
        return where(logical_and(inside, chosen), filling, images)

    def _filling(self, images: Tensor, draws: Draws) -> Tensor:
        if self.fill_value is None:
            return draws.normal(images) * float(self.value_range[1])
        return zeros_like(images) + self.fill_value


@dataclass(frozen=True)
class Mix:
    """How a batch is mixed: image i with image `order[i]`, of which it keeps the part `kept`, (N, 1, 1, 1)."""

    order: Tensor
    kept: Tensor
    inside: Tensor | None = None
    """Where the other image stands, (N, H, W, 1), unless they are blended."""

    def images(self, images: Tensor) -> Tensor:
        others = gather(images, self.order, axis=0)
        if self.inside is not None:
            return where(self.inside, others, images)
        return self.kept * images + (1.0 - self.kept) * others

    def labels(self, labels: Tensor) -> Tensor:
        """labels (N, …), mixed as the images are."""
        kept = reshape(self.kept, (-1, *(1 for _ in labels.shape[1:])))
        return kept * labels + (1.0 - kept) * gather(labels, self.order, axis=0)


class Mixing(Augmentation):
    """Base of what mixes the images of a batch with one another; in a pipeline their labels too."""

    def mix(self, images: Tensor, draws: Draws) -> Mix:
        """What goes with what."""
        raise AssertionError(f"{type(self).__name__} must define mix")

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        return self.mix(images, draws).images(images)


class MixUp(Mixing):
    """Each image blended with another one of its batch."""

    alpha: NonNegativeFloat = 0.2
    "How much they are blended, in 0 … 1: both parameters of a beta distribution."
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        if self.alpha == 0:
            raise FieldError("alpha", "expected a number above 0")

    def mix(self, images: Tensor, draws: Draws) -> Mix:
        return Mix(shuffled(draws), draws.beta(draws.each(self.alpha)))


class CutMix(Mixing):
    """A random rectangle of each image replaced by the same place of another image of its batch."""

    factor: Bounds = 1.0
    "The greatest variety in the sizes of rectangles, or the least and the greatest, in 0 … 1."
    seed: int | None = None
    data_format: DataFormat = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)

    def mix(self, images: Tensor, draws: Draws) -> Mix:
        height, width = image_size(images)
        alpha = draws.common(*bounds(self.factor, "factor", 0, 1)) + 1e-6
        ratio = sqrt(1.0 - draws.beta(draws.each(alpha)))
        cut = rectangle(images, draws, ratio * float(width), ratio * float(height))
        return Mix(shuffled(draws), 1.0 - cut.area, cut.inside)


@dataclass(frozen=True)
class Rectangle:
    """The pixels in a rectangle, (N, H, W, 1), and the part of the image that it takes, (N, 1, 1, 1)."""

    inside: Tensor
    area: Tensor


def rectangle(images: Tensor, draws: Draws, width: Tensor, height: Tensor) -> Rectangle:
    """One of this size, (N, 1, 1, 1) each, at a random place in each image."""
    rows, columns = image_size(images)
    left = draws.uniform() * (float(columns) - width)
    top = draws.uniform() * (float(rows) - height)
    x = reshape(cast(range_(columns), images.dtype), (1, 1, columns, 1))
    y = reshape(cast(range_(rows), images.dtype), (1, rows, 1, 1))
    in_columns = logical_and(less_equal(left, x), x < left + width)
    in_rows = logical_and(less_equal(top, y), y < top + height)
    return Rectangle(logical_and(in_columns, in_rows), width * height / float(rows * columns))


def shuffled(draws: Draws) -> Tensor:
    """The images' places in random order."""
    return argsort(draws.uniform()[:, 0, 0, 0])
