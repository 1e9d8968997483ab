"""Colours changed at random."""

from tfcli.declare import FieldError, Probability
from tfcli.engine.ops.elementwise import floor, where
from tfcli.engine.ops.image import clipped, hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from tfcli.engine.ops.join import concat
from tfcli.engine.ops.reduce import reduce_mean
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.preprocessing.base import Augmentation, Bounds, DataFormat, Draws, bounds
from tfcli.engine.preprocessing.images import ValueRange, image_size
from tfcli.engine.tensor import Tensor


class RandomContrast(Augmentation):
    """(images - mean) * factor + mean, with each channel's mean; the factor is in 1 - lower … 1 + upper."""

    factor: Bounds
    "The upper number (the lower is 0 then), or both, in 0 … 1."
    value_range: ValueRange = (0, 255)
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        image_size(images)
        low, high = bounds(self.factor, "factor", 0, 1)
        mean = reduce_mean(images, (1, 2), keepdims=True)
        return clipped((images - mean) * draws.uniform(1.0 - low, 1.0 + high) + mean, self.value_range)


class RandomBrightness(Augmentation):
    """A random part of the range of values added to each image."""

    factor: Bounds
    "The greatest part, for both directions, or the least and the greatest, in -1 … 1."
    value_range: ValueRange = (0, 255)
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", -1, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        bottom, top = sorted(self.value_range)
        delta = draws.uniform(*bounds(self.factor, "factor", -1, 1)) * (top - bottom)
        return clipped(images + delta, (bottom, top))


class RandomHue(Augmentation):
    """The hue of each image turned by a random part of half the circle of colours."""

    factor: Bounds
    "The greatest part, or the least and the greatest, in 0 … 1."
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        bottom, top = self.value_range
        direction = draws.uniform()
        turn = draws.uniform(*bounds(self.factor, "factor", 0, 1)) * 0.5
        hsv = rgb_to_hsv((images - bottom) / (top - bottom))
        hue = hsv[..., :1] + where(direction > 0.5, -turn, turn)
        hue = where(hue > 1.0, hue - 1.0, hue)
        hue = where(hue < 0.0, hue + 1.0, hue)
        turned = clipped(hsv_to_rgb(concat([hue, hsv[..., 1:]], -1)), (0.0, 1.0))
        return turned * (top - bottom) + bottom


class RandomSaturation(Augmentation):
    """The saturation of each image times f / (1 - f): 0.5 leaves it, less makes it greyer, more more colourful."""

    factor: Bounds
    "The greatest f, or the least and the greatest, in 0 … 1."
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        drawn = draws.uniform(*bounds(self.factor, "factor", 0, 1))
        hsv = rgb_to_hsv(images)
        bottom, top = sorted(self.value_range)
        saturation = clipped(hsv[..., 1:2] * (drawn / (1.0 - drawn + 1e-7)), (bottom, top))
        return hsv_to_rgb(concat([hsv[..., :1], saturation, hsv[..., 2:]], -1))


class RandomColorJitter(Augmentation):
    """Brightness, contrast, saturation and hue changed at random, one after the other, as far as they are given."""

    value_range: ValueRange = (0, 255)
    brightness_factor: Bounds | None = None
    "As `factor` of random_brightness, and so on."
    contrast_factor: Bounds | None = None
    saturation_factor: Bounds | None = None
    hue_factor: Bounds | None = None
    seed: int | None = None
    data_format: DataFormat = None

    def check(self) -> None:
        self._parts()

    def _parts(self) -> list[Augmentation]:
        kinds: dict[str, type[Augmentation]] = {
            "brightness_factor": RandomBrightness,
            "contrast_factor": RandomContrast,
            "saturation_factor": RandomSaturation,
            "hue_factor": RandomHue,
        }
        parts = []
        for field, kind in kinds.items():
            factor = getattr(self, field)
            if factor is None:
                continue
            try:
                parts.append(kind.of(factor=factor, value_range=self.value_range))
            except FieldError as error:
                raise FieldError(field, error.message) from error
        return parts

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        for part in self._parts():
            images = part.augment(images, draws)
        return images


class RandomColorDegeneration(Augmentation):
    """The colours of each image drawn towards grey by a random part; a negative one strengthens them."""

    factor: Bounds
    "The greatest part, for both directions, or the least and the greatest, in -1 … 1."
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", -1, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        part = draws.uniform(*bounds(self.factor, "factor", -1, 1))
        return clipped(
            images + part * (rgb_to_grayscale(images) - images), (min(self.value_range), max(self.value_range))
        )


class RandomPosterization(Augmentation):
    """Images with a random number of bits for each colour."""

    factor: Bounds
    "How many bits: fewer than this number, or from the one up to below the other, in 1 … 8; two equal ones are exact."
    value_range: ValueRange = (0, 255)
    data_format: DataFormat = None
    seed: int | None = None

    def check(self) -> None:
        bounds(self.factor, "factor", 1, 8)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        bottom, top = sorted(self.value_range)
        scale = 255.0 / (top - bottom)
        step = 2.0 ** (8.0 - floor(draws.uniform(*bounds(self.factor, "factor", 1, 8))))
        # What is outside of the range of values has no place among 8 bits.
        whole = floor(clipped((images - bottom) * scale, (0.0, 255.0)))
        return floor(whole / step) * step / scale + bottom


class RandomGrayscale(Augmentation):
    """Images without colour, each with the probability `factor`."""

    factor: Probability = 0.5
    data_format: DataFormat = None
    seed: int | None = None

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        return where(draws.uniform() < self.factor, rgb_to_grayscale(images) + zeros_like(images), images)


class RandomInvert(Augmentation):
    """The negative of images, each with a random probability from `factor`."""

    factor: Bounds = 1.0
    "The greatest probability, or the least and the greatest."
    value_range: ValueRange = (0, 255)
    seed: int | None = None
    data_format: DataFormat = None

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        probability = draws.uniform(*bounds(self.factor, "factor", 0, 1))
        return where(draws.uniform() < probability, self.value_range[1] - images, images)


class Solarization(Augmentation):
    """What is above a random threshold inverted, after a random addition."""

    addition_factor: Bounds = 0.0
    "The greatest addition as a part of the range of values, or the least and the greatest, in 0 … 1."
    threshold_factor: Bounds = 0.0
    "The greatest threshold, likewise."
    value_range: ValueRange = (0, 255)
    seed: int | None = None

    def check(self) -> None:
        for field in ("addition_factor", "threshold_factor"):
            bounds(getattr(self, field), field, 0, 1, symmetric=False)

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        bottom, top = sorted(self.value_range)
        (low_addition, addition), (low_threshold, threshold) = (
            bounds(getattr(self, field), field, 0, 1, symmetric=False)
            for field in ("addition_factor", "threshold_factor")
        )
        # As in Keras, the lower bounds count in steps of 1 / 255 of the range, the upper ones in the whole of it.
        added = draws.uniform(low_addition, addition * 255)
        limits = draws.uniform(low_threshold, threshold * 255)
        values = clipped((images - bottom) * (255 / (top - bottom)) + added, (0.0, 255.0))
        return where(values < limits, values, 255.0 - values) * ((top - bottom) / 255) + bottom
