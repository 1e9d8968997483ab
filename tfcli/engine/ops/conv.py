"""Convolution over 1, 2 or 3 spatial axes, channels last, with strides, padding, dilations and groups.

Axes: x (N, *in, C), kernel (*k, C / groups, F), output (N, *out, F). Conv, ConvInputGrad and ConvKernelGrad come from
one form that is linear in x, in the kernel and in the output, so that they are each other's gradients, to any order.
A transposed convolution is the gradient of a convolution in its input, with an output size chosen by rule.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfcli.engine.op import Op
from tfcli.engine.ops.shape import reshape
from tfcli.engine.ops.window import Padding, Window, as_padding, infer_windows, pads_of_axis, per_axis, window
from tfcli.engine.spec import Shape, TensorSpec, show_shape
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DtypeError, ShapeError

CHUNK_BYTES = 32 << 20
"""Patches made at a time."""
CACHE_BYTES = 1 << 20
"""What is visited once for each tap, in parts small enough for the cache."""


class Sliding(Op, abstract=True):
    """The settings of a convolution, the same for its gradients."""

    multiplies = True

    strides: tuple[int, ...]
    padding: Padding
    dilations: tuple[int, ...]
    groups: int = 1

    def window(self, x_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> Window:
        return window(tuple(x_shape[1:-1]), tuple(kernel_shape[:-2]), self.strides, self.dilations, self.padding)

    def sibling(self, op: type["Sliding"]) -> "Sliding":
        return op(self.strides, self.padding, self.dilations, self.groups)


class Conv(Sliding):
    """x (N, *in, C), kernel (*k, C / groups, F) -> (N, *out, F)."""

    def infer(self, x, kernel):
        rank = len(self.strides)
        check_floating("conv", x, kernel)
        if x.rank != rank + 2 or kernel.rank != rank + 2:
            raise ShapeError(
                f"conv: input {show_shape(x.shape)}, kernel {show_shape(kernel.shape)}; with {rank} spatial axes both "
                f"have {rank + 2} axes, (batch, *sizes, channels) and (*sizes, channels / groups, filters)"
            )
        self._check_channels(x, kernel)
        out = infer_windows("conv", x, kernel.shape[:-2], self.strides, self.dilations, self.padding)
        return TensorSpec(Shape((x.shape[0], *out, kernel.shape[-1])), x.dtype)

    def _check_channels(self, x: TensorSpec, kernel: TensorSpec) -> None:
        channels, (taken, filters) = x.shape[-1], kernel.shape[-2:]
        if filters is not None and filters % self.groups:
            raise ShapeError(
                f"conv: {filters} filters do not divide into {self.groups} groups; kernel {show_shape(kernel.shape)}"
            )
        if channels is not None and taken is not None and channels != taken * self.groups:
            raise ShapeError(
                f"conv: the input {show_shape(x.shape)} has {channels} channels, but the kernel "
                f"{show_shape(kernel.shape)} in {self.groups} group(s) takes {taken * self.groups}; the last axis of "
                "the input holds the channels"
            )

    def forward(self, x, kernel):
        w = self.window(x.shape, kernel.shape)
        if is_depthwise(self.groups, kernel):
            return depthwise_forward(x, kernel, w)
        result = np.empty((x.shape[0], *w.out, kernel.shape[-1]), x.dtype)
        for taken, filters in group_slices(self.groups, kernel.shape):
            _forward(x[..., taken], kernel[..., filters], w, result[..., filters])
        return result

    def vjp_x(self, g, y, x, kernel):
        return self.sibling(ConvInputGrad)(g, kernel, x)

    def vjp_kernel(self, g, y, x, kernel):
        return self.sibling(ConvKernelGrad)(x, g, kernel)


class ConvInputGrad(Sliding):
    """g (N, *out, F), kernel (*k, C / groups, F) -> (N, *in, C), the shape of `like`, which lends it alone."""

    vjp_like = None

    def infer(self, g, kernel, like):
        return TensorSpec(like.shape, g.dtype)

    def forward(self, g, kernel, like):
        return input_gradient(g, kernel, self.window(like.shape, kernel.shape), self.groups)

    def vjp_g(self, h, y, g, kernel, like):
        return self.sibling(Conv)(h, kernel)

    def vjp_kernel(self, h, y, g, kernel, like):
        return self.sibling(ConvKernelGrad)(h, g, kernel)


class ConvKernelGrad(Sliding):
    """x (N, *in, C), g (N, *out, F) -> (*k, C / groups, F), the shape of `like`, which lends it alone."""

    vjp_like = None

    def infer(self, x, g, like):
        return TensorSpec(like.shape, x.dtype)

    def forward(self, x, g, like):
        w = self.window(x.shape, like.shape)
        if is_depthwise(self.groups, like):
            return depthwise_kernel_gradient(x, g, w, like)
        result = np.empty(like.shape, x.dtype)
        for taken, filters in group_slices(self.groups, like.shape):
            result[..., filters] = _kernel_gradient(x[..., taken], g[..., filters], w).reshape(*like.shape[:-1], -1)
        return result

    def vjp_x(self, h, y, x, g, like):
        return self.sibling(ConvInputGrad)(g, h, x)

    def vjp_g(self, h, y, x, g, like):
        return self.sibling(Conv)(x, h)


class ConvTranspose(Op):
    """x (N, *in, C), kernel (*k, F, C) -> (N, *out, F): a convolution would map it back to the shape of x.

    `out` is `sizes`, or follows Keras's rule, where reach is the extent of the dilated kernel: in * stride for "same",
    in * stride + max(reach - stride, 0) for "valid", (in - 1) * stride + reach - 2 * pad + output_padding with that.
    """

    multiplies = True

    strides: tuple[int, ...]
    padding: Padding
    dilations: tuple[int, ...]
    output_padding: tuple[int, ...] | None = None
    sizes: tuple[int, ...] | None = None

    def infer(self, x, kernel):
        rank = len(self.strides)
        check_floating("conv_transpose", x, kernel)
        if x.rank != rank + 2 or kernel.rank != rank + 2:
            raise ShapeError(
                f"conv_transpose: input {show_shape(x.shape)}, kernel {show_shape(kernel.shape)}; with {rank} spatial "
                f"axes both have {rank + 2} axes, (batch, *sizes, channels) and (*sizes, filters, channels)"
            )
        if x.shape[-1] != kernel.shape[-1] and None not in (x.shape[-1], kernel.shape[-1]):
            raise ShapeError(
                f"conv_transpose: the input {show_shape(x.shape)} has {x.shape[-1]} channels, but the kernel "
                f"{show_shape(kernel.shape)} takes {kernel.shape[-1]}; its axes are (*sizes, filters, channels)"
            )
        out = self.output_sizes(x.shape[1:-1], kernel.shape[:-2])
        self._check_sizes(x, kernel, out)
        return TensorSpec(Shape((x.shape[0], *out, kernel.shape[-2])), x.dtype)

    def output_sizes(self, sizes: Sequence[int | None], kernel: Sequence[int | None]) -> tuple[int | None, ...]:
        if self.sizes is not None:
            return self.sizes
        return tuple(self._output_size(i, n, k) for i, (n, k) in enumerate(zip(sizes, kernel, strict=True)))

    def _output_size(self, axis: int, n: int | None, k: int | None) -> int | None:
        if n is None or k is None:
            return None
        stride, dilation = self.strides[axis], self.dilations[axis]
        reach = (k - 1) * dilation + 1
        if self.output_padding is None and self.padding == "same":
            return n * stride
        if self.output_padding is None and self.padding == "valid":
            return n * stride + max(reach - stride, 0)
        if self.padding == "same":
            cut = 2 * (reach // 2)
        else:
            cut = sum(pads_of_axis(self.padding, axis, n, k, stride, dilation))
        return (n - 1) * stride + reach - cut + (0 if self.output_padding is None else self.output_padding[axis])

    def _check_sizes(self, x: TensorSpec, kernel: TensorSpec, out: tuple[int | None, ...]) -> None:
        target = TensorSpec(Shape((None, *out, None)), x.dtype)
        back = infer_windows("conv_transpose", target, kernel.shape[:-2], self.strides, self.dilations, self.padding)
        if any(a != b and None not in (a, b) for a, b in zip(back, x.shape[1:-1], strict=True)):
            raise ShapeError(
                f"conv_transpose: the output sizes {show_shape(out)} do not go with the input {show_shape(x.shape)}: a "
                f"convolution with strides {self.strides} maps them to {show_shape(back)}; choose another "
                "output_padding or output_shape"
            )

    def forward(self, x, kernel):
        sizes = self.output_sizes(x.shape[1:-1], kernel.shape[:-2])
        w = window(sizes, kernel.shape[:-2], self.strides, self.dilations, self.padding)
        return input_gradient(x, kernel, w, 1)

    def vjp_x(self, g, y, x, kernel):
        return Conv(self.strides, self.padding, self.dilations)(g, kernel)

    def vjp_kernel(self, g, y, x, kernel):
        return ConvKernelGrad(self.strides, self.padding, self.dilations)(g, x, kernel)


def check_floating(what: str, x: TensorSpec, kernel: TensorSpec) -> None:
    if x.dtype != kernel.dtype or not x.dtype.is_floating:
        raise DtypeError(f"{what}: input {x}, kernel {kernel}; expected one floating dtype, tf.cast converts")


def group_slices(groups: int, kernel_shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """For each group its channels of x, and its filters, which are its channels of the output."""
    channels, filters = kernel_shape[-2], kernel_shape[-1] // groups
    return ((slice(i * channels, (i + 1) * channels), slice(i * filters, (i + 1) * filters)) for i in range(groups))


def _forward(x: np.ndarray, kernel: np.ndarray, w: Window, out: np.ndarray) -> None:
    """One group's convolution, into `out`."""
    matrix = kernel.reshape(-1, kernel.shape[-1])
    for part in batches(len(x), matrix.shape[0] * int(np.prod(w.out)) * x.itemsize, CHUNK_BYTES):
        out[part] = (patches(x[part], w) @ matrix).reshape(-1, *w.out, matrix.shape[1])


