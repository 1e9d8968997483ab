"""Recurrent cells over whole sequences: a task takes some rows of the batch through all steps, waiting for no other.

The recurrent kernel is packed once, so that a register tile, `rows` of the batch by some vectors of columns, reads it
in order: forward (U / lanes, U, gates, lanes), all gates of a unit side by side so that the cell follows the product in
registers; backward (columns of U, gates * U, columns), the transposed kernel. Rows beyond a task's last are its last
one again, which writes the same numbers twice.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from tfcli.engine.graph.ir import Node
from tfcli.engine.kernels import scalar
from tfcli.engine.kernels.code import SIZES, Code, Value, vector
from tfcli.engine.kernels.layout import UNITS, Walk, emit_walk
from tfcli.engine.kernels.lowering import Argument, Emitter, Scratch, lowers
from tfcli.engine.kernels.target import Target, thread_count
from tfcli.engine.kernels.vectors import each_vector, floating, lanes_for, read, shape_of, write
from tfcli.engine.op import Op
from tfcli.engine.ops import recurrent as ops

_COLUMNS = 4
"""Vectors of a tile, backward."""
_TOGETHER = 2
"""Rows whose cells are computed side by side in one wide vector, so that their long chains overlap."""


def _tile_rows(target: Target, columns: int) -> int:
    """Rows of a tile with so many vectors: a power of two, so that batches divide by it, with accumulators, splats and
    a vector of the kernel in registers. A single column takes eight, as each row is but one chain of additions.
    """
    most = 8 if columns == 1 else (target.registers - 1) // (columns + 1)
    return max(_TOGETHER, 1 << (most.bit_length() - 1))


@lowers(ops.LstmSequence, ops.GruSequence, ops.SimpleRnnSequence)
def sequence(node: Node, emit: Emitter) -> bool:
    op: Any = node.op
    cells: dict[type[Op], type[_Recurrent]] = {
        ops.LstmSequence: _Lstm,
        ops.GruSequence: _Gru,
        ops.SimpleRnnSequence: _Simple,
    }
    return _emit(node, node.inputs[1 + op.states], node.inputs[0], cells[type(op)], op.gates, emit)


@lowers(ops.LstmSequenceGrad, ops.GruSequenceGrad, ops.SimpleRnnSequenceGrad)
def sequence_grad(node: Node, emit: Emitter) -> bool:
    cells: dict[type[Op], type[_Recurrent]] = {
        ops.LstmSequenceGrad: _LstmBack,
        ops.GruSequenceGrad: _GruBack,
        ops.SimpleRnnSequenceGrad: _SimpleBack,
    }
    return _emit(node, node.inputs[-1], node.outputs[-1], cells[type(node.op)], 0, emit)


@lowers(ops.StepsBefore)
def steps_before(node: Node, emit: Emitter) -> bool:
    """The first state to the first place, all but the last step to the places behind it."""
    (first, steps), (y,) = node.inputs, node.outputs
    batch, length, units = shape_of(steps)
    unit = UNITS.get(y.dtype.numpy.itemsize)
    if unit is None or not length:
        return False
    row = length * units
    emit_walk(emit, first, y, Walk((batch, units), (units, 1), (row, 1)), unit)
    emit_walk(emit, steps, y, Walk((batch, row - units), (row, 1), (row, 1), 0, units), unit)
    return True


def _emit(node: Node, kernel: Any, over_time: Any, maker: Any, columns: int, emit: Emitter) -> bool:
    """Pack the kernel, then run all steps. `columns`: vectors of a tile; 0 for the transposed kernel."""
    element = floating(kernel.dtype)
    batch, steps, _ = shape_of(over_time)
    units, depth = shape_of(kernel)
    if element is None or not batch * steps * units:
        return False
    lanes = lanes_for(element, emit.target.lanes)
    back = not columns
    columns = columns or min(_COLUMNS, -(-units // lanes))
    width = lanes * (columns if back else 1)
    blocks = -(-units // width)
    packed = Scratch(blocks * width * depth * SIZES[element])
    pack = pack_back_kernel(element, lanes * columns) if back else pack_kernel(element, columns, lanes)
    emit(pack, [kernel, packed, units, depth], blocks)
    rows = _tile_rows(emit.target, columns)
    group = -(-batch // (thread_count() * rows)) * rows
    code = recurrent_kernel(maker, element, lanes, rows, columns, units % lanes == 0)
    arrays: list[Argument] = [packed if tensor is kernel else tensor for tensor in node.inputs]
    emit(code, [*arrays, *node.outputs, batch, steps, units, group], -(-batch // group))
    return True


@functools.cache
def pack_kernel(element: str, gates: int, lanes: int) -> Code:
    """kernel (U, gates * U) -> packed (U / lanes, U, gates, lanes), zeros beyond U. A task is a block of `lanes` units.

    Arguments: kernel, packed, units, gates * units.
    """
    code = Code("pack_gates")
    kernel, packed = code.argument(0), code.argument(1)
    units, depth = code.argument(2, "i64"), code.argument(3, "i64")
    with code.tasks() as block:
        mask = code.first_lanes(units - block * lanes, lanes)
        with code.loop(0, units) as k:
            for gate in range(gates):
                entries = read(code, kernel, k * depth + gate * units + block * lanes, element, lanes, mask)
                write(code, entries, packed, ((block * units + k) * gates + gate) * lanes, element)
    return code


@functools.cache
def pack_back_kernel(element: str, width: int) -> Code:
    """kernel (U, gates * U) -> packed (U / width, gates * U, width), zeros beyond U. A task is a block of units.

    Arguments: kernel, packed, units, gates * units.
    """
    code = Code("pack_gates_back")
    kernel, packed = code.argument(0), code.argument(1)
    units, depth = code.argument(2, "i64"), code.argument(3, "i64")
    with code.tasks() as block, code.loop(0, width) as place:
        unit = block * width + place
        inside = unit < units
        source = code.at(kernel, code.select(inside, unit, 0) * depth, element)
        with code.loop(0, depth) as k:
            entry = code.select(inside, code.load(code.at(source, k, element), element), 0.0)
            code.store(entry, code.at(packed, (block * depth + k) * width + place, element))
    return code


@functools.cache
def recurrent_kernel(maker: Any, element: str, lanes: int, rows: int, columns: int, even: bool) -> Code:
    """The kernel of a cell, `maker`. Arguments: the op's inputs, the kernel packed among them, its outputs, batch,
    steps, units, rows in a task.

    `even`: the units fill whole vectors.
    """
    return maker(element, lanes, rows, columns, even).code


class _Recurrent:
    """Writes the kernel of one cell."""

    arrays: tuple[str, ...]
    """Names of the op's inputs and outputs, `kernel` the packed one."""

    def __init__(self, element: str, lanes: int, rows: int, columns: int, even: bool) -> None:
        self.element, self.lanes, self.rows, self.columns, self.even = element, lanes, rows, columns, even
        self.code = code = Code(type(self).__name__.strip("_").lower())
        self.array = {name: code.argument(i) for i, name in enumerate(self.arrays)}
        count = len(self.arrays)
        self.batch, self.steps, self.units, group = (code.argument(count + i, "i64") for i in range(4))
        self.tile = code.array(vector(lanes, element), rows * columns)
        with code.tasks() as task:
            self.first = task * group
            self.stop = code.minimum(self.first + group, self.batch)
            self.run()

    def run(self) -> None:
        raise AssertionError("a cell says what its tasks do")

    def each_tile(self) -> Any:
        return self.code.loop(self.first, self.stop, self.rows)

    def row(self, start: Value, number: Any) -> Value:
        """The row at a place of the tile that begins at `start`."""
        return self.code.minimum(start + number, self.stop - 1)

    def at_step(self, name: str, rows: Sequence[Value], step: Value, parts: int = 1) -> list[Value]:
        """The addresses of what belongs to rows and a step in an array (N, T, parts * U)."""
        width = self.units * parts
        return [self.code.at(self.array[name], (row * self.steps + step) * width, self.element) for row in rows]

    def of_rows(self, name: str, rows: Sequence[Value]) -> list[Value]:
        """The addresses of rows of an array (N, U)."""
        return [self.code.at(self.array[name], row * self.units, self.element) for row in rows]

    def before(self, first: str, later: str, rows: Sequence[Value], step: Value) -> list[Value]:
        """The addresses of the states before a step: `first` (N, U), or the step before in `later` (N, T, U)."""
        code = self.code
        earlier = self.at_step(later, rows, code.maximum(step - 1, 0))
        pairs = zip(self.of_rows(first, rows), earlier, strict=True)
        return [code.select(step.equals(0), start, other) for start, other in pairs]

    def read(self, addresses: Sequence[Value], at: Value, mask: Value | None, part: int = 0) -> Value:
        """A vector at each address, side by side."""
        place = at + self.units * part
        return self.joined([read(self.code, a, place, self.element, self.lanes, mask) for a in addresses])

    def write(self, value: Value, addresses: Sequence[Value], at: Value, mask: Value | None, part: int = 0) -> None:
        """The vectors in `value`, each to its address."""
        for i, address in enumerate(addresses):
            own = self.code.shuffle(value, value, range(i * self.lanes, (i + 1) * self.lanes))
            write(self.code, own, address, at + self.units * part, self.element, mask)

    def sigmoid(self, x: Value) -> Value:
        """By way of tanh, whose chain of operations is shorter than that of exp."""
        return self.code.fma(
            scalar.tanh(self.code, x * 0.5), self.code.constant(x.kind, 0.5), self.code.constant(x.kind, 0.5)
        )

    def joined(self, vectors: Sequence[Value]) -> Value:
        if len(vectors) == 1:
            return vectors[0]
        first, second = vectors
        return self.code.shuffle(first, second, range(_TOGETHER * self.lanes))

    def product(self, lefts: Sequence[Value], right: Value, depth: Value) -> list[list[Value]]:
        """Rows `lefts` (depth) times the packed `right` (depth, columns, lanes): a vector for each row and column."""
        code, kind = self.code, vector(self.lanes, self.element)
        totals = [[code.local(kind) for _ in range(self.columns)] for _ in lefts]
        for total in (t for row in totals for t in row):
            total.set(0.0)
        with code.loop(0, depth) as k:
            splats = [code.splat(code.load(code.at(left, k, self.element), self.element), self.lanes) for left in lefts]
            line = code.at(right, k * (self.columns * self.lanes), self.element)
            for column in range(self.columns):
                entries = code.load(code.at(line, column * self.lanes, self.element), kind)
                for splat, row in zip(splats, totals, strict=True):
                    row[column].set(code.fma(splat, entries, row[column].get()))
        return [[total.get() for total in row] for row in totals]


