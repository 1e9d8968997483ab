"""Layers that learn from data before training, and those that are computed in numpy."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tfcli.engine.preprocessing.learning import Learned, Learning, OnArrays, Preprocess, Summary
from tfcli.engine.tensor import Tensor, Variable, as_array
from tfcli.errors import DataError, SpecError
from tfcli.models.layers.base import Layer


class _OnLists(Layer, abstract=True):
    """A layer for which nested lists of texts or numbers are one input."""

    _learned: Learned | None = None
    """What was learned, by layers that learn; None before."""

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Apply the layer. Raises ShapeError, DtypeError, DataError naming it."""
        if isinstance(inputs, list | tuple) and not self.many_inputs:
            inputs = Tensor(as_array(inputs))
        return super().__call__(inputs, *args, **kwargs)


class Computing(OnArrays, _OnLists, abstract=True):
    """A layer computed in numpy: what comes before it learns nothing from what comes after it."""

    keeps_integers = True

    def call(self, inputs: Any) -> Tensor:
        listed = inputs if isinstance(inputs, list | tuple) else [inputs]
        return Preprocess(self, self.dtype)(*listed)

    @property
    def prepared(self) -> Any:
        """What the computation needs besides the fields; made when it is first needed."""
        if "_prepared" not in self.__dict__:
            self._prepared = self.prepare(self._learned)
        return self._prepared

    def _attributes(self) -> list[Any]:
        """No weights and no layers; a vocabulary would take long to search for them."""
        return []


class Adapting(Learning, _OnLists, abstract=True):
    """A layer that learns from data what its fields do not say, by `adapt` or before a spec's training."""

    _summary: Summary | None = None

    @property
    def needs_data(self) -> bool:
        """Whether the layer has yet to learn something."""
        return self.learns and self._learned is None

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn from data: an array, a dataset of batches, or an iterable of them, `steps` of these at most.

        Raises SpecError where the fields leave nothing to learn, DataError.
        """
        self.reset_state()
        for batch in self._batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take a batch into account."""
        if not self.learns:
            raise SpecError(f"{self.path}: what it would learn is given to it, so there is nothing to adapt")
        if self._summary is None:
            self._summary = self.summary()
        self._summary.update(as_array(data))

    def finalize_state(self) -> None:
        """Keep what the batches since `reset_state` say. Raises DataError where there was none."""
        self.take((self._summary or self.summary()).result())
        self._summary = None

    def reset_state(self) -> None:
        """Forget the batches since the last `finalize_state`."""
        self._summary = None

    def take(self, learned: Learned) -> None:
        """Work with what was learned, here or in a run before."""
        self._learned = learned
        self.__dict__.pop("_prepared", None)

    @property
    def state(self) -> Learned | None:
        """What a run keeps, for `take`; None where the fields say all."""
        return self._learned

    def _batches(self, data: Any, steps: int | None) -> Iterator[Any]:
        if isinstance(data, np.ndarray | Tensor | Variable) or _is_nested(data):
            yield self._whole(as_array(data))
            return
        for number, batch in enumerate(_batched(data)):
            if steps is not None and number >= steps:
                return
            yield batch[0] if isinstance(batch, tuple) else batch

    def _whole(self, array: np.ndarray) -> np.ndarray:
        """All data as one batch."""
        return array


def refuse_held_learners(layer: Layer) -> None:
    """Raises SpecError where a layer inside of another one would have to learn from the data first."""
    for inner in layer.walk():
        if inner is not layer and isinstance(inner, Adapting) and inner.needs_data:
            raise SpecError(
                f"a {inner.type_name} inside of a {layer.type_name} does not see the data to learn from; say in its "
                f"fields what it would learn, or put it before the {layer.type_name}"
            )


def _is_nested(data: Any) -> bool:
    """Whether it is a list of texts or numbers, maybe nested, and not one of arrays."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return isinstance(data, str | bytes | int | float | bool)


def _batched(data: Any) -> Iterable[Any]:
    """Raises DataError for what is no iterable of batches."""
    if not isinstance(data, Iterable):
        raise DataError(f"adapt takes an array, a dataset or batches of arrays, got {type(data).__name__}")
    return data
