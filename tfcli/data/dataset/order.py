"""The methods that choose, order and keep elements."""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfcli.data.dataset import streams
from tfcli.data.dataset.core import AUTOTUNE, INFINITE, UNKNOWN, Core, Passes, made, of_rows
from tfcli.data.dataset.elements import Element
from tfcli.data.dataset.making import common_spec
from tfcli.data.threads import prefetched
from tfcli.errors import DataError

if TYPE_CHECKING:
    from tfcli.data.dataset.dataset import Dataset


class Order(Core):
    """shuffle and its kin."""

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """Elements drawn at random from a buffer; in another order in each pass, unless told otherwise."""
        size = self._cardinality if int(buffer_size) == AUTOTUNE and self._cardinality > 0 else int(buffer_size)
        if size < 1:
            raise DataError(f"shuffle: buffer_size must be 1 or more, got {buffer_size}")
        random = Passes(seed, reshuffle_each_iteration is not False)
        if self._rows is not None:
            return of_rows(self._spec, self._rows.shuffle(size, random, self._cardinality), self._cardinality)
        return self._like(lambda: streams.shuffled(self._begin(), size, random()), self._cardinality)

    def repeat(self, count: int | None = None, name: str | None = None) -> "Dataset":
        """`count` passes, or endless ones."""
        times = -1 if count is None else int(count)
        total = _product(self._cardinality, times)
        if self._rows is not None:
            return of_rows(self._spec, self._rows.repeat(times), total)
        return self._like(lambda: streams.repeated(self._begin, times), total)

    def take(self, count: int, name: str | None = None) -> "Dataset":
        """The first `count` elements; all for -1."""
        count, have = int(count), self._cardinality
        total = have if count < 0 or have == UNKNOWN else count if have == INFINITE else min(count, have)
        if self._rows is not None:
            return of_rows(self._spec, self._rows.take(count), total)
        return self._like(lambda: itertools.islice(self._begin(), None if count < 0 else count), total)

    def skip(self, count: int, name: str | None = None) -> "Dataset":
        """What follows the first `count` elements; nothing for -1."""
        count, have = int(count), self._cardinality
        total = 0 if count < 0 else have if have < 0 else max(have - count, 0)
        if self._rows is not None:
            return of_rows(self._spec, self._rows.skip(count), total)
        return self._like(
            lambda: iter(()) if count < 0 else self.begin_at(count),
            total,
            lambda position: iter(()) if count < 0 else self.begin_at(count + position),
        )

    def shard(self, num_shards: int, index: int, name: str | None = None) -> "Dataset":
        """Every `num_shards`-th element, beginning with number `index`. Raises DataError."""
        count, first, have = int(num_shards), int(index), self._cardinality
        if not 0 <= first < count:
            raise DataError(f"shard: index {first} of {count} shards; shards are numbered from 0")
        total = have if have < 0 else max(-(-(have - first) // count), 0)
        if self._rows is not None:
            return of_rows(self._spec, self._rows.shard(count, first), total)
        return self._like(lambda: itertools.islice(self._begin(), first, None, count), total)

    def concatenate(self, dataset: "Dataset", name: str | None = None) -> "Dataset":
        """The elements of this dataset and then those of another of the same structure. Raises DataError."""
        spec = common_spec([self, dataset], "concatenate")
        a, b = self._cardinality, dataset._cardinality
        total = INFINITE if INFINITE in (a, b) else UNKNOWN if UNKNOWN in (a, b) else a + b
        return made(spec, lambda: itertools.chain(self._begin(), dataset._begin()), total)

    def unique(self, name: str | None = None) -> "Dataset":
        """The elements that did not occur before."""

        def begin() -> Iterator[Element]:
            seen = set()
            for element in self._begin():
                key = tuple(leaf.tobytes() if leaf.dtype.kind != "O" else tuple(leaf.flat) for leaf in element)
                if key not in seen:
                    seen.add(key)
                    yield element

        return self._like(begin)

    def prefetch(self, buffer_size: int, name: str | None = None) -> "Dataset":
        """The same elements, made by a thread that runs up to `buffer_size` ahead; rows of arrays need none."""
        size = 2 if int(buffer_size) == AUTOTUNE else int(buffer_size)
        if self._rows is not None or size <= 0:
            return self  # type: ignore[return-value]
        return self._like(
            lambda: prefetched(self._begin(), size),
            self._cardinality,
            lambda position: prefetched(self.begin_at(position), size),
        )


def _product(count: int, times: int) -> int:
    if count == 0 or times == 0:
        return 0
    if times < 0:
        return INFINITE
    return count if count < 0 else count * times
