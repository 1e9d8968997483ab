"""Convolutions of 3x3 taps with stride 1 by a quarter of the multiplications: Winograd's F(4x4, 3x3).

The transforms of squares (`squares.py`) are multiplied entry by entry: 36 multiplications in the place of 144 for 4x4
results. With the sum over the source's channels these are 36 matrix products, one for each entry of the squares. A task
takes as many squares as its buffers hold, which stay in the second cache. The gradient in the kernel is

    G^T [ sum over all squares of (A gradient A^T) * (B^T source B) ] G

A number of the source that is infinite or NaN reaches all results of its squares. Lavin and Gray, "Fast algorithms for
convolutional neural networks", 2016.
"""

import functools
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from math import gcd

from tfcli.engine.kernels.code import SIZES, Code, Value, vector
from tfcli.engine.kernels.contraction import Epilogue, Place
from tfcli.engine.kernels.lowering import Argument, Emitter, Scratch
from tfcli.engine.kernels.packing import transposed
from tfcli.engine.kernels.squares import (
    MADE,
    PLANES,
    SQUARE,
    TAPS,
    Images,
    Product,
    Square,
    of_gradient,
    of_kernel,
    of_source,
    to_kernel_gradient,
    to_result,
)
from tfcli.engine.kernels.target import Target
from tfcli.engine.kernels.tiles import Tile, choose_tile
from tfcli.engine.kernels.vectors import read, write

_BUFFER = 1 << 15
"""Entries of each of a task's two buffers."""
_GAP = 16
"""Entries between planes, so that they do not fight for places in the first cache."""
_COLUMNS = 12
"""Vectors that panels of one to four of them fill."""
_FEWEST_CHANNELS, _FEWEST_SQUARES = 16, 32
"""From which on the transformations are little beside the products."""
_TASKS = 32
"""That there should be, at least."""
_FEWEST_SHARES, _MOST_SHARES, _SHARED = 4, 16, 1 << 20
"""Of a kernel's gradient: sums that are added up at the end, and their entries together, about."""
_GRAIN = 1 << 12
"""Entries worth handing to a thread."""


