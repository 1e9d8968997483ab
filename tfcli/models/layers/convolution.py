"""Convolutions over 1, 2 and 3 spatial axes: plain, transposed, depthwise, separable."""

from typing import ClassVar, Literal

from tfcli.declare import FieldError, NonNegativeInt, PositiveInt
from tfcli.engine.ops.conv import conv, conv_transpose, depthwise_conv
from tfcli.engine.preprocessing.base import DataFormat
from tfcli.engine.spec import Shape, show_shape
from tfcli.engine.tensor import Tensor
from tfcli.errors import ShapeError
from tfcli.models.activations import Activation as ActivationFunction
from tfcli.models.constraints import Constraint
from tfcli.models.initializers import Initializer
from tfcli.models.layers.spatial import Sizes, Spatial
from tfcli.models.regularizers import Regularizer

Padding = Literal["valid", "same"]


class _Sliding(Spatial, abstract=True):
    """What all have: a kernel that slides, then a bias and an activation."""

    per_axis: ClassVar[tuple[str, ...]] = ("kernel_size", "strides", "dilation_rate")

    kernel_size: Sizes
    "How many neighbours the kernel sees: one number, or one for each spatial axis."
    strides: Sizes
    "How far apart the kernel's places are: one number, or one for each spatial axis."
    padding: str
    "`same` adds zeros around the input so that, with strides of 1, the sizes stay; `valid` adds none."
    data_format: DataFormat
    "Where the channels are: always last."
    dilation_rate: Sizes
    "How far apart the neighbours are that the kernel sees; above 1 only with strides of 1."
    activation: ActivationFunction | None
    "Applied to the output."
    use_bias: bool
    "Whether a learned number is added to each channel of the output."
    bias_initializer: Initializer
    bias_regularizer: Regularizer | None
    bias_constraint: Constraint | None

    def check(self) -> None:
        super().check()
        if max(self.along_axes("strides")) > 1 and max(self.along_axes("dilation_rate")) > 1:
            raise FieldError(
                "dilation_rate", "strides and dilation_rate cannot both be above 1", "set one of them to 1"
            )

    def _add_bias(self, size: int) -> None:
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", (size,), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint
            )

    def _finish(self, y: Tensor) -> Tensor:
        if self.bias is not None:
            y = y + self.bias
        return y if self.activation is None else self.activation(y)