class _Forward(_Recurrent):
    """Product, then the cell, unit by unit."""

    def run(self) -> None:
        code = self.code
        with code.loop(0, self.steps) as step, code.loop(0, self.units, self.lanes) as at:
            mask = None if self.even else code.first_lanes(self.units - at, self.lanes)
            right = code.at(self.array["kernel"], at * self.units * self.columns, self.element)
            with self.each_tile() as start:
                lefts = self.before("h", "outputs", [self.row(start, i) for i in range(self.rows)], step)
                self._store(self.product(lefts, right, self.units))
                with code.loop(0, self.rows, _TOGETHER) as first:
                    numbers = [first + i for i in range(_TOGETHER)]
                    sums = [self.joined([self._stored(n, column) for n in numbers]) for column in range(self.columns)]
                    self.cell([self.row(start, n) for n in numbers], step, at, mask, sums)
        with code.loop(self.first, self.stop) as row:
            self.finish([row])

    def _store(self, products: list[list[Value]]) -> None:
        for i, product in enumerate(p for row in products for p in row):
            self.code.store(product, self.code.at(self.tile, i * self.lanes, self.element))

    def _stored(self, row: Value, column: int) -> Value:
        place = (row * self.columns + column) * self.lanes
        return self.code.load(self.code.at(self.tile, place, self.element), vector(self.lanes, self.element))

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None, products: list[Value]) -> None:
        raise AssertionError("a cell says what follows the product")

    def finish(self, rows: list[Value]) -> None:
        """The final states of rows."""
        self.last("outputs", "h_end", rows)

    def last(self, source: str, target: str, rows: list[Value]) -> None:
        for at, mask in each_vector(self.code, self.units, self.lanes):
            self.write(
                self.read(self.at_step(source, rows, self.steps - 1), at, mask), self.of_rows(target, rows), at, mask
            )


