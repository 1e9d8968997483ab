"""The contract of a pipeline stage, and the batches that stages work on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfcli.data.table import as_list
from tfcli.data.uneven import is_uneven
from tfcli.declare import Declared, nearest
from tfcli.errors import DataError


@dataclass(frozen=True)
class Moment:
    """Where in training a batch is: the epoch, and the position in it of the batch's first example."""

    epoch: int
    position: int


@dataclass(frozen=True)
class Batch:
    """Examples: arrays by name with the examples as first axis. `weights` (N,) or None; `targets` may be empty."""

    inputs: dict[str, np.ndarray]
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | None = None
    moment: Moment | None = None
    """Outside training there is none."""

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, rows: np.ndarray, moment: Moment | None = None) -> "Batch":
        """The examples at `rows`."""
        return Batch(
            {name: taken(array, rows) for name, array in self.inputs.items()},
            {name: taken(array, rows) for name, array in self.targets.items()},
            None if self.weights is None else self.weights[rows],
            moment,
        )

    def with_inputs(self, changed: dict[str, np.ndarray]) -> "Batch":
        return replace(self, inputs=self.inputs | changed)


def joined(parts: Sequence[Batch]) -> Batch:
    """The examples of several batches in one. Raises ValueError where shapes differ."""
    first = parts[0]
    weights = None if first.weights is None else np.concatenate([np.asarray(part.weights) for part in parts])
    return Batch(
        {name: np.concatenate([part.inputs[name] for part in parts]) for name in first.inputs},
        {name: np.concatenate([part.targets[name] for part in parts]) for name in first.targets},
        weights,
    )


def taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The array's `rows`."""
    # ndarray.take is the fast one, but copies a view whole (windows over a series) before it gathers.
    return array.take(rows, axis=0) if array.flags.c_contiguous else array[rows]


@dataclass(frozen=True)
class Context:
    """What a stage may know of its surroundings."""

    where: str
    """For messages: `data.pipeline[3] (rescaling)`."""
    root: Path
    seed: int
    floatx: str = "float32"
    index: int = 0
    batched: bool = False
    """The stage stands after `batch`."""
    filled_up: bool = False
    """A later stage fills up what has different lengths."""
    labelled: bool = True
    """The spec's source has labels."""
    weighted: bool = False


Function = Callable[[Batch], Batch]
Elements = np.ndarray | list[np.ndarray]
"""The rows of examples, or those of each batch."""
Sizes = int | np.ndarray
"""How many examples there are, or how many are in each batch."""
Measured = Callable[[], np.ndarray]
"""What `Arranging.measure` says of all examples."""

_OWN_ELEMENTS = "a `generator` source gives what a tf.data chain of your own makes"


class Stage(Declared, kind="pipeline stage"):
    """A step of the input pipeline."""

    absent = {
        "ragged_batch": "a model takes arrays: `padded_batch` fills up what has different lengths",
        "concatenate": "a source's `path` may be a glob",
        "interleave": "a source's `path` may be a glob; `shuffle` mixes its files",
        "zip": _OWN_ELEMENTS,
        "flat_map": _OWN_ELEMENTS,
        "scan": _OWN_ELEMENTS,
        "enumerate": _OWN_ELEMENTS,
        "sample_from_datasets": _OWN_ELEMENTS,
    }


class Arranging(Stage, abstract=True):
    """Says which examples, in which order and groups, go on: arithmetic on their numbers alone."""

    training_only = False
    measures = False
    """It must know something of each example: what `measure` gives."""

    def measure(self, batch: Batch, context: Context) -> np.ndarray:
        """A number for each example, as the stages before this one make it."""
        raise AssertionError(f"{type(self).__name__} must define measure")

    def arrange(self, elements: Elements, context: Context, epoch: int, measured: Measured) -> Elements:
        """The elements to go on with."""
        raise AssertionError(f"{type(self).__name__} must define arrange")

    def stream(self, begin: Callable[[], Iterator[Any]], context: Context, epoch: int) -> Iterator[Any]:
        """The same of elements that come in blocks (`tfcli.data.blocks`) and whose number is not known."""
        raise AssertionError(f"{type(self).__name__} must define stream")

    def sizes(self, sizes: Sizes, context: Context) -> Sizes:
        """What the stage makes of so many elements."""
        raise AssertionError(f"{type(self).__name__} must define sizes")


