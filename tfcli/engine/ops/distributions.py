"""More random numbers: gamma and Poisson, draws from a seed alone, and generators with a state of their own."""

from typing import Any

import numpy as np

from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.random import (
    Draw,
    _sized,
    _Stateless,
    categorical,
    current_scope,
    normal,
    shuffle,
    truncated_normal,
    uniform,
)
from tfcli.engine.ops.shape import transpose
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, float32, int32, int64
from tfcli.engine.tensor import Tensor, Variable, convert_to_tensor
from tfcli.errors import DtypeError, TfcliError


class _DrawLike(Draw, abstract=True):
    """counter, parameter (…) -> (*shape, …): for each entry of the parameter `shape` numbers."""

    def infer(self, counter, parameter):
        if not parameter.dtype.is_floating:
            raise DtypeError(f"{self.name}: expected a floating parameter, got {parameter}; tf.cast converts")
        return TensorSpec(Shape((*self.shape, *parameter.shape)), self.dtype)

    def forward(self, counter, parameter):
        sizes = (*self.shape, *parameter.shape)
        return np.asarray(self.sample(self.generator(counter), parameter, sizes)).astype(self.dtype.numpy)

    def sample(self, generator: np.random.Generator, parameter: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
        raise AssertionError(f"{self.name} has no sample")


class RandomGamma(_DrawLike):
    """The gamma distribution of shape `parameter` and scale 1; without a gradient in the parameter."""

    def sample(self, generator, parameter, sizes):
        return generator.standard_gamma(parameter.astype(np.float64), sizes)


class RandomPoisson(_DrawLike):
    """The Poisson distribution of mean `parameter`."""

    def sample(self, generator, parameter, sizes):
        return generator.poisson(parameter.astype(np.float64), sizes)


def gamma(shape: Any, alpha: Any, beta: Any = None, dtype: Any = float32, seed: int | None = None) -> Tensor:
    """(*shape, *alpha) numbers of gamma distributions with shape `alpha` and rate `beta` (1 without one)."""
    parameter = cast(alpha, dtype)
    rate = None if beta is None else cast(beta, dtype)
    parameter = parameter if rate is None else parameter + rate * 0.0
    drawn = _draw_with(RandomGamma, shape, parameter, dtype, seed)
    return drawn if rate is None else drawn / rate


def poisson(shape: Any, lam: Any, dtype: Any = float32, seed: int | None = None) -> Tensor:
    """(*shape, *lam) numbers of Poisson distributions with mean `lam`."""
    mean = convert_to_tensor(lam)
    return _draw_with(RandomPoisson, shape, mean if mean.dtype.is_floating else cast(mean, float32), dtype, seed)


def _draw_with(op: type[Draw], shape: Any, parameter: Tensor, dtype: Any, seed: int | None) -> Tensor:
    sizes, like = _sized(shape)
    if like is not None:
        raise TfcliError("a random shape must be known here, not computed by tf.shape in a traced function")
    key, op_seed, stream, counter = current_scope().next(seed)
    return op(key, op_seed, stream, Shape(sizes or ()), as_dtype(dtype))(counter, parameter)


def stateless_truncated_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32
) -> Tensor:
    """Normal numbers within two standard deviations, the same whenever `seed` (two integers) is."""
    with _Stateless(seed):
        return truncated_normal(shape, mean, stddev, dtype)


def stateless_categorical(logits: Any, num_samples: int, seed: Any, dtype: Any = int64) -> Tensor:
    """Classes drawn with the probabilities softmax(logits), the same whenever `seed` (two integers) is."""
    with _Stateless(seed):
        return categorical(logits, num_samples, dtype)


def stateless_gamma(shape: Any, seed: Any, alpha: Any, beta: Any = None, dtype: Any = float32) -> Tensor:
    """Numbers of gamma distributions, of which `shape` is the whole shape; the same whenever `seed` is."""
    parameter = convert_to_tensor(alpha)
    with _Stateless(seed):
        return gamma(_before(shape, parameter), parameter, beta, dtype)


