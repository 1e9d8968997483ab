"""Initializers: the first value of a weight. Names and settings are those of `keras.initializers`."""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, cast

import numpy as np

from tfcli.declare import Declared, FieldError, PositiveFloat
from tfcli.engine.ops.random import global_generator
from tfcli.engine.spec import as_dtype, show_shape
from tfcli.engine.tensor import Tensor, constant
from tfcli.errors import ShapeError, SpecError


class Initializer(Declared, kind="initializer"):
    """Base of the initializers."""

    def values(self, shape: Sequence[int], dtype: Any, generator: np.random.Generator) -> np.ndarray:
        """An array of `shape` and `dtype`; what is random is drawn from `generator`. Raises ShapeError."""
        if type(self).__call__ is Initializer.__call__:
            raise SpecError(f"the initializer `{self.type_name}` does not define __call__(self, shape, dtype=None)")
        return _values_of(self, shape, dtype)

    def __call__(self, shape: Sequence[int], dtype: Any = None, **kwargs: Any) -> Tensor:
        """A tensor of values, what is random drawn from the global random state; a class of the user's own overrides
        it.
        """
        return constant(self.values(tuple(shape), as_dtype(dtype or "float32").numpy, global_generator()))

    @classmethod
    def from_value(cls, value: Any) -> "Initializer | None":
        return Custom(value) if callable(value) else None


class Custom(Initializer, abstract=True):
    """A Python function of shape and dtype (as in Keras) as initializer."""

    function: Callable[[Sequence[int], str], Any]

    def values(self, shape, dtype, generator):
        return _values_of(self.function, shape, dtype)


def _values_of(function: Callable[..., Any], shape: Sequence[int], dtype: Any) -> np.ndarray:
    """What a function of shape and dtype gives. Raises ShapeError."""
    dtype = as_dtype(dtype)
    array = np.asarray(function(tuple(shape), dtype=dtype.name)).astype(dtype.numpy)
    if array.shape != tuple(shape):
        got, wanted = show_shape(array.shape), show_shape(shape)
        raise ShapeError(f"the initializer function gave the shape {got}; the weight has the shape {wanted}")
    return array


class Zeros(Initializer, aliases=("zero",)):
    def values(self, shape, dtype, generator):
        return np.zeros(tuple(shape), as_dtype(dtype).numpy)


class Ones(Initializer, aliases=("one",)):
    def values(self, shape, dtype, generator):
        return np.ones(tuple(shape), as_dtype(dtype).numpy)


class Constant(Initializer):
    """One value everywhere, or a list that broadcasts to the shape."""

    value: float | list[Any] = 0.0

    def values(self, shape, dtype, generator):
        value = np.asarray(self.value, as_dtype(dtype).numpy)
        try:
            return np.broadcast_to(value, tuple(shape)).copy()
        except ValueError as error:
            given, wanted = show_shape(value.shape), show_shape(shape)
            raise ShapeError(
                f"constant: a value of shape {given} does not broadcast to the weight's {wanted}"
            ) from error


class Identity(Initializer, aliases=("identity_initializer",)):
    """`gain` on the diagonal of a matrix, 0 elsewhere. Raises ShapeError for another rank."""

    gain: float = 1.0

    def values(self, shape, dtype, generator):
        if len(shape) != 2:
            raise ShapeError(f"identity: expected the shape of a matrix, got {show_shape(shape)}")
        return np.eye(*shape, dtype=as_dtype(dtype).numpy) * as_dtype(dtype).numpy.type(self.gain)


