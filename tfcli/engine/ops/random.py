"""Counter-based randomness: a draw is a pure function of where it stands in the program and of a counter.

The numbers of a draw come from numpy's Philox. What is fixed for a place in the program are fields of the op: `seed`
and `stream` (the key) and `op_seed`. What changes from call to call is its input `counter`, so a traced draw gives
new numbers in every call, and neither the order of execution nor threads matter.

Inside `with RandomScope(seed, counter)` successive draws get the streams 0, 1, 2, …; a training step opens one with
the step Variable as counter, so that eager and traced steps draw the same numbers and resuming needs the step alone.
A draw with an explicit `seed=` counts its streams apart from the others, so it keeps its numbers when draws without
one come or go before it.

Outside any scope stands the global one, set by `set_seed`: eager draws advance its streams, and traced draws read and
increment a global counter Variable, so that each call of a traced function draws anew. In the body of `tf.while_loop`
Variables are read before the loop; draw outside of it, or use the stateless functions with a loop variable as seed.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from tfcli.engine.dispatch import executing_eagerly
from tfcli.engine.graph.static import sizes_of
from tfcli.engine.op import Op
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.index import gather
from tfcli.engine.ops.shape import ShapeOf, zeros
from tfcli.engine.spec import DType, Shape, TensorSpec, as_dtype, float32, int32, int64, show_shape
from tfcli.engine.tensor import Symbol, Tensor, Variable, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError

WORD = 1 << 64
STATELESS = WORD - 1
"""The stream of the stateless draws, which no scope reaches."""


class Draw(Op, abstract=True):
    """counter int64, () or (2,) -> `shape`, or the shape of a second input that lends it alone."""

    seed: int
    op_seed: int
    stream: int
    shape: Shape | None
    dtype: DType

    def infer(self, counter, *like):
        shape = like[0].shape if self.shape is None else self.shape
        return TensorSpec(shape, self.dtype)

    def forward(self, counter, *like):
        return self.draw(self.generator(counter), like[0].shape if self.shape is None else tuple(self.shape))

    def vjp(self, g, y, *inputs):
        return (None,) * len(inputs)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        raise AssertionError(f"{self.name} has no draw")

    def generator(self, counter: np.ndarray) -> np.random.Generator:
        low, high = (int(counter), 0) if counter.ndim == 0 else (int(counter[0]), int(counter[1]))
        key = np.array([self.seed % WORD, self.stream], np.uint64)
        start = np.array(
            [0, self.op_seed, high % WORD, low % WORD], np.uint64
        )  # the draw itself counts in the first word
        return np.random.Generator(np.random.Philox(counter=start, key=key))

    def _in_dtype(self, draw: Callable[..., np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """`draw(size, dtype)` directly in float32 or float64; float16 from float32."""
        wide = np.float64 if self.dtype.numpy == np.float64 else np.float32
        return draw(shape, dtype=wide).astype(self.dtype.numpy, copy=False)


class RandomUniform(Draw):
    """Floats in [0, 1)."""

    def draw(self, generator, shape):
        return self._in_dtype(generator.random, shape)


class RandomNormal(Draw):
    """Mean 0, standard deviation 1."""

    def draw(self, generator, shape):
        return self._in_dtype(generator.standard_normal, shape)


class RandomTruncatedNormal(Draw):
    """The standard normal distribution within two standard deviations: what falls outside is drawn again."""

    def draw(self, generator, shape):
        result = np.asarray(self._in_dtype(generator.standard_normal, shape))
        outside = np.abs(result) > 2
        while outside.any():
            result[outside] = self._in_dtype(generator.standard_normal, (int(outside.sum()),))
            outside = np.abs(result) > 2
        return result


class RandomIntegers(Draw):
    """Integers in [low, high)."""

    low: int
    high: int

    def draw(self, generator, shape):
        return generator.integers(self.low, self.high, shape, dtype=self.dtype.numpy)


class RandomPermutation(Draw):
    """0 … n - 1 in random order; n is the first size of the second input."""

    def infer(self, counter, like):
        return TensorSpec(Shape(like.shape[:1]), self.dtype)

    def draw(self, generator, shape):
        return generator.permutation(shape[0]).astype(self.dtype.numpy)


class RandomCategorical(Draw):
    """Classes drawn with the probabilities softmax(logits): counter, logits (N, C) -> (N, num_samples)."""

    num_samples: int

    def infer(self, counter, logits):
        if logits.rank != 2 or not logits.dtype.is_floating:
            raise ShapeError(f"categorical: expected floating logits of shape (batch, classes), got {logits}")
        return TensorSpec(Shape((logits.shape[0], self.num_samples)), self.dtype)

    def forward(self, counter, logits):
        weights = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
        edges = np.cumsum(weights, axis=1)
        points = self.generator(counter).random((len(logits), self.num_samples)) * edges[:, -1:]
        passed = [np.searchsorted(e, p, side="right") for e, p in zip(edges, points, strict=True)]
        return np.reshape(passed, points.shape).astype(self.dtype.numpy)


class RandomScope:
    """While entered, this thread draws from streams 0, 1, 2, … of `seed` at `counter` (an int, tensor or Variable)."""

    def __init__(self, seed: int, counter: Any = 0) -> None:
        self.seed, self.counter = int(seed), counter
        self._drawn: Counter[int] = Counter()

    def __enter__(self) -> "RandomScope":
        _entered.scopes.append(self)
        self._drawn.clear()
        return self

    def __exit__(self, *exception: Any) -> None:
        assert _entered.scopes.pop() is self, "random scopes end in the reverse order of their beginning"

    def next(self, op_seed: int | None) -> tuple[int, int, int, Tensor]:
        """Seed, op seed, stream and counter of the next draw."""
        apart = 0 if op_seed is None else op_seed % (WORD - 1) + 1
        stream = self._drawn[apart]
        self._drawn[apart] += 1
        return self.seed, apart, stream, self.count()

    def count(self) -> Tensor:
        counter = convert_to_tensor(self.counter)
        return counter if counter.dtype == int64 else cast(counter, int64)


class GlobalScope(RandomScope):
    """What draws use outside of any scope."""

    def __init__(self) -> None:
        super().__init__(0, Variable(np.int64(0), trainable=False, name="random_counter"))

    def restart(self, seed: int) -> None:
        self.seed = int(seed)
        self._drawn.clear()
        self.counter.assign(np.int64(0))

    def next_free(self) -> int:
        """The number of a stream of its own kind, which no draw takes."""
        self._drawn[-1] += 1
        return self._drawn[-1]

    def generator(self) -> np.random.Generator:
        """numpy's own generator at the next stream."""
        stream = self._drawn[0]
        self._drawn[0] += 1
        key = np.array([self.seed % WORD, stream], np.uint64)
        return np.random.Generator(np.random.Philox(counter=np.array([0, 0, 0, WORD - 1], np.uint64), key=key))

    def count(self) -> Tensor:
        if executing_eagerly():  # each draw has a stream of its own
            return convert_to_tensor(np.int64(0))
        return self.counter.assign(self.counter.value() + 1)


