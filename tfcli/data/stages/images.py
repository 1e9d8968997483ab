"""Keras's preprocessing layers for images as stages; fields and arithmetic are in `tfcli.engine.preprocessing`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tfcli.data.random import generator
from tfcli.data.stage import Batch, Context, Function, InputTransform, Moment, numbers
from tfcli.engine.preprocessing import catalogue, geometry, images, mixing
from tfcli.engine.preprocessing.base import Augmentation, Draws, OnTensors, registered
from tfcli.engine.tensor import Tensor
from tfcli.errors import DataError, ShapeError

_WORDS = 4
"""Philox makes its numbers four at a time."""


class Transforming(OnTensors, InputTransform, abstract=True):
    """A stage that changes inputs, always in the same way."""

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        def run(array: np.ndarray) -> np.ndarray:
            whole = self.takes_integers and array.dtype.kind in "iu"
            return computed(self.transform, array if whole else numbers(array, name, context), name, context)

        return run


class Augmenting(Augmentation, InputTransform, abstract=True):
    """A stage that changes images at random, in training only.

    An example's numbers depend on the seed, the epoch and the example's position in it alone.
    """

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        def run(batch: Batch) -> Batch:
            if batch.moment is None:
                return self.at_rest(batch, context)
            changed = {
                n: self._augmented(batch.inputs[n], n, batch.moment, context) for n in self.names(batch, context)
            }
            return batch.with_inputs(changed)

        return run

    def at_rest(self, batch: Batch, context: Context) -> Batch:
        """What becomes of a batch outside training."""
        return batch

    def _augmented(self, array: np.ndarray, name: str, moment: Moment, context: Context) -> np.ndarray:
        def augment(tensor: Tensor) -> Tensor:
            images.image_size(tensor)
            return self.augment(tensor, PlacedDraws(tensor, self.seed, moment, context))

        return computed(augment, numbers(array, name, context), name, context)


class Mixing(mixing.Mixing, Augmenting, abstract=True):
    """A stage that mixes the examples of a batch with one another, and their labels as much."""

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        if not context.batched:
            raise DataError(f"{context.where}: mixes the examples of a batch; put it behind the stage `batch`")
        augment = super().bind(learned, context)

        def run(batch: Batch) -> Batch:
            mixed = augment(batch)
            return mixed if batch.moment is None else replace(mixed, targets=self._mixed_targets(batch, context))

        return run

    def _mixed_targets(self, batch: Batch, context: Context) -> dict[str, np.ndarray]:
        assert batch.moment is not None
        name = self.names(batch, context)[0]
        tensor = Tensor(numbers(batch.inputs[name], name, context))
        mix = self.mix(tensor, PlacedDraws(tensor, self.seed, batch.moment, context))
        return {n: mix.labels(Tensor(self._checked_labels(y, n, context))).array for n, y in batch.targets.items()}

    def _checked_labels(self, labels: np.ndarray, name: str, context: Context) -> np.ndarray:
        if labels.dtype.kind != "f":
            raise DataError(
                f"{context.where}: the label {name!r} holds {labels.dtype.name} class numbers, which cannot be mixed; "
                "put a one_hot stage before it, and use a loss for such labels (categorical_crossentropy)"
            )
        return labels.astype(context.floatx, copy=False)


def computed(compute: Callable[[Tensor], Tensor], array: np.ndarray, name: str, context: Context) -> np.ndarray:
    """What an op makes of an input. Raises DataError naming stage and input."""
    try:
        return compute(Tensor(array)).array
    except ShapeError as error:
        raise DataError(f"{context.where}: input {name!r}: {error}") from error


class PlacedDraws(Draws):
    """Random numbers keyed by seed, stage, epoch and position. Before `batch` each example is a batch of its own.

    All inputs of an example get the same numbers, so that an image and its mask are changed alike.
    """

    def __init__(self, inputs: Tensor, seed: int | None, moment: Moment, context: Context) -> None:
        super().__init__(inputs, seed)
        self.moment, self.context = moment, context
        self._key = context.seed if seed is None else seed
        self._drawn = 0

    @property
    def apart(self) -> bool:
        return not self.context.batched

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._tensor(low + (high - low) * self._uniform(len(self.images)).reshape(-1, 1, 1, 1))

    def common(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        count = len(self.images) if self.apart else 1
        return self._tensor(low + (high - low) * self._uniform(count).reshape(-1, 1, 1, 1))

    def normal(self, like: Tensor) -> Tensor:
        sizes = like.array.shape
        each = int(np.prod(sizes[1:]))
        radius, turn = (self._uniform(len(like), each) for _ in range(2))
        values = np.sqrt(-2.0 * np.log1p(-radius)) * np.cos(2.0 * np.pi * turn)
        return self._tensor(values.reshape(sizes))

    def gamma(self, alpha: Tensor) -> Tensor:
        drawn = self._next()
        values = [
            self._generator(drawn, self.moment.position + place).standard_gamma(float(a))
            for place, a in enumerate(alpha.array.ravel())
        ]
        return self._tensor(np.reshape(values, alpha.array.shape))

    def _uniform(self, count: int, each: int = 1) -> np.ndarray:
        """`each` numbers in [0, 1) for each of `count` examples."""
        rng, before = self._generator(self._next()), self.moment.position * each
        rng.bit_generator.advance(before // _WORDS)  # type: ignore[attr-defined]
        skipped = before % _WORDS
        return rng.random(skipped + count * each)[skipped:]

    def _next(self) -> int:
        self._drawn += 1
        return self._drawn - 1

    def _generator(self, *draw: int) -> np.random.Generator:
        return generator(self._key, "augment", self.context.index, self.moment.epoch, *draw)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return Tensor(values.astype(self.images.dtype.numpy))


_OTHER = {geometry.RandomCrop, mixing.MixUp, mixing.CutMix}
globals().update(
    registered(catalogue.TRANSFORMS, Transforming)
    | registered([kind for kind in catalogue.AUGMENTATIONS if kind not in _OTHER], Augmenting)
    | registered([mixing.MixUp, mixing.CutMix], Mixing)
)


class RandomCrop(geometry.RandomCrop, Augmenting):
    def at_rest(self, batch: Batch, context: Context) -> Batch:
        """Outside training the middle, so that all examples have the same shape."""
        crop = images.CenterCrop.of(height=self.height, width=self.width)
        middles = {
            n: computed(crop.transform, numbers(batch.inputs[n], n, context), n, context)
            for n in self.names(batch, context)
        }
        return batch.with_inputs(middles)