class Ordering(Arranging, abstract=True):
    """Chooses and orders elements: examples before `batch`, batches after it."""

    def order(self, count: int, context: Context, epoch: int) -> np.ndarray:
        """Indices of the elements to go on with, of `count`."""
        raise AssertionError(f"{type(self).__name__} must define order")

    def remaining(self, count: int) -> int:
        """How many of `count` elements it goes on with, or makes of them."""
        return count

    def arrange(self, elements: Elements, context: Context, epoch: int, measured: Measured) -> Elements:
        order = self.order(len(elements), context, epoch)
        return elements[order] if isinstance(elements, np.ndarray) else [elements[i] for i in order]

    def sizes(self, sizes: Sizes, context: Context) -> Sizes:
        return self.remaining(sizes) if isinstance(sizes, int) else sizes[self.order(len(sizes), context, 0)]


class Transform(Stage, abstract=True):
    """Changes examples. Works on whole batches, so that the same code serves one example and all of them."""

    @property
    def learns(self) -> bool:
        """Whether something must be learned from the training split."""
        return False

    def learn(self, batches: Iterable[Batch], context: Context) -> dict[str, Any]:
        """What `bind` needs to know of the training split, whose `batches` can be gone through again and again."""
        return {}

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        """The function from batch to batch."""
        raise AssertionError(f"{type(self).__name__} must define bind")


class InputTransform(Transform, abstract=True):
    """A Keras preprocessing layer: changes model inputs, each by itself."""

    features: str | list[str] | None = None
    """The model inputs to change. Default: all."""

    @property
    def varies(self) -> bool:
        """Whether the size of the output's last axis differs from batch to batch."""
        return False

    def names(self, batch: Batch, context: Context) -> list[str]:
        """Raises DataError for a name that is no model input."""
        for name in as_list(self.features):
            if name not in batch.inputs:
                hint = nearest(name, batch.inputs) or f"there are: {', '.join(batch.inputs)}"
                raise DataError(f"{context.where}: there is no input {name!r}; {hint}")
        return as_list(self.features) or list(batch.inputs)

    def bind(self, learned: dict[str, Any], context: Context) -> Function:
        functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {}

        def run(batch: Batch) -> Batch:
            changed = {}
            for name in self.names(batch, context):
                _refuse_uneven(batch.inputs[name], name, context)
                if name not in functions:
                    functions[name] = self.function(learned.get(name, {}), name, context)
                changed[name] = functions[name](batch.inputs[name])
            return batch.with_inputs(changed)

        return run

    def function(self, learned: Any, name: str, context: Context) -> Callable[[np.ndarray], np.ndarray]:
        """The function from array to array for one input."""
        raise AssertionError(f"{type(self).__name__} must define function")


def _refuse_uneven(array: np.ndarray, name: str, context: Context) -> None:
    if is_uneven(array):
        raise DataError(
            f"{context.where}: {name!r} has lists of different lengths; this stage comes after `padded_batch` or "
            "`bucket_by_sequence_length`, which fill them up"
        )


def numbers(array: np.ndarray, name: str, context: Context, floatx: str | None = None) -> np.ndarray:
    """`array` as floating-point numbers. Raises DataError for texts."""
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{context.where}: column {name!r} has texts like {array.ravel()[0]!r}, and this stage takes numbers; "
            "name the inputs it is for with `features`, or put a string_lookup before it"
        )
    return array.astype(floatx or context.floatx, copy=False)


def integers(array: np.ndarray, name: str, context: Context) -> np.ndarray:
    """`array` as int64. Raises DataError for texts and fractions."""
    values = numbers(array, name, context, "float64") if array.dtype.kind not in "biu" else array
    if values.dtype.kind == "f" and (values != np.floor(values)).any():
        wrong = values[values != np.floor(values)].ravel()[0]
        raise DataError(f"{context.where}: column {name!r} has {wrong}, and this stage takes whole numbers")
    return values.astype(np.int64)
