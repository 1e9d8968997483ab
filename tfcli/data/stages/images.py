"""Keras's preprocessing layers for images as stages; fields and arithmetic are in `tfcli.engine.preprocessing`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.data.random import generator
from tfcli.data.stage import Batch, Context, Function, InputTransform, Moment, numbers
from tfcli.engine.preprocessing import color, geometry, images
from tfcli.engine.preprocessing.base import Augmentation, Draws, OnTensors
from tfcli.engine.tensor import Tensor
from tfcli.errors import DataError, ShapeError

_WORDS = 4
"""Philox makes its numbers four at a time."""


class Transforming(OnTensors, InputTransform, abstract=True):
    """A stage that changes inputs, always in the same way."""

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        def run(array: np.ndarray) -> np.ndarray:
            whole = self.takes_integers and array.dtype.kind in "iu"
            tensor = Tensor(array if whole else numbers(array, name, context))
            try:
                return self.transform(tensor).array
            except ShapeError as error:
                raise DataError(f"{context.where}: input {name!r}: {error}") from error

        return run


class Augmenting(Augmentation, InputTransform, abstract=True):
    """A stage that changes images at random, in training only.

    An example's numbers depend on the seed, the epoch and the example's position in it alone.
    """

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        def run(batch: Batch) -> Batch:
            if batch.moment is None:
                return batch
            changed = {
                n: self._augmented(batch.inputs[n], n, batch.moment, context) for n in self.names(batch, context)
            }
            return batch.with_inputs(changed)

        return run

    def _augmented(self, array: np.ndarray, name: str, moment: Moment, context: Context) -> np.ndarray:
        tensor = Tensor(numbers(array, name, context))
        try:
            images.image_size(tensor)
            return self.augment(tensor, PlacedDraws(tensor, self.seed, moment, context)).array
        except ShapeError as error:
            raise DataError(f"{context.where}: input {name!r}: {error}") from error


class PlacedDraws(Draws):
    """Random numbers keyed by seed, stage, epoch and position. Before `batch` each example is a batch of its own.

    All inputs of an example get the same numbers, so that an image and its mask are changed alike.
    """

    def __init__(self, inputs: Tensor, seed: int | None, moment: Moment, context: Context) -> None:
        self.images, self.moment, self.context = inputs, moment, context
        self.seed: int = context.seed if seed is None else seed  # type: ignore[assignment]
        self._drawn = 0

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._uniform(self.moment.position, len(self.images), low, high)

    def common(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._uniform(self.moment.position, 1, low, high) if self.context.batched else self.uniform(low, high)

    def _uniform(self, position: int, count: int, low: float, high: float) -> Tensor:
        rng = generator(self.seed, "augment", self.context.index, self.moment.epoch, self._drawn)
        self._drawn += 1
        rng.bit_generator.advance(position // _WORDS)  # type: ignore[attr-defined]
        skipped = position % _WORDS
        values = low + (high - low) * rng.random(skipped + count)[skipped:]
        return Tensor(values.astype(self.images.dtype.numpy).reshape(-1, 1, 1, 1))


class Rescaling(images.Rescaling, Transforming): ...


class Resizing(images.Resizing, Transforming): ...


class CenterCrop(images.CenterCrop, Transforming): ...


class AutoContrast(images.AutoContrast, Transforming): ...


class RandomFlip(geometry.RandomFlip, Augmenting): ...


class RandomRotation(geometry.RandomRotation, Augmenting): ...


class RandomZoom(geometry.RandomZoom, Augmenting): ...


class RandomTranslation(geometry.RandomTranslation, Augmenting): ...


class RandomCrop(geometry.RandomCrop, Augmenting):
    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        """Outside training the middle, so that all examples have the same shape."""
        augment, crop = super().bind(learned, context), CenterCrop(self.height, self.width, features=self.features)
        middle = crop.bind({}, context)
        return lambda batch: (middle if batch.moment is None else augment)(batch)


class RandomContrast(color.RandomContrast, Augmenting): ...


class RandomBrightness(color.RandomBrightness, Augmenting): ...


class RandomHue(color.RandomHue, Augmenting): ...


class RandomSaturation(color.RandomSaturation, Augmenting): ...


class RandomGrayscale(color.RandomGrayscale, Augmenting): ...


class RandomInvert(color.RandomInvert, Augmenting): ...


class Solarization(color.Solarization, Augmenting): ...
