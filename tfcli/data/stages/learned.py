"""Stages that learn from the training split, and those that are computed in numpy."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfcli.data.stage import Batch, Context, InputTransform
from tfcli.declare.functions import functions_in
from tfcli.engine.preprocessing.learning import Learned, Learning, OnArrays, Summary
from tfcli.errors import DataError, DtypeError, ShapeError, SpecError


@contextmanager
def about(name: str, context: Context) -> Iterator[None]:
    """Errors raised inside name the stage and the input."""
    try:
        with functions_in(context.root):
            yield
    except (ShapeError, DtypeError, DataError, SpecError) as error:
        raise DataError(f"{context.where}: column {name!r}: {error}") from error


class Adapting(Learning, InputTransform, abstract=True):
    """A stage that learns from the training split what its fields do not say: of all inputs in one pass."""

    def learn(self, batches: Iterable[Batch], context: Context) -> dict[str, Learned]:
        """What is to be learned of each input by itself."""
        summaries: dict[str, Summary] = {}
        for batch in batches:
            for name in self.names(batch, context):
                summary = summaries.setdefault(name, self.summary())
                with about(name, context):
                    summary.update(self.as_input(batch.inputs[name], name, context))
        learned = {}
        for name, summary in summaries.items():
            with about(name, context):
                learned[name] = summary.result()
        return learned

    def as_input(self, array: np.ndarray, name: str, context: Context) -> np.ndarray:
        """`array` as the stage takes it. Raises DataError."""
        return array


class Computing(OnArrays, InputTransform, abstract=True):
    """A stage computed in numpy."""

    def as_input(self, array: np.ndarray, name: str, context: Context) -> np.ndarray:
        """Single values are rows of one where each row becomes a vector."""
        return array[:, None] if array.ndim == 1 and getattr(self, "output_mode", None) != "int" else array

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        with about(name, context):
            prepared = self.prepare(learned or None)

        def run(array: np.ndarray) -> np.ndarray:
            with about(name, context):
                return as_column(self.compute(prepared, context.floatx, self.as_input(array, name, context)))

        return run


def as_column(array: np.ndarray) -> np.ndarray:
    """Texts as str, as the data have them."""
    if array.dtype != object:
        return array
    decoded = np.empty(array.shape, object)
    decoded.reshape(-1)[:] = [v.decode(errors="replace") if isinstance(v, bytes) else v for v in array.ravel().tolist()]
    return decoded
