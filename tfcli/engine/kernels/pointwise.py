"""Entry-by-entry kernels: a whole chain of ops in registers, each array read and written once.

The axes of the inputs are gathered into as few as their broadcasting allows, so that a bias on the last axis is a case
of two axes, and arrays of one shape are a case of one. The last of them is cut into vectors.
"""

import functools
from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

from tfcli.engine.graph.fused import Fused
from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels.code import Code, Value, vector
from tfcli.engine.kernels.lowering import Emitter, lowers
from tfcli.engine.kernels.scalar import ELEMENTS, SCALAR, is_scalar
from tfcli.engine.op import Op
from tfcli.engine.spec import TensorSpec
from tfcli.engine.tensor import Tensor, Variable

ENTRIES = 4096
"""Entries of a task, about; some microseconds of work."""

Step = tuple[Op, tuple[int, ...]]


def is_pointwise(op: Op, inputs: Sequence[Tensor], output: Tensor) -> bool:
    """Whether a kernel can compute the op entry by entry."""
    if not is_scalar(op, [x.dtype for x in inputs], output.dtype):
        return False
    return output.shape.is_fully_defined() and all(x.shape.is_fully_defined() for x in inputs)


class _Form(NamedTuple):
    """What a kernel's text depends on."""

    program: tuple[Step, ...]
    kinds: tuple[str, ...]
    """Element types of inputs and results."""
    present: tuple[tuple[bool, ...], ...]
    """For each input, which of the gathered axes it has; along the others it is broadcast."""
    outputs: tuple[int, ...]


def gather_axes(shapes: Sequence[Sequence[int]], shape: Sequence[int]) -> tuple[list[int], list[list[bool]]]:
    """The sizes of as few axes as will do, and for each of `shapes`, which broadcast to `shape`, the axes it has."""
    rank = len(shape)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    sizes: list[int] = []
    patterns: list[tuple[bool, ...]] = []
    for axis in range(rank):
        if shape[axis] == 1:
            continue
        pattern = tuple(s[axis] != 1 for s in padded)
        if patterns and patterns[-1] == pattern:
            sizes[-1] *= shape[axis]
        else:
            sizes.append(shape[axis])
            patterns.append(pattern)
    if not sizes:
        sizes, patterns = [1], [tuple(False for _ in shapes)]
    return sizes, [[pattern[i] for pattern in patterns] for i in range(len(shapes))]


@lowers(Fused)
def lower_fused(node: Node, emit: Emitter) -> bool:
    op = node.op
    assert isinstance(op, Fused)
    return emit_program(emit, op.program, node.inputs, dict(zip(op.outputs, node.outputs, strict=True)), op.specs)


def lower_single(node: Node, emit: Emitter) -> bool:
    """One op that stayed by itself."""
    count = len(node.inputs)
    specs = [x.spec for x in (*node.inputs, *node.outputs)]
    return emit_program(emit, ((node.op, tuple(range(count))),), node.inputs, {count: node.outputs[0]}, specs)


def emit_copy(emit: Emitter, source: Tensor | Variable, target: Tensor | Variable) -> bool:
    """Write what `source` holds to `target`, of the same shape."""
    return emit_program(emit, (), [source], {0: target}, [source.spec])


