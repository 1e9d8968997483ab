"""Features in whose space a linear model is a kernel machine."""

import math
from typing import Literal

import numpy as np

from tfcli.declare import PositiveFloat, PositiveInt
from tfcli.engine.ops.elementary import cos
from tfcli.engine.ops.linalg import matmul
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor
from tfcli.models.constraints import NonNeg
from tfcli.models.initializers import Constant, Initializer, RandomUniform
from tfcli.models.layers.base import Layer, feature_size


class _Gaussian(Initializer, abstract=True):
    """Frequencies of the kernel exp(-|x - y|² / (2 scale²))."""

    def values(self, shape, dtype, generator):
        return generator.standard_normal(tuple(shape)).astype(dtype)


class _Cauchy(Initializer, abstract=True):
    """Frequencies of the kernel exp(-|x - y|₁ / scale)."""

    def values(self, shape, dtype, generator):
        return np.tan(np.pi * (generator.random(tuple(shape)) - 0.5)).astype(dtype)


class RandomFourierFeatures(Layer):
    """cos(x W / scale + b), W and b random: (…, C) -> (…, output_dim).

    Products of such features approach a kernel (Rahimi and Recht, 2007), so that a dense layer on them with a `hinge`
    loss is a kernel SVM. Source: Keras 2's `keras.layers.experimental.RandomFourierFeatures`.
    """

    output_dim: PositiveInt
    "How many features: the more, the nearer to the kernel."
    kernel_initializer: Literal["gaussian", "laplacian"] | Initializer = "gaussian"
    "The kernel, or an initializer of the frequencies W."
    scale: PositiveFloat | None = None
    "The kernel's width; by default the square root of C / 2 for `gaussian`, else 1."
    trainable: bool = False
    "Whether training changes the scale; W and b always stay."

    def build(self, input_shape: Shape) -> None:
        size = feature_size(input_shape, self.type_name)
        named = {"gaussian": _Gaussian(), "laplacian": _Cauchy()}
        known = isinstance(self.kernel_initializer, str)
        frequencies = named[self.kernel_initializer] if known else self.kernel_initializer  # type: ignore[index]
        scale = self.scale or (math.sqrt(size / 2) if self.kernel_initializer == "gaussian" else 1.0)
        self.unscaled_kernel = self.add_weight("unscaled_kernel", (size, self.output_dim), frequencies, False)
        self.bias = self.add_weight("bias", (self.output_dim,), RandomUniform(0.0, 2 * math.pi), False)
        self.kernel_scale = self.add_weight("kernel_scale", (1,), Constant(scale), True, constraint=NonNeg())

    def call(self, inputs: Tensor) -> Tensor:
        return cos(matmul(inputs, self.unscaled_kernel / self.kernel_scale) + self.bias)
