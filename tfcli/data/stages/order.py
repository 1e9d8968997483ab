"""Stages that choose and order elements, as tf.data's methods do."""

from collections.abc import Iterator

import numpy as np

from tfcli.data.blocks import Begin, Block, exchanged, selected, shuffled
from tfcli.data.random import generator
from tfcli.data.stage import Arranging, Batch, Context, Elements, Measured, Ordering, integers
from tfcli.declare import FieldError, NonNegativeFloat, NonNegativeInt, PositiveInt
from tfcli.errors import DataError


class Shuffle(Ordering):
    """Draws each next element from a buffer of `buffer_size`, filled in order; training only. A buffer of all
    elements shuffles fully."""

    buffer_size: PositiveInt
    seed: int | None = None
    """Default: the spec's seed."""
    reshuffle_each_iteration: bool = True
    """Another order each epoch."""

    training_only = True

    def order(self, count: int, context: Context, epoch: int) -> np.ndarray:
        return buffered_shuffle(count, self.buffer_size, self._generator(context, epoch))

    def stream(self, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
        return shuffled(begin(), self.buffer_size, self._generator(context, epoch))

    def _generator(self, context: Context, epoch: int) -> np.random.Generator:
        seed = context.seed if self.seed is None else self.seed
        return generator(seed, "shuffle", context.index, epoch if self.reshuffle_each_iteration else 0)


def buffered_shuffle(count: int, buffer_size: int, rng: np.random.Generator) -> np.ndarray:
    """0 … count - 1 in the order in which a shuffle buffer gives them."""
    if buffer_size >= count:
        return rng.permutation(count)
    out, kept = exchanged(rng.integers(buffer_size, size=count - buffer_size), buffer_size)
    return np.concatenate([out, rng.permutation(kept)])


class Choosing(Ordering, abstract=True):
    """Goes on with some elements, in their order; which, their number in it alone says."""

    def chosen(self, before: int, count: int) -> np.ndarray:
        """Which of the `count` elements that follow `before` others; indices among the `count`."""
        raise AssertionError(f"{type(self).__name__} must define chosen")

    def order(self, count: int, context: Context, epoch: int) -> np.ndarray:
        return self.chosen(0, count)

    def stream(self, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
        return selected(begin(), self.chosen)


class Take(Choosing):
    """The first `count` elements only."""

    count: NonNegativeInt

    def chosen(self, before: int, count: int) -> np.ndarray:
        return np.arange(max(min(self.count - before, count), 0))

    def stream(self, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
        left = self.count
        for block in begin() if left else ():
            yield block.take(self.chosen(self.count - left, len(block)))
            left -= len(block)
            if left <= 0:
                return

    def remaining(self, count: int) -> int:
        return min(self.count, count)


class Skip(Choosing):
    """All but the first `count` elements."""

    count: NonNegativeInt

    def chosen(self, before: int, count: int) -> np.ndarray:
        return np.arange(min(max(self.count - before, 0), count), count)

    def remaining(self, count: int) -> int:
        return max(count - self.count, 0)


class Shard(Choosing):
    """Every `num_shards`-th element, beginning with number `index`."""

    num_shards: PositiveInt
    index: NonNegativeInt

    def check(self) -> None:
        if self.index >= self.num_shards:
            raise FieldError("index", f"{self.index} of {self.num_shards} shards; they are numbered from 0")

    def chosen(self, before: int, count: int) -> np.ndarray:
        return np.arange((self.index - before) % self.num_shards, count, self.num_shards)

    def remaining(self, count: int) -> int:
        return max(-(-(count - self.index) // self.num_shards), 0)


class Repeat(Ordering):
    """All elements `count` times an epoch; training only."""

    count: PositiveInt

    training_only = True

    def order(self, count: int, context: Context, epoch: int) -> np.ndarray:
        return np.tile(np.arange(count), self.count)

    def stream(self, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
        return (block for _ in range(self.count) for block in begin())

    def remaining(self, count: int) -> int:
        return count * self.count


class RejectionResample(Arranging):
    """Leaves out examples of classes that are too frequent, drawn anew in each epoch, so that the others come in the
    proportions `target_dist`; training only."""

    target_dist: list[NonNegativeFloat]
    """The proportion of each class, in order of the classes' numbers."""
    label: str | None = None
    """The label that is the class, where there are several."""
    seed: int | None = None
    """Default: the spec's seed."""

    training_only = True
    measures = True

    def check(self) -> None:
        if not sum(self.target_dist) > 0:
            raise FieldError("target_dist", "at least one class must have a share above 0")

    def measure(self, batch: Batch, context: Context) -> np.ndarray:
        names = list(batch.targets) if self.label is None else [self.label]
        if len(names) != 1 or names[0] not in batch.targets:
            have = ", ".join(batch.targets) or "none"
            raise DataError(f"{context.where}: which label is the class? name it by `label`; there are: {have}")
        classes = integers(batch.targets[names[0]], names[0], context)
        if classes.ndim != 1 or ((classes < 0) | (classes >= len(self.target_dist))).any():
            raise DataError(
                f"{context.where}: target_dist is for classes 0 to {len(self.target_dist) - 1}, and {names[0]!r} has "
                f"{classes.min()} to {classes.max()}"
            )
        return classes

    def arrange(self, elements: Elements, context: Context, epoch: int, measured: Measured) -> Elements:
        rows = np.asarray(elements)
        classes = measured()[rows]
        counts = np.bincount(classes, minlength=len(self.target_dist))
        target = np.asarray(self.target_dist)
        if (counts[target > 0] == 0).any():
            absent = int(np.flatnonzero((counts == 0) & (target > 0))[0])
            raise DataError(f"{context.where}: target_dist wants examples of class {absent}, and there are none")
        whole = np.min(counts[target > 0] / target[target > 0])
        rng = generator(context.seed if self.seed is None else self.seed, "resample", context.index, epoch)
        kept = np.zeros(len(rows), bool)
        for number, share in enumerate((whole * target + 1e-9).astype(np.int64).tolist()):
            kept[rng.permutation(np.flatnonzero(classes == number))[:share]] = True
        return rows[kept]
