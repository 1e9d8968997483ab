"""Convolutions and their gradients as contractions: no patch of an image is ever copied.

x (N, *in, C), kernel (*k, C / groups, F), y (N, *out, F). With strides s, dilations d and p zeros before:

    y[n, o, f] = sum over t, c of x[n, o s + t d - p, c] kernel[t, c, f]

A row of a register tile is an output column, the inner axes are the taps and the channels. The gradient in x is for
each phase (the input positions that leave the same rest when divided by s) a convolution of y's gradient with stride 1,
with every so many taps of the kernel, turned round. The gradient in the kernel has taps and channels as rows and sums
over output positions and images; blocks of images are summed apart from each other and added in order.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd, prod

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels import winograd
from tfcli.engine.kernels.code import SIZES
from tfcli.engine.kernels.contraction import Axis, Epilogue
from tfcli.engine.kernels.gemm import Clip, Contraction, contract, joined, row_major
from tfcli.engine.kernels.lowering import Argument, Emitter, Scratch, lowers
from tfcli.engine.kernels.packing import Border, add_blocks, pad
from tfcli.engine.kernels.vectors import FLOATS, floating, shape_of
from tfcli.engine.ops.conv import Conv, ConvInputGrad, ConvKernelGrad, ConvTranspose
from tfcli.engine.ops.window import Window, window
from tfcli.engine.tensor import Tensor

_MOST_BLOCKS = 16
"""Of images, in a kernel's gradient."""
_PARTIAL_ELEMENTS = 1 << 20
"""Of all blocks' gradients together."""


@dataclass(frozen=True)
class Slide:
    """How windows pass along one spatial axis: output o meets, with tap t, the source at first + o * stride + t * step,
    the kernel at tap + t * tap_step, and is written to place + o * spread.
    """

    size: int
    """Of the source."""
    out: int
    taps: int
    first: int
    stride: int
    step: int
    tap: int = 0
    tap_step: int = 1
    place: int = 0
    spread: int = 1

    @property
    def inside(self) -> bool:
        """Whether all windows lie in the source."""
        return self.before == 0 and self.after == 0

    @property
    def slow(self) -> bool:
        """Whether three taps side by side move on by one entry."""
        return (self.taps, self.stride, self.step, self.spread) == (winograd.TAPS, 1, 1, 1)

    @property
    def before(self) -> int:
        """Zeros needed before the source."""
        return max(0, -self.first)

    @property
    def after(self) -> int:
        reach = self.first + (self.out - 1) * self.stride + max(self.taps - 1, 0) * self.step + 1
        return max(0, reach - self.size)


@dataclass(frozen=True)
class Filters:
    """The other sizes: of each group, `taken` channels of the source and `made` channels of what is written; how far
    apart these, and the kernel's taps, channels and groups are in the kernel.
    """

    groups: int
    taken: int
    made: int
    tap: int
    take: int
    make: int
    group: int

    @property
    def columns_are_channels(self) -> bool:
        """Whether a column has its place in the last axis of what is written, as an epilogue takes it, and not that
        within a group."""
        return self.groups == 1 or self.depthwise

    @property
    def depthwise(self) -> bool:
        return self.groups > 1 and self.taken == 1 and self.made == 1


@lowers(Conv)
def conv(node: Node, emit: Emitter, epilogue: Epilogue | None = None) -> bool:
    """A convolution."""
    x, kernel = node.inputs
    op: Conv = node.op  # type: ignore[assignment]
    sizes = _forward_filters(kernel, op.groups)
    if not floating(x.dtype) or (epilogue and not sizes.columns_are_channels):
        return False
    slides = _forward_slides(op.window(shape_of(x), shape_of(kernel)))
    _convolve(emit, x, kernel, node.outputs[0], [slides], sizes, epilogue)
    return True


@lowers(ConvInputGrad)
def conv_input_grad(node: Node, emit: Emitter, epilogue: Epilogue | None = None) -> bool:
    """The gradient of a convolution in its input."""
    g, kernel, like = node.inputs
    op: ConvInputGrad = node.op  # type: ignore[assignment]
    w = op.window(shape_of(like), shape_of(kernel))
    return _spread(emit, g, kernel, node.outputs[0], w, op.groups, epilogue)


