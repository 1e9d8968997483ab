"""Products over strided axes, the one kernel behind matrix products, convolutions and their gradients:

    c[batch, row, column] = sum over the inner axes of a[batch, row, inner] * b[batch, inner, column]

Every axis has a stride in each of the three, so that a transposed matrix, a head of an attention layer or the taps of
a convolution are nothing but strides: a convolution's output column is a row here, its taps are inner axes, and no
patch is ever copied. Register tiles of c are accumulated over all inner axes and written once.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tfcli.engine.kernels.code import Code, Local, Value, vector
from tfcli.engine.kernels.lowering import Argument
from tfcli.engine.kernels.pairs import dot, paired
from tfcli.engine.kernels.tiles import Tile
from tfcli.engine.kernels.vectors import read, write


@dataclass(frozen=True)
class Axis:
    """How many entries, and how far apart they are in a, b and c, in elements."""

    size: int
    a: int = 0
    b: int = 0
    c: int = 0


@dataclass(frozen=True)
class Place:
    """Where a vector of results belongs: `shift` after the first of its row in the tile."""

    code: Code
    lanes: int
    element: str
    row_offset: Value
    first_column: Value
    shift: int
    mask: Value | None
    """The lanes that are there; None for all."""

    @property
    def offset(self) -> Value:
        """Of its first lane in c, in elements."""
        return self.row_offset + self.shift

    @property
    def column(self) -> Value:
        """Of its first lane."""
        return self.first_column + self.shift

    def load(self, base: Value, index: Value | int) -> Value:
        """The vector at element `index` of `base`: a bias at `column`, a matrix of c's shape at `offset`."""
        return read(self.code, base, index, self.element, self.lanes, self.mask)

    def store(self, value: Value, base: Value, index: Value | int) -> None:
        write(self.code, value, base, index, self.element, self.mask)


class Epilogue(Protocol):
    """What is done to each result before it is written: a bias, an activation, a residual, further outputs.

    `begin` is called once at the start of the kernel, with the index of the first word of the epilogue's own arguments;
    what it returns is given to `finish` for each vector. The kernel's text is kept by `key`.
    """

    @property
    def key(self) -> Hashable: ...

    @property
    def arguments(self) -> Sequence[Argument]: ...

    @property
    def period(self) -> int:
        """The fewest results after which one of its inputs begins anew; 0 where none does. Rows are no longer."""

    def beside(self, columns: int) -> "Epilogue":
        """The same for rows of so many results."""

    def begin(self, code: Code, first: int) -> Any: ...

    def finish(self, begun: Any, place: Place, value: Value) -> Value: ...


@dataclass(frozen=True)
class Form:
    """All that decides the kernel's text."""

    element: str
    lanes: int
    height: int
    """Rows of a tile."""
    uneven: bool
    """Whether there are tiles of one row less, too."""
    vectors: int
    """Of a panel; 0 where the tail is all there is."""
    tail: int
    masked: bool
    """Whether the tail's last vector has lanes to spare."""
    batch: int
    """Axes."""
    inner: int
    accumulates: bool
    """Whether there is a sequence, whose entries are added to what is in c."""
    elementwise: bool
    """Whether a has the columns' axis, as b does, instead of being multiplied with all of them."""
    packed_rows: bool
    """Whether a comes in panels, one for each tile."""
    copied: int
    """How many lines of b a panel has, which are copied to the stack before they meet the tiles; 0: b is read where it
    is.
    """
    clipped: bool
    """Whether the outermost inner axis is cut to what lies inside an image."""
    pairs: str
    """How pairs of bfloat16 numbers along the innermost axis are multiplied, see pairs.how_multiplied; "": a and b are
    numbers of `element`. b then holds words of two; a does where it is packed.
    """


def form_of(tile: Tile, element: str, lanes: int, columns: int, **settings: bool | int | str) -> Form:
    rows = tile.rows
    return Form(
        element,
        lanes,
        rows.size,
        rows.tall < rows.pieces,
        tile.vectors if tile.panels else 0,
        tile.tail,
        columns % lanes > 0,
        **settings,  # type: ignore[arg-type]
    )