class _Lstm(_Forward):
    arrays = ("z", "h", "c", "kernel", "h_end", "c_end", "outputs", "gates", "cells")

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None, products: list[Value]) -> None:
        code, z, gates = self.code, self.at_step("z", rows, step, 4), self.at_step("gates", rows, step, 4)
        sums = [self.read(z, at, mask, part) + product for part, product in enumerate(products)]
        i, f, o = (self.sigmoid(sums[part]) for part in (0, 1, 3))
        g = scalar.tanh(code, sums[2])
        c = code.fma(f, self.read(self.before("c", "cells", rows, step), at, mask), i * g)
        for part, gate in enumerate((i, f, g, o)):
            self.write(gate, gates, at, mask, part)
        self.write(c, self.at_step("cells", rows, step), at, mask)
        self.write(o * scalar.tanh(code, c), self.at_step("outputs", rows, step), at, mask)

    def finish(self, rows: list[Value]) -> None:
        super().finish(rows)
        self.last("cells", "c_end", rows)


class _Gru(_Forward):
    arrays = ("z", "h", "kernel", "bias", "h_end", "outputs", "gates")

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None, products: list[Value]) -> None:
        code, x, gates = self.code, self.at_step("z", rows, step, 3), self.at_step("gates", rows, step, 4)
        bias = [self.array["bias"]] * len(rows)
        x_z, x_r, x_h = (self.read(x, at, mask, part) for part in range(3))
        h_z, h_r, h_h = (p + self.read(bias, at, mask, part) for part, p in enumerate(products))
        z, r = self.sigmoid(x_z + h_z), self.sigmoid(x_r + h_r)
        candidate = scalar.tanh(code, code.fma(r, h_h, x_h))
        before = self.read(self.before("h", "outputs", rows, step), at, mask)
        for part, gate in enumerate((z, r, candidate, h_h)):
            self.write(gate, gates, at, mask, part)
        self.write(code.fma(z, before, (1.0 - z) * candidate), self.at_step("outputs", rows, step), at, mask)


