"""Squares of images as values of polynomials: the parts of Winograd's F(4x4, 3x3), transformations and products.

A square of 4x4 results of a convolution with 3x3 taps follows from a square of 6x6 entries of the source. Both are
taken for values of polynomials at the points 0, a, -a, b, -b and infinity, where a convolution is a multiplication:

    result = A^T [ (G kernel G^T) * (B^T source B) ] A

With a = 2/3 and b = 3/2 rounding errors are a quarter of those with the usual 1 and 2: two or three times those of
adding up all products in order. Barabasz, Anderson, Soodhalter and Gregg, "Error analysis and improving the accuracy of
Winograd convolution for deep neural networks", 2020.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfcli.engine.kernels.code import Code, Value, vector
from tfcli.engine.kernels.vectors import read, write

TAPS, SQUARE, MADE = 3, 6, 4
"""Entries along one axis: of a kernel, of a square of the source, and of what it makes."""
PLANES = SQUARE**2
_A, _B = 2 / 3, 3 / 2
_SUM = _A**2 + _B**2
_WEIGHT_A, _WEIGHT_B = (1 / (5 * p**4 - 3 * _SUM * p**2 + 1) for p in (_A, _B))
"""One over the product of a point's distances from the other points."""

Transformation = Callable[[Code, Sequence[Value]], list[Value]]
"""Along one axis."""


def _plus(code: Code, x: Value, factor: float, y: Value) -> Value:
    """x + factor * y."""
    return code.fma(y, code.constant(y.kind, factor), x)


def _both(code: Code, even: Value, odd: Value, point: float) -> list[Value]:
    """At the point and at its negative."""
    return [_plus(code, even, point, odd), _plus(code, even, -point, odd)]


def of_source(code: Code, d: Sequence[Value]) -> list[Value]:
    """B^T, 6 x 6."""
    at_points = []
    for point, other in ((_A, _B), (_B, _A)):
        even, odd = (_plus(code, d[i + 2], -(other**2), d[i]) for i in (2, 1))
        at_points += _both(code, even, odd, point)
    return [_plus(code, d[0] + d[4], -_SUM, d[2]), *at_points, _plus(code, d[1] + d[5], -_SUM, d[3])]


def of_kernel(code: Code, g: Sequence[Value]) -> list[Value]:
    """G, 6 x 3."""
    at_points = []
    for point, weight in ((_A, _WEIGHT_A), (_B, _WEIGHT_B)):
        at_points += _both(code, _plus(code, g[0], point**2, g[2]) * weight, g[1] * weight, point)
    return [g[0], *at_points, g[2]]


def of_gradient(code: Code, y: Sequence[Value]) -> list[Value]:
    """A, 6 x 4."""
    at_points = []
    for point in (_A, _B):
        even, odd = (_plus(code, y[i], point**2, y[i + 2]) for i in (0, 1))
        at_points += _both(code, even, odd, point)
    return [y[0], *at_points, y[3]]


def to_result(code: Code, m: Sequence[Value]) -> list[Value]:
    """A^T, 4 x 6."""
    even_a, odd_a, even_b, odd_b = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    return [
        m[0] + even_a + even_b,
        _plus(code, odd_a * _A, _B, odd_b),
        _plus(code, even_a * _A**2, _B**2, even_b),
        _plus(code, _plus(code, m[5], _A**3, odd_a), _B**3, odd_b),
    ]


def to_kernel_gradient(code: Code, m: Sequence[Value]) -> list[Value]:
    """G^T, 3 x 6."""
    even_a, odd_a = (m[1] + m[2]) * _WEIGHT_A, (m[1] - m[2]) * _WEIGHT_A
    even_b, odd_b = (m[3] + m[4]) * _WEIGHT_B, (m[3] - m[4]) * _WEIGHT_B
    return [
        m[0] + even_a + even_b,
        _plus(code, odd_a * _A, _B, odd_b),
        _plus(code, _plus(code, m[5], _A**2, even_a), _B**2, even_b),
    ]


