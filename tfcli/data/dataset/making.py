"""Where datasets begin: arrays, generators, numbers, files, and other datasets."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.data.dataset import streams
from tfcli.data.dataset.core import INFINITE, UNKNOWN, Core, Passes, made, of_rows
from tfcli.data.dataset.elements import Element, checked, spec_of
from tfcli.data.dataset.rows import Rows
from tfcli.engine import nest
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, int64
from tfcli.engine.tensor import Tensor, as_array
from tfcli.errors import DataError

if TYPE_CHECKING:
    from tfcli.data.dataset.dataset import Dataset


class Making(Core):
    """The methods that make a dataset of something else."""

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> "Dataset":
        """The slices of arrays along their first axis. Raises DataError where the lengths differ."""
        structure = _as_arrays(tensors)
        columns = tuple(nest.flatten(structure))
        if not columns or any(c.ndim == 0 for c in columns):
            raise DataError(
                "from_tensor_slices: expected arrays with a first axis to slice; from_tensors keeps them whole"
            )
        lengths = {len(c) for c in columns}
        if len(lengths) > 1:
            raise DataError(f"from_tensor_slices: the arrays have {sorted(lengths)} rows; all must have equally many")
        specs = [TensorSpec(Shape(c.shape[1:]), as_dtype(c.dtype)) for c in columns]
        return of_rows(nest.pack(structure, specs), Rows(columns), lengths.pop())

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> "Dataset":
        """One element."""
        structure = _as_arrays(tensors)
        element = tuple(nest.flatten(structure))
        return made(nest.pack(structure, [spec_of(Tensor(a)) for a in element]), lambda: iter([element]), 1)

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Sequence[Any] = (),
        output_signature: Any = None,
        name: str | None = None,
    ) -> "Dataset":
        """What `generator(*args)` yields, in the structure and dtypes of `output_signature`. Raises DataError."""
        if output_signature is None:
            if output_types is None or output_shapes is None:
                raise DataError("from_generator: give output_signature, such as tf.TensorSpec((None,), tf.float32)")
            output_signature = _signature(output_types, output_shapes)
        arguments = [as_array(a) for a in args]
        return made(output_signature, lambda: (checked(v, output_signature) for v in generator(*arguments)))

    @staticmethod
    def range(*args: int, output_type: Any = int64, name: str | None = None) -> "Dataset":
        """Integers as Python's range gives them."""
        numbers, dtype = range(*(int(a) for a in args)), as_dtype(output_type)
        return made(
            TensorSpec(Shape(()), dtype),
            lambda: ((np.asarray(n, dtype.numpy),) for n in numbers),
            len(numbers),
            None,
            lambda position: ((np.asarray(n, dtype.numpy),) for n in numbers[position:]),
        )

    @staticmethod
    def counter(start: int = 0, step: int = 1, dtype: Any = int64, name: str | None = None) -> "Dataset":
        """start, start + step, … without end."""
        kind = as_dtype(dtype)
        begin = lambda: ((np.asarray(n, kind.numpy),) for n in itertools.count(start, step))  # noqa: E731
        return made(TensorSpec(Shape(()), kind), begin, INFINITE)

    @staticmethod
    def random(
        seed: int | None = None, rerandomize_each_iteration: bool | None = None, name: str | None = None
    ) -> "Dataset":
        """Whole numbers from 0 to 2**32 - 1, drawn at random without end."""
        passes = Passes(seed, bool(rerandomize_each_iteration))

        def begin() -> Iterator[Element]:
            generator = passes()
            while True:
                for number in generator.integers(2**32, size=256):
                    yield (np.asarray(number),)

        return made(TensorSpec(Shape(()), int64), begin, INFINITE)

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: bool | None = None, seed: int | None = None, name: str | None = None
    ) -> "Dataset":
        """The names of the files that match; shuffled unless told otherwise. Raises DataError where none does."""
        from tfcli.data.dataset.files import matching

        names = Making.from_tensor_slices(matching(file_pattern))
        return names if shuffle is False else names.shuffle(len(names), seed)

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: str | None = None) -> "Dataset":
        """Elements of several datasets side by side, until the shortest ends."""
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else tuple(args)
        parts: list[Core] = nest.flatten(structure)
        spec = _nested(structure, iter([part.element_spec for part in parts]))
        known = [p._cardinality for p in parts if p._cardinality != INFINITE]
        count = UNKNOWN if UNKNOWN in known else min(known, default=INFINITE)
        begin = lambda: (sum(e, ()) for e in zip(*(p._begin() for p in parts), strict=False))  # noqa: E731
        return made(spec, begin, count)

    @staticmethod
    def choose_from_datasets(
        datasets: Sequence[Core], choice_dataset: Core, stop_on_empty_dataset: bool = True
    ) -> "Dataset":
        """The next element of the dataset that each integer of `choice_dataset` names."""
        choices = lambda: (int(e[0]) for e in choice_dataset._begin())  # noqa: E731
        return made(
            common_spec(datasets, "choose_from_datasets"),
            lambda: streams.chosen(choices(), [d._begin() for d in datasets], stop_on_empty_dataset),
        )

    @staticmethod
    def sample_from_datasets(
        datasets: Sequence[Core],
        weights: Any = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> "Dataset":
        """Elements of datasets chosen at random, with probabilities in proportion to `weights`."""
        shares = np.ones(len(datasets)) if weights is None else np.asarray(as_array(weights), np.float64)
        if shares.shape != (len(datasets),):
            raise DataError(f"sample_from_datasets: {shares.size} weights for {len(datasets)} datasets")
        random = Passes(seed, bool(rerandomize_each_iteration))
        return made(
            common_spec(datasets, "sample_from_datasets"),
            lambda: streams.sampled([d._begin() for d in datasets], shares, random(), stop_on_empty_dataset),
        )


def _as_arrays(tensors: Any) -> Any:
    """Lists as arrays, dicts and tuples as structure."""
    if isinstance(tensors, dict):
        return {key: _as_arrays(value) for key, value in tensors.items()}
    if isinstance(tensors, tuple):
        items = [_as_arrays(item) for item in tensors]
        return type(tensors)(*items) if hasattr(tensors, "_fields") else tuple(items)
    return as_array(tensors)


def _nested(structure: Any, specs: Iterator[Any]) -> Any:
    """The structure of datasets with each one's element spec in its place."""
    if isinstance(structure, dict):
        return {key: _nested(value, specs) for key, value in structure.items()}
    if isinstance(structure, tuple | list):
        return tuple(_nested(item, specs) for item in structure)
    return next(specs)


def _signature(types: Any, shapes: Any) -> Any:
    if isinstance(types, dict):
        return {key: _signature(types[key], shapes[key]) for key in types}
    if isinstance(types, tuple | list):
        return tuple(_signature(t, s) for t, s in zip(types, shapes, strict=True))
    return TensorSpec(Shape(shapes), as_dtype(types))


def common_spec(datasets: Sequence[Core], what: str) -> Any:
    """The spec that covers the elements of all. Raises DataError where structures, dtypes or ranks differ."""
    first = datasets[0].element_spec
    leaves = nest.flatten(first)
    for dataset in datasets[1:]:
        others = nest.flatten(dataset.element_spec)
        if [(s.dtype, s.rank) for s in leaves] != [(s.dtype, s.rank) for s in others]:
            raise DataError(f"{what}: elements like {first} and {dataset.element_spec} cannot stand in one dataset")
        leaves = [_covering(a, b) for a, b in zip(leaves, others, strict=True)]
    return nest.pack(first, leaves)


def _covering(a: TensorSpec, b: TensorSpec) -> TensorSpec:
    return TensorSpec(Shape(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)), a.dtype)
