"""Convolution and pooling under the signatures of tf.nn; channels come last."""

from typing import Any

import numpy as np

from tfcli.engine.ops.conv import conv, conv_transpose, depthwise_conv
from tfcli.engine.ops.elementwise import square
from tfcli.engine.ops.join import pad
from tfcli.engine.ops.pool import average_pool, max_pool
from tfcli.engine.spec import show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import ShapeError, TfcliError

LAST = {1: ("NWC",), 2: ("NHWC",), 3: ("NDHWC",)}


def _check_format(what: str, data_format: str | None, rank: int) -> None:
    if data_format is not None and data_format not in LAST.get(rank, ()):
        raise TfcliError(f"{what}: data_format {data_format!r}; channels come last here: {LAST[rank][0]!r}")


def _steps(what: str, value: Any, rank: int) -> tuple[int, ...]:
    """Sizes along the spatial axes, from one int, one for each, or TensorFlow's [1, …, 1]. Raises ShapeError."""
    listed = [int(v) for v in np.atleast_1d(1 if value is None else value)]
    if len(listed) == 1:
        return tuple(listed * rank)
    if len(listed) == rank + 2 and listed[0] == listed[-1] == 1:
        return tuple(listed[1:-1])
    if len(listed) != rank:
        raise ShapeError(f"{what}: expected 1, {rank} or {rank + 2} sizes (1 for batch and channels), got {value!r}")
    return tuple(listed)


def _padding(what: str, value: Any, rank: int) -> Any:
    """A padding's name, or (before, after) for each spatial axis of TensorFlow's explicit pairs. Raises ShapeError."""
    if isinstance(value, str):
        if value.upper() not in ("SAME", "VALID"):
            raise ShapeError(f"{what}: padding {value!r}; there are 'SAME', 'VALID' and pairs (before, after)")
        return value.lower()
    pairs = [tuple(int(n) for n in pair) for pair in value]
    return pairs[1:-1] if len(pairs) == rank + 2 else pairs


def _input(what: str, value: Any, rank: int) -> Tensor:
    x = convert_to_tensor(value)
    if x.ndim != rank + 2:
        raise ShapeError(f"{what}: expected (batch, {rank} sizes, channels), got {show_shape(x.shape)}")
    return x


def _conv(
    what: str, rank: int, x: Any, filters: Any, strides: Any, padding: Any, data_format: Any, dilations: Any
) -> Tensor:
    _check_format(what, data_format, rank)
    x, kernel = _input(what, x, rank), convert_to_tensor(filters)
    groups = 1
    if kernel.ndim == rank + 2 and x.shape[-1] and kernel.shape[-2] and x.shape[-1] != kernel.shape[-2]:
        groups = max(1, x.shape[-1] // kernel.shape[-2])
    return conv(
        x, kernel, _steps(what, strides, rank), _padding(what, padding, rank), _steps(what, dilations, rank), groups
    )


def conv1d(
    input: Any, filters: Any, stride: Any, padding: Any, data_format: str = "NWC", dilations: Any = None
) -> Tensor:
    """input (N, W, C), filters (k, C, F) -> (N, out, F). Raises ShapeError, DtypeError."""
    return _conv("conv1d", 1, input, filters, stride, padding, data_format, dilations)


def conv2d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NHWC", dilations: Any = None
) -> Tensor:
    """input (N, H, W, C), filters (kh, kw, C, F) -> (N, OH, OW, F). Raises ShapeError, DtypeError."""
    return _conv("conv2d", 2, input, filters, strides, padding, data_format, dilations)


def conv3d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NDHWC", dilations: Any = None
) -> Tensor:
    """input (N, D, H, W, C), filters (kd, kh, kw, C, F) -> (N, OD, OH, OW, F). Raises ShapeError, DtypeError."""
    return _conv("conv3d", 3, input, filters, strides, padding, data_format, dilations)


def convolution(
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """A convolution over as many axes as the input has between batch and channels. Raises ShapeError, DtypeError."""
    x = convert_to_tensor(input)
    return _conv("convolution", x.ndim - 2, x, filters, strides, padding, data_format, dilations)


def atrous_conv2d(value: Any, filters: Any, rate: int, padding: Any) -> Tensor:
    """A convolution with the taps `rate` apart. Raises ShapeError, DtypeError."""
    return _conv("atrous_conv2d", 2, value, filters, 1, padding, None, rate)


def _conv_transpose(
    what: str,
    rank: int,
    x: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
) -> Tensor:
    _check_format(what, data_format, rank)
    x = _input(what, x, rank)
    sizes = [int(d) for d in np.asarray(output_shape)]
    spatial = sizes[1:-1] if len(sizes) == rank + 2 else sizes
    kernel = convert_to_tensor(filters)
    if len(sizes) == rank + 2 and kernel.ndim == rank + 2 and sizes[-1] != kernel.shape[-2]:
        raise ShapeError(
            f"{what}: output_shape {show_shape(sizes)} has {sizes[-1]} channels, filters {show_shape(kernel.shape)} "
            f"make {kernel.shape[-2]}; their axes are (*sizes, output channels, input channels)"
        )
    steps, spread = _steps(what, strides, rank), _steps(what, dilations, rank)
    return conv_transpose(x, kernel, steps, _padding(what, padding, rank), None, spread, spatial)


def conv1d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NWC",
    dilations: Any = None,
) -> Tensor:
    """The gradient of conv1d as an op: filters (k, F, C), input (N, W, C) -> output_shape. Raises ShapeError."""
    return _conv_transpose(
        "conv1d_transpose", 1, input, filters, output_shape, strides, padding, data_format, dilations
    )


