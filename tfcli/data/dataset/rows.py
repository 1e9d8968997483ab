"""Datasets that are rows of arrays: their order is a stream of index arrays; no row is touched before it is needed."""

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from tfcli.data.blocks import shuffled
from tfcli.data.dataset.elements import Element
from tfcli.data.dataset.streams import repeated
from tfcli.data.stage import taken

Blocks = Callable[[], Iterator[np.ndarray]]
"""Begins a pass: arrays of row numbers, in order."""


class Rows:
    """Columns of one length, and the order in which their rows come."""

    def __init__(self, columns: tuple[np.ndarray, ...], blocks: Blocks | None = None) -> None:
        self.columns = columns
        count = len(columns[0])
        self.blocks = blocks or (lambda: iter([np.arange(count)]))

    def elements(self) -> Iterator[Element]:
        for block in self.blocks():
            for i in block:
                yield tuple(c[i, ...] for c in self.columns)

    def batches(self, size: int, drop_remainder: bool, start: int = 0) -> Iterator[Element]:
        for index in islice(_cut(self.blocks(), size), start, None):
            if len(index) == size or not drop_remainder:
                yield tuple(taken(c, index) for c in self.columns)

    def reordered(self, blocks: Blocks) -> "Rows":
        return Rows(self.columns, blocks)

    def take(self, count: int) -> "Rows":
        return self if count < 0 else self.reordered(lambda: _taken(self.blocks(), count))

    def skip(self, count: int) -> "Rows":
        return self.reordered(lambda: iter(()) if count < 0 else _skipped(self.blocks(), count))

    def shard(self, count: int, index: int) -> "Rows":
        return self.reordered(lambda: _strided(self.blocks(), count, index))

    def repeat(self, count: int) -> "Rows":
        return self.reordered(lambda: repeated(self.blocks, count))

    def shuffle(self, size: int, random: Callable[[], np.random.Generator], cardinality: int) -> "Rows":
        if 0 <= cardinality <= size:
            return self.reordered(lambda: _permuted(self.blocks(), random()))
        return self.reordered(lambda: shuffled(self.blocks(), size, random()))


def _permuted(blocks: Iterator[np.ndarray], random: np.random.Generator) -> Iterator[np.ndarray]:
    listed = list(blocks)
    if listed:
        yield random.permutation(np.concatenate(listed))


def _taken(blocks: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    while count > 0:
        block = next(blocks, None)
        if block is None:
            return
        yield block[:count]
        count -= len(block)


def _skipped(blocks: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    for block in blocks:
        rest = block[count:]
        count = max(count - len(block), 0)
        if len(rest):
            yield rest


def _strided(blocks: Iterator[np.ndarray], count: int, index: int) -> Iterator[np.ndarray]:
    place = 0
    for block in blocks:
        yield block[(index - place) % count :: count]
        place += len(block)


def _cut(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same numbers in arrays of `size`, the last one shorter where they run out."""
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= size:
            joined = np.concatenate(held) if len(held) > 1 else block
            whole = count - count % size
            yield from (joined[i : i + size] for i in range(0, whole, size))
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)
