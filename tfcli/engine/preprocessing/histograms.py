"""Images whose values are spread evenly."""

from tfcli.declare import FieldError, NonNegativeFloat, PositiveInt
from tfcli.engine.ops.sampling import equalized, equalized_tiles
from tfcli.engine.preprocessing.base import Augmentation, DataFormat, Draws, OnTensors
from tfcli.engine.preprocessing.images import ValueRange, image_size
from tfcli.engine.tensor import Tensor


class Equalization(Augmentation):
    """Each channel's values spread so that all of them are about as frequent.

    Nothing about it is random, but as in Keras it is for training alone, and a batch has one histogram a channel.
    """

    value_range: ValueRange = (0, 255)
    bins: PositiveInt = 256
    "How many kinds of values are told apart."
    data_format: DataFormat = None

    def check(self) -> None:
        if self.value_range[0] == self.value_range[1]:
            raise FieldError("value_range", "expected two different numbers")

    def augment(self, images: Tensor, draws: Draws) -> Tensor:
        image_size(images)
        bottom, top = sorted(self.value_range)
        scale = 255.0 / (top - bottom)
        return equalized((images - bottom) * scale, self.bins, draws.apart) / scale + bottom


class ContrastLimitedAdaptiveHistogramEqualization(OnTensors):
    """Each image's values spread evenly tile by tile, with little made of what is nearly alike (Zuiderveld, 1994)."""

    value_range: ValueRange = (0, 255)
    clip_limit: NonNegativeFloat = 4.0
    "How many times as often as the mean a value may count; 0: no limit."
    tile_grid_size: tuple[PositiveInt, PositiveInt] = (8, 8)
    "How many tiles there are, down and across."
    data_format: DataFormat = None

    def check(self) -> None:
        if self.value_range[0] == self.value_range[1]:
            raise FieldError("value_range", "expected two different numbers")

    def transform(self, inputs: Tensor) -> Tensor:
        image_size(inputs)
        bottom, top = self.value_range
        scale = 255.0 / (top - bottom)
        return equalized_tiles((inputs - bottom) * scale, self.tile_grid_size, self.clip_limit) / scale + bottom