@lowers(ConvTranspose)
def conv_transpose(node: Node, emit: Emitter, epilogue: Epilogue | None = None) -> bool:
    """A transposed convolution, which is the gradient of a convolution in its input."""
    x, kernel = node.inputs
    op: ConvTranspose = node.op  # type: ignore[assignment]
    sizes = shape_of(node.outputs[0])[1:-1]
    w = window(sizes, shape_of(kernel)[:-2], op.strides, op.dilations, op.padding)
    return _spread(emit, x, kernel, node.outputs[0], w, 1, epilogue)


@lowers(ConvKernelGrad)
def conv_kernel_grad(node: Node, emit: Emitter) -> bool:
    """The gradient of a convolution in its kernel."""
    x, g, like = node.inputs
    if not floating(x.dtype):
        return False
    op: ConvKernelGrad = node.op  # type: ignore[assignment]
    w = op.window(shape_of(x), shape_of(like))
    _kernel_gradient(emit, x, g, node.outputs[0], _forward_slides(w), _forward_filters(like, op.groups))
    return True


def _forward_slides(w: Window) -> list[Slide]:
    axes = zip(w.sizes, w.out, w.size, w.pads, w.strides, w.dilations, strict=True)
    return [Slide(size, out, taps, -before, s, d) for size, out, taps, (before, _), s, d in axes]


def _forward_filters(kernel: Tensor, groups: int) -> Filters:
    taken, filters = shape_of(kernel)[-2:]
    made = filters // groups
    return Filters(groups, taken, made, taken * filters, filters, 1, made)


