"""What a preprocessing declaration is, and the random numbers that it may draw."""

from collections.abc import Iterable
from types import new_class
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np

from tfcli.declare import FieldError, Hints
from tfcli.engine.ops.elementwise import divide_no_nan
from tfcli.engine.ops.random import normal_like, uniform_like
from tfcli.engine.ops.shape import zeros_like
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

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """One with these fields, for use inside another. Raises FieldError."""
        made = cls.__new__(cls)
        made.__dict__.update(fields)
        made.check()
        return made

    def check(self) -> None:
        """Raise FieldError where fields do not go together."""


class OnTensors(Preprocessing):
    """Arithmetic in ops, so that gradients pass through it."""

    def transform(self, inputs: Tensor) -> Tensor:
        """The outputs for a batch."""
        raise AssertionError(f"{type(self).__name__} must define transform")


class Draws:
    """The random numbers for a batch of images (N, H, W, C), from the current random scope."""

    def __init__(self, images: Tensor, seed: int | None) -> None:
        self.images, self.seed = images, seed
        self._one = images[:, :1, :1, :1]

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(N, 1, 1, 1): a number for each image."""
        return uniform_like(self._one, low, high, seed=self.seed)

    def common(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(1, 1, 1, 1), a number that the images of a batch share; (N, 1, 1, 1) where each is a batch of its own."""
        return uniform_like(np.zeros((1, 1, 1, 1), self.images.dtype.numpy), low, high, seed=self.seed)

    def normal(self, like: Tensor) -> Tensor:
        """Normally distributed numbers in the shape of `like`, (N, H, W, C)."""
        return normal_like(like, seed=self.seed)

    def gamma(self, alpha: Tensor) -> Tensor:
        """A number of the gamma distribution for each shape `alpha`, (N or 1, 1, 1, 1)."""
        from tfcli.engine.ops.distributions import gamma  # loads ops that few images need

        return gamma((), alpha, dtype=alpha.dtype, seed=self.seed)

    @property
    def apart(self) -> bool:
        """Whether each image is a batch of its own."""
        return False

    def each(self, value: float | Tensor) -> Tensor:
        """`value` for each image, (N, 1, 1, 1)."""
        return zeros_like(self._one) + value

    def beta(self, alpha: Tensor) -> Tensor:
        """A number of the beta distribution with both parameters `alpha`, for each of them."""
        first, second = self.gamma(alpha), self.gamma(alpha)
        return divide_no_nan(first, first + second)


class Augmentation(Preprocessing):
    """Changes images, in training alone, and but for a few at random."""

    seed = None  # type: int | None
    """A field of those that draw."""

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


def registered(declarations: Iterable[type], room: type) -> dict[str, type]:
    """The declarations as classes of a room (layers, stages) whose base is `room`, by name."""
    return {
        kind.__name__: new_class(
            kind.__name__, (kind, room), exec_body=lambda body: body.update(__module__=room.__module__)
        )
        for kind in declarations
    }
