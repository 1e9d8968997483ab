"""What every dataset is: a structure of specs, and a way to begin a pass over its elements."""

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.data.dataset.elements import DatasetSpec, Element
from tfcli.data.dataset.iterator import DatasetIterator, Passes
from tfcli.data.dataset.options import Options
from tfcli.data.dataset.rows import Rows
from tfcli.engine import nest
from tfcli.engine.tensor import Tensor, convert_to_tensor
from tfcli.errors import DataError

if TYPE_CHECKING:
    from tfcli.data.dataset.dataset import Dataset

AUTOTUNE = -1
INFINITE, UNKNOWN = -1, -2
INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = INFINITE, UNKNOWN

__all__ = ["AUTOTUNE", "INFINITE", "UNKNOWN", "Core", "Passes", "first_of", "made", "of_rows", "positive"]


class Core:
    """A sequence of elements that can be gone through again and again.

    `element_spec`: their structure of specs, or a function that finds it when it is first asked for. `begin` starts a
    pass over the elements' leaves; `cardinality` is their number, INFINITE or UNKNOWN; `rows` is given where they are
    rows of arrays; `begin_at(n)` starts a pass at element n where that is sooner done than passing over n of them.
    """

    def __init__(
        self,
        element_spec: Any,
        begin: Callable[[], Iterator[Element]],
        cardinality: int = UNKNOWN,
        rows: Rows | None = None,
        begin_at: Callable[[int], Iterator[Element]] | None = None,
    ) -> None:
        self._spec, self._begin, self._cardinality, self._rows = element_spec, begin, cardinality, rows
        self._fast_begin_at = begin_at
        self._options = Options()

    @property
    def element_spec(self) -> Any:
        """The specs of an element, in its structure; where only the values tell, the first element is computed."""
        if callable(self._spec):
            self._spec = self._spec()
        return self._spec

    def spec_as_leaf(self) -> DatasetSpec:
        return DatasetSpec(self.element_spec)

    def elements(self) -> Iterator[Element]:
        """A pass over the elements as flat tuples of arrays."""
        return self._begin()

    def begin_at(self, position: int) -> Iterator[Element]:
        """A pass over the elements from number `position` on."""
        if position and self._fast_begin_at is not None:
            return self._fast_begin_at(position)
        return itertools.islice(self._begin(), position, None)

    def __iter__(self) -> DatasetIterator:
        return DatasetIterator(self)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as numpy arrays and scalars."""
        return (nest.pack(self.element_spec, [leaf[()] for leaf in element]) for element in self._begin())

    def cardinality(self) -> Tensor:
        """The number of elements; INFINITE (-1) or UNKNOWN (-2) where there is none."""
        return convert_to_tensor(np.int64(self._cardinality))

    def __len__(self) -> int:
        if self._cardinality < 0:
            what = "endless" if self._cardinality == INFINITE else "of unknown length"
            raise TypeError(
                f"the dataset is {what}: count its elements, or tell with tf.data.experimental.assert_cardinality"
            )
        return self._cardinality

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Dataset element_spec={self.element_spec}>"

    def options(self) -> Options:
        """What `with_options` gave, and defaults."""
        return self._options

    def with_options(self, options: Options, name: str | None = None) -> "Dataset":
        """The same elements; what options there are changes no element here, as everything is deterministic."""
        dataset = made(self._spec, self._begin, self._cardinality, self._rows, self._fast_begin_at)
        dataset._options = self._options.merge(options)
        return dataset

    def _like(
        self,
        begin: Callable[[], Iterator[Element]],
        cardinality: int = UNKNOWN,
        begin_at: Callable[[int], Iterator[Element]] | None = None,
    ) -> "Dataset":
        return made(lambda: self.element_spec, begin, cardinality, None, begin_at)


def made(
    spec: Any,
    begin: Callable[[], Iterator[Element]],
    cardinality: int = UNKNOWN,
    rows: Rows | None = None,
    begin_at: Callable[[int], Iterator[Element]] | None = None,
) -> "Dataset":
    """A dataset with all methods: the one place below that knows the class they come together in."""
    from tfcli.data.dataset.dataset import Dataset

    return Dataset(spec, begin, cardinality, rows, begin_at)


def of_rows(spec: Any, rows: Rows, cardinality: int) -> "Dataset":
    return made(spec, rows.elements, cardinality, rows)


def first_of(dataset: Core, what: str) -> Element:
    element = next(dataset._begin(), None)
    if element is None:
        raise DataError(f"{what}: the dataset is empty, so nothing tells what the function's elements look like")
    return element


def positive(what: str, value: Any) -> int:
    number = int(value)
    if number < 1:
        raise DataError(f"{what}: expected a size of 1 or more, got {number}")
    return number