def _spread(
    emit: Emitter, g: Tensor, kernel: Tensor, y: Tensor, w: Window, groups: int, epilogue: Epilogue | None
) -> bool:
    """The gradient in the input, phase by phase."""
    taken, filters = shape_of(kernel)[-2:]
    sizes = Filters(groups, filters // groups, taken, taken * filters, 1, filters, filters // groups)
    if not floating(g.dtype) or (epilogue and not sizes.columns_are_channels):
        return False
    axes = zip(w.out, w.sizes, w.size, w.pads, w.strides, w.dilations, strict=True)
    phases = [list(_phases(*axis)) for axis in axes]
    _convolve(emit, g, kernel, y, list(itertools.product(*phases)), sizes, epilogue)
    return True


def _phases(size: int, made: int, taps: int, pads: tuple[int, int], stride: int, dilation: int) -> list[Slide]:
    """How the positions that are i modulo `stride` of the convolution's input come from its output of `size`.

    Tap t met position i where (i + before - t * dilation) is a multiple of the stride; such taps are `every` apart.
    """
    slides = []
    every = stride // gcd(stride, dilation)
    for phase in range(min(stride, made)):
        out = -(-(made - phase) // stride)
        start = phase + pads[0]
        fitting = [t for t in range(min(every, taps)) if (start - t * dilation) % stride == 0]
        count = len(range(fitting[0], taps, every)) if fitting else 0
        step = every * dilation // stride
        last = (start - fitting[0] * dilation) // stride - (count - 1) * step if fitting else 0
        tap = fitting[0] + (count - 1) * every if fitting else 0
        slides.append(Slide(size, out, count, last, 1, step, tap, -every, phase, stride))
    return slides


def _convolve(
    emit: Emitter,
    source: Tensor,
    kernel: Tensor,
    target: Tensor,
    several: Sequence[Sequence[Slide]],
    sizes: Filters,
    epilogue: Epilogue | None = None,
) -> None:
    """Convolutions of one source with parts of one kernel, into parts of one target."""
    images, element = shape_of(source)[0], FLOATS[source.dtype.name]
    shapes = _in_squares(emit, source, kernel, several, sizes)
    if shapes:
        winograd.convolve(emit, source, kernel, target, shapes, _strides(several[0], shape_of(kernel), sizes), epilogue)
        return
    # Along the lines of an image, taps beyond the border are left out; along its columns they meet zeros.
    clipped = len(several[0]) == 2
    padded, several = _bordered(emit, source, several, sizes.groups * sizes.taken, element, clipped)
    for slides in several:
        contract(
            emit,
            padded,
            kernel,
            target,
            replace(
                _forward(images, slides, shape_of(kernel), shape_of(target), sizes, element),
                bfloat16=emit.in_bfloat16(source, kernel),
            ),
            epilogue,
        )


def _in_squares(
    emit: Emitter, x: Tensor, y: Tensor, several: Sequence[Sequence[Slide]], sizes: Filters
) -> winograd.Shapes | None:
    """How a product of x and y over these slides is done by squares, if it is."""
    if len(several) > 1 or len(several[0]) != 2 or sizes.groups > 1 or x.dtype.name != "float32":
        return None
    if not all(axis.slow for axis in several[0]) or (emit.target.bfloat16 and emit.in_bfloat16(x, y)):
        return None
    down, across = several[0]
    shapes = winograd.Shapes(
        shape_of(x)[0],
        (down.size, across.size),
        (down.out, across.out),
        (-down.first, -across.first),
        sizes.taken,
        sizes.made,
    )
    return shapes if shapes.worthwhile(emit.target) else None


def _strides(slides: Sequence[Slide], kernel: tuple[int, ...], sizes: Filters) -> winograd.Strides:
    """Where the slides meet the kernel."""
    first, second = row_major(kernel[:-2], sizes.tap)
    down, across = slides
    start = down.tap * first + across.tap * second
    return winograd.Strides(start, (down.tap_step * first, across.tap_step * second), sizes.take, sizes.make)


def _bordered(
    emit: Emitter, source: Tensor, several: Sequence[Sequence[Slide]], channels: int, element: str, clipped: bool
) -> tuple[Argument, list[list[Slide]]]:
    """The source with zeros around it where windows reach beyond it, and the slides over that; `clipped`: windows are
    cut off along the first axis, which needs none.
    """
    borders = [
        Border(axis[0].size, max(s.before for s in axis), max(s.after for s in axis))
        for axis in zip(*several, strict=True)
    ]
    if clipped:
        borders[0] = Border(borders[0].size, 0, 0)
    if not any(border.before or border.after for border in borders):
        return source, [list(slides) for slides in several]
    moved = [
        [replace(s, size=b.padded, first=s.first + b.before) for s, b in zip(slides, borders, strict=True)]
        for slides in several
    ]
    return pad(emit, source, shape_of(source)[0], borders, channels, element), moved


def _forward(
    images: int,
    slides: Sequence[Slide],
    kernel: tuple[int, ...],
    target: tuple[int, ...],
    sizes: Filters,
    element: str,
) -> Contraction:
    """target[n, o, f] = sum over t, c of source[n, o, t, c] * kernel[t, c, f]."""
    channels, filters = sizes.groups * sizes.taken, sizes.groups * sizes.made
    source_strides = row_major([s.size for s in slides], channels)
    target_strides = row_major(target[1:-1], filters)
    tap_strides = row_major(kernel[:-2], sizes.tap)
    image = prod(s.size for s in slides) * channels
    axes = [Axis(images, a=image, c=prod(target[1:-1]) * filters)]
    inner = []
    a_start = b_start = c_start = 0
    for slide, source, tap, made in zip(slides, source_strides, tap_strides, target_strides, strict=True):
        axes.append(Axis(slide.out, a=slide.stride * source, c=slide.spread * made))
        inner.append(Axis(slide.taps, a=slide.step * source, b=slide.tap_step * tap))
        a_start, b_start, c_start = (
            a_start + slide.first * source,
            b_start + slide.tap * tap,
            c_start + slide.place * made,
        )
    if sizes.depthwise:
        columns = Axis(sizes.groups, a=1, b=1, c=1)
    else:
        columns = Axis(sizes.made, b=sizes.make, c=1)
        inner.append(Axis(sizes.taken, a=1, b=sizes.take))
        axes.insert(0, Axis(sizes.groups, a=sizes.taken, b=sizes.group, c=sizes.made))
    if 0 in (axis.size for axis in inner):
        inner, a_start, b_start = [Axis(0)], 0, 0
    what = Contraction(tuple(axes[:-1]), axes[-1], tuple(inner), columns, element, a_start, b_start, c_start)
    if slides[0].inside or inner[0].size == 0:
        return what
    first = slides[0]
    return replace(what, clip=Clip(first.first, first.stride, first.step, first.size))


def _kernel_gradient(
    emit: Emitter, x: Tensor, g: Tensor, target: Tensor, slides: Sequence[Slide], sizes: Filters
) -> None:
    """target[t, c, f] = sum over n, o of x[n, o, t, c] * g[n, o, f], block by block of images."""
    images, element = shape_of(x)[0], FLOATS[x.dtype.name]
    shapes = _in_squares(emit, x, g, [slides], sizes)
    if shapes:
        winograd.kernel_gradient(emit, x, g, target, shapes)
        return
    channels = sizes.groups * sizes.taken
    clipped = len(slides) == 2 and (sizes.depthwise or (sizes.groups == 1 and slides[1].step == 1))
    padded, (slides,) = _bordered(emit, x, [slides], channels, element, clipped)
    what = _backward(slides, sizes, element)
    image_x = prod(s.size for s in slides) * channels
    image_g = prod(s.out for s in slides) * sizes.groups * sizes.made
    count = prod(shape_of(target))
    most = min(_MOST_BLOCKS, max(1, _PARTIAL_ELEMENTS // max(1, count)))
    each = -(-images // most) if images else 1
    blocks, rest = divmod(images, each)
    several = blocks + bool(rest) > 1
    partial: Argument = Scratch((blocks + 1) * count * SIZES[element]) if several else target
    whole = replace(
        what,
        batch=(Axis(blocks, image_x * each, image_g * each, count), *what.batch),
        sequence=Axis(each, image_x, image_g),
    )
    if blocks or not images:
        contract(emit, padded, g, partial, whole if images else replace(what, inner=(Axis(0),)))
    if rest:
        last = replace(
            what,
            a_start=what.a_start + blocks * each * image_x,
            b_start=blocks * each * image_g,
            c_start=blocks * count,
            sequence=Axis(rest, image_x, image_g),
        )
        contract(emit, padded, g, partial, last)
    if several:
        add_blocks(emit, partial, target, blocks + bool(rest), count, element)


def _backward(slides: Sequence[Slide], sizes: Filters, element: str) -> Contraction:
    """Of one image."""
    channels, filters = sizes.groups * sizes.taken, sizes.groups * sizes.made
    source_strides = row_major([s.size for s in slides], channels)
    g_strides = row_major([s.out for s in slides], filters)
    tap_strides = row_major([s.taps for s in slides], sizes.tap)
    a_start = sum(slide.first * stride for slide, stride in zip(slides, source_strides, strict=True))
    rows, inner = [], []
    for slide, source, tap, made in zip(slides, source_strides, tap_strides, g_strides, strict=True):
        rows.append(Axis(slide.taps, a=slide.step * source, c=tap))
        inner.append(Axis(slide.out, a=slide.stride * source, b=made))
    if sizes.depthwise:
        columns = Axis(sizes.groups, a=1, b=1, c=1)
    else:
        columns = Axis(sizes.made, b=1, c=1)
        rows.append(Axis(sizes.taken, a=1, c=sizes.take))
        rows.insert(0, Axis(sizes.groups, a=sizes.taken, b=sizes.made, c=sizes.group))
    what = Contraction(tuple(rows[:-1]), rows[-1], tuple(inner), columns, element, a_start)
    if slides[0].inside:
        return what
    # Where windows are clipped, the lines of taps are the axis next to the rows.
    first, kept = slides[0], rows[:1] if sizes.depthwise else rows[1:2]
    row = rows[-1] if sizes.depthwise else joined(rows[-2], rows[-1])
    assert row is not None
    return replace(what, batch=tuple(kept), rows=row, clip=Clip(first.first, first.step, first.stride, first.size))