@dataclass(frozen=True)
class Shapes:
    """source (images, *size, taken), result (images, *out, made); the first window begins `before` entries outside."""

    images: int
    size: tuple[int, int]
    out: tuple[int, int]
    before: tuple[int, int]
    taken: int
    made: int

    @property
    def squares(self) -> tuple[int, int]:
        """Down and across an image."""
        return -(-self.out[0] // MADE), -(-self.out[1] // MADE)

    @property
    def count(self) -> int:
        """Of all squares."""
        down, across = self.squares
        return self.images * down * across

    @property
    def in_a_block(self) -> int:
        """Squares that the buffers hold."""
        return _BUFFER // PLANES // max(self.taken, self.made)

    def height(self, target: Target) -> int:
        """Squares of a register tile."""
        return _tile(self.count, self.made, target).rows.size

    def worthwhile(self, target: Target) -> bool:
        """Whether this is quicker than products of all taps; channels come in whole vectors."""
        down, across = self.squares
        return (
            min(self.taken, self.made) >= _FEWEST_CHANNELS
            and self.taken % target.lanes == self.made % target.lanes == 0
            and self.count >= _FEWEST_SQUARES
            and self.in_a_block >= self.height(target)
            and down * across * MADE**2 <= 2 * self.out[0] * self.out[1]
        )

    def words(self, block: int) -> list[int]:
        return [*self.size, *self.out, *self.before, self.taken, self.made, *self.squares, self.count, block]


_WORDS = (
    *("height", "width", "out_height", "out_width", "before_y", "before_x", "taken", "made"),
    *("down", "across", "squares", "block"),
)
"""The arguments of the kernels after their three arrays."""


@dataclass(frozen=True)
class Strides:
    """Of a kernel, in elements: where its first tap lies, and how far apart taps and channels are."""

    start: int
    taps: tuple[int, int]
    take: int
    make: int


def _tile(rows: int, columns: int, target: Target) -> Tile:
    """Of panels that are all alike where the columns allow it: layers then share a kernel, and a short one."""
    some = gcd(columns, _COLUMNS * target.lanes)
    tile = choose_tile(rows, some, target.lanes, target.registers)
    if some > target.lanes and not tile.tail:
        return tile
    return choose_tile(rows, columns, target.lanes, target.registers)


@dataclass(frozen=True)
class _Form:
    """What a kernel's text depends on: register tiles of `height` rows and perhaps of one row less, panels of `vectors`
    vectors, or none, and perhaps one of `tail`.
    """

    lanes: int
    height: int
    uneven: bool
    vectors: int
    tail: int

    @classmethod
    def of(cls, tile: Tile, lanes: int) -> "_Form":
        rows = tile.rows
        return cls(lanes, rows.size, rows.tall < rows.pieces, tile.vectors if tile.panels else 0, tile.tail)


class _Kernel:
    """What a convolution and the gradient in its kernel share: arguments, buffers, loops over squares and panels."""

    def __init__(self, name: str, form: _Form) -> None:
        self.code, self.form = Code(name), form
        code = self.code
        self.arrays = [code.argument(i) for i in range(3)]
        self.words = {word: code.argument(len(self.arrays) + i, "i64") for i, word in enumerate(_WORDS)}
        self.taken, self.made = self.words["taken"], self.words["made"]
        self.own = len(self.arrays) + len(_WORDS)
        """The first of a kernel's own arguments."""
        size = _BUFFER + PLANES * _GAP
        self.sources, self.others = code.array("float", size), code.array("float", size)
        self.source_plane, self.other_plane = (self.words["block"] * n + _GAP for n in (self.taken, self.made))
        sizes = (self.words["height"], self.words["width"], self.taken)
        self._images = Images(code, form.lanes, self.arrays[0], sizes, SQUARE, of_source)

    def squares(self, first: Value, count: Value) -> Iterator[tuple[Value, Value, Value, Value]]:
        """`count` squares from the number `first` on: how many came before, the image, row and column of the results.

        In Python's eyes there is one; the kernel loops.
        """
        code, down, across = self.code, self.words["down"], self.words["across"]
        lines = first // across
        places = [code.local("i64", at) for at in (lines // down, lines % down, first % across)]
        image, row, column = places
        with code.loop(0, count) as i:
            yield i, image.get(), row.get() * MADE, column.get() * MADE
            column.set(column.get() + 1)
            with code.when(column.get().equals(across)):
                column.set(0)
                row.set(row.get() + 1)
                with code.when(row.get().equals(down)):
                    row.set(0)
                    image.set(image.get() + 1)

    def transform_sources(self, first: Value, count: Value) -> None:
        for i, image, row, column in self.squares(first, count):
            row, column = row - self.words["before_y"], column - self.words["before_x"]
            to = self.code.at(self.sources, i * self.taken)
            self._images.transform(image, row, column, to, self.source_plane)

    def panels(self) -> Iterator[tuple[Value, int]]:
        """The first column of each panel and how many vectors it has."""
        code, form = self.code, self.form
        whole = self.made - form.tail * form.lanes
        if form.vectors:
            with code.loop(0, whole, form.vectors * form.lanes) as column:
                yield column, form.vectors
        if form.tail:
            yield whole, form.tail


def convolve(
    emit: Emitter,
    source: Argument,
    kernel: Argument,
    result: Argument,
    shapes: Shapes,
    strides: Strides,
    epilogue: Epilogue | None,
) -> None:
    """Emit result = the convolution; `epilogue` sees each result before it is written."""
    lanes, epilogue = emit.target.lanes, epilogue and epilogue.beside(shapes.made)
    height = shapes.height(emit.target)
    form = _Form.of(_tile(height, shapes.made, emit.target), lanes)
    most = min(shapes.in_a_block, -(-shapes.count // _TASKS))
    block = max(1, most // height) * height
    plane = shapes.taken * shapes.made + _GAP
    copy = Scratch(PLANES * plane * SIZES["float"])
    words = [strides.start, *strides.taps, strides.take, strides.make, plane, shapes.made]
    emit(
        _kernel_code(lanes, strides.make != 1),
        [kernel, copy, *words],
        shapes.taken // lanes,
        -(-_GRAIN // (shapes.made * PLANES)),
    )
    arguments = [source, copy, result, *shapes.words(block), plane, *(epilogue.arguments if epilogue else ())]
    emit(_convolution(form, epilogue), arguments, -(-shapes.count // block))


@functools.cache
def _kernel_code(lanes: int, turned: bool) -> Code:
    """kernel -> (36, taken, made). A task is `lanes` channels of the source. Arguments: kernel, copy, start, strides of
    taps, of channels taken and made, entries of a plane, channels made. `turned`: those taken lie side by side.
    """
    code = Code("winograd_kernel")
    kernel, copy = code.argument(0), code.argument(1)
    start, down, across, take, make, plane, made = (code.argument(2 + i, "i64") for i in range(7))
    block, square = code.array("float", TAPS**2 * lanes * lanes), Square(code, lanes, of_kernel)
    with code.tasks() as task, code.loop(0, made, lanes) as column:
        first = start + task * lanes * take + column * make
        with code.loop(0, TAPS) as i, code.loop(0, TAPS) as j:
            tap, apart = first + i * down + j * across, make if turned else take
            lines = [read(code, kernel, tap + apart * n, "float", lanes) for n in range(lanes)]
            for n, line in enumerate(transposed(code, lines) if turned else lines):
                write(code, line, block, ((i * TAPS + j) * lanes + n) * lanes, "float")
        with code.loop(0, lanes) as taken:
            with code.loop(0, TAPS) as j:
                places = [((j + n * TAPS) * lanes + taken) * lanes for n in range(TAPS)]
                square.put_column(j, [read(code, block, place, "float", lanes) for place in places])
            with code.loop(0, SQUARE) as i:
                for n, value in enumerate(square.line(i, TAPS)):
                    at = plane * (i * SQUARE + n) + (task * lanes + taken) * made + column
                    write(code, value, copy, at, "float")
    return code


_convolutions: dict[tuple[_Form, Hashable], Code] = {}


def _convolution(form: _Form, epilogue: Epilogue | None) -> Code:
    key = (form, epilogue.key if epilogue else None)
    if key not in _convolutions:
        _convolutions[key] = _write_convolution(form, epilogue)
    return _convolutions[key]


def _write_convolution(form: _Form, epilogue: Epilogue | None) -> Code:
    """Arguments: source, transformed kernel, result; entries of a plane of the kernel. A task is a block of squares."""
    kernel = _Kernel("winograd", form)
    code, words, lanes = kernel.code, kernel.words, form.lanes
    kernel_plane = code.argument(kernel.own, "i64")
    begun = epilogue.begin(code, kernel.own + 1) if epilogue else None
    taken, made = kernel.taken, kernel.made
    product = Product(code, lanes, taken, taken, code.constant("i64", 1), made, made)
    square = Square(code, lanes, to_result)
    with code.tasks() as task:
        start = task * words["block"]
        count = code.minimum(words["block"], words["squares"] - start)
        kernel.transform_sources(start, count)
        with code.loop(0, PLANES) as k:
            for panel, vectors in kernel.panels():
                b = code.at(kernel.arrays[1], k * kernel_plane + panel)
                # The last tile may go beyond the count, to what another block has left there; nobody reads that.
                with code.loop(0, count, form.height) as row:
                    a = code.at(kernel.sources, k * kernel.source_plane + row * taken)
                    product.tile(
                        form.height, vectors, a, b, code.at(kernel.others, k * kernel.other_plane + row * made + panel)
                    )
        for i, image, row, column in kernel.squares(start, count):
            high, wide = words["out_height"] - row, words["out_width"] - column
            origin = ((image * words["out_height"] + row) * words["out_width"] + column) * made
            with code.loop(0, made, lanes) as channel:
                at = code.at(kernel.others, i * made + channel)
                with code.loop(0, SQUARE) as j:
                    places = [kernel.other_plane * (j + n * SQUARE) for n in range(SQUARE)]
                    square.put_column(j, [read(code, at, place, "float", lanes) for place in places])
                with code.loop(0, code.minimum(high, MADE)) as line:
                    first = origin + line * words["out_width"] * made + channel
                    for n, value in enumerate(square.line(line, SQUARE)):
                        with code.when(wide > n):
                            place = Place(code, lanes, "float", first + made * n, channel, 0, None)
                            value = epilogue.finish(begun, place, value) if epilogue else value
                            place.store(value, kernel.arrays[2], place.offset)
    return code


def kernel_gradient(emit: Emitter, source: Argument, gradient: Argument, result: Argument, shapes: Shapes) -> None:
    """Emit result (3, 3, taken, made), row-major = the gradient of a convolution in its kernel."""
    lanes, size = emit.target.lanes, PLANES * shapes.taken * shapes.made
    tile = _tile(shapes.taken, shapes.made, emit.target)
    most = min(_MOST_SHARES, max(_FEWEST_SHARES, 1 << (_SHARED // size).bit_length()))
    share = -(-shapes.count // most)
    shares = -(-shapes.count // share)
    block = -(-share // -(-share // shapes.in_a_block))
    sums = Scratch(shares * size * SIZES["float"])
    words = [*shapes.words(block), share, tile.rows.tall, tile.rows.pieces]
    emit(_kernel_gradient(_Form.of(tile, lanes)), [source, gradient, sums, *words], shares)
    arguments = [sums, result, shares, shapes.taken, shapes.made]
    emit(_gradient_end(lanes), arguments, shapes.taken, -(-_GRAIN // (shapes.made * PLANES)))


@functools.cache
def _kernel_gradient(form: _Form) -> Code:
    """Arguments: source, gradient, sums (shares, taken, 36, made); squares of a share, tiles of full height, all tiles.
    A task is a share.
    """
    kernel = _Kernel("winograd_gradient", form)
    code, words = kernel.code, kernel.words
    taken, made = kernel.taken, kernel.made
    share, tall, tiles = (code.argument(kernel.own + i, "i64") for i in range(3))
    sizes = (words["out_height"], words["out_width"], made)
    gradient = Images(code, form.lanes, kernel.arrays[1], sizes, MADE, of_gradient)
    heights = [(form.height, 0, tall, 0), (form.height - 1, tall, tiles, tall)]
    with code.tasks() as task:
        begin, end = task * share, code.minimum((task + 1) * share, words["squares"])
        with code.loop(begin, end, words["block"]) as start:
            count = code.minimum(words["block"], end - start)
            kernel.transform_sources(start, count)
            for i, image, row, column in kernel.squares(start, count):
                gradient.transform(image, row, column, code.at(kernel.others, i * made), kernel.other_plane)
            line = made * PLANES
            product = Product(code, form.lanes, count, code.constant("i64", 1), taken, made, line, start > begin)
            with code.loop(0, PLANES) as k:
                sums = code.at(kernel.arrays[2], task * taken * line + k * made)
                for panel, vectors in kernel.panels():
                    b = code.at(kernel.others, k * kernel.other_plane + panel)
                    for height, first, last, more in heights[: 1 + form.uneven]:
                        with code.loop(first, last) as tile:
                            row = tile * height + more
                            a = code.at(kernel.sources, k * kernel.source_plane + row)
                            product.tile(height, vectors, a, b, code.at(sums, row * line + panel))
    return code


@functools.cache
def _gradient_end(lanes: int) -> Code:
    """sums (shares, taken, 36, made) -> gradient (3, 3, taken, made). Arguments: both, shares, taken, made. A task is a
    channel of the source.
    """
    code, kind = Code("winograd_gradient_end"), vector(lanes, "float")
    sums, gradient = code.argument(0), code.argument(1)
    shares, taken, made = (code.argument(2 + i, "i64") for i in range(3))
    square = Square(code, lanes, to_kernel_gradient)
    with code.tasks() as task, code.loop(0, made, lanes) as column:
        with code.loop(0, SQUARE) as j:
            totals = [code.local(kind, 0.0) for _ in range(SQUARE)]
            with code.loop(0, shares) as share:
                for n, total in enumerate(totals):
                    at = ((share * taken + task) * PLANES + j + n * SQUARE) * made + column
                    total.set(total.get() + read(code, sums, at, "float", lanes))
            square.put_column(j, [total.get() for total in totals])
        with code.loop(0, TAPS) as i:
            for n, value in enumerate(square.line(i, SQUARE)):
                write(code, value, gradient, ((i * TAPS + n) * taken + task) * made + column, "float")
    return code