def emit_program(
    emit: Emitter,
    program: tuple[Step, ...],
    inputs: Sequence[Tensor | Variable],
    outputs: Mapping[int, Tensor | Variable],
    specs: Sequence[TensorSpec],
) -> bool:
    """Inputs that broadcast to one shape, through `program`, whose steps name places among inputs and results.

    `specs`: those of the inputs and all results; `outputs`: where to write what stands at a place.
    """
    kinds = tuple(ELEMENTS.get(spec.dtype.name, "") for spec in specs)
    if "" in kinds:
        return False
    shape = [size or 0 for size in specs[-1].shape]
    if 0 in shape:
        return True
    sizes, present = gather_axes([[size or 0 for size in i.shape] for i in inputs], shape)
    code = kernel(_Form(program, kinds, tuple(map(tuple, present)), tuple(outputs)), emit.target.lanes)
    *outer, inner = sizes
    rows = prod(outer)
    span = ENTRIES if inner >= ENTRIES or rows == 1 else inner
    group = 1 if span == ENTRIES else max(1, ENTRIES // inner)
    tasks = -(-inner // span) * -(-rows // group)
    emit(code, [*inputs, *outputs.values(), *outer, inner, span, rows, group], tasks)
    return True


@functools.cache
def kernel(form: _Form, lanes: int) -> Code:
    """Arguments: inputs, outputs, the sizes of the outer axes, of the inner one, entries of it in a task, rows (the
    product of the outer sizes), rows in a task.
    """
    return _Pointwise(form, lanes).code


class _Pointwise:
    def __init__(self, form: _Form, lanes: int) -> None:
        self.form, self.lanes = form, lanes
        self.code = code = Code("pointwise")
        inputs, axes = len(form.present), len(form.present[0]) if form.present else 1
        count = inputs + len(form.outputs)
        self.arrays = [code.argument(i) for i in range(count)]
        self.outer = [code.argument(count + i, "i64") for i in range(axes - 1)]
        inner, span, rows, group = (code.argument(count + axes - 1 + i, "i64") for i in range(4))
        self.inner = inner
        spans = (inner + span - 1) // span
        with code.tasks() as task:
            start = task % spans * span
            stop = code.minimum(start + span, inner)
            first = task // spans * group
            with code.loop(first, code.minimum(first + group, rows)) as row:
                self._row(row, start, stop)

    def _row(self, row: Value, start: Value, stop: Value) -> None:
        """The entries from `start` to before `stop` of one row."""
        code, lanes = self.code, self.lanes
        bases = [self._base(i, row) for i in range(len(self.form.present))]
        bases += [self._row_of(self.arrays[len(bases) + i], row, o) for i, o in enumerate(self.form.outputs)]
        fixed = {
            i: self._broadcast(base, self.form.kinds[i])
            for i, base in enumerate(bases[: len(self.form.present)])
            if not self.form.present[i][-1]
        }
        whole = stop - (stop - start) % lanes
        with code.loop(start, whole, lanes) as at:
            self._entries(bases, fixed, at, None)
        with code.when(whole < stop):
            self._entries(bases, fixed, whole, code.first_lanes(stop - whole, lanes))

    def _row_of(self, array: Value, row: Value, place: int) -> Value:
        return self.code.at(array, row * self.inner, stored(self.form.kinds[place]))

    def _base(self, index: int, row: Value) -> Value:
        """Where the row's part of an input begins."""
        present = self.form.present[index]
        array, kind = self.arrays[index], stored(self.form.kinds[index])
        if all(present):
            return self._row_of(array, row, index)
        if not any(present[:-1]):
            return array
        offset, stride = None, self.inner if present[-1] else None
        left = row
        for axis in range(len(present) - 2, -1, -1):
            size = self.outer[axis]
            place = left % size if axis else left
            left = left // size if axis else left
            if present[axis]:
                part = place if stride is None else place * stride
                offset = part if offset is None else offset + part
                stride = size if stride is None else stride * size
        assert offset is not None
        return self.code.at(array, offset, kind)

    def _broadcast(self, base: Value, kind: str) -> Value:
        return from_memory(self.code, self.code.splat(self.code.load(base, stored(kind)), self.lanes), kind)

    def _entries(self, bases: list[Value], fixed: dict[int, Value], at: Value, mask: Value | None) -> None:
        """A vector of entries: read, compute, write."""
        code, form = self.code, self.form
        values: list[Value] = []
        for i in range(len(form.present)):
            if i in fixed:
                values.append(fixed[i])
                continue
            own = stored(form.kinds[i])
            address, kind = code.at(bases[i], at, own), vector(self.lanes, own)
            loaded = code.load(address, kind) if mask is None else code.load_masked(address, kind, mask)
            values.append(from_memory(code, loaded, form.kinds[i]))
        for op, places in form.program:
            values.append(SCALAR[type(op)](code, op, [values[p] for p in places]))
        for base, place in zip(bases[len(form.present) :], form.outputs, strict=True):
            value = to_memory(code, values[place], form.kinds[place])
            address = code.at(base, at, stored(form.kinds[place]))
            if mask is None:
                code.store(value, address)
            else:
                code.store_masked(value, address, mask)


def stored(kind: str) -> str:
    """How an element lies in memory: a truth value takes a byte."""
    return "i8" if kind == "i1" else kind


def from_memory(code: Code, value: Value, kind: str) -> Value:
    """What was loaded, as it is computed with."""
    return value.differs(0) if kind == "i1" else value


def to_memory(code: Code, value: Value, kind: str) -> Value:
    """What was computed, as it is stored."""
    return code.convert(value, "zext", "i8") if kind == "i1" else value
