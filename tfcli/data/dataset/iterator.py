"""Passes over a dataset that know where they are, and can go on there later."""

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from tfcli.data.dataset.elements import Element, present
from tfcli.engine.ops.random import next_key
from tfcli.errors import DataError


class Passes:
    """A random generator for each pass over a dataset: another one each time (`anew`), or always the same."""

    def __init__(self, seed: int | None, anew: bool) -> None:
        self.key, self.anew, self.count = next_key(seed), anew, 0
        self.inner = _log.get() is not None
        """Made for one pass by a function in it: its own passes begin at 0 in any case."""

    def __call__(self) -> np.random.Generator:
        if (log := _log.get()) is not None and not self.inner:
            log.meet(self)
        counter = [0, 0, self.count if self.anew else 0, 0]
        self.count += 1
        return np.random.Generator(np.random.Philox(key=self.key, counter=counter))


class _Log:
    """At which count each `Passes` was that a pass over a dataset met, in the order in which it met them.

    That order is the same in every pass, so the counts say where all its random numbers begin.
    """

    def __init__(self, given: list[int] | None = None) -> None:
        self.given = given or []
        self.counts: list[int] = []
        self._met: set[int] = set()

    def meet(self, passes: Passes) -> None:
        if id(passes) not in self._met:
            self._met.add(id(passes))
            if len(self.counts) < len(self.given):
                passes.count = self.given[len(self.counts)]
            self.counts.append(passes.count)


_log: ContextVar[_Log | None] = ContextVar("what the pass being computed met", default=None)


class DatasetIterator:
    """A pass over a dataset: what `iter(dataset)` gives.

    `get_state` says where it is, in numbers that JSON can hold; `set_state` of an iterator over the same chain, also in
    another process, goes on there exactly. Datasets that are shuffled without a seed need `tf.random.set_seed` for it.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._log = _Log()
        self._position = 0
        self._elements: Iterator[Element] | None = None

    @property
    def element_spec(self) -> Any:
        return self._dataset.element_spec

    def __iter__(self) -> "DatasetIterator":
        return self

    def __next__(self) -> Any:
        spec = self._dataset.element_spec  # may begin a pass of its own, which is none of ours
        token = _log.set(self._log)
        try:
            if self._elements is None:
                self._elements = self._dataset.begin_at(self._position)
            element = next(self._elements)
        finally:
            _log.reset(token)
        self._position += 1
        return present(spec, element)

    def get_next(self) -> Any:
        """The next element. Raises StopIteration."""
        return next(self)

    def get_state(self) -> dict[str, Any]:
        """How many elements were given, and how often the shuffled datasets had been gone through before."""
        return {"position": self._position, "passes": list(self._log.counts)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on where an iterator was that gave `state`. Raises DataError for what is no state."""
        position, passes = state.get("position"), state.get("passes")
        if not isinstance(position, int) or not isinstance(passes, list):
            raise DataError(f"set_state: expected what get_state gave, got {str(state)[:60]}")
        self._log, self._position, self._elements = _Log(passes), position, None
