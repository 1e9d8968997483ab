"""Stages that choose, order and group elements, as tf.data's methods do."""

from collections.abc import Iterator

import numpy as np

from tfcli.data.blocks import Begin, Block, exchanged, selected, shuffled
from tfcli.data.random import generator
from tfcli.data.stage import Context, Ordering, Stage
from tfcli.declare import FieldError, NonNegativeInt, PositiveInt

DEFAULT_BATCH_SIZE = 32


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


class BatchStage(Stage, name="batch"):
    """Groups consecutive examples. A pipeline without this stage has batches of 32."""

    batch_size: PositiveInt
    drop_remainder: bool = False
    """Leave out the last batch where it is not full."""

    def cut(self, items: np.ndarray, drop_remainder: bool) -> list[np.ndarray]:
        end = len(items) - len(items) % self.batch_size if drop_remainder else len(items)
        return [items[start : start + self.batch_size] for start in range(0, end, self.batch_size)]
