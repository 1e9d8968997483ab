"""What layers over spatial axes share: their fields, and the check of their input's axes."""

from typing import ClassVar

from tfcli.declare import FieldError, PositiveInt
from tfcli.engine.spec import Shape, show_shape
from tfcli.errors import ShapeError
from tfcli.models.layers.base import Layer, feature_size

Sizes = PositiveInt | list[PositiveInt]
"""One number for all spatial axes, or a list with one for each."""

_AXES = {1: "steps", 2: "height, width", 3: "depth, height, width"}


class Spatial(Layer, abstract=True):
    """Base of layers over x (N, *sizes, C) with `rank` spatial axes."""

    rank: ClassVar[int]
    per_axis: ClassVar[tuple[str, ...]] = ()
    """Fields that hold one number or one for each spatial axis."""

    def check(self) -> None:
        for field in self.per_axis:
            value = getattr(self, field)
            if isinstance(value, list) and len(value) != self.rank:
                raise FieldError(field, f"expected one number or {self.rank}, one for each spatial axis, got {value}")

    def along_axes(self, field: str) -> tuple[int, ...]:
        """The field's value for each spatial axis."""
        value = getattr(self, field)
        return (value,) * self.rank if isinstance(value, int) else tuple(value)

    def channels(self, input_shape: Shape) -> int:
        """How many channels the input has. Raises ShapeError where that is unknown or the axes are not as expected."""
        self.expect_axes(input_shape)
        return feature_size(input_shape, self.type_name)

    def expect_axes(self, input_shape: Shape) -> None:
        """Raise ShapeError for an input that is not (N, *sizes, C)."""
        if len(input_shape) != self.rank + 2:
            raise ShapeError(
                f"expected an input of {self.rank + 2} axes, (batch, {_AXES[self.rank]}, channels), "
                f"got {show_shape(input_shape)}; a reshape layer adds or joins axes"
            )

    def build(self, input_shape: Shape) -> None:
        self.expect_axes(input_shape)