def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NHWC",
    dilations: Any = None,
) -> Tensor:
    """The gradient of conv2d as an op: filters (kh, kw, F, C), input (N, H, W, C). Raises ShapeError."""
    return _conv_transpose(
        "conv2d_transpose", 2, input, filters, output_shape, strides, padding, data_format, dilations
    )


def conv3d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: str = "NDHWC",
    dilations: Any = None,
) -> Tensor:
    """The gradient of conv3d as an op: filters (kd, kh, kw, F, C). Raises ShapeError."""
    return _conv_transpose(
        "conv3d_transpose", 3, input, filters, output_shape, strides, padding, data_format, dilations
    )


def depthwise_conv2d(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: str | None = None, dilations: Any = None
) -> Tensor:
    """Each channel by itself: input (N, H, W, C), filter (kh, kw, C, M) -> (N, OH, OW, C M). Raises ShapeError."""
    what = "depthwise_conv2d"
    _check_format(what, data_format, 2)
    x = _input(what, input, 2)
    return depthwise_conv(x, filter, _steps(what, strides, 2), _padding(what, padding, 2), _steps(what, dilations, 2))


def separable_conv2d(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """A depthwise convolution and then one by pointwise_filter (1, 1, C M, F). Raises ShapeError, DtypeError."""
    channels = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return conv2d(channels, pointwise_filter, 1, "VALID")


def _pooled(
    what: str, pooling: Any, x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any, rank: int | None
) -> Tensor:
    x = convert_to_tensor(x)
    rank = x.ndim - 2 if rank is None else rank
    if not 1 <= rank <= 3:
        raise ShapeError(f"{what}: expected (batch, 1 to 3 sizes, channels), got {show_shape(x.shape)}")
    _check_format(what, data_format, rank)
    x = _input(what, x, rank)
    return pooling(x, _steps(what, ksize, rank), _steps(what, strides, rank), _padding(what, padding, rank))


def nn_max_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None) -> Tensor:
    """The largest entry of each window of input (N, *sizes, C). Raises ShapeError, DtypeError."""
    return _pooled("max_pool", max_pool, input, ksize, strides, padding, data_format, None)


def max_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC") -> Tensor:
    """The largest entry of each window of input (N, W, C). Raises ShapeError, DtypeError."""
    return _pooled("max_pool1d", max_pool, input, ksize, strides, padding, data_format, 1)


def max_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC") -> Tensor:
    """The largest entry of each window of input (N, H, W, C). Raises ShapeError, DtypeError."""
    return _pooled("max_pool2d", max_pool, input, ksize, strides, padding, data_format, 2)


def max_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC") -> Tensor:
    """The largest entry of each window of input (N, D, H, W, C). Raises ShapeError, DtypeError."""
    return _pooled("max_pool3d", max_pool, input, ksize, strides, padding, data_format, 3)


def nn_avg_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None) -> Tensor:
    """The mean of each window of input (N, *sizes, C). Raises ShapeError, DtypeError."""
    return _pooled("avg_pool", average_pool, input, ksize, strides, padding, data_format, None)


def avg_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC") -> Tensor:
    """The mean of each window of input (N, W, C). Raises ShapeError, DtypeError."""
    return _pooled("avg_pool1d", average_pool, input, ksize, strides, padding, data_format, 1)


def avg_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC") -> Tensor:
    """The mean of each window of input (N, H, W, C). Raises ShapeError, DtypeError."""
    return _pooled("avg_pool2d", average_pool, input, ksize, strides, padding, data_format, 2)


def avg_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC") -> Tensor:
    """The mean of each window of input (N, D, H, W, C). Raises ShapeError, DtypeError."""
    return _pooled("avg_pool3d", average_pool, input, ksize, strides, padding, data_format, 3)


def pool(
    input: Any,
    window_shape: Any,
    pooling_type: str,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: str | None = None,
) -> Tensor:
    """The "MAX" or "AVG" of each window of input (N, *sizes, C). Raises TfcliError."""
    if pooling_type not in ("MAX", "AVG"):
        raise TfcliError(f"pool: pooling_type must be 'MAX' or 'AVG', got {pooling_type!r}")
    pooling = max_pool if pooling_type == "MAX" else average_pool
    return _pooled("pool", pooling, input, window_shape, strides, padding, data_format, None)


def local_response_normalization(
    input: Any, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5
) -> Tensor:
    """Each entry over (bias + alpha * the sum of squares of the channels within depth_radius) ** beta.

    Source: Krizhevsky et al., 2012. Raises ShapeError.
    """
    x, radius = convert_to_tensor(input), int(depth_radius)
    if x.ndim != 4:
        raise ShapeError(f"local_response_normalization: expected (N, H, W, C), got {show_shape(x.shape)}")
    squares = pad(square(x), [(0, 0)] * 3 + [(radius, radius)])
    total = squares[..., 2 * radius :]
    for i in range(2 * radius):
        total = total + squares[..., i : i - 2 * radius]
    return x / (bias + alpha * total) ** beta
