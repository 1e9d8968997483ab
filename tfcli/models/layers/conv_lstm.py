"""Convolutional LSTMs: an LSTM whose products are convolutions, over sequences of images."""

from typing import Any, Literal

from tfcli.declare import FieldError, PositiveInt
from tfcli.engine.ops.conv import conv
from tfcli.engine.ops.sequences import join_steps, split_steps
from tfcli.engine.ops.shape import zeros_like
from tfcli.engine.preprocessing.base import DataFormat
from tfcli.engine.spec import Shape
from tfcli.engine.tensor import Tensor
from tfcli.models.layers.gates import CONSTRAINTS, DROPOUT, INITIALIZERS, REGULARIZERS, LSTMGates
from tfcli.models.layers.recurrent import TIME, Gated
from tfcli.models.layers.spatial import Sizes, Spatial


class _ConvLSTM(LSTMGates, Gated, Spatial, abstract=True):  # type: ignore[misc]
    """x (N, T, *sizes, C) -> (N, *out, filters), or (N, T, *out, filters) with `return_sequences`.

    Shi et al., 2015.
    """

    filters: PositiveInt
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Literal["valid", "same"] = "valid"
    "Of the convolution of the inputs; that of the state keeps its size."
    data_format: DataFormat = None
    dilation_rate: Sizes = 1

    per_axis = ("kernel_size", "strides", "dilation_rate")
    mask_for_each_gate = True
    order = (
        "filters",
        "kernel_size",
        "strides",
        "padding",
        "data_format",
        "dilation_rate",
        "activation",
        "recurrent_activation",
        *INITIALIZERS,
        "unit_forget_bias",
        *REGULARIZERS,
        "activity_regularizer",
        *CONSTRAINTS,
        *DROPOUT,
        "seed",
        *TIME,
    )

    def check(self) -> None:
        super().check()
        if max(self.along_axes("strides")) > 1 and max(self.along_axes("dilation_rate")) > 1:
            message = "strides and dilation_rate cannot both be above 1"
            raise FieldError("dilation_rate", message, "set one of them to 1")

    @property
    def size(self) -> int:
        return self.filters

    def kernel_shape(self, features: int) -> tuple[int, ...]:
        return (*self.along_axes("kernel_size"), features, self.gates * self.filters)

    def build_steps(self, step_shape: Shape) -> None:
        self.build_cell(step_shape)

    def input_product(self, x: Tensor, kernel: Tensor) -> Tensor:
        """x (T, N, *sizes, C) -> (T, N, *out, F)."""
        return split_steps(self._convolved(join_steps(x), kernel), x)

    def _convolved(self, x: Tensor, kernel: Any) -> Tensor:
        return conv(x, kernel, self.along_axes("strides"), self.padding, self.along_axes("dilation_rate"))

    def recurrent_product(self, h: Tensor, kernel: Tensor) -> Tensor:
        return conv(h, kernel, (1,) * self.rank, "same", (1,) * self.rank)

    def state_like(self, inputs: Tensor) -> Tensor:
        return zeros_like(self._convolved(inputs, self.kernel.value()[..., : self.filters]))

    def zero_states(self, projected: Tensor) -> list[Tensor]:
        zeros = zeros_like(projected[..., : self.filters])
        return [zeros, zeros]


class ConvLSTM1D(_ConvLSTM):
    """A convolutional LSTM over rows: x (N, T, steps, C) -> (N, out, filters)."""

    rank = 1
    axes = 4


class ConvLSTM2D(_ConvLSTM):
    """A convolutional LSTM over images: x (N, T, H, W, C) -> (N, *out, filters)."""

    rank = 2
    axes = 5


class ConvLSTM3D(_ConvLSTM):
    """A convolutional LSTM over volumes: x (N, T, D, H, W, C) -> (N, *out, filters)."""

    rank = 3
    axes = 6