class _Simple(_Forward):
    arrays = ("z", "h", "kernel", "h_end", "outputs")

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None, products: list[Value]) -> None:
        z = self.read(self.at_step("z", rows, step), at, mask)
        self.write(scalar.tanh(self.code, z + products[0]), self.at_step("outputs", rows, step), at, mask)


class _Back(_Recurrent):
    """From the last step to the first: the cell's gradient, then what of it the kernel passes to the step before.

    The gradients of the states before a step are kept in the outputs, `to_h` and `to_c`.
    """

    carried: tuple[tuple[str, str], ...] = (("g_h", "to_h"),)
    gates = 1
    passed = "to_z"
    """The gradient of the product with the kernel."""

    def run(self) -> None:
        code = self.code
        for rows, at, mask in self._each_entry():
            for source, target in self.carried:
                self.write(self.read(self.of_rows(source, rows), at, mask), self.of_rows(target, rows), at, mask)
        with code.loop(0, self.steps) as back:
            step = self.steps - 1 - back
            for rows, at, mask in self._each_entry():
                self.cell(rows, step, at, mask)
            self._pass(step)

    def _each_entry(self) -> Iterator[tuple[list[Value], Value, Value | None]]:
        """Rows side by side, the place of a vector of units, and its mask."""
        with self.code.loop(self.first, self.stop, _TOGETHER) as start:
            rows = [self.row(start, i) for i in range(_TOGETHER)]
            for at, mask in each_vector(self.code, self.units, self.lanes):
                yield rows, at, mask

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None) -> None:
        """Leaves in `to_h` what goes to the state before by ways other than the kernel."""
        raise AssertionError("a cell says what its gradient is")

    def _pass(self, step: Value) -> None:
        """Add the gradient of the product times the transposed kernel to `to_h`."""
        code, depth = self.code, self.units * self.gates
        with code.loop(0, self.units, self.columns * self.lanes) as at:
            right = code.at(self.array["kernel"], at * depth, self.element)
            with self.each_tile() as start:
                rows = [self.row(start, i) for i in range(self.rows)]
                products = self.product(self.at_step(self.passed, rows, step, self.gates), right, depth)
                for column in range(self.columns):
                    self._add([product[column] for product in products], rows, at + column * self.lanes)

    def _add(self, values: list[Value], rows: list[Value], at: Value) -> None:
        """Add a vector for each row to `to_h`. Rows may be the same twice, so all are read before one is written."""
        mask = self.code.first_lanes(self.units - at, self.lanes)
        addresses = self.of_rows("to_h", rows)
        totals = [value + self.read([a], at, mask) for value, a in zip(values, addresses, strict=True)]
        for total, address in zip(totals, addresses, strict=True):
            self.write(total, [address], at, mask)