class Random(Initializer, abstract=True):
    """Base of the random initializers. With a `seed`, one draws from a stream of its own instead of the spec's.

    Each class declares its `seed` itself, after its other fields, where Keras has it.
    """

    seed = cast(Any, None)

    def draw(self, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        """A float64 array of `shape`."""
        raise SpecError(f"the initializer `{self.type_name}` does not define draw(self, shape, generator)")

    def values(self, shape, dtype, generator):
        source = generator if self.seed is None else np.random.Generator(np.random.Philox(key=self.seed % 2**128))
        return np.asarray(self.draw(tuple(int(d) for d in shape), source), as_dtype(dtype).numpy)


def truncated_normal(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Normal numbers, those beyond two standard deviations drawn again."""
    values = generator.standard_normal(shape)
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2.0)
    while outside.size:
        flat[outside] = generator.standard_normal(outside.size)
        outside = outside[np.abs(flat[outside]) > 2.0]
    return values


class RandomNormal(Random, aliases=("normal",)):
    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, shape, generator):
        return self.mean + self.stddev * generator.standard_normal(shape)


class TruncatedNormal(Random):
    """Normal, with what lies beyond two standard deviations drawn again."""

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, shape, generator):
        return self.mean + self.stddev * truncated_normal(shape, generator)


class RandomUniform(Random, aliases=("uniform",)):
    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def check(self):
        if self.minval > self.maxval:
            raise FieldError("minval", f"{self.minval} is above maxval, {self.maxval}")

    def draw(self, shape, generator):
        return generator.uniform(self.minval, self.maxval, shape)


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """How many inputs an output sees, and the reverse, for a kernel (receptive field..., inputs, outputs)."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _scaled(
    shape: tuple[int, ...], generator: np.random.Generator, scale: float, mode: str, distribution: str, axes: tuple
) -> np.ndarray:
    """Numbers whose variance is `scale` over the fan."""
    fan_in, fan_out = compute_fans(shape, *axes)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return generator.uniform(-limit, limit, shape)
    if distribution == "untruncated_normal":
        return math.sqrt(variance) * generator.standard_normal(shape)
    # Cutting at two standard deviations leaves this much of one, so that the variance comes out right.
    return math.sqrt(variance) / 0.87962566103423978 * truncated_normal(shape, generator)


class VarianceScaling(Random):
    """Variance `scale` over the fan of the kernel (He et al., 2015, in general form)."""

    scale: PositiveFloat = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "normal", "untruncated_normal", "uniform"] = "truncated_normal"
    seed: int | None = None
    input_axes: list[int] | None = None
    """The kernel's axes of inputs, where not the last but one; with `output_axes`."""
    output_axes: list[int] | None = None

    def draw(self, shape, generator):
        axes = (self.input_axes, self.output_axes)
        return _scaled(shape, generator, self.scale, self.mode, self.distribution, axes)


class _Fan(Random, abstract=True):
    """Variance scaling with its settings fixed."""

    seed: int | None = None
    input_axes: list[int] | None = None
    output_axes: list[int] | None = None

    settings: ClassVar[tuple[float, str, str]]
    """Scale, mode, distribution."""

    def draw(self, shape, generator):
        return _scaled(shape, generator, *self.settings, (self.input_axes, self.output_axes))


class GlorotUniform(_Fan, aliases=("xavier_uniform",)):
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Fan, aliases=("xavier_normal",)):
    """Truncated normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    settings = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Fan):
    """Truncated normal with variance 1 / fan_in (LeCun et al., 1998)."""

    settings = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Fan):
    """Uniform with variance 1 / fan_in (LeCun et al., 1998)."""

    settings = (1.0, "fan_in", "uniform")


class HeNormal(_Fan):
    """Truncated normal with variance 2 / fan_in (He et al., 2015)."""

    settings = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Fan):
    """Uniform with variance 2 / fan_in (He et al., 2015)."""

    settings = (2.0, "fan_in", "uniform")


class Orthogonal(Random, aliases=("orthogonal_initializer",)):
    """`gain` times a matrix, all but the last axis flattened, with orthonormal rows or columns (Saxe et al., 2014).

    Raises ShapeError below rank 2.
    """

    gain: float = 1.0
    seed: int | None = None

    def draw(self, shape, generator):
        if len(shape) < 2:
            raise ShapeError(f"orthogonal: expected a shape of two axes or more, got {show_shape(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)


class STFT(Initializer, name="stft"):
    """One side of the short-time Fourier transform, for a convolution's kernel (frame length, 1, frequencies).

    Raises ShapeError for another shape, or a window of another length.
    """

    side: Literal["real", "imag"] = "real"
    "Cosines or sines."
    window: Literal["hann", "hamming"] | list[float] | None = "hann"
    "The weights of a frame's samples: by name, or one for each; null: all are 1."
    scaling: Literal["density", "spectrum"] | None = "density"
    "What the window is divided by: its length as a vector, its sum, or nothing."
    periodic: bool = False
    "The window is one period of a wave, and not symmetric."

    def values(self, shape, dtype, generator):
        from tfcli.engine.preprocessing.audio import waves  # loads ops that few models need

        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ShapeError(f"stft: expected a kernel (frame length, 1, frequencies), got {show_shape(shape)}")
        if isinstance(self.window, list) and len(self.window) != shape[0]:
            raise ShapeError(f"stft: a window of {len(self.window)} samples does not fit a frame of {shape[0]}")
        made = waves(shape[0], shape[2], self.side, self.window, self.scaling, self.periodic)
        return made.astype(as_dtype(dtype).numpy)