POINTERS = ("a", "b", "c")
WORDS = (
    *("a_start", "b_start", "c_start"),  # of the first entries, in elements
    *("sequence", "sequence_a", "sequence_b"),  # an outer axis that is summed over, one entry after the other
    *("columns", "panels", "panel_b"),  # panels without the tail
    *("block_panels", "panel_blocks"),
    *("tiles", "tall", "row_a", "row_c", "block_tiles", "row_blocks", "tile_a"),
    *("repeat", "repeat_a", "repeat_b", "repeat_c", "block_repeat", "repeat_blocks"),
    *("clip_first", "clip_repeat", "clip_step", "clip_size"),
    "pair_a",  # from the first to the second number of a pair in a
)
"""The kernel's arguments after the pointers, in order; then size, a, b of each inner axis, size, a, b, c of each batch
axis, and what the epilogue wants. The last batch axis is `repeat`: a task does several of its entries for each panel.
"""


_written: dict[tuple[Form, Hashable], Code] = {}


def contraction(form: Form, epilogue: Epilogue | None = None) -> Code:
    """The kernel of this form: a task is some tiles of some panels, for some entries of the repeated axis."""
    key = (form, epilogue.key if epilogue else None)
    if key not in _written:
        _written[key] = _Writer(form, epilogue).code
    return _written[key]


