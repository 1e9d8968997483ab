"""tf.keras.random: tensors of random numbers. A seed is a number, which always gives the same ones, a SeedGenerator,
which gives others in each call, or None for the global random state.
"""

from typing import Any

import numpy as np

from tfcli.engine.ops import distributions, random
from tfcli.engine.ops.elementwise import cast, where
from tfcli.engine.ops.random import global_generator
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.models.layers.base import settings

__all__ = [
    "SeedGenerator",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedGenerator:
    """A seed for each draw: (seed, 0), (seed, 1), … Traced functions count on, too."""

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        first = int(global_generator().integers(2**31)) if seed is None else int(seed)
        self.state = Variable(np.array([first, 0], np.int64), trainable=False, name=name or "seed_generator_state")

    def next(self, ordered: bool = True) -> Tensor:
        """Two numbers that no call gave before."""
        seed = self.state.value()
        self.state.assign(seed + np.array([0, 1], np.int64))
        return seed


def draw_seed(seed: Any) -> Tensor:
    """The two numbers of a stateless draw."""
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if seed is None:
        return random.uniform([2], 0, 2**31 - 1, "int64")
    return convert_to_tensor(np.array([int(seed), 0], np.int64))


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    return random.stateless_normal(shape, draw_seed(seed), mean, stddev, dtype or settings.floatx)


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    return random.stateless_uniform(shape, draw_seed(seed), minval, maxval, dtype or settings.floatx)


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Tensor:
    return distributions.stateless_truncated_normal(shape, draw_seed(seed), mean, stddev, dtype or settings.floatx)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    return random.stateless_uniform(shape, draw_seed(seed), minval, maxval, dtype)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Tensor:
    return distributions.stateless_gamma(shape, draw_seed(seed), alpha, dtype=dtype or settings.floatx)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Tensor:
    return distributions.stateless_categorical(logits, num_samples, draw_seed(seed), dtype)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Tensor:
    """x with its entries along `axis` in random order."""
    from tfcli.engine.ops.index import gather
    from tfcli.engine.ops.order import argsort
    from tfcli.engine.ops.shape import shape

    tensor = convert_to_tensor(x)
    keys = random.stateless_uniform([shape(tensor)[axis]], draw_seed(seed))
    return gather(tensor, argsort(keys), axis=axis)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Tensor:
    """Entries set to 0 with the odds `rate`, the others divided by 1 - rate."""
    from tfcli.engine.ops.shape import shape

    x = convert_to_tensor(inputs)
    sizes = shape(x) if noise_shape is None else noise_shape
    kept = random.stateless_uniform(sizes, draw_seed(seed)) >= cast(rate, "float32")
    return where(kept, x / (1.0 - rate), 0.0)
