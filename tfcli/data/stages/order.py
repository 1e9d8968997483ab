"""Stages that choose, order and group elements, as tf.data's methods do."""

import numpy as np

from tfcli.data.random import generator
from tfcli.data.stage import Context, Ordering, Stage
from tfcli.declare import NonNegativeInt, PositiveInt

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
        seed = context.seed if self.seed is None else self.seed
        rng = generator(seed, "shuffle", context.index, epoch if self.reshuffle_each_iteration else 0)
        return buffered_shuffle(count, self.buffer_size, rng)


def buffered_shuffle(count: int, buffer_size: int, rng: np.random.Generator) -> np.ndarray:
    """0 … count - 1 in the order in which a shuffle buffer gives them."""
    if buffer_size >= count:
        return rng.permutation(count)
    buffer = list(range(buffer_size))
    result = []
    for incoming, slot in enumerate(rng.integers(buffer_size, size=count - buffer_size).tolist(), buffer_size):
        result.append(buffer[slot])
        buffer[slot] = incoming
    return np.concatenate([np.array(result, np.int64), rng.permutation(buffer)])


class Take(Ordering):
    """The first `count` elements only."""

    count: NonNegativeInt

    def order(self, count: int, context: Context, epoch: int) -> np.ndarray:
        return np.arange(min(self.count, count))


class Skip(Ordering):
    """All but the first `count` elements."""

    count: NonNegativeInt

    def order(self, count: int, context: Context, epoch: int) -> np.ndarray:
        return np.arange(min(self.count, count), count)


class Repeat(Ordering):
    """All elements `count` times an epoch; training only."""

    count: PositiveInt

    training_only = True

    def order(self, count: int, context: Context, epoch: int) -> np.ndarray:
        return np.tile(np.arange(count), self.count)


class BatchStage(Stage, name="batch"):
    """Groups consecutive examples. A pipeline without this stage has batches of 32."""

    batch_size: PositiveInt
    drop_remainder: bool = False
    """Leave out the last batch where it is not full."""

    def cut(self, items: np.ndarray, drop_remainder: bool) -> list[np.ndarray]:
        end = len(items) - len(items) % self.batch_size if drop_remainder else len(items)
        return [items[start : start + self.batch_size] for start in range(0, end, self.batch_size)]