class _Writer:
    """Writes the kernel."""

    def __init__(self, form: Form, epilogue: Epilogue | None) -> None:
        self.form, self.epilogue, self.code = form, epilogue, Code("contraction")
        code = self.code
        self.kind = vector(form.lanes, form.element)
        self.a, self.b, self.c = (code.argument(i) for i in range(len(POINTERS)))
        self.words = {name: code.argument(len(POINTERS) + i, "i64") for i, name in enumerate(WORDS)}
        self.inner = self._axes(len(POINTERS) + len(WORDS), form.inner, "sab")
        after = len(POINTERS) + len(WORDS) + 3 * form.inner
        self.batch = self._axes(after, form.batch, "sabc")
        self.begun = epilogue.begin(code, after + 4 * form.batch) if epilogue else None
        self.panel = self._room_for_panel()
        self.row_a = [self.words["row_a"] * r for r in range(form.height)]
        self.row_c = [self.words["row_c"] * r for r in range(form.height)]
        with code.tasks() as task:
            self._task(task)

    def _axes(self, first: int, count: int, names: str) -> list[dict[str, Value]]:
        width = len(names)
        return [
            {name: self.code.argument(first + width * i + j, "i64") for j, name in enumerate(names)}
            for i in range(count)
        ]

    def _room_for_panel(self) -> Value | None:
        form = self.form
        width = max(form.vectors, form.tail) * form.lanes
        return self.code.array(form.element, form.copied * width) if form.copied else None

    def _task(self, task: Value) -> None:
        """Find the task's block, and go through its panels."""
        code, w, width = self.code, self.words, self.form.vectors * self.form.lanes
        # One after the other, tasks take other panels for the same rows, which then are in the second cache.
        panel_block, task = task % w["panel_blocks"], task // w["panel_blocks"]
        row_block, task = task % w["row_blocks"], task // w["row_blocks"]
        repeat_block, task = task % w["repeat_blocks"], task // w["repeat_blocks"]
        a, b, c = w["a_start"], w["b_start"], w["c_start"]
        for axis in reversed(self.batch):
            index, task = task % axis["s"], task // axis["s"]
            a, b, c = a + index * axis["a"], b + index * axis["b"], c + index * axis["c"]
        tiles = self._block(row_block, w["block_tiles"], w["tiles"])
        repeats = self._block(repeat_block, w["block_repeat"], w["repeat"])
        first_panel = panel_block * w["block_panels"]
        last_panel = first_panel + w["block_panels"]
        with code.loop(0, w["sequence"]) as step:
            self.later, self.last = step > 0, (step + 1).equals(w["sequence"])
            at_a, at_b = a + step * w["sequence_a"], b + step * w["sequence_b"]
            if self.form.vectors:
                with code.loop(first_panel, code.minimum(last_panel, w["panels"])) as panel:
                    spot = (at_a, at_b + panel * w["panel_b"], c, panel * width)
                    self._panel(self.form.vectors, None, spot, repeats, tiles)
            if self.form.tail:
                with code.when((first_panel <= w["panels"]) & (last_panel > w["panels"])):
                    column = w["panels"] * width
                    left = w["columns"] - column - (self.form.tail - 1) * self.form.lanes
                    mask = code.first_lanes(left, self.form.lanes) if self.form.masked else None
                    spot = (at_a, at_b + w["panels"] * w["panel_b"], c, column)
                    self._panel(self.form.tail, mask, spot, repeats, tiles)

    def _block(self, block: Value, size: Value, end: Value) -> tuple[Value, Value]:
        return block * size, self.code.minimum((block + 1) * size, end)

    def _row(self, tile: Value) -> Value:
        """The first row of a tile."""
        if not self.form.uneven:
            return tile * self.form.height
        return tile * (self.form.height - 1) + self.code.minimum(tile, self.words["tall"])

    def _panel(
        self,
        vectors: int,
        mask: Value | None,
        spot: tuple[Value, Value, Value, Value],
        repeats: tuple[Value, Value],
        tiles: tuple[Value, Value],
    ) -> None:
        """All tiles of a panel, of full height and then of one row less."""
        code, w, form = self.code, self.words, self.form
        a, b, c, column = spot
        if form.elementwise:
            a = a + column
        with code.loop(*repeats) as i:
            at = (a + i * w["repeat_a"], b + i * w["repeat_b"], c + i * w["repeat_c"], column)
            if self.panel:
                with code.when(i.equals(repeats[0]) | w["repeat_b"].differs(0)):
                    self._copy(at[1], self.panel, vectors, mask)
            self.outermost = self._clip(i)
            tall = code.minimum(tiles[1], w["tall"]) if form.uneven else tiles[1]
            with code.loop(tiles[0], tall) as tile:
                self._tile(form.height, vectors, mask, at, tile)
            if form.uneven:
                with code.loop(code.maximum(tiles[0], w["tall"]), tiles[1]) as tile:
                    self._tile(form.height - 1, vectors, mask, at, tile)

    def _copy(self, b: Value, panel: Value, vectors: int, mask: Value | None) -> None:
        """A panel's lines of b side by side, zeros where there is no column."""
        code, form, (axis,) = self.code, self.form, self.inner[-1:]
        with code.loop(0, axis["s"]) as line:
            source = code.at(self.b, b + line * axis["b"], form.element)
            to = code.at(panel, line * (vectors * form.lanes), form.element)
            for j, rest in enumerate(_masks(vectors, mask)):
                write(
                    code,
                    read(code, source, j * form.lanes, form.element, form.lanes, rest),
                    to,
                    j * form.lanes,
                    form.element,
                )

    def _clip(self, repeat: Value) -> tuple[Value, Value]:
        """The first step along the outermost inner axis, and the one after the last."""
        code, w, size = self.code, self.words, self.inner[0]["s"]
        if not self.form.clipped:
            return code.constant("i64", 0), size
        position, step = w["clip_first"] + repeat * w["clip_repeat"], w["clip_step"]
        first, stop = (
            code.minimum((code.maximum(distance, 0) + step - 1) // step, size)
            for distance in (-position, w["clip_size"] - position)
        )
        return first, stop

    def _tile(
        self,
        height: int,
        vectors: int,
        mask: Value | None,
        spot: tuple[Value, Value, Value, Value],
        tile: Value,
    ) -> None:
        code, form, w = self.code, self.form, self.words
        a, b, c, column = spot
        row = self._row(tile)
        first = c + row * w["row_c"] + column
        sums = [[code.local(self.kind, 0) for _ in range(vectors)] for _ in range(height)]
        masks = _masks(vectors, mask)
        rows = [first + distance for distance in self.row_c[:height]]
        places = [
            (Place(code, form.lanes, form.element, rows[r], column, j * form.lanes, masks[j]), total)
            for r, line in enumerate(sums)
            for j, total in enumerate(line)
        ]
        if form.accumulates:
            # Long before they are added, as a large c lies in no cache.
            for row_offset in rows:
                code.prefetch(code.at(self.c, row_offset, form.element))
        first, stop = self.outermost
        a = a + (tile * w["tile_a"] if form.packed_rows else row * w["row_a"]) + first * self.inner[0]["a"]
        axes = [{**self.inner[0], "s": stop - first}, *self.inner[1:]]
        if self.panel:
            axes[-1] = {**axes[-1], "b": code.constant("i64", vectors * form.lanes)}
            self._accumulate(axes, a, code.constant("i64", 0), sums, _masks(vectors, None))
        else:
            self._accumulate(axes, a, b + first * self.inner[0]["b"], sums, masks)
        if form.accumulates:
            with code.when(self.later):
                for place, total in places:
                    before = place.load(code.at(self.c, place.row_offset, form.element), place.shift)
                    total.set(total.get() + before)
        if self.epilogue:
            with code.when(self.last):
                for place, total in places:
                    total.set(self.epilogue.finish(self.begun, place, total.get()))
        for place, total in places:
            place.store(total.get(), code.at(self.c, place.row_offset, form.element), place.shift)

    def _accumulate(
        self,
        axes: list[dict[str, Value]],
        a: Value,
        b: Value,
        sums: list[list[Local]],
        masks: Sequence[Value | None],
    ) -> None:
        """Loops over the inner axes, the last innermost."""
        if not axes:
            return self._step(a, b, sums, masks)
        code, axis, at_a, at_b = self.code, axes[0], self.code.local("i64", a), self.code.local("i64", b)
        with code.loop(0, axis["s"]):
            self._accumulate(axes[1:], at_a.get(), at_b.get(), sums, masks)
            at_a.set(at_a.get() + axis["a"])
            at_b.set(at_b.get() + axis["b"])
        return None

    def _step(self, a: Value, b: Value, sums: list[list[Local]], masks: Sequence[Value | None]) -> None:
        """sums[row, vector] += a[row] * b[vector]."""
        code, lanes, element = self.code, self.form.lanes, self.form.element
        if self.form.pairs:
            return self._step_of_pairs(a, b, sums, masks)
        at_a, at_b = code.at(self.a, a, element), code.at(self.panel or self.b, b, element)
        columns = [read(code, at_b, j * lanes, element, lanes, mask) for j, mask in enumerate(masks)]
        for r, line in enumerate(sums):
            at_row = code.at(at_a, self.row_a[r], element)
            if self.form.elementwise:
                factors = [read(code, at_row, j * lanes, element, lanes, mask) for j, mask in enumerate(masks)]
            else:
                factors = [code.splat(code.load(at_row, element), lanes)] * len(line)
            for total, factor, column in zip(line, factors, columns, strict=True):
                total.set(code.fma(factor, column, total.get()))
        return None

    def _step_of_pairs(self, a: Value, b: Value, sums: list[list[Local]], masks: Sequence[Value | None]) -> None:
        """sums[row, vector] += both products of a[row], b[vector]."""
        code, lanes = self.code, self.form.lanes
        at_a, at_b = code.at(self.a, a), code.at(self.b, b)
        columns = [read(code, at_b, j * lanes, "i32", lanes, mask) for j, mask in enumerate(masks)]
        for r, line in enumerate(sums):
            at_row = code.at(at_a, self.row_a[r])
            if self.form.packed_rows:
                word = code.load(at_row, "i32")
            else:
                second = code.at(at_row, self.words["pair_a"])
                word = paired(code, code.load(at_row, "float"), code.load(second, "float"))
            factor = code.splat(word, lanes)
            for total, column in zip(line, columns, strict=True):
                total.set(dot(code, factor, column, total.get(), self.form.pairs))


def _masks(vectors: int, last: Value | None) -> list[Value | None]:
    """Of all lanes but in the last vector."""
    return [None] * (vectors - 1) + [last]
