"""Max and average pooling and their gradients, a vector of channels at a time: x (N, *in, C), y (N, *out, C).

Windows are cut off at the border instead of padded. The gradients are written where they belong by one task for each
image, which adds them up in the order of the windows. Small windows that lie inside go without loops over their
entries, and where none overlap a maximum's gradient is written once.
"""

import functools
import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf, prod

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.code import Code, Local, Value, vector
from tfcli.engine.kernels.contraction import Epilogue, Place
from tfcli.engine.kernels.lowering import Argument, Emitter, lowers
from tfcli.engine.kernels.vectors import FLOATS, as_number, each_vector, floating, lanes_for, read, shape_of, write
from tfcli.engine.ops.pool import AveragePool, AveragePoolGrad, MaxPool, MaxPoolGrad, Pooling
from tfcli.engine.ops.window import window
from tfcli.engine.tensor import Tensor

_ENTRIES = 1 << 13
"""Entries worth handing to a thread."""
_MOST_TAPS = 9
"""Of windows whose entries the kernel's text names one by one."""


@lowers(MaxPool)
def max_pool(node: Node, emit: Emitter) -> bool:
    """The largest entry of each window."""
    (x,), y = node.inputs, node.outputs[0]
    return _pool(emit, node.op, x, y, [x, y], _max_kernel)


@lowers(AveragePool)
def average_pool(node: Node, emit: Emitter) -> bool:
    """The mean of each window's entries."""
    (x,), y = node.inputs, node.outputs[0]
    return _pool(emit, node.op, x, y, [x, y], _average_kernel)


@lowers(MaxPoolGrad)
def max_pool_grad(node: Node, emit: Emitter, epilogue: Epilogue | None = None) -> bool:
    """The gradient to the first maximum of each window."""
    (g, x, y), result = node.inputs, node.outputs[0]
    return _pool(emit, node.op, x, y, [g, x, y, result], _max_grad_kernel, epilogue)


@lowers(AveragePoolGrad)
def average_pool_grad(node: Node, emit: Emitter) -> bool:
    """The gradient shared out over each window."""
    (g, like), result = node.inputs, node.outputs[0]
    return _pool(emit, node.op, like, g, [g, result], _average_grad_kernel)


