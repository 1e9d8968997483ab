"""What a preprocessing declaration is, and the random numbers that it may draw."""

import copy
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np

from tfcli.declare import FieldError, Hints
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.random import Draw, draw_like, normal_like, uniform_like
from tfcli.engine.ops.random import shuffle as shuffled
from tfcli.engine.ops.reduce import cumsum
from tfcli.engine.ops.shape import ones_like
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Tensor

_LAST = "only `channels_last` is there: images are (batch, height, width, channels); a permute layer moves the channels"
DataFormat = Annotated[Literal["channels_last"], Hints({"channels_first": _LAST})] | None
"""Where the channels are: always last."""

Bounds = float | tuple[float, float]
"""The two ends of a range, or one number from which the range is made."""


class Preprocessing:
    """Fields and arithmetic of one of Keras's preprocessing layers."""

    takes_integers: ClassVar[bool] = False
    """Computes with whole numbers as they are; others take them as floats."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__doc__ is None:  # a registration is described as what it registers
            cls.__doc__ = next(base.__doc__ for base in cls.__mro__[1:] if base.__doc__)

    def check(self) -> None:
        """Raise FieldError where fields do not go together."""


class Learning(Preprocessing):
    """One that learns from data. What it learns are values of its own fields."""

    @property
    def learns(self) -> bool:
        """Whether something must be learned before it can be used."""
        return True

    def learn_from(self, arrays: Iterator[np.ndarray]) -> dict[str, Any]:
        """Values for fields, from all the data batch by batch."""
        raise AssertionError(f"{type(self).__name__} must define learn_from")

    def learned(self, values: Mapping[str, Any]) -> Self:
        """A copy with these values in its fields."""
        result = copy.copy(self)
        result.__dict__.update(values)
        return result


class OnTensors(Preprocessing):
    """Arithmetic in ops, so that gradients pass through it."""

    def transform(self, inputs: Tensor) -> Tensor:
        """The outputs for a batch."""
        raise AssertionError(f"{type(self).__name__} must define transform")

    def transform_each(self, inputs: Tensor) -> Tensor:
        """The outputs for each example by itself, where that is not the same."""
        return self.transform(inputs)


class OnArrays(Preprocessing):
    """Arithmetic in numpy, without a gradient: indices, vocabularies, texts."""

    takes_integers = True

    def encode(self, array: np.ndarray, floatx: str) -> np.ndarray:
        """The outputs for a batch. Raises DataError about a value, to be put behind the name of the input."""
        raise AssertionError(f"{type(self).__name__} must define encode")

    def encoded(self, spec: TensorSpec, floatx: str) -> TensorSpec:
        """Shape and dtype of what `encode` makes of such inputs. Raises ShapeError."""
        raise AssertionError(f"{type(self).__name__} must define encoded")


class Draws:
    """The random numbers of one batch of images (N, H, W, C). `each`: every image is transformed by itself.

    Here they come from the current random scope, and what Keras draws once for a batch is drawn once.
    """

    each = False

    def __init__(self, images: Tensor, seed: int | None) -> None:
        self.images, self.seed = images, seed
        self._one = images[:, :1, :1, :1]

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(N, 1, 1, 1): a number for each image."""
        return uniform_like(self._one, low, high, seed=self.seed)

    def common(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """A number that the images of a batch share, (1, 1, 1, 1); where `each`, as `uniform`."""
        return uniform_like(np.zeros((1, 1, 1, 1), self.images.dtype.numpy), low, high, seed=self.seed)

    def normal(self) -> Tensor:
        """A number for each entry of the images."""
        return normal_like(self.images, seed=self.seed)

    def beta(self, alpha: Tensor | float) -> Tensor:
        """(N, 1, 1, 1) from the distribution Beta(alpha, alpha); alpha (1, 1, 1, 1) or a number."""
        return draw_like(RandomBeta, self._one, self.seed, alpha * ones_like(self._one))

    def permutation(self) -> Tensor:
        """(N,) int32: the images in another order."""
        ones = cast(ones_like(self._one), "int32")[:, 0, 0, 0]
        return shuffled(cumsum(ones, exclusive=True), seed=self.seed)


class RandomBeta(Draw):
    """Numbers from Beta(alpha, alpha) in the shape of alpha, the third input."""

    def infer(self, counter, like, alpha):
        return TensorSpec(alpha.shape, self.dtype)

    def forward(self, counter, like, alpha):
        return self.generator(counter).beta(alpha, alpha).astype(self.dtype.numpy)


class Augmentation(Preprocessing):
    """Changes images at random, in training alone."""

    seed: int | None

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        """images (N, H, W, C), changed."""
        raise AssertionError(f"{type(self).__name__} must define augment")


def bounds(
    value: Bounds, field: str, low: float, high: float, symmetric: bool = True, open_low: bool = False
) -> tuple[float, float]:
    """The range that a field stands for: a single number f is -f … f within the limits, or 0 … f. Raises FieldError."""
    given = value if isinstance(value, tuple) else (value, value)
    if any(not low <= v <= high or (open_low and v == low) for v in given):
        shown = f"{'more than ' if open_low else ''}{low:g} to {high:g}"
        raise FieldError(field, f"expected a number or two numbers from {shown}, got {value}")
    if isinstance(value, tuple):
        return min(value), max(value)
    return (max(-abs(value), low), abs(value)) if symmetric else (0.0, value)
