"""What kernels share that go through rows of numbers: vectors with a masked rest, accumulators, sharing out rows."""

from collections.abc import Iterator
from typing import NamedTuple

from tfcli.engine.kernels.code import Code, Value, vector
from tfcli.engine.spec import DType
from tfcli.engine.tensor import Tensor

FLOATS = {"float32": "float", "float64": "double"}
"""LLVM's types for the floating dtypes that kernels take."""
NUMBERS = {**FLOATS, "int32": "i32", "int64": "i64"}

ENTRIES = 4096
"""Entries of a task, about; some microseconds of work."""


def lanes_for(element: str, lanes: int) -> int:
    """How many entries go into a register that holds `lanes` float32."""
    return max(2, lanes // 2) if element in ("double", "i64") else lanes


def floating(dtype: DType) -> str | None:
    """The LLVM type of a floating dtype that kernels take."""
    return FLOATS.get(dtype.name)


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Of a tensor whose sizes are all known."""
    return tuple(int(d) for d in tensor.shape)  # type: ignore[arg-type]


class Rows(NamedTuple):
    """How rows are shared out: `tasks` tasks of `group` rows, the last perhaps of fewer."""

    rows: int
    group: int
    tasks: int


def share_rows(rows: int, width: int) -> Rows:
    """Tasks of about ENTRIES entries, for rows of `width`."""
    group = max(1, min(rows, ENTRIES // max(1, width)))
    return Rows(rows, group, -(-rows // group))


def each_row(code: Code, rows: Value, group: Value) -> Iterator[Value]:
    """The rows of the tasks. In Python's eyes there is one; the kernel loops."""
    with code.tasks() as task:
        first = task * group
        with code.loop(first, code.minimum(first + group, rows)) as row:
            yield row


def each_vector(code: Code, count: Value, lanes: int) -> Iterator[tuple[Value, Value | None]]:
    """The places 0, lanes, 2 lanes, … below `count`, each with the mask of the lanes before `count`; None: all.

    In Python's eyes there are two, the loop over whole vectors and the rest.
    """
    whole = count - count % lanes
    with code.loop(0, whole, lanes) as at:
        yield at, None
    with code.when(whole < count):
        yield whole, code.first_lanes(count - whole, lanes)


def each_chain(code: Code, count: Value, chains: int) -> Iterator[tuple[Value, int]]:
    """The numbers below `count`, dealt out to `chains` accumulators: each with the number of its accumulator. Without
    accumulators it is a loop that does `chains` rounds at once.

    In Python's eyes there are chains + 1, one round of all chains and the rest, which the first one takes.
    """
    whole = count - count % chains
    with code.loop(0, whole, chains) as first:
        for chain in range(chains):
            yield first + chain, chain
    if chains > 1:
        with code.loop(whole, count) as last:
            yield last, 0


class Total:
    """A sum in several accumulators side by side, so that additions need not wait for each other."""

    def __init__(self, code: Code, kind: str, chains: int) -> None:
        self._parts = [code.local(kind) for _ in range(chains)]
        for part in self._parts:
            part.set(0.0)

    def add(self, value: Value, chain: int) -> None:
        part = self._parts[chain]
        part.set(part.get() + value)

    def add_product(self, x: Value, y: Value, chain: int) -> None:
        part = self._parts[chain]
        part.set(part.code.fma(x, y, part.get()))

    def get(self) -> Value:
        values = [part.get() for part in self._parts]
        while len(values) > 1:
            half = len(values) // 2
            values = [x + y for x, y in zip(values[:half], values[half:], strict=True)]
        return values[0]


def read(code: Code, base: Value, at: Value | int, element: str, lanes: int, mask: Value | None = None) -> Value:
    """`lanes` entries from base[at] on; 0 where the mask is false."""
    address, kind = code.at(base, at, element), vector(lanes, element)
    return code.load(address, kind) if mask is None else code.load_masked(address, kind, mask)


def write(code: Code, value: Value, base: Value, at: Value | int, element: str, mask: Value | None = None) -> None:
    """The lanes of `value` to base[at] and after; nothing where the mask is false."""
    address = code.at(base, at, element)
    if mask is None:
        code.store(value, address)
    else:
        code.store_masked(value, address, mask)


def unless(code: Code, mask: Value | None, value: Value, otherwise: float) -> Value:
    """`value`, and `otherwise` in the lanes where the mask is false."""
    return value if mask is None else code.select(mask, value, otherwise)


def as_number(code: Code, count: Value, element: str) -> Value:
    """An integer as a floating number."""
    return code.convert(count, "sitofp", element)