def _pool(
    emit: Emitter,
    op: object,
    x: Tensor,
    y: Tensor,
    arrays: Sequence[Tensor],
    kernel: Callable[..., Code],
    epilogue: Epilogue | None = None,
) -> bool:
    """Windows over x, with `arrays` as the kernel's arguments. A task is a line of y, or in a gradient an image."""
    if not floating(arrays[0].dtype):
        return False
    assert isinstance(op, Pooling)
    images, *sizes, channels = shape_of(x)
    out = shape_of(y)[1:-1]
    pads = window(tuple(sizes), op.pool_size, op.strides, (1,) * len(sizes), op.padding).pads
    axes = [(1, 1, 1, 1, 0)] * (3 - len(sizes))
    axes += [
        (size, windows, taps, stride, before)
        for size, windows, taps, stride, (before, _) in zip(sizes, out, op.pool_size, op.strides, pads, strict=True)
    ]
    element = FLOATS[arrays[0].dtype.name]
    epilogue = epilogue and epilogue.beside(channels)
    form = _Form.of(axes, element, lanes_for(element, emit.target.lanes))
    if epilogue and not form.covers:
        return False
    words: list[Argument] = [*arrays, channels, *itertools.chain(*axes), *(epilogue.arguments if epilogue else ())]
    tasks = images if kernel in (_max_grad_kernel, _average_grad_kernel) else images * prod(out[:-1])
    work = prod(out) * images * channels * prod(op.pool_size)
    emit(kernel(form, epilogue), words, tasks, max(1, _ENTRIES * tasks // max(1, work)))
    return True


@dataclass(frozen=True)
class _Form:
    """What a kernel's text depends on."""

    element: str
    lanes: int
    taps: tuple[int, ...] | None
    """Of windows that lie inside and have few entries; None for others."""
    apart: bool
    """Whether no two such windows overlap."""
    covers: bool
    """Whether each entry belongs to one such window."""

    @classmethod
    def of(cls, axes: Sequence[tuple[int, ...]], element: str, lanes: int) -> "_Form":
        inside = all(not before and (out - 1) * stride + taps <= size for size, out, taps, stride, before in axes)
        if not inside or prod(axis[2] for axis in axes) > _MOST_TAPS:
            return cls(element, lanes, None, False, False)
        apart = all(taps <= stride for _, _, taps, stride, _ in axes)
        covers = all(taps == stride and out * taps == size for size, out, taps, stride, _ in axes)
        return cls(element, lanes, tuple(axis[2] for axis in axes), apart, covers)


@dataclass(frozen=True)
class _Axis:
    """A spatial axis: sizes of x and y, taps of a window, distance of windows, and how far the first begins outside."""

    size: Value
    out: Value
    taps: Value
    stride: Value
    before: Value

    def inside(self, window: Value) -> tuple[Value, Value]:
        """The first position of x that the window meets, and the one after its last."""
        code, start = self.size.code, window * self.stride - self.before
        return code.maximum(start, 0), code.minimum(start + self.taps, self.size)


class _Pooling:
    """What the four kernels share: their arguments, and the loops over windows and their entries."""

    def __init__(self, name: str, arrays: int, form: _Form) -> None:
        self.code, self.form, self.element, self.lanes = Code(name), form, form.element, form.lanes
        code, self.kind = self.code, vector(form.lanes, form.element)
        self.arrays = [code.argument(i) for i in range(arrays)]
        self.channels = code.argument(arrays, "i64")
        words = [code.argument(arrays + 1 + i, "i64") for i in range(15)]
        self.axes = [_Axis(*words[i : i + 5]) for i in (0, 5, 10)]
        self.own = arrays + 16
        """The first of an epilogue's arguments."""

    def lines(self) -> Iterator[tuple[Value, Value, Value]]:
        """For each task, which is a line of y: image, plane and line."""
        depth, height, _ = self.axes
        with self.code.tasks() as task:
            rest = task // height.out
            yield rest // depth.out, rest % depth.out, task % height.out

    def windows(self, image: Value, plane: Value, line: Value) -> Iterator[tuple[list[Value], Value, Value | None]]:
        """The windows of a line of y, a vector of channels at a time: the window's place, where the vector begins in y,
        and its mask.
        """
        depth, height, width = self.axes
        with self.code.loop(0, width.out) as column:
            place = ((image * depth.out + plane) * height.out + line) * width.out + column
            for channel, mask in each_vector(self.code, self.channels, self.lanes):
                self.channel = channel
                yield [image, plane, line, column], place * self.channels + channel, mask

    def entries(self, window: Sequence[Value]) -> Iterator[Value]:
        """Where the vectors of x begin that the window meets, in row-major order.

        Where the text knows the taps these are so many; else there is one in Python's eyes, and the kernel loops.
        """
        image, *place = window
        if self.form.taps is not None:
            starts = [index * axis.stride for axis, index in zip(self.axes, place, strict=True)]
            for tap in itertools.product(*map(range, self.form.taps)):
                yield self._entry(image, [start + i for start, i in zip(starts, tap, strict=True)])
            return
        with ExitStack() as loops:
            inside = [axis.inside(index) for axis, index in zip(self.axes, place, strict=True)]
            yield self._entry(image, [loops.enter_context(self.code.loop(*ends)) for ends in inside])

    def _entry(self, image: Value, place: Sequence[Value]) -> Value:
        at = image
        for axis, i in zip(self.axes, place, strict=True):
            at = at * axis.size + i
        return at * self.channels + self.channel

    def share(self, window: Sequence[Value]) -> Value:
        """One over the number of entries that the window meets, in all lanes; 0 where there is none."""
        code, count = self.code, self.code.constant("i64", 1)
        for axis, index in zip(self.axes, window[1:], strict=True):
            first, stop = axis.inside(index)
            count = count * code.maximum(stop - first, 0)
        share = code.constant("double", 1) / as_number(code, code.maximum(count, 1), "double")
        share = code.select(count > 0, share, 0.0)
        return code.splat(share if self.element == "double" else code.convert(share, "fptrunc", "float"), self.lanes)

    def clear(self, result: Value, image: Value) -> None:
        """Zeros for the image."""
        code, (depth, height, width) = self.code, self.axes
        count = depth.size * height.size * width.size * self.channels
        for i, mask in each_vector(code, count, self.lanes):
            write(code, code.constant(self.kind, 0), result, image * count + i, self.element, mask)

    def read(self, base: Value, at: Value, mask: Value | None) -> Value:
        return read(self.code, base, at, self.element, self.lanes, mask)

    def write(self, value: Value, base: Value, at: Value, mask: Value | None) -> None:
        write(self.code, value, base, at, self.element, mask)


def _reduced(
    pooling: _Pooling, window: Sequence[Value], mask: Value | None, start: float, act: Callable[[Value, Value], Value]
) -> Local:
    """What `act` makes of the window's vectors, one after the other."""
    total = pooling.code.local(pooling.kind, start)
    for entry in pooling.entries(window):
        total.set(act(total.get(), pooling.read(pooling.arrays[0], entry, mask)))
    return total


@functools.cache
def _max_kernel(form: _Form, epilogue: None) -> Code:
    pooling = _Pooling("max_pool", 2, form)
    for task in pooling.lines():
        for place, at, mask in pooling.windows(*task):
            largest = _reduced(pooling, place, mask, -inf, pooling.code.maximum)
            pooling.write(largest.get(), pooling.arrays[1], at, mask)
    return pooling.code


@functools.cache
def _average_kernel(form: _Form, epilogue: None) -> Code:
    pooling = _Pooling("average_pool", 2, form)
    for task in pooling.lines():
        for place, at, mask in pooling.windows(*task):
            total = _reduced(pooling, place, mask, 0.0, lambda total, entry: total + entry)
            pooling.write(total.get() * pooling.share(place), pooling.arrays[1], at, mask)
    return pooling.code


_max_gradients: dict[tuple[_Form, Hashable], Code] = {}


def _max_grad_kernel(form: _Form, epilogue: Epilogue | None) -> Code:
    key = (form, epilogue.key if epilogue else None)
    if key not in _max_gradients:
        _max_gradients[key] = _write_max_grad(form, epilogue)
    return _max_gradients[key]


def _write_max_grad(form: _Form, epilogue: Epilogue | None) -> Code:
    pooling = _Pooling("max_pool_grad", 4, form)
    code, (g, x, y, result) = pooling.code, pooling.arrays
    begun = epilogue.begin(code, pooling.own) if epilogue else None
    for image, plane, line in _cleared(pooling, result):
        for place, at, mask in pooling.windows(image, plane, line):
            largest, gradient = pooling.read(y, at, mask), pooling.read(g, at, mask)
            elsewhere, free = gradient * 0.0, code.local(vector(form.lanes, "i1"), 1)
            for entry in pooling.entries(place):
                hit = pooling.read(x, entry, mask).equals(largest) & free.get()
                free.set(free.get() & hit.equals(0))
                value = code.select(hit, gradient, elsewhere)
                if not form.apart:
                    value = value + pooling.read(result, entry, mask)
                if epilogue:
                    where = Place(code, form.lanes, form.element, entry, pooling.channel, 0, mask)
                    value = epilogue.finish(begun, where, value)
                pooling.write(value, result, entry, mask)
    return code


@functools.cache
def _average_grad_kernel(form: _Form, epilogue: None) -> Code:
    pooling = _Pooling("average_pool_grad", 2, form)
    g, result = pooling.arrays
    for image, plane, line in _cleared(pooling, result):
        for place, at, mask in pooling.windows(image, plane, line):
            share = pooling.read(g, at, mask) * pooling.share(place)
            for entry in pooling.entries(place):
                value = share if form.apart else pooling.read(result, entry, mask) + share
                pooling.write(value, result, entry, mask)
    return pooling.code


def _cleared(pooling: _Pooling, result: Value) -> Iterator[tuple[Value, Value, Value]]:
    """The lines of y, image by image, each image of the result cleared before if need be."""
    code, (depth, height, _) = pooling.code, pooling.axes
    with code.tasks() as image:
        if not pooling.form.covers:
            pooling.clear(result, image)
        with code.loop(0, depth.out) as plane, code.loop(0, height.out) as line:
            yield image, plane, line
