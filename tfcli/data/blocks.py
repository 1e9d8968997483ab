"""Streams of blocks: some examples (a Batch) or some batches at a time, for stages that choose and order them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfcli.data.stage import Batch, joined

Block = Any
"""A Batch, whose elements are examples, a Batches, or an array, whose elements are its entries."""
Begin = Callable[[], Iterator[Block]]


class Batches(list[Batch]):
    """A block whose elements are batches."""

    def take(self, rows: np.ndarray) -> "Batches":
        return Batches(self[i] for i in rows.tolist())


def joined_blocks(blocks: Sequence[Block]) -> Block:
    """The blocks' elements in one."""
    if isinstance(blocks[0], Batches):
        return Batches(batch for block in blocks for batch in block)
    if isinstance(blocks[0], np.ndarray):
        return np.concatenate(blocks)
    return joined(blocks) if len(blocks) > 1 else blocks[0]


def regrouped(blocks: Iterator[Block], size: int) -> Iterator[Block]:
    """The same elements in blocks of `size`; the last may be smaller."""
    held: list[Block] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= size:
            whole, start = joined_blocks(held), 0
            while count - start >= size:
                yield whole.take(np.arange(start, start + size))
                start += size
            held, count = [whole.take(np.arange(start, count))], count - start
    if count:
        yield joined_blocks(held)


def selected(blocks: Iterator[Block], choose: Callable[[int, int], np.ndarray]) -> Iterator[Block]:
    """The elements that `choose(elements before the block, elements in it)` names, until there are no more blocks."""
    before = 0
    for block in blocks:
        rows = choose(before, len(block))
        before += len(block)
        if len(rows):
            yield block.take(rows)


def shuffled(blocks: Iterator[Block], size: int, rng: np.random.Generator) -> Iterator[Block]:
    """Elements drawn from a buffer of `size` that the others pass through: the order of `buffered_shuffle`."""
    buffer: Block | None = None
    for block in _filled_up(blocks, size):
        if buffer is None:
            buffer = block
            continue
        out, kept = exchanged(rng.integers(size, size=len(block)), size)
        both = joined_blocks([buffer, block])
        yield both.take(out)
        buffer = both.take(kept)
    if buffer is not None:
        yield buffer.take(rng.permutation(len(buffer)))


def _filled_up(blocks: Iterator[Block], size: int) -> Iterator[Block]:
    """A block of `size`, the buffer's beginning, and then blocks that are worth exchanging with it."""
    groups = regrouped(blocks, max(size // 4, 1))
    first: list[Block] = []
    count = 0
    for group in groups:
        if count < size:
            first.append(group)
            count += len(group)
            if count < size:
                continue
            whole = joined_blocks(first)
            yield whole.take(np.arange(size))
            group = whole.take(np.arange(size, count))
        if len(group):
            yield group
    if 0 < count < size:
        yield joined_blocks(first)


def exchanged(slots: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """What happens when element i of `slots` takes the place slots[i] of a buffer of `size`, one after the other.

    (the elements driven out, in order; those in the buffer at the end), as indices into the buffer followed by the
    incoming elements.
    """
    order = np.argsort(slots, kind="stable")
    ranked = slots[order]
    first = np.append(True, ranked[1:] != ranked[:-1])[: len(slots)]
    out = np.empty(len(slots), np.int64)
    out[order] = np.where(first, ranked, np.append(0, order[:-1])[: len(slots)] + size)
    last = np.append(first[1:], True)[: len(slots)]
    kept = np.arange(size)
    kept[ranked[last]] = order[last] + size
    return out, kept