class _Entered(threading.local):
    """The scopes that this thread is in."""

    def __init__(self) -> None:
        self.scopes: list[RandomScope] = []


_entered = _Entered()
_global = GlobalScope()


def set_seed(seed: int) -> None:
    """Start the global scope anew with this seed. Functions traced before keep their seed and restart their counter."""
    _global.restart(seed)


def current_scope() -> RandomScope:
    """The scope that this thread is in, or the global one."""
    return _entered.scopes[-1] if _entered.scopes else _global


def next_key(seed: int | None) -> np.ndarray:
    """The Philox key of a stream beside the engine's, such as the order of a dataset: that of `seed`, or the next one.

    Without a seed, streams are numbered after `set_seed` in the order in which they are asked for.
    """
    if seed is not None:
        return np.array([int(seed) % WORD, STATELESS - 1], np.uint64)
    return np.array([_global.seed % WORD, STATELESS - 2 - _global.next_free()], np.uint64)


def global_generator() -> np.random.Generator:
    """For what is drawn with numpy, as initial weights and the order of examples: repeatable after `set_seed`."""
    return _global.generator()


def _draw(op: type[Draw], shape: Any, like: Tensor | None, dtype: Any, seed: int | None, *settings: Any) -> Tensor:
    """`op` at the next place of the current scope, in `shape` or that of `like`."""
    key, op_seed, stream, counter = current_scope().next(seed)
    sizes = None if like is not None else Shape(shape)
    return op(key, op_seed, stream, sizes, as_dtype(dtype), *settings)(counter, *([] if like is None else [like]))


def _sized(shape: Any) -> tuple[tuple[int, ...] | None, Tensor | None]:
    """Sizes that are known; or a tensor that has them when the graph runs."""
    if isinstance(shape, Symbol) and isinstance(shape.node.op, ShapeOf):
        return None, shape.node.inputs[0]
    known, sizes = sizes_of(shape)
    if any(size is not None and size < 0 for size in known):
        raise ShapeError(f"random: the shape {show_shape(known)} has a negative size")
    return (tuple(d or 0 for d in known), None) if sizes is None else (None, zeros(sizes, "bool"))


