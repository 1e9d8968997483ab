"""What `fit`, `evaluate` and `predict` take as data, as batches: arrays, datasets, sequences of batches, generators."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tfcli.engine import nest
from tfcli.engine.ops.random import global_generator
from tfcli.engine.tensor import Tensor, Variable
from tfcli.errors import DataError
from tfcli.models.layers.base import settings
from tfcli.models.objective import class_weight_vector


class PyDataset:
    """Base for batches by number: a subclass defines `__len__` and `__getitem__(index)`, and `on_epoch_end` where it
    likes.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        """Batches are made one after another, when their turn comes, whatever the arguments say."""
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        raise DataError(f"{type(self).__name__} does not define __len__(self), the number of its batches")

    @property
    def num_batches(self) -> int:
        return len(self)

    def __getitem__(self, index: int) -> Any:
        raise DataError(f"{type(self).__name__} does not define __getitem__(self, index)")

    def on_epoch_begin(self) -> None:
        """Called before an epoch."""

    def on_epoch_end(self) -> None:
        """Called after an epoch."""


class Batches:
    """Batches, an epoch at a time. With `steps` an epoch has that many, and the next goes on where it ended."""

    def __init__(
        self, source: Callable[[], Iterator[Any]], num_batches: int | None, steps: int | None, again: bool
    ) -> None:
        self.source, self.again = source, again
        self.steps = steps
        self.num_batches = steps if steps is not None else num_batches
        self._iterator: Iterator[Any] | None = None

    def epoch(self) -> Iterator[Any]:
        """The batches of the next epoch."""
        if self.steps is None:
            yield from self.source()
            return
        for _ in range(self.steps):
            batch = self._next()
            if batch is None:
                warnings.warn(f"the data ended before the {self.steps} steps of an epoch; training stops", stacklevel=2)
                return
            yield batch[0]

    def _next(self) -> tuple[Any] | None:
        for _ in range(2):
            if self._iterator is None:
                self._iterator = self.source()
            try:
                return (next(self._iterator),)
            except StopIteration:
                if not self.again:
                    return None
                self._iterator = None
        return None


def make_batches(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: Mapping[int, float] | None = None,
) -> Batches:
    """Batches of tensors as `train_step` takes them: x, (x, y) or (x, y, sample_weight). Raises DataError."""
    if hasattr(x, "__next__"):
        made = Batches(lambda: iter(x), None, steps, again=False)
    elif hasattr(x, "__getitem__") and hasattr(x, "on_epoch_end"):
        made = Batches(lambda: _numbered(x, bool(shuffle)), len(x), steps, again=True)
    elif not isinstance(x, np.ndarray | Tensor | Variable | list | tuple | dict) and not hasattr(x, "to_numpy"):
        if not hasattr(x, "__iter__"):
            raise DataError(f"expected arrays, a dataset or a generator as x, got {type(x).__name__}")
        made = Batches(lambda: iter(x), _length(x), steps, again=True)
    else:
        arrays = tuple(as_arrays(part) for part in (x, y, sample_weight))
        return _of_arrays(arrays, batch_size or 32, steps, shuffle, class_weight)
    if y is not None:
        raise DataError(f"y is part of the batches where x is a {type(x).__name__}; leave `y` out")
    if sample_weight is not None:
        raise DataError(f"weights are part of the batches where x is a {type(x).__name__}; leave `sample_weight` out")
    source = made.source
    made.source = lambda: (_weighted(as_tensors(batch), class_weight) for batch in source())
    return made


def _length(dataset: Any) -> int | None:
    """The number of batches, where the data set knows it."""
    cardinality = getattr(dataset, "cardinality", None)
    if cardinality is not None:
        count = int(cardinality())
        return count if count >= 0 else None
    return len(dataset) if hasattr(dataset, "__len__") else None


def _numbered(data: Any, shuffle: bool) -> Iterator[Any]:
    if hasattr(data, "on_epoch_begin"):
        data.on_epoch_begin()
    order = np.arange(len(data))
    for i in global_generator().permutation(order) if shuffle else order:
        yield data[int(i)]
    data.on_epoch_end()


