"""Random choices among other augmentations."""

from typing import Any

from tfcli.declare import FieldError, PositiveFloat, PositiveInt
from tfcli.engine.ops.comparison import equal
from tfcli.engine.ops.elementwise import floor, where
from tfcli.engine.ops.image import clipped
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.preprocessing.base import Augmentation, Bounds, DataFormat, Draws, bounds
from tfcli.engine.preprocessing.color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    Solarization,
)
from tfcli.engine.preprocessing.filters import RandomSharpness
from tfcli.engine.preprocessing.geometry import Interpolation, RandomRotation, RandomShear, RandomTranslation
from tfcli.engine.preprocessing.histograms import Equalization
from tfcli.engine.preprocessing.images import AutoContrast, ValueRange
from tfcli.engine.tensor import Tensor


class _Policy(Augmentation):
    """Base of what draws from the same set of augmentations."""

    factor: Bounds
    value_range: ValueRange
    interpolation: Interpolation

    def check(self) -> None:
        bounds(self.factor, "factor", 0, 1)
        if self.value_range[0] == self.value_range[1]:
            raise FieldError("value_range", "expected two different numbers")

    def choices(self, with_colors: bool = True) -> list[Augmentation | AutoContrast]:
        """What is chosen from."""
        strength = bounds(self.factor, "factor", 0, 1)
        moved: dict[str, Any] = {"interpolation": self.interpolation}
        colored: dict[str, Any] = {"value_range": self.value_range}
        made: list[Augmentation | AutoContrast] = [
            RandomShear.of(x_factor=strength, y_factor=strength, **moved),
            RandomTranslation.of(height_factor=strength, width_factor=strength, **moved),
            RandomRotation.of(factor=strength, **moved),
            RandomPosterization.of(factor=float(max(1, int(8 * strength[1]))), **colored),
            Solarization.of(addition_factor=strength, threshold_factor=strength, **colored),
            AutoContrast.of(**colored),
            Equalization.of(**colored),
        ]
        if with_colors:
            kinds = (RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness)
            made += [kind.of(factor=strength, **colored) for kind in kinds]
        return made


class RandAugment(_Policy):
    """`num_ops` augmentations one after the other, each chosen at random for the batch.

    Source: Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search space", 2020.
    """

    value_range: ValueRange = (0, 255)
    num_ops: PositiveInt = 2
    "How many are applied."
    factor: Bounds = 0.5
    "The greatest strength of each, or the least and the greatest, in 0 … 1."
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    data_format: DataFormat = None

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        choices = self.choices()
        for _ in range(self.num_ops):
            images = one_of(choices, images, draws, len(choices))
        return images


class AugMix(_Policy):
    """The image mixed with several versions of itself, each of which went through a chain of augmentations.

    Source: Hendrycks et al., "AugMix: A simple data processing method to improve robustness and uncertainty", 2020.
    """

    value_range: ValueRange = (0, 255)
    num_chains: PositiveInt = 3
    "How many versions are made."
    chain_depth: PositiveInt = 3
    "How many augmentations one after the other, of which some are left out."
    factor: Bounds = 0.3
    "The greatest strength of each, or the least and the greatest, in 0 … 1."
    alpha: PositiveFloat = 1.0
    "How evenly versions are mixed."
    all_ops: bool = True
    "Also those that change brightness, colour, contrast and sharpness."
    interpolation: Interpolation = "bilinear"
    seed: int | None = None
    data_format: DataFormat = None

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        choices = self.choices(self.all_ops)
        alpha = draws.common() * 0.0 + self.alpha
        weights = [draws.gamma(alpha) for _ in range(self.num_chains)]
        mixed, total = zeros_like(images), sum(weights)
        for weight in weights:
            version = images
            for _ in range(self.chain_depth):
                version = one_of(choices, version, draws, len(choices) + 1)
            mixed = mixed + version * (weight / total)
        kept = draws.beta(alpha)
        return clipped(kept * images + (1.0 - kept) * mixed, self.value_range)


def one_of(choices: list[Augmentation | AutoContrast], images: Tensor, draws: Draws, count: int) -> Tensor:
    """images changed by one of the choices, or by none where `count` is more than there are: the same for a batch."""
    chosen, result = floor(draws.common(0.0, float(count))), images
    for place, choice in enumerate(choices):
        changed = choice.augment(images, draws) if isinstance(choice, Augmentation) else choice.transform(images)
        result = where(equal(chosen, float(place)), changed, result)
    return result
