"""What the transformations do to a stream of elements: plain generators over tuples of arrays."""

import itertools
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tfcli.data.dataset.elements import Element
from tfcli.engine.spec import show_shape
from tfcli.errors import DataError, TfcliError

Stream = Iterator[Element]


def repeated(begin: Callable[[], Iterator[Any]], count: int) -> Iterator[Any]:
    """`count` passes, or endless ones for -1; an empty source ends it."""
    passes = itertools.count() if count < 0 else range(count)
    for _ in passes:
        empty = True
        for item in begin():
            empty = False
            yield item
        if empty:
            return


def shuffled(source: Iterable[Any], size: int, random: np.random.Generator) -> Iterator[Any]:
    """Items drawn at random from a buffer of `size`, each replaced by the next of the source."""
    held: list[Any] = []
    for item in source:
        if len(held) < size:
            held.append(item)
            continue
        place = int(random.integers(size))
        yield held[place]
        held[place] = item
    yield from (held[i] for i in random.permutation(len(held)))


def grouped(source: Iterable[Any], size: int, drop_remainder: bool) -> Iterator[list[Any]]:
    """Lists of `size` items; the last may be shorter."""
    supply = iter(source)
    while group := list(itertools.islice(supply, size)):
        if len(group) < size and drop_remainder:
            return
        yield group


def stacked(group: Sequence[Element]) -> Element:
    """A batch of elements of one shape. Raises DataError."""
    columns = zip(*group, strict=True)
    return tuple(_stack(parts) for parts in columns)


def _stack(parts: Sequence[Any]) -> np.ndarray:
    shapes = {np.shape(part) for part in parts}
    if len(shapes) > 1:
        listed = " and ".join(show_shape(s) for s in sorted(shapes)[:2])
        raise DataError(f"batch: elements of shapes {listed} cannot be stacked; padded_batch fills them up")
    return np.stack(parts)


def padded(group: Sequence[Element], shapes: Sequence[Sequence[int | None]], values: Sequence[Any]) -> Element:
    """A batch of elements filled up with `values` to `shapes`, or to the longest where a size is None."""
    columns = zip(*group, strict=True)
    return tuple(_pad(parts, shape, value) for parts, shape, value in zip(columns, shapes, values, strict=True))


def _pad(parts: Sequence[np.ndarray], shape: Sequence[int | None], value: Any) -> np.ndarray:
    longest = [max(sizes) for sizes in zip(*(part.shape for part in parts), strict=True)]
    target = [have if want in (None, -1) else want for have, want in zip(longest, shape, strict=True)]
    if any(have > want for have, want in zip(longest, target, strict=True)):
        raise DataError(f"padded_batch: an element of shape {show_shape(longest)} is larger than {show_shape(shape)}")
    result = np.full((len(parts), *target), value, parts[0].dtype)
    for row, part in zip(result, parts, strict=True) if target else ():
        row[tuple(slice(0, size) for size in part.shape)] = part
    return result if target else np.stack(parts)


def unstacked(source: Stream) -> Stream:
    """The rows of each element along the first axis."""
    for element in source:
        for i in range(len(element[0])):
            yield tuple(leaf[i, ...] for leaf in element)


def windows(source: Stream, size: int, shift: int, stride: int, drop_remainder: bool) -> Iterator[list[Element]]:
    """Lists of `size` elements, `stride` apart, beginning every `shift` elements."""
    reach = (size - 1) * stride + 1
    held: deque[Element] = deque()
    skip, ended = 0, False
    while True:
        while not ended and len(held) < reach:
            element = next(source, None)
            if element is None:
                ended = True
            elif skip:
                skip -= 1
            else:
                held.append(element)
        taken = [held[i] for i in range(0, min(reach, len(held)), stride)]
        if not taken or (drop_remainder and len(held) < reach):
            return
        yield taken
        for _ in range(min(shift, len(held))):
            held.popleft()
            skip -= 1
        skip += shift


def interleaved(
    source: Iterator[Any], begin: Callable[[Any], Iterator[Any]], cycle_length: int, block_length: int
) -> Iterator[Any]:
    """`block_length` items in turn from each of `cycle_length` streams, each begun for one item of the source."""
    cycle: list[Iterator[Any] | None] = [None] * cycle_length
    exhausted = False
    while True:
        active = False
        for place in range(cycle_length):
            if cycle[place] is None and not exhausted:
                item = next(source, None)
                exhausted = item is None
                cycle[place] = None if item is None else begin(item)
            stream = cycle[place]
            if stream is None:
                continue
            active = True
            block = list(itertools.islice(stream, block_length))
            yield from block
            if len(block) < block_length:
                cycle[place] = None
        if not active and exhausted:
            return


def chosen(choices: Iterator[int], streams: list[Iterator[Any]], stop_on_empty: bool) -> Iterator[Any]:
    """The next item of the stream that each choice names; an ended stream is passed over, or ends it all."""
    ended: set[int] = set()
    for choice in choices:
        if not 0 <= choice < len(streams):
            raise DataError(f"choose_from_datasets: the choice {choice} of {len(streams)} datasets")
        item = next(streams[choice], None)
        if item is not None:
            yield item
            continue
        ended.add(choice)
        if stop_on_empty or len(ended) == len(streams):
            return


def sampled(
    streams: list[Iterator[Any]], weights: np.ndarray, random: np.random.Generator, stop_on_empty: bool
) -> Iterator[Any]:
    """Items of streams chosen at random by weight, until all have ended, or the first."""
    weights = weights.copy()
    while weights.sum() > 0:
        choice = int(np.searchsorted(np.cumsum(weights), random.random() * weights.sum(), side="right"))
        item = next(streams[choice], None)
        if item is not None:
            yield item
        elif stop_on_empty:
            return
        else:
            weights[choice] = 0.0


def resampled(labelled: Stream, target: np.ndarray, initial: np.ndarray | None, random: np.random.Generator) -> Stream:
    """Elements that begin with their class, left out at random so that classes come in the proportions `target`."""
    counts = np.ones(len(target))
    for element in labelled:
        label = int(element[0])
        if not 0 <= label < len(target):
            raise DataError(f"rejection_resample: class {label} of {len(target)} classes")
        counts[label] += 1
        shares = counts / counts.sum() if initial is None else initial
        ratios = np.divide(target, shares, out=np.zeros(len(target)), where=shares > 0)
        if random.random() * ratios.max() < ratios[label]:
            yield element


def without_errors(elements: Stream, log_warning: bool) -> Stream:
    """The elements of an iterator that goes on after an error, such as a map's, without those that raise one."""
    while True:
        try:
            element = next(elements)
        except StopIteration:
            return
        except TfcliError as error:
            if log_warning:
                warnings.warn(f"an element is left out: {error}", stacklevel=2)
            continue
        yield element