class _Conv(_Sliding, abstract=True):
    """x (N, *sizes, C) -> (N, *out, filters)."""

    filters: PositiveInt
    "How many channels the output has."
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Literal["valid", "same", "causal"] = "valid"
    "`same` adds zeros around the input, `valid` none, `causal` (conv1d) only before: no output sees later steps."
    data_format: DataFormat = None
    dilation_rate: Sizes = 1
    groups: PositiveInt = 1
    "Channels and filters in so many groups, each convolved by itself."
    activation: ActivationFunction | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def check(self) -> None:
        super().check()
        if self.filters % self.groups:
            raise FieldError("groups", f"{self.filters} filters do not divide into {self.groups} groups")
        if self.padding == "causal" and self.rank != 1:
            raise FieldError("padding", "`causal` goes with conv1d alone", "use `same` or `valid`")

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        if channels % self.groups:
            shown = show_shape(input_shape)
            raise ShapeError(f"the {channels} channels of the input {shown} do not divide into {self.groups} groups")
        shape = (*self.along_axes("kernel_size"), channels // self.groups, self.filters)
        self.kernel = self.add_weight(
            "kernel", shape, self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint
        )
        self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        strides, dilations = self.along_axes("strides"), self.along_axes("dilation_rate")
        return self._finish(conv(inputs, self.kernel, strides, self.padding, dilations, self.groups))


class Conv1D(_Conv, aliases=("convolution1d",)):
    """Convolution in time: x (N, T, C) -> (N, out, filters)."""

    rank = 1


class Conv2D(_Conv, aliases=("convolution2d",)):
    """Convolution of images: x (N, H, W, C) -> (N, *out, filters)."""

    rank = 2


class Conv3D(_Conv, aliases=("convolution3d",)):
    """Convolution of volumes: x (N, D, H, W, C) -> (N, *out, filters)."""

    rank = 3


OutputPadding = NonNegativeInt | list[NonNegativeInt] | None


class _ConvTranspose(_Sliding, abstract=True):
    """The transpose of a convolution, which with strides enlarges: x (N, *sizes, C) -> (N, *out, filters)."""

    per_axis = ("kernel_size", "strides", "dilation_rate", "output_padding")

    filters: PositiveInt
    "How many channels the output has."
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    output_padding: OutputPadding = None
    "Entries added at the end of each axis, fewer than its stride; by default as many as `padding` asks for."
    data_format: DataFormat = None
    dilation_rate: Sizes = 1
    activation: ActivationFunction | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def check(self) -> None:
        super().check()
        if self.output_padding is not None:
            pairs = zip(self.along_axes("output_padding"), self.along_axes("strides"), strict=True)
            if any(extra >= stride for extra, stride in pairs):
                shown = f"{self.output_padding} with strides {self.strides}"
                raise FieldError("output_padding", f"it must be less than the stride of its axis, got {shown}")

    def build(self, input_shape: Shape) -> None:
        shape = (*self.along_axes("kernel_size"), self.filters, self.channels(input_shape))
        self.kernel = self.add_weight(
            "kernel", shape, self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint
        )
        self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        strides, dilations = self.along_axes("strides"), self.along_axes("dilation_rate")
        extra = None if self.output_padding is None else self.along_axes("output_padding")
        return self._finish(conv_transpose(inputs, self.kernel, strides, self.padding, extra, dilations))


class Conv1DTranspose(_ConvTranspose, aliases=("convolution1d_transpose",)):
    """Transposed convolution in time: x (N, T, C) -> (N, out, filters)."""

    rank = 1


class Conv2DTranspose(_ConvTranspose, aliases=("convolution2d_transpose",)):
    """Transposed convolution of images: x (N, H, W, C) -> (N, *out, filters)."""

    rank = 2


class Conv3DTranspose(_ConvTranspose, aliases=("convolution3d_transpose",)):
    """Transposed convolution of volumes: x (N, D, H, W, C) -> (N, *out, filters)."""

    rank = 3

    # As above, in the order that Keras gives this one.
    filters: PositiveInt
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    output_padding: OutputPadding = None


class _DepthwiseConv(_Sliding, abstract=True):
    """Each channel convolved by itself with M = `depth_multiplier` kernels: x (N, *sizes, C) -> (N, *out, C * M)."""

    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    depth_multiplier: PositiveInt = 1
    "How many kernels each channel has."
    data_format: DataFormat = None
    dilation_rate: Sizes = 1
    activation: ActivationFunction | None = None
    use_bias: bool = True
    depthwise_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    depthwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    depthwise_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        shape = (*self.along_axes("kernel_size"), channels, self.depth_multiplier)
        self.kernel = self.add_weight(
            "kernel", shape, self.depthwise_initializer, True, self.depthwise_regularizer, self.depthwise_constraint
        )
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Tensor) -> Tensor:
        strides, dilations = self.along_axes("strides"), self.along_axes("dilation_rate")
        return self._finish(depthwise_conv(inputs, self.kernel, strides, self.padding, dilations))


class DepthwiseConv1D(_DepthwiseConv):
    """Depthwise convolution in time: x (N, T, C) -> (N, out, C * depth_multiplier)."""

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Depthwise convolution of images: x (N, H, W, C) -> (N, *out, C * depth_multiplier)."""

    rank = 2


class _SeparableConv(_Sliding, abstract=True):
    """A depthwise convolution, then a convolution over single entries that mixes the channels."""

    filters: PositiveInt
    "How many channels the output has."
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    data_format: DataFormat = None
    dilation_rate: Sizes = 1
    depth_multiplier: PositiveInt = 1
    "How many kernels each channel has."
    activation: ActivationFunction | None = None
    use_bias: bool = True
    depthwise_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    pointwise_initializer: Initializer = "glorot_uniform"  # type: ignore[assignment]
    bias_initializer: Initializer = "zeros"  # type: ignore[assignment]
    depthwise_regularizer: Regularizer | None = None
    pointwise_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None
    depthwise_constraint: Constraint | None = None
    pointwise_constraint: Constraint | None = None
    bias_constraint: Constraint | None = None

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        shape = (*self.along_axes("kernel_size"), channels, self.depth_multiplier)
        self.depthwise_kernel = self.add_weight(
            "depthwise_kernel",
            shape,
            self.depthwise_initializer,
            True,
            self.depthwise_regularizer,
            self.depthwise_constraint,
        )
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel",
            (*(1,) * self.rank, channels * self.depth_multiplier, self.filters),
            self.pointwise_initializer,
            True,
            self.pointwise_regularizer,
            self.pointwise_constraint,
        )
        self._add_bias(self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        strides, dilations = self.along_axes("strides"), self.along_axes("dilation_rate")
        y = depthwise_conv(inputs, self.depthwise_kernel, strides, self.padding, dilations)
        return self._finish(conv(y, self.pointwise_kernel))


class SeparableConv1D(_SeparableConv, aliases=("separable_convolution1d",)):
    """Separable convolution in time: x (N, T, C) -> (N, out, filters)."""

    rank = 1


class SeparableConv2D(_SeparableConv, aliases=("separable_convolution2d",)):
    """Separable convolution of images: x (N, H, W, C) -> (N, *out, filters)."""

    rank = 2
