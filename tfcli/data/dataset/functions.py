"""The methods that apply functions to elements."""

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.data.dataset import streams
from tfcli.data.dataset.core import AUTOTUNE, Core, Passes, first_of, made
from tfcli.data.dataset.elements import Element, ElementFunction, called_with, present
from tfcli.data.threads import parallel_map, workers
from tfcli.engine import nest
from tfcli.engine.spec import Shape, TensorSpec, int64
from tfcli.engine.tensor import as_array, convert_to_tensor
from tfcli.errors import DataError

INTERLEAVED = 16
"""How many datasets `interleave` holds open where it is not told."""

if TYPE_CHECKING:
    from tfcli.data.dataset.dataset import Dataset


class Functions(Core):
    """map and its kin."""

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """`map_func` of each element, whose components are its arguments; in order, however many calls run at once.

        Functions that draw random numbers, change variables or are no graph run one call after the other, as their
        results depend on the order.
        """
        function = ElementFunction(map_func, self.element_spec)
        threads = workers(num_parallel_calls)

        def mapped(elements: Iterator[Element]) -> Iterator[Element]:
            return parallel_map(function, elements, threads) if function.pure else map(function, elements)

        begin_at = (lambda position: mapped(self.begin_at(position))) if function.pure else None
        return made(
            lambda: _result(function, self, "map"), lambda: mapped(self._begin()), self._cardinality, None, begin_at
        )

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> "Dataset":
        """The elements for which `predicate` is true."""
        function = ElementFunction(predicate, self.element_spec)
        return self._like(lambda: (e for e in self._begin() if function.truth(e, "filter")))

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> "Dataset":
        """The elements before the first for which `predicate` is false."""
        function = ElementFunction(predicate, self.element_spec)
        return self._like(lambda: itertools.takewhile(lambda e: function.truth(e, "take_while"), self._begin()))

    def flat_map(self, map_func: Callable[..., "Dataset"], name: str | None = None) -> "Dataset":
        """The elements of the datasets that `map_func` makes of the elements, one after the other."""
        return self._expanded("flat_map", map_func, 1, None)

    def interleave(
        self,
        map_func: Callable[..., "Dataset"],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """`block_length` elements in turn from each of `cycle_length` datasets that `map_func` makes."""
        cycle = INTERLEAVED if cycle_length in (None, AUTOTUNE) else int(cycle_length)  # type: ignore[arg-type]
        return self._expanded("interleave", map_func, cycle, block_length)

    def _expanded(self, what: str, map_func: Callable[..., "Dataset"], cycle: int, block: int | None) -> "Dataset":
        def inner(element: Element) -> Core:
            dataset = called_with(map_func, self.element_spec, list(nest.flatten(present(self.element_spec, element))))
            if not isinstance(dataset, Core):
                raise DataError(f"{what}: the function must return a Dataset, it returned a {type(dataset).__name__}")
            return dataset

        def begin() -> Iterator[Element]:
            if block is None:
                return (item for outer in self._begin() for item in inner(outer)._begin())
            return streams.interleaved(self._begin(), lambda e: inner(e)._begin(), cycle, block)

        return made(lambda: inner(first_of(self, what)).element_spec, begin)

    def scan(self, initial_state: Any, scan_func: Callable[..., Any], name: str | None = None) -> "Dataset":
        """`scan_func(state, element) -> (state, output)` of each element; the outputs."""
        start = nest.map_structure(convert_to_tensor, initial_state)
        state_spec = nest.map_structure(lambda t: t.spec, start)
        function = ElementFunction(scan_func, (state_spec, self.element_spec))
        states = len(nest.flatten(start))

        def begin() -> Iterator[Element]:
            state = tuple(t.array for t in nest.flatten(start))
            for element in self._begin():
                result = function((*state, *element))
                state = result[:states]
                yield result[states:]

        def spec() -> Any:
            if function.result is None:
                function((*(t.array for t in nest.flatten(start)), *first_of(self, "scan")))
            return function.result[1]

        return made(spec, begin, self._cardinality)

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any], name: str | None = None) -> Any:
        """`reduce_func(state, element) -> state` over all elements; the last state."""
        state = nest.map_structure(convert_to_tensor, initial_state)
        for element in self:
            state = nest.map_structure(convert_to_tensor, reduce_func(state, element))
        return state

    def apply(self, transformation_func: Callable[["Dataset"], "Dataset"]) -> "Dataset":
        """`transformation_func` of this dataset."""
        return transformation_func(self)  # type: ignore[arg-type]

    def rejection_resample(
        self,
        class_func: Callable[..., Any],
        target_dist: Any,
        initial_dist: Any = None,
        seed: int | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """Pairs (class, element), some left out at random so that classes come in the proportions of `target_dist`.

        `initial_dist`: their proportions now; where it is not given, as counted so far.
        """
        function = ElementFunction(class_func, self.element_spec)
        target = np.asarray(as_array(target_dist), np.float64)
        given = None if initial_dist is None else np.asarray(as_array(initial_dist), np.float64)
        if target.ndim != 1 or (given is not None and given.shape != target.shape):
            raise DataError(f"rejection_resample: target_dist {target.shape}, one number a class was expected")
        passes = Passes(seed, True)

        def begin() -> Iterator[Element]:
            labelled = ((function(element)[0], *element) for element in self._begin())
            return streams.resampled(labelled, target, given, passes())

        return made(lambda: (_result(function, self, "rejection_resample"), self.element_spec), begin)

    def ignore_errors(self, log_warning: bool = False, name: str | None = None) -> "Dataset":
        """The elements without those that cannot be computed. What a generator or file raises still ends it."""
        source = self._begin
        return self._like(lambda: streams.without_errors(source(), log_warning))

    def enumerate(self, start: int = 0, name: str | None = None) -> "Dataset":
        """Pairs of a count and the element."""
        spec = (TensorSpec(Shape(()), int64), self.element_spec)
        begin = lambda: ((np.asarray(i), *e) for i, e in enumerate(self._begin(), int(start)))  # noqa: E731
        return made(spec, begin, self._cardinality)


def _result(function: ElementFunction, dataset: Core, what: str) -> Any:
    """The spec of what a function returns, found from the first element where it could not be traced."""
    if function.result is None:
        function(first_of(dataset, what))
    return function.result