def _floating(what: str, dtype: Any) -> DType:
    dtype = as_dtype(dtype)
    if not dtype.is_floating:
        raise DtypeError(f"{what}: expected a floating dtype, got {dtype.name}; tf.random.uniform draws integers")
    return dtype


def _scaled(x: Tensor, factor: Any, offset: Any) -> Tensor:
    """x * factor + offset, leaving out what changes nothing."""
    x = x if isinstance(factor, int | float) and factor == 1 else x * factor
    return x if isinstance(offset, int | float) and offset == 0 else x + offset


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: int | None = None) -> Tensor:
    """Normally distributed numbers."""
    sizes, like = _sized(shape)
    return _scaled(_draw(RandomNormal, sizes, like, _floating("normal", dtype), seed), stddev, mean)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32, seed: int | None = None
) -> Tensor:
    """Normally distributed numbers within two standard deviations of the mean."""
    sizes, like = _sized(shape)
    return _scaled(_draw(RandomTruncatedNormal, sizes, like, _floating("truncated_normal", dtype), seed), stddev, mean)


def uniform(shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32, seed: int | None = None) -> Tensor:
    """Numbers in [minval, maxval); maxval is 1 by default for floats, and needed for integers. Raises DtypeError."""
    sizes, like = _sized(shape)
    return _uniform(sizes, like, minval, maxval, as_dtype(dtype), seed)


def _uniform(
    sizes: tuple[int, ...] | None, like: Tensor | None, minval: Any, maxval: Any, dtype: DType, seed: int | None
) -> Tensor:
    if dtype.is_floating:
        high = 1.0 if maxval is None else maxval
        return _scaled(_draw(RandomUniform, sizes, like, dtype, seed), high - minval, minval)
    if not dtype.is_integer or maxval is None or int(maxval) <= int(minval):
        raise DtypeError(
            f"uniform: {dtype.name} from {minval} to {maxval}; expected a floating dtype, or an integer one with "
            "maxval above minval"
        )
    return _draw(RandomIntegers, sizes, like, dtype, seed, int(minval), int(maxval))


def uniform_like(x: Any, minval: Any = 0, maxval: Any = None, dtype: Any = None, seed: int | None = None) -> Tensor:
    """Uniform numbers in the shape of x, in its dtype or `dtype`; its batch may be unknown."""
    x = convert_to_tensor(x)
    return _uniform(None, x, minval, maxval, as_dtype(dtype or x.dtype), seed)


def normal_like(x: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: int | None = None) -> Tensor:
    """Normal numbers in the shape of x, in its dtype or `dtype`; its batch may be unknown."""
    x = convert_to_tensor(x)
    return _scaled(_draw(RandomNormal, None, x, _floating("normal_like", dtype or x.dtype), seed), stddev, mean)


def shuffle(value: Any, seed: int | None = None) -> Tensor:
    """`value` with its first axis in random order. Raises ShapeError for a scalar."""
    value = convert_to_tensor(value)
    if not value.ndim:
        raise ShapeError("shuffle: a scalar has no first axis to shuffle")
    return gather(value, _draw(RandomPermutation, None, value, int32, seed), axis=0)


def categorical(logits: Any, num_samples: int, dtype: Any = int64, seed: int | None = None) -> Tensor:
    """Classes (N, num_samples) drawn with the probabilities softmax(logits), logits (N, C). Raises ShapeError."""
    return _draw(RandomCategorical, None, convert_to_tensor(logits), dtype, seed, int(num_samples))


def stateless_uniform(shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32) -> Tensor:
    """Numbers in [minval, maxval), the same whenever `seed` (two integers) is. Raises ShapeError, DtypeError."""
    with _Stateless(seed):
        return uniform(shape, minval, maxval, dtype)


def stateless_normal(shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32) -> Tensor:
    """Normally distributed numbers, the same whenever `seed` (two integers) is. Raises ShapeError, DtypeError."""
    with _Stateless(seed):
        return normal(shape, mean, stddev, dtype)


class _Stateless(RandomScope):
    """The scope of a single draw, with the seed as its counter."""

    def __init__(self, seed: Any) -> None:
        tensor = convert_to_tensor(seed)
        if tensor.shape != (2,) or not tensor.dtype.is_integer:
            raise ShapeError(
                f"a stateless draw takes a seed of two integers, got {tensor.dtype.name}{show_shape(tensor.shape)}"
            )
        super().__init__(0, tensor)

    def next(self, op_seed: int | None) -> tuple[int, int, int, Tensor]:
        return 0, 0, STATELESS, self.count()