def stateless_poisson(shape: Any, seed: Any, lam: Any, dtype: Any = int32) -> Tensor:
    """Numbers of Poisson distributions, of which `shape` is the whole shape; the same whenever `seed` is."""
    mean = convert_to_tensor(lam)
    with _Stateless(seed):
        return poisson(_before(shape, mean), mean, dtype)


def _before(shape: Any, parameter: Tensor) -> list[int]:
    """The axes of `shape` in front of those that the parameter fills. Raises TfcliError."""
    sizes = [int(d) for d in np.asarray(shape)]
    front = len(sizes) - parameter.ndim
    if front < 0 or tuple(sizes[front:]) != tuple(parameter.shape):
        raise TfcliError(f"the shape {sizes} must end with the shape {list(parameter.shape)} of the parameter")
    return sizes[:front]


def fold_in(seed: Any, data: Any) -> Tensor:
    """A new seed of two integers from a seed and one more number."""
    base = cast(seed, int64)
    return split(base + cast(data, int64), 1)[0]


def split(seed: Any, num: int = 2) -> Tensor:
    """`num` new seeds (num, 2) from a seed of two integers."""
    with _Stateless(cast(seed, int64)):
        return uniform([int(num), 2], -(1 << 62), 1 << 62, int64)


class Generator:
    """Random numbers with a state that is a Variable: [how many draws there were, 0, the seed], as int64."""

    def __init__(self, state: Any) -> None:
        value = np.zeros(3, np.int64)
        given = np.asarray(convert_to_tensor(state), np.int64).reshape(-1)[:3]
        value[: len(given)] = given
        self.state = Variable(value, trainable=False, name="generator_state")

    @classmethod
    def from_seed(cls, seed: int, alg: Any = None) -> "Generator":
        """A generator whose numbers depend on the seed alone."""
        return cls(np.array([0, 0, int(seed)], np.int64))

    @classmethod
    def from_state(cls, state: Any, alg: Any = None) -> "Generator":
        """A generator that goes on where another, of this state, stood."""
        return cls(state)

    @property
    def key(self) -> Tensor:
        return self.state.value()[2]

    def reset(self, state: Any) -> None:
        """Go on from another state."""
        self.state.assign(cast(state, int64))

    def reset_from_seed(self, seed: int) -> None:
        """Begin anew with a seed."""
        self.state.assign(np.array([0, 0, int(seed)], np.int64))

    def skip(self, delta: int) -> None:
        """Leave `delta` draws out."""
        self.state.assign_add(np.array([int(delta), 0, 0], np.int64))

    def make_seeds(self, count: int = 1) -> Tensor:
        """Seeds (2, count) for the stateless draws."""
        return transpose(split(self._next(), count))

    def split(self, count: int = 1) -> list["Generator"]:
        """Generators whose numbers have nothing to do with each other. Raises TfcliError in a traced function."""
        return [Generator.from_seed(int(row[0])) for row in split(self._next(), count).array]

    def _next(self) -> Tensor:
        """The seed of the next draw."""
        before = self.state.value()
        self.skip(1)
        return before[::-2]

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32) -> Tensor:
        """Normally distributed numbers."""
        with _Stateless(self._next()):
            return normal(shape, mean, stddev, dtype)

    def truncated_normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32) -> Tensor:
        """Normally distributed numbers within two standard deviations."""
        with _Stateless(self._next()):
            return truncated_normal(shape, mean, stddev, dtype)

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32) -> Tensor:
        """Numbers in [minval, maxval)."""
        with _Stateless(self._next()):
            return uniform(shape, minval, maxval, dtype)

    def uniform_full_int(self, shape: Any, dtype: Any = int64) -> Tensor:
        """Integers over the whole range of the dtype but its largest."""
        kind = as_dtype(dtype)
        return self.uniform(shape, int(kind.min), int(kind.max), kind)

    def shuffle(self, value: Any) -> Tensor:
        """`value` with its first axis in random order."""
        with _Stateless(self._next()):
            return shuffle(value)


_default: list[Generator] = []


def get_global_generator() -> Generator:
    """The generator that programs share; of seed 0 until another one is set."""
    if not _default:
        _default.append(Generator.from_seed(0))
    return _default[0]


def set_global_generator(generator: Generator) -> None:
    """Make this the generator that programs share."""
    _default[:] = [generator]