def as_arrays(structure: Any) -> Any:
    """Arrays in a structure of lists and dicts; a list of plain numbers is one array, floats have the working
    precision.
    """
    if isinstance(structure, Mapping):
        return {name: as_arrays(part) for name, part in structure.items()}
    if isinstance(structure, list | tuple) and any(_is_array(part) for part in structure):
        return type(structure)(as_arrays(part) for part in structure)
    return None if structure is None else _array(structure)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | Tensor | Variable | Mapping) or hasattr(value, "to_numpy") or value is None


def _array(value: Any) -> np.ndarray:
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    array = value.array if isinstance(value, Tensor | Variable) else np.asarray(value)
    if array.dtype.kind == "f":
        return array.astype(settings.floatx, copy=False)
    return array.astype(object) if array.dtype.kind in "US" else array


def as_tensors(structure: Any) -> Any:
    """The tensors of a batch; a batch in a list is one in a tuple."""
    batch = nest.map_structure(_tensor, structure)
    return tuple(batch) if isinstance(batch, list) else batch


def _tensor(value: Any) -> Any:
    return value if value is None or isinstance(value, Tensor) else Tensor(_array(value))


def _of_arrays(
    arrays: tuple[Any, Any, Any], batch_size: int, steps: int | None, shuffle: bool | str, class_weight: Any
) -> Batches:
    examples = count_examples(arrays)

    def batches() -> Iterator[Any]:
        order = _order(examples, batch_size, shuffle)
        for start in range(0, examples, batch_size):
            chosen = slice(start, start + batch_size) if order is None else order[start : start + batch_size]
            yield _weighted(pack_x_y_sample_weight(*(_take(part, chosen) for part in arrays)), class_weight)

    return Batches(batches, -(-examples // batch_size), steps, again=True)


def count_examples(arrays: Any) -> int:
    """The first size of all arrays. Raises DataError where they differ."""
    sizes = {len(a) if a.ndim else None for a in nest.flatten(arrays) if a is not None}
    if len(sizes) != 1 or None in sizes:
        shown = ", ".join(str(a.shape) for a in nest.flatten(arrays) if a is not None)
        raise DataError(
            f"all arrays must have the same number of examples along their first axis; the shapes are {shown}"
        )
    return int(sizes.pop() or 0)


def _order(examples: int, batch_size: int, shuffle: bool | str) -> np.ndarray | None:
    if not shuffle:
        return None
    generator = global_generator()
    if shuffle != "batch":
        return generator.permutation(examples)
    starts = np.arange(0, examples, batch_size)
    return np.concatenate([np.arange(s, min(s + batch_size, examples)) for s in generator.permutation(starts)])


def _take(structure: Any, chosen: Any) -> Any:
    return nest.map_structure(lambda a: None if a is None else Tensor(a[chosen]), structure)


def split_off(arrays: tuple[Any, Any, Any], share: float) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """The first and the last examples, `share` of them, as Keras's validation_split. Raises DataError."""
    examples = count_examples(arrays)
    at = int(examples * (1 - share))
    if not 0 < share < 1 or at in (0, examples):
        raise DataError(f"validation_split={share} of {examples} examples leaves none to train or to validate on")

    def part(chosen: slice) -> Any:
        return tuple(nest.map_structure(lambda a: None if a is None else a[chosen], structure) for structure in arrays)

    return part(slice(0, at)), part(slice(at, None))


def _weighted(batch: Any, class_weight: Mapping[int, float] | None) -> Any:
    """The batch with the weights of its classes in the place of, or times, the sample weights."""
    if class_weight is None:
        return batch
    x, y, sample_weight = unpack_x_y_sample_weight(batch)
    if not isinstance(y, Tensor):
        raise DataError("class_weight is for models with one output; give sample_weight instead")
    labels = y.array
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    vector = class_weight_vector(class_weight, settings.floatx)
    weights = vector[np.minimum(labels.astype(np.int64), len(vector) - 1)]
    if sample_weight is not None:
        weights = weights * sample_weight.array
    return x, y, Tensor(weights)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What a batch is as data of a step: without y and weights x alone (in a tuple if it is a list)."""
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample_weight of what a step was given, None for what is not there. Raises DataError."""
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise DataError(f"a batch is x, (x, y) or (x, y, sample_weight), got {len(data)} parts")
    return (*data, None, None)[:3]  # type: ignore[return-value]