class _LstmBack(_Back):
    arrays = ("g_h", "g_c", "g_outputs", "gates", "cells", "c", "kernel", "to_h", "to_c", "to_z")
    carried = (("g_h", "to_h"), ("g_c", "to_c"))
    gates = 4

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None) -> None:
        code, to_c, to_h = self.code, self.of_rows("to_c", rows), self.of_rows("to_h", rows)
        gates, to_z = self.at_step("gates", rows, step, 4), self.at_step("to_z", rows, step, 4)
        i, f, g, o = (self.read(gates, at, mask, part) for part in range(4))
        t = scalar.tanh(code, self.read(self.at_step("cells", rows, step), at, mask))
        before = self.read(self.before("c", "cells", rows, step), at, mask)
        g_h = self.read(to_h, at, mask) + self.read(self.at_step("g_outputs", rows, step), at, mask)
        g_c = code.fma(g_h * o, 1.0 - t * t, self.read(to_c, at, mask))
        parts = (g_c * g * (i * (1.0 - i)), g_c * before * (f * (1.0 - f)), g_c * i * (1.0 - g * g))
        for part, value in enumerate((*parts, g_h * t * (o * (1.0 - o)))):
            self.write(value, to_z, at, mask, part)
        self.write(g_c * f, to_c, at, mask)
        self.write(code.constant(g_h.kind, 0.0), to_h, at, mask)


class _GruBack(_Back):
    arrays = ("g_h", "g_outputs", "gates", "outputs", "h", "kernel", "to_h", "to_z", "to_product")
    gates = 3
    passed = "to_product"

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None) -> None:
        to_h, gates = self.of_rows("to_h", rows), self.at_step("gates", rows, step, 4)
        to_z, to_product = (self.at_step(name, rows, step, 3) for name in ("to_z", "to_product"))
        z, r, candidate, h_h = (self.read(gates, at, mask, part) for part in range(4))
        before = self.read(self.before("h", "outputs", rows, step), at, mask)
        g_h = self.read(to_h, at, mask) + self.read(self.at_step("g_outputs", rows, step), at, mask)
        to_candidate = g_h * (1.0 - z) * (1.0 - candidate * candidate)
        gate_z = g_h * (before - candidate) * (z * (1.0 - z))
        gate_r = to_candidate * h_h * (r * (1.0 - r))
        for part, (own, product) in enumerate(((gate_z, gate_z), (gate_r, gate_r), (to_candidate, to_candidate * r))):
            self.write(own, to_z, at, mask, part)
            self.write(product, to_product, at, mask, part)
        self.write(g_h * z, to_h, at, mask)


class _SimpleBack(_Back):
    arrays = ("g_h", "g_outputs", "outputs", "kernel", "to_h", "to_z")

    def cell(self, rows: list[Value], step: Value, at: Value, mask: Value | None) -> None:
        to_h, output = self.of_rows("to_h", rows), self.read(self.at_step("outputs", rows, step), at, mask)
        g_h = self.read(to_h, at, mask) + self.read(self.at_step("g_outputs", rows, step), at, mask)
        self.write(g_h * (1.0 - output * output), self.at_step("to_z", rows, step), at, mask)
        self.write(self.code.constant(g_h.kind, 0.0), to_h, at, mask)