class Square:
    """A square of vectors that is transformed along its columns and then along its lines."""

    def __init__(self, code: Code, lanes: int, transformation: Transformation) -> None:
        self.code, self.lanes, self.transformation = code, lanes, transformation
        self.memory = code.array("float", PLANES * lanes)

    def put_column(self, j: Value, column: Sequence[Value]) -> None:
        for i, value in enumerate(self.transformation(self.code, column)):
            write(self.code, value, self.memory, (j + i * SQUARE) * self.lanes, "float")

    def line(self, i: Value, size: int) -> list[Value]:
        """Line i of the result; `size`: of the columns that were put."""
        places = [(i * SQUARE + j) * self.lanes for j in range(size)]
        return self.transformation(self.code, [read(self.code, self.memory, at, "float", self.lanes) for at in places])


class Images:
    """Images (n, height, width, channels) whose squares of `extent` x `extent` entries a kernel transforms."""

    def __init__(
        self,
        code: Code,
        lanes: int,
        address: Value,
        sizes: tuple[Value, Value, Value],
        extent: int,
        transformation: Transformation,
    ) -> None:
        self.code, self.lanes, self.address, self.extent = code, lanes, address, extent
        self.height, self.width, self.channels = sizes
        self.square = Square(code, lanes, transformation)

    def transform(self, image: Value, row: Value, column: Value, to: Value, plane: Value) -> None:
        """The square from `row` and `column` on, an entry of its transform to each plane of `to`.

        Beyond the image there are zeros.
        """
        code, channels, extent = self.code, self.channels, self.extent
        line = self.width * channels
        start = code.at(self.address, (image * self.height + row) * line + column * channels)
        lines = [code.at(start, line * i) for i in range(extent)]
        rows = [(row + i >= 0) & (row + i < self.height) for i in range(extent)]
        whole = (row >= 0) & (column >= 0) & (row + extent <= self.height) & (column + extent <= self.width)
        with code.loop(0, channels, self.lanes) as channel:
            with code.when(whole), code.loop(0, extent) as j:
                at = j * channels + channel
                self.square.put_column(j, [read(code, place, at, "float", self.lanes) for place in lines])
            with code.when(whole.equals(0)), code.loop(0, extent) as j:
                at, there = j * channels + channel, (column + j >= 0) & (column + j < self.width)
                entries = [self._entry(place, at, there & inside) for place, inside in zip(lines, rows, strict=True)]
                self.square.put_column(j, entries)
            with code.loop(0, SQUARE) as i:
                for n, value in enumerate(self.square.line(i, extent)):
                    write(code, value, to, plane * (i * SQUARE + n) + channel, "float")

    def _entry(self, line: Value, at: Value, there: Value) -> Value:
        entry = self.code.local(vector(self.lanes, "float"), 0.0)
        with self.code.when(there):
            entry.set(read(self.code, line, at, "float", self.lanes))
        return entry.get()


@dataclass(frozen=True)
class Product:
    """c = a b, or c += a b where `later` is true: the steps of the sums, and how far apart rows and steps are."""

    code: Code
    lanes: int
    steps: Value
    row_a: Value
    step_a: Value
    step_b: Value
    row_c: Value
    later: Value | None = None

    def tile(self, height: int, vectors: int, a: Value, b: Value, c: Value) -> None:
        """Of height x vectors registers."""
        code, kind = self.code, vector(self.lanes, "float")
        sums = [[code.local(kind, 0.0) for _ in range(vectors)] for _ in range(height)]
        places = [[code.at(c, self.row_c * r + j * self.lanes) for j in range(vectors)] for r in range(height)]
        results = [pair for lines in zip(places, sums, strict=True) for pair in zip(*lines, strict=True)]
        if self.later is not None:
            with code.when(self.later):
                for place, total in results:
                    total.set(code.load(place, kind))
        rows = [self.row_a * r for r in range(height)]
        at_a, at_b = code.local("ptr", a), code.local("ptr", b)
        with code.loop(0, self.steps):
            columns = [read(code, at_b.get(), j * self.lanes, "float", self.lanes) for j in range(vectors)]
            for row, line in zip(rows, sums, strict=True):
                factor = code.splat(code.load(code.at(at_a.get(), row), "float"), self.lanes)
                for total, column in zip(line, columns, strict=True):
                    total.set(code.fma(factor, column, total.get()))
            at_a.set(code.at(at_a.get(), self.step_a))
            at_b.set(code.at(at_b.get(), self.step_b))
        for place, total in results:
            code.store(total.get(), place)
