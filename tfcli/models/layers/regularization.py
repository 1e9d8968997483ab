"""Layers that add noise in training, and in prediction do nothing."""

import math
from typing import Annotated

from tfcli.declare import DropRate, PositiveInt, Probability, Range
from tfcli.engine.ops.elementwise import cast
from tfcli.engine.ops.nn import dropout
from tfcli.engine.ops.random import normal_like
from tfcli.engine.ops.shape import ones_like, zeros_like
from tfcli.engine.preprocessing.base import DataFormat
from tfcli.engine.tensor import Tensor
from tfcli.models.layers.base import Layer
from tfcli.models.layers.spatial import Spatial

NoiseShape = list[PositiveInt | None]
"""The shape of the noise, 1 where an axis shares it; null for the size of the input."""


class Dropout(Layer):
    """In training entries are 0 with probability `rate`, others grow by 1 / (1 - rate) (Srivastava et al., 2014)."""

    rate: Probability
    noise_shape: NoiseShape | None = None
    "Which axes share their noise: `[null, 1, null]` drops features for all steps at once."
    seed: int | None = None
    "For numbers of its own, whatever other layers draw; by default they come from the experiment's seed."

    supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        return _drop(inputs, self.rate, self.noise_shape, self.seed)


def _drop(x: Tensor, rate: float, noise_shape: NoiseShape | None, seed: int | None) -> Tensor:
    return zeros_like(x) if rate == 1 else dropout(x, rate, noise_shape, seed)


class _SpatialDropout(Spatial, abstract=True):
    """Dropout of whole channels (Tompson et al., 2015)."""

    rate: Probability
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        return _drop(inputs, self.rate, [None, *[1] * self.rank, None], self.seed)


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels: x (N, T, C), each channel 0 for all steps or none."""

    rank = 1


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels: x (N, H, W, C), each channel 0 for all pixels or none."""

    rank = 2

    rate: Probability
    data_format: DataFormat = None


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels: x (N, D, H, W, C), each channel 0 everywhere or nowhere."""

    rank = 3

    rate: Probability
    data_format: DataFormat = None


class GaussianNoise(Layer):
    """In training normal noise is added."""

    stddev: Annotated[float, Range(low=0, high=1)]
    "Standard deviation of the noise."
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.stddev == 0:
            return inputs
        return inputs + normal_like(inputs, stddev=self.stddev, seed=self.seed)


class GaussianDropout(Layer):
    """In training entries are multiplied by noise of mean 1, variance rate / (1 - rate) (Srivastava et al., 2014)."""

    rate: DropRate
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        return inputs * normal_like(inputs, 1.0, math.sqrt(self.rate / (1.0 - self.rate)), seed=self.seed)


class AlphaDropout(Layer):
    """Dropout for SELU, whose lowest value dropped entries take; keeps mean and variance (Klambauer et al., 2017)."""

    rate: DropRate
    noise_shape: NoiseShape | None = None
    seed: int | None = None

    supports_masking = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0:
            return inputs
        lowest = -1.6732632423543772 * 1.0507009873554805
        kept = cast(dropout(ones_like(inputs), self.rate, self.noise_shape, self.seed) > 0.0, inputs.dtype)
        scale = ((1.0 - self.rate) * (1.0 + self.rate * lowest**2)) ** -0.5
        return scale * (inputs * kept + lowest * (1.0 - kept)) - scale * lowest * self.rate