def input_gradient(g: np.ndarray, kernel: np.ndarray, w: Window, groups: int) -> np.ndarray:
    """(N, *in, C): for each tap, its product with g added where the tap met x."""
    if is_depthwise(groups, kernel):
        return depthwise_input_gradient(g, kernel, w, groups)
    channels = kernel.shape[-2]
    padded = w.empty_padded(len(g), channels * groups, g.dtype)
    for taken, filters in group_slices(groups, kernel.shape):
        for part in batches(len(g), channels * int(np.prod(w.out)) * g.itemsize, CACHE_BYTES):
            rows, target = g[part][..., filters].reshape(-1, kernel.shape[-1] // groups), padded[part][..., taken]
            for place, where in w.positions():
                target[where] += (rows @ kernel[place][:, filters].T).reshape(-1, *w.out, channels)
    return w.crop(padded)


def _kernel_gradient(x: np.ndarray, g: np.ndarray, w: Window) -> np.ndarray:
    """One group's (K * C, F): the patches' products with g, summed over the batch."""
    width = int(np.prod(w.size)) * x.shape[-1]
    total = np.zeros((width, g.shape[-1]), x.dtype)
    for part in batches(len(x), width * int(np.prod(w.out)) * x.itemsize, CHUNK_BYTES):
        total += patches(x[part], w).T @ g[part].reshape(-1, g.shape[-1])
    return total


def batches(n: int, bytes_each: int, budget: int) -> Iterator[slice]:
    """The batch in parts of about `budget` bytes."""
    size = max(1, budget // max(bytes_each, 1))
    return (slice(i, min(i + size, n)) for i in range(0, n, size))


def patches(x: np.ndarray, w: Window) -> np.ndarray:
    """What each window sees, (N * out, K * C): a view of x where each entry is a window."""
    padded, channels = w.pad(x), x.shape[-1]
    rows = len(x) * int(np.prod(w.out))
    if (
        channels < 8 and not w.trivial
    ):  # one long copy a tap and channel; copies along so few channels would be too short
        columns = np.empty((*w.size, channels, len(x), *w.out), x.dtype)
        for place, where in w.positions():
            columns[place] = np.moveaxis(padded[where], -1, 0)
        return columns.reshape(-1, rows).T
    n, *steps, step = padded.strides
    shape = (len(x), *w.out, *w.size, channels)
    strides = (
        n,
        *(a * s for a, s in zip(steps, w.strides, strict=True)),
        *(a * d for a, d in zip(steps, w.dilations, strict=True)),
        step,
    )
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False).reshape(rows, -1)


def is_depthwise(groups: int, kernel: np.ndarray) -> bool:
    """Whether each group has a single channel, which would make the products too small."""
    return groups > 1 and kernel.shape[-2] == 1


def depthwise_forward(x: np.ndarray, kernel: np.ndarray, w: Window) -> np.ndarray:
    """(N, *out, C * M): tap by tap; each channel stands M times beside itself."""
    result, rows = np.zeros((len(x), *w.out, kernel.shape[-1]), x.dtype), _rows(kernel, w)
    for part in batches(len(x), result[:1].nbytes, CACHE_BYTES):
        padded, out = _spread(x[part], kernel, w), result[part]
        product = np.empty_like(out)
        for place, where in w.positions():
            out += np.multiply(padded[where], rows[place], out=product)
    return result


def depthwise_input_gradient(g: np.ndarray, kernel: np.ndarray, w: Window, channels: int) -> np.ndarray:
    """(N, *in, C)."""
    padded, rows = w.empty_padded(len(g), g.shape[-1], g.dtype), _rows(kernel, w)
    for part in batches(len(g), g[:1].nbytes, CACHE_BYTES):
        product = np.empty_like(g[part])
        for place, where in w.positions():
            padded[part][where] += np.multiply(g[part], rows[place], out=product)
    spread, multiplier = w.crop(padded), g.shape[-1] // channels
    return sum((spread[..., i::multiplier] for i in range(1, multiplier)), spread[..., ::multiplier])


def depthwise_kernel_gradient(x: np.ndarray, g: np.ndarray, w: Window, like: np.ndarray) -> np.ndarray:
    """(*k, 1, C * M)."""
    total = np.zeros(like.shape, x.dtype)
    for part in batches(len(x), g[:1].nbytes, CACHE_BYTES):
        padded = _spread(x[part], like, w)
        for place, where in w.positions():
            product = padded[where] * g[part]
            total[place][0] += np.ones(product[..., 0].size, x.dtype) @ product.reshape(-1, g.shape[-1])
    return total


def _rows(kernel: np.ndarray, w: Window) -> np.ndarray:
    """The kernel (*k, out, C * M) repeated along the last spatial axis, so that numpy multiplies whole rows."""
    return np.ascontiguousarray(np.broadcast_to(kernel, (*w.size, w.out[-1], kernel.shape[-1])))


def _spread(x: np.ndarray, kernel: np.ndarray, w: Window) -> np.ndarray:
    """x padded, (N, *padded, C * M), with each channel M times beside itself."""
    return w.pad(np.repeat(x, kernel.shape[-1] // x.shape[-1], axis=-1))


def conv(
    x: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: Any = "valid",
    dilations: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """x (N, *in, C) convolved with kernel (*k, C / groups, F) -> (N, *out, F). Raises ShapeError, DtypeError.

    Padding: "valid", "same", "causal", or (before, after) for each spatial axis.
    """
    x = convert_to_tensor(x)
    rank = _spatial_rank("conv", x)
    op = Conv(
        per_axis(strides, rank, "conv"), as_padding(padding, rank, "conv"), per_axis(dilations, rank, "conv"), groups
    )
    return op(x, kernel)


def depthwise_conv(
    x: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: Any = "valid",
    dilations: int | Sequence[int] = 1,
) -> Tensor:
    """Each channel by itself: x (N, *in, C), kernel (*k, C, M) -> (N, *out, C * M). Raises ShapeError, DtypeError."""
    x, kernel = convert_to_tensor(x), convert_to_tensor(kernel)
    *size, channels, multiplier = kernel.shape
    if x.shape[-1] not in (channels, None):
        raise ShapeError(
            f"depthwise_conv: the input {show_shape(x.shape)} has {x.shape[-1]} channels, but the kernel "
            f"{show_shape(kernel.shape)} takes {channels}; its axes are (*sizes, channels, multiplier)"
        )
    return conv(x, reshape(kernel, (*size, 1, channels * multiplier)), strides, padding, dilations, groups=channels)


def conv_transpose(
    x: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: Any = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilations: int | Sequence[int] = 1,
    output_shape: Sequence[int] | None = None,
) -> Tensor:
    """x (N, *in, C) spread by kernel (*k, F, C) -> (N, *out, F). Raises ShapeError, DtypeError.

    `output_shape`: the spatial sizes, where the rule with `output_padding` does not give them.
    """
    x = convert_to_tensor(x)
    what = "conv_transpose"
    rank = _spatial_rank(what, x)
    if output_padding is not None:
        extra = (output_padding,) * rank if isinstance(output_padding, int) else output_padding
        output_padding = tuple(int(p) for p in extra)
    sizes = None if output_shape is None else per_axis(output_shape, rank, what)
    settings = per_axis(strides, rank, what), as_padding(padding, rank, what), per_axis(dilations, rank, what)
    return ConvTranspose(*settings, output_padding, sizes)(x, kernel)


def _spatial_rank(what: str, x: Tensor) -> int:
    if x.ndim < 3:
        raise ShapeError(
            f"{what}: expected an input (batch, *sizes, channels) of 3 axes or more, got {show_shape(x.shape)}"
        )
    return x.ndim - 2
