"""Code: the text of one compiled kernel, written in LLVM's language by ordinary Python expressions.

A kernel is a function of an array of 64-bit words, its arguments (addresses and integers), and of a range of tasks.
Tasks are independent of each other, so that threads may share them out in any way without a change of the result.

Values know their LLVM type, a string: `float`, `i64`, `ptr`, `<8 x float>`. Python numbers adapt to the value beside
them. Loops keep what changes in locals, which LLVM turns into registers.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

SIZES = {"float": 4, "double": 8, "i64": 8, "i32": 4, "i16": 2, "i8": 1, "i1": 1, "bfloat": 2, "half": 2, "ptr": 8}
"""Bytes of an element in memory."""


@functools.cache
def vector(lanes: int, element: str) -> str:
    """The type of `lanes` elements side by side."""
    return f"<{lanes} x {element}>"


@functools.cache
def element_of(kind: str) -> str:
    return kind.split(" x ")[1][:-1] if kind.startswith("<") else kind


@functools.cache
def lanes_of(kind: str) -> int:
    """How many elements; 0 for a scalar."""
    return int(kind[1:].split(" x ")[0]) if kind.startswith("<") else 0


@functools.cache
def is_float(kind: str) -> bool:
    return element_of(kind) in ("float", "double", "bfloat", "half")


class Value:
    """What one instruction computed."""

    __slots__ = ("code", "kind", "name")

    def __init__(self, code: Code, kind: str, name: str) -> None:
        self.code, self.kind, self.name = code, kind, name

    def _binary(self, integer: str, real: str, other: Any, swapped: bool = False) -> Value:
        other = self.code.like(self, other)
        assert self.kind == other.kind, f"{self.kind} with {other.kind}"
        left, right = (other, self) if swapped else (self, other)
        return self.code.value(
            self.kind, f"{real if is_float(self.kind) else integer} {self.kind} {left.name}, {right.name}"
        )

    def __add__(self, other: Any) -> Value:
        return self._binary("add", "fadd", other)

    def __radd__(self, other: Any) -> Value:
        return self._binary("add", "fadd", other, True)

    def __sub__(self, other: Any) -> Value:
        return self._binary("sub", "fsub", other)

    def __rsub__(self, other: Any) -> Value:
        return self._binary("sub", "fsub", other, True)

    def __mul__(self, other: Any) -> Value:
        return self._binary("mul", "fmul", other)

    def __rmul__(self, other: Any) -> Value:
        return self._binary("mul", "fmul", other, True)

    def __truediv__(self, other: Any) -> Value:
        return self._binary("sdiv", "fdiv", other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._binary("sdiv", "fdiv", other, True)

    def __floordiv__(self, other: Any) -> Value:
        """Of integers that are not negative."""
        return self._binary("udiv", "", other)

    def __mod__(self, other: Any) -> Value:
        """Of integers that are not negative."""
        return self._binary("urem", "", other)

    def __and__(self, other: Any) -> Value:
        return self._binary("and", "", other)

    def __or__(self, other: Any) -> Value:
        return self._binary("or", "", other)

    def __xor__(self, other: Any) -> Value:
        return self._binary("xor", "", other)

    def __lshift__(self, other: Any) -> Value:
        return self._binary("shl", "", other)

    def __rshift__(self, other: Any) -> Value:
        """Filled with zeros."""
        return self._binary("lshr", "", other)

    def __neg__(self) -> Value:
        if is_float(self.kind):
            return self.code.value(self.kind, f"fneg {self.kind} {self.name}")
        return 0 - self

    def _compare(self, integer: str, real: str, other: Any) -> Value:
        other = self.code.like(self, other)
        assert self.kind == other.kind, f"{self.kind} with {other.kind}"
        lanes = lanes_of(self.kind)
        how = f"fcmp {real}" if is_float(self.kind) else f"icmp {integer}"
        return self.code.value(vector(lanes, "i1") if lanes else "i1", f"{how} {self.kind} {self.name}, {other.name}")

    def __lt__(self, other: Any) -> Value:
        return self._compare("slt", "olt", other)

    def __le__(self, other: Any) -> Value:
        return self._compare("sle", "ole", other)

    def __gt__(self, other: Any) -> Value:
        return self._compare("sgt", "ogt", other)

    def __ge__(self, other: Any) -> Value:
        return self._compare("sge", "oge", other)

    def equals(self, other: Any) -> Value:
        return self._compare("eq", "oeq", other)

    def differs(self, other: Any) -> Value:
        """True also where one of them is NaN."""
        return self._compare("ne", "une", other)

    def is_nan(self) -> Value:
        return self._compare("", "uno", self)


class Local:
    """A place for a value that changes: a counter, an accumulator."""

    __slots__ = ("address", "code", "kind")

    def __init__(self, code: Code, kind: str, address: str) -> None:
        self.code, self.kind, self.address = code, kind, address

    def get(self) -> Value:
        return self.code.value(self.kind, f"load {self.kind}, ptr {self.address}")

    def set(self, value: Any) -> None:
        value = self.code.constant(self.kind, value) if isinstance(value, int | float) else value
        assert value.kind == self.kind, f"{value.kind} into {self.kind}"
        self.code.line(f"store {self.kind} {value.name}, ptr {self.address}")


class Code:
    """Writes `void name(ptr arguments, i64 begin, i64 end)`, which does the tasks from `begin` to before `end`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._entry: list[str] = []
        self._lines: list[str] = []
        self._declared: dict[str, str] = {}
        self._count = 0
        self.begin, self.end = Value(self, "i64", "%begin"), Value(self, "i64", "%end")

    # writing

    def line(self, text: str) -> None:
        self._lines.append(f"  {text}")

    def value(self, kind: str, text: str) -> Value:
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(self, kind, name)

    def _label(self) -> str:
        self._count += 1
        return f"b{self._count}"

    def _place(self, label: str) -> None:
        self._lines.append(f"{label}:")

    def text(self) -> str:
        """The whole module."""
        return "\n".join(
            [
                *self._declared.values(),
                f"define void @{self.name}(ptr noalias %arguments, i64 %begin, i64 %end) {{",
                "entry:",
                *self._entry,
                "  br label %start",
                "start:",
                *self._lines,
                "  ret void",
                "}",
                "",
            ]
        )

    # values

    def constant(self, kind: str, number: float) -> Value:
        if element_of(kind) in ("float", "double"):
            return Value(self, kind, _real(kind, float(number).hex()))
        assert int(number) == number, f"{number} as {kind}"
        return Value(self, kind, _repeated(kind, str(int(number))))

    def like(self, value: Value, other: Any) -> Value:
        """`other` as a value: a Python number as a constant of the same kind."""
        return other if isinstance(other, Value) else self.constant(value.kind, other)

    def argument(self, index: int, kind: str = "ptr") -> Value:
        """The word at `index`, an address or an integer."""
        return self.value(kind, f"load {kind}, ptr {self.at(Value(self, 'ptr', '%arguments'), index, 'i64').name}")

    def local(self, kind: str, start: Any = None) -> Local:
        self._count += 1
        address = f"%l{self._count}"
        self._entry.append(f"  {address} = alloca {kind}")
        made = Local(self, kind, address)
        if start is not None:
            made.set(start)
        return made

    def array(self, kind: str, count: int, align: int = 64) -> Value:
        """Memory for `count` elements on the stack."""
        self._count += 1
        self._entry.append(f"  %l{self._count} = alloca [{count} x {kind}], align {align}")
        return Value(self, "ptr", f"%l{self._count}")

    def call(self, kind: str, name: str, *arguments: Value) -> Value:
        """Call a function of LLVM's: `llvm.fma.v8f32`."""
        self._declared[name] = f"declare {kind} @{name}({', '.join(a.kind for a in arguments)})"
        return self.value(kind, f"call {kind} @{name}({', '.join(f'{a.kind} {a.name}' for a in arguments)})")

    def intrinsic(self, name: str, *arguments: Value) -> Value:
        """Call `llvm.name` for the arguments' kind, which is the result's, too."""
        return self.call(arguments[0].kind, f"llvm.{name}.{_mangled(arguments[0].kind)}", *arguments)

    def fma(self, x: Value, y: Value, z: Value) -> Value:
        """x * y + z, rounded once."""
        return self.intrinsic("fma", x, y, z)

    def maximum(self, x: Value, y: Any) -> Value:
        """The larger; NaN where one is."""
        y = self.like(x, y)
        if not is_float(x.kind):
            return self.intrinsic("smax", x, y)
        return self.select(x.is_nan(), x, self.select(x > y, x, y))

    def minimum(self, x: Value, y: Any) -> Value:
        """The smaller; NaN where one is."""
        y = self.like(x, y)
        if not is_float(x.kind):
            return self.intrinsic("smin", x, y)
        return self.select(x.is_nan(), x, self.select(x < y, x, y))

    def select(self, condition: Value, yes: Any, no: Any) -> Value:
        yes = yes if isinstance(yes, Value) else self.like(no, yes)
        no = self.like(yes, no)
        return self.value(
            yes.kind, f"select {condition.kind} {condition.name}, {yes.kind} {yes.name}, {no.kind} {no.name}"
        )

    def splat(self, scalar: Value, lanes: int) -> Value:
        """The scalar in every lane."""
        kind = vector(lanes, scalar.kind)
        first = self.value(kind, f"insertelement {kind} poison, {scalar.kind} {scalar.name}, i32 0")
        mask = vector(lanes, "i32")
        return self.value(kind, f"shufflevector {kind} {first.name}, {kind} poison, {mask} zeroinitializer")

    def shuffle(self, x: Value, y: Value, order: Sequence[int]) -> Value:
        """The lanes of x and, after them, y that `order` names."""
        kind = vector(len(order), element_of(x.kind))
        mask = ", ".join(f"i32 {i}" for i in order)
        return self.value(
            kind, f"shufflevector {x.kind} {x.name}, {y.kind} {y.name}, {vector(len(order), 'i32')} <{mask}>"
        )

    def lane(self, x: Value, index: int) -> Value:
        return self.value(element_of(x.kind), f"extractelement {x.kind} {x.name}, i32 {index}")

    def sum_lanes(self, x: Value) -> Value:
        """The sum over the lanes, by halves: always in the same order."""
        lanes = lanes_of(x.kind)
        while lanes > 1:
            lanes //= 2
            x = self.shuffle(x, x, range(lanes)) + self.shuffle(x, x, range(lanes, 2 * lanes))
        return self.lane(x, 0)

    def max_lanes(self, x: Value) -> Value:
        lanes = lanes_of(x.kind)
        while lanes > 1:
            lanes //= 2
            x = self.maximum(self.shuffle(x, x, range(lanes)), self.shuffle(x, x, range(lanes, 2 * lanes)))
        return self.lane(x, 0)

    def convert(self, x: Value, how: str, element: str) -> Value:
        """`how`: sitofp, fptosi, fpext, fptrunc, zext, sext, trunc, bitcast, uitofp, inttoptr, ptrtoint."""
        kind = vector(lanes_of(x.kind), element) if lanes_of(x.kind) else element
        return self.value(kind, f"{how} {x.kind} {x.name} to {kind}")

    # memory

    def at(self, base: Value, index: Any, element: str = "float") -> Value:
        """The address of the element at `index`."""
        index = self.constant("i64", index) if isinstance(index, int) else index
        return self.value("ptr", f"getelementptr {element}, ptr {base.name}, i64 {index.name}")

    def load(self, address: Value, kind: str) -> Value:
        return self.value(kind, f"load {kind}, ptr {address.name}, align {SIZES[element_of(kind)]}")

    def store(self, value: Value, address: Value) -> None:
        align = SIZES[element_of(value.kind)]
        self.line(f"store {value.kind} {value.name}, ptr {address.name}, align {align}")

    def first_lanes(self, count: Value, lanes: int) -> Value:
        """A mask: true in the first `count` lanes."""
        # Of 32 bits, as wide as the lanes of most vectors: half as many instructions as with 64.
        few = self.convert(self.minimum(count, lanes), "trunc", "i32")
        numbers = Value(self, vector(lanes, "i32"), "<" + ", ".join(f"i32 {i}" for i in range(lanes)) + ">")
        return numbers < self.splat(few, lanes)

    def load_masked(self, address: Value, kind: str, mask: Value) -> Value:
        """Zero where the mask is false; nothing is read there."""
        align = Value(self, "i32", str(SIZES[element_of(kind)]))
        zeros = self.constant(kind, 0)
        return self.call(kind, f"llvm.masked.load.{_mangled(kind)}.p0", address, align, mask, zeros)

    def prefetch(self, address: Value) -> None:
        """Have the line at `address`, which will be written, brought to the first cache."""
        name = "llvm.prefetch.p0"
        self._declared[name] = f"declare void @{name}(ptr, i32, i32, i32)"
        self.line(f"call void @{name}(ptr {address.name}, i32 1, i32 3, i32 1)")

    def store_masked(self, value: Value, address: Value, mask: Value) -> None:
        """Nothing is written where the mask is false."""
        name = f"llvm.masked.store.{_mangled(value.kind)}.p0"
        self._declared[name] = f"declare void @{name}({value.kind}, ptr, i32, {mask.kind})"
        align = SIZES[element_of(value.kind)]
        self.line(
            f"call void @{name}({value.kind} {value.name}, ptr {address.name}, i32 {align}, {mask.kind} {mask.name})"
        )

    # control

    @contextmanager
    def loop(self, start: Any, stop: Any, step: Any = 1) -> Iterator[Value]:
        """`for i in range(start, stop, step)`, of i64 with a positive step."""
        start, stop, step = (self.constant("i64", n) if isinstance(n, int) else n for n in (start, stop, step))
        counter = self.local("i64", start)
        head, body, after = self._label(), self._label(), self._label()
        self.line(f"br label %{head}")
        self._place(head)
        i = counter.get()
        self.line(f"br i1 {(i < stop).name}, label %{body}, label %{after}")
        self._place(body)
        yield i
        counter.set(counter.get() + step)
        self.line(f"br label %{head}")
        self._place(after)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        body, after = self._label(), self._label()
        self.line(f"br i1 {condition.name}, label %{body}, label %{after}")
        self._place(body)
        yield
        self.line(f"br label %{after}")
        self._place(after)

    @contextmanager
    def tasks(self) -> Iterator[Value]:
        """For each task."""
        with self.loop(self.begin, self.end) as task:
            yield task


@functools.cache
def _real(kind: str, number: str) -> str:
    """The text of a constant; `number` is a float's `hex`, which tells 0.0 from -0.0."""
    exact = float.fromhex(number)
    rounded = struct.unpack("f", struct.pack("f", exact))[0] if element_of(kind) == "float" else exact
    return _repeated(kind, f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}")


def _repeated(kind: str, text: str) -> str:
    """The number in all lanes."""
    lanes = lanes_of(kind)
    return "<" + ", ".join([f"{element_of(kind)} {text}"] * lanes) + ">" if lanes else text


@functools.cache
def _mangled(kind: str) -> str:
    lanes, element = lanes_of(kind), element_of(kind)
    short = {"float": "f32", "double": "f64", "bfloat": "bf16", "half": "f16"}.get(element, element)
    return f"v{lanes}{short}" if lanes else short
