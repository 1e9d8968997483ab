"""tf.data.Dataset: input pipelines, pulled lazily, with elements that are tensors in nested structures.

Everything is deterministic: parallel calls keep their order, and shuffling depends on the seed and on how often the
dataset has been gone through. Rows of arrays stay index arithmetic until a batch or a function needs them.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tfcli.data.dataset import streams
from tfcli.data.dataset.elements import DatasetSpec, Element, ElementFunction, called_with, checked, present, spec_of
from tfcli.data.dataset.rows import Rows
from tfcli.engine import nest
from tfcli.engine.ops.random import next_key
from tfcli.engine.spec import Shape, TensorSpec, as_dtype, int64
from tfcli.engine.tensor import Tensor, as_array, convert_to_tensor
from tfcli.errors import DataError

AUTOTUNE = -1
INFINITE, UNKNOWN = -1, -2
INFINITE_CARDINALITY, UNKNOWN_CARDINALITY = INFINITE, UNKNOWN
INTERLEAVED = 16
"""How many datasets `interleave` holds open where it is not told."""


class Dataset:
    """A sequence of elements that can be gone through again and again.

    `element_spec`: their structure of specs, or a function that finds it when it is first asked for. `begin` starts a
    pass over the elements' leaves; `cardinality` is their number, INFINITE or UNKNOWN; `rows` is given where they are
    rows of arrays.
    """

    def __init__(
        self,
        element_spec: Any,
        begin: Callable[[], Iterator[Element]],
        cardinality: int = UNKNOWN,
        rows: Rows | None = None,
    ) -> None:
        self._spec, self._begin, self._cardinality, self._rows = element_spec, begin, cardinality, rows

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

    def __iter__(self) -> Iterator[Any]:
        return (present(self.element_spec, element) for element in self._begin())

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

    # Sources

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
        return _of_rows(nest.pack(structure, specs), Rows(columns), lengths.pop())

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> "Dataset":
        """One element."""
        structure = _as_arrays(tensors)
        element = tuple(nest.flatten(structure))
        return Dataset(nest.pack(structure, [spec_of(Tensor(a)) for a in element]), lambda: iter([element]), 1)

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
        return Dataset(output_signature, lambda: (checked(v, output_signature) for v in generator(*arguments)))

    @staticmethod
    def range(*args: int, output_type: Any = int64, name: str | None = None) -> "Dataset":
        """Integers as Python's range gives them."""
        numbers, dtype = range(*(int(a) for a in args)), as_dtype(output_type)
        return Dataset(
            TensorSpec(Shape(()), dtype), lambda: ((np.asarray(n, dtype.numpy),) for n in numbers), len(numbers)
        )

    @staticmethod
    def counter(start: int = 0, step: int = 1, dtype: Any = int64, name: str | None = None) -> "Dataset":
        """start, start + step, … without end."""
        kind = as_dtype(dtype)
        begin = lambda: ((np.asarray(n, kind.numpy),) for n in itertools.count(start, step))  # noqa: E731
        return Dataset(TensorSpec(Shape(()), kind), begin, INFINITE)

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: bool | None = None, seed: int | None = None, name: str | None = None
    ) -> "Dataset":
        """The names of the files that match; shuffled unless told otherwise. Raises DataError where none does."""
        from tfcli.data.dataset.files import matching

        names = Dataset.from_tensor_slices(matching(file_pattern))
        return names if shuffle is False else names.shuffle(len(names), seed)

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: str | None = None) -> "Dataset":
        """Elements of several datasets side by side, until the shortest ends."""
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else tuple(args)
        parts: list[Dataset] = nest.flatten(structure)
        spec = _nested(structure, iter([part.element_spec for part in parts]))
        known = [p._cardinality for p in parts if p._cardinality != INFINITE]
        count = UNKNOWN if UNKNOWN in known else min(known, default=INFINITE)
        begin = lambda: (sum(e, ()) for e in zip(*(p._begin() for p in parts), strict=False))  # noqa: E731
        return Dataset(spec, begin, count)

    @staticmethod
    def choose_from_datasets(
        datasets: "Sequence[Dataset]", choice_dataset: "Dataset", stop_on_empty_dataset: bool = True
    ) -> "Dataset":
        """The next element of the dataset that each integer of `choice_dataset` names."""
        choices = lambda: (int(e[0]) for e in choice_dataset._begin())  # noqa: E731
        return Dataset(
            _common_spec(datasets, "choose_from_datasets"),
            lambda: streams.chosen(choices(), [d._begin() for d in datasets], stop_on_empty_dataset),
        )

    @staticmethod
    def sample_from_datasets(
        datasets: "Sequence[Dataset]",
        weights: Any = None,
        seed: int | None = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> "Dataset":
        """Elements of datasets chosen at random, with probabilities in proportion to `weights`."""
        shares = np.ones(len(datasets)) if weights is None else np.asarray(as_array(weights), np.float64)
        if shares.shape != (len(datasets),):
            raise DataError(f"sample_from_datasets: {shares.size} weights for {len(datasets)} datasets")
        random = _passes(seed, bool(rerandomize_each_iteration))
        return Dataset(
            _common_spec(datasets, "sample_from_datasets"),
            lambda: streams.sampled([d._begin() for d in datasets], shares, random(), stop_on_empty_dataset),
        )

    # Functions of elements

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """`map_func` of each element, whose components are its arguments; in order, however many calls run at once."""
        function = ElementFunction(map_func, self.element_spec)
        return Dataset(lambda: _result(function, self, "map"), lambda: map(function, self._begin()), self._cardinality)

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
        def made(element: Element) -> Dataset:
            dataset = called_with(map_func, self.element_spec, list(nest.flatten(present(self.element_spec, element))))
            if not isinstance(dataset, Dataset):
                raise DataError(f"{what}: the function must return a Dataset, it returned a {type(dataset).__name__}")
            return dataset

        def begin() -> Iterator[Element]:
            if block is None:
                return (inner for outer in self._begin() for inner in made(outer)._begin())
            return streams.interleaved(self._begin(), lambda e: made(e)._begin(), cycle, block)

        return Dataset(lambda: made(_first(self, what)).element_spec, begin)

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
                function((*(t.array for t in nest.flatten(start)), *_first(self, "scan")))
            return function.result[1]

        return Dataset(spec, begin, self._cardinality)

    def reduce(self, initial_state: Any, reduce_func: Callable[..., Any], name: str | None = None) -> Any:
        """`reduce_func(state, element) -> state` over all elements; the last state."""
        state = nest.map_structure(convert_to_tensor, initial_state)
        for element in self:
            state = nest.map_structure(convert_to_tensor, reduce_func(state, element))
        return state

    def apply(self, transformation_func: Callable[["Dataset"], "Dataset"]) -> "Dataset":
        """`transformation_func` of this dataset."""
        return transformation_func(self)

    def enumerate(self, start: int = 0, name: str | None = None) -> "Dataset":
        """Pairs of a count and the element."""
        spec = (TensorSpec(Shape(()), int64), self.element_spec)
        begin = lambda: ((np.asarray(i), *e) for i, e in enumerate(self._begin(), int(start)))  # noqa: E731
        return Dataset(spec, begin, self._cardinality)

    # Order and number

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
        random = _passes(seed, reshuffle_each_iteration is not False)
        if self._rows is not None:
            return _of_rows(self._spec, self._rows.shuffle(size, random, self._cardinality), self._cardinality)
        return self._like(lambda: streams.shuffled(self._begin(), size, random()), self._cardinality)

    def repeat(self, count: int | None = None, name: str | None = None) -> "Dataset":
        """`count` passes, or endless ones."""
        times = -1 if count is None else int(count)
        total = _product(self._cardinality, times)
        if self._rows is not None:
            return _of_rows(self._spec, self._rows.repeat(times), total)
        return self._like(lambda: streams.repeated(self._begin, times), total)

    def take(self, count: int, name: str | None = None) -> "Dataset":
        """The first `count` elements; all for -1."""
        count, have = int(count), self._cardinality
        total = have if count < 0 or have == UNKNOWN else count if have == INFINITE else min(count, have)
        if self._rows is not None:
            return _of_rows(self._spec, self._rows.take(count), total)
        return self._like(lambda: itertools.islice(self._begin(), None if count < 0 else count), total)

    def skip(self, count: int, name: str | None = None) -> "Dataset":
        """What follows the first `count` elements; nothing for -1."""
        count, have = int(count), self._cardinality
        total = 0 if count < 0 else have if have < 0 else max(have - count, 0)
        if self._rows is not None:
            return _of_rows(self._spec, self._rows.skip(count), total)
        return self._like(lambda: iter(()) if count < 0 else itertools.islice(self._begin(), count, None), total)

    def shard(self, num_shards: int, index: int, name: str | None = None) -> "Dataset":
        """Every `num_shards`-th element, beginning with number `index`. Raises DataError."""
        count, first, have = int(num_shards), int(index), self._cardinality
        if not 0 <= first < count:
            raise DataError(f"shard: index {first} of {count} shards; shards are numbered from 0")
        total = have if have < 0 else max(-(-(have - first) // count), 0)
        if self._rows is not None:
            return _of_rows(self._spec, self._rows.shard(count, first), total)
        return self._like(lambda: itertools.islice(self._begin(), first, None, count), total)

    def concatenate(self, dataset: "Dataset", name: str | None = None) -> "Dataset":
        """The elements of this dataset and then those of another of the same structure. Raises DataError."""
        spec = _common_spec([self, dataset], "concatenate")
        a, b = self._cardinality, dataset._cardinality
        total = INFINITE if INFINITE in (a, b) else UNKNOWN if UNKNOWN in (a, b) else a + b
        return Dataset(spec, lambda: itertools.chain(self._begin(), dataset._begin()), total)

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

    def cache(self, filename: str = "", name: str | None = None) -> "Dataset":
        """The elements kept in memory once the first pass is complete. Raises DataError for a file name."""
        if filename:
            raise DataError("cache: elements are kept in memory; leave the file name out")
        if self._rows is not None and self._cardinality == len(self._rows.columns[0]):
            return self
        kept: list[Element] = []
        complete = False

        def begin() -> Iterator[Element]:
            nonlocal complete
            if complete:
                yield from kept
                return
            passed: list[Element] = []
            for element in self._begin():
                passed.append(element)
                yield element
            kept[:], complete = passed, True

        return self._like(begin, self._cardinality)

    def prefetch(self, buffer_size: int, name: str | None = None) -> "Dataset":
        """The same elements: they are in memory, or made when they are asked for."""
        return self

    # Groups

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """`batch_size` elements stacked along a new first axis; the last batch may be smaller. Raises DataError."""
        size = _positive("batch", batch_size)
        first = size if drop_remainder else None
        if self._rows is not None:
            begin: Callable[[], Iterator[Element]] = lambda: self._rows.batches(size, drop_remainder)  # type: ignore[union-attr]  # noqa: E731
        else:
            begin = lambda: map(streams.stacked, streams.grouped(self._begin(), size, drop_remainder))  # noqa: E731
        return Dataset(
            lambda: _batched(self.element_spec, first), begin, _batches(self._cardinality, size, drop_remainder)
        )

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """`batch_size` elements filled up to the longest, or to `padded_shapes`, and stacked. Raises DataError."""
        size, specs = _positive("padded_batch", batch_size), nest.flatten(self.element_spec)
        shapes = [s.shape for s in specs] if padded_shapes is None else _shapes(padded_shapes, len(specs))
        values = _padding_values(padding_values, specs)
        first = size if drop_remainder else None
        result = [
            TensorSpec(Shape((first, *(None if d == -1 else d for d in shape))), s.dtype)
            for shape, s in zip(shapes, specs, strict=True)
        ]
        return Dataset(
            nest.pack(self.element_spec, result),
            lambda: (
                streams.padded(group, shapes, values) for group in streams.grouped(self._begin(), size, drop_remainder)
            ),
            _batches(self._cardinality, size, drop_remainder),
        )

    def unbatch(self, name: str | None = None) -> "Dataset":
        """The rows of the elements along their first axis."""
        specs = nest.map_structure(lambda s: TensorSpec(Shape(s.shape[1:]), s.dtype), self.element_spec)
        return Dataset(specs, lambda: streams.unstacked(self._begin()))

    def rebatch(self, batch_size: int, drop_remainder: bool = False, name: str | None = None) -> "Dataset":
        """The rows of the elements in batches of another size."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def window(
        self,
        size: int,
        shift: int | None = None,
        stride: int = 1,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """Datasets of `size` elements, `stride` apart, beginning every `shift` elements; one for each component."""
        length, step, gap = (
            _positive("window", size),
            _positive("window", size if shift is None else shift),
            int(stride),
        )
        specs = nest.flatten(self.element_spec)
        have, reach = self._cardinality, (length - 1) * gap + 1
        total = have if have < 0 else max(-(-(have - reach + 1) // step), 0) if drop_remainder else -(-have // step)

        def begin() -> Iterator[Element]:
            for rows in streams.windows(self._begin(), length, step, gap, drop_remainder):
                yield tuple(_listed(spec, leaves) for spec, leaves in zip(specs, zip(*rows, strict=True), strict=True))

        return Dataset(nest.map_structure(DatasetSpec, self.element_spec), begin, total)

    def group_by_window(
        self,
        key_func: Callable[..., Any],
        reduce_func: Callable[[Any, "Dataset"], "Dataset"],
        window_size: int | None = None,
        window_size_func: Callable[[Any], Any] | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """Elements of one key gathered until there are `window_size`; `reduce_func(key, dataset)` of each."""
        if (window_size is None) == (window_size_func is None):
            raise DataError("group_by_window: give either window_size or window_size_func")
        function = ElementFunction(key_func, self.element_spec)

        def begin() -> Iterator[Element]:
            held: dict[int, list[Element]] = {}
            for element in self._begin():
                key = int(function(element)[0])
                window = held.setdefault(key, [])
                window.append(element)
                size = window_size if window_size_func is None else int(window_size_func(_key(key)))
                if len(window) == size:
                    yield from reduced(key, held.pop(key))
            for key, window in held.items():
                yield from reduced(key, window)

        def reduced(key: int, window: list[Element]) -> Iterator[Element]:
            return reduce_func(_key(key), self._like(lambda: iter(window), len(window)))._begin()

        def spec() -> Any:
            first = _first(self, "group_by_window")
            return reduce_func(_key(0), self._like(lambda: iter([first]), 1)).element_spec

        return Dataset(spec, begin)

    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., Any],
        bucket_boundaries: Sequence[int],
        bucket_batch_sizes: Sequence[int],
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """Batches of elements of like length: those below the first boundary, from it to the next, and so on."""
        if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
            raise DataError("bucket_by_sequence_length: there is one batch size more than there are boundaries")
        if pad_to_bucket_boundary:
            raise DataError(
                "bucket_by_sequence_length: batches are padded to their longest element; give padded_shapes"
            )
        edges, sizes = np.asarray(bucket_boundaries), [int(s) for s in bucket_batch_sizes]

        def bucket(*components: Any) -> Any:
            return np.int64(np.searchsorted(edges, int(element_length_func(*components)), side="right"))

        def reduced(key: Any, window: "Dataset") -> "Dataset":
            size = sizes[int(key)]
            if no_padding:
                return window.batch(size, drop_remainder)
            return window.padded_batch(size, padded_shapes, padding_values, drop_remainder)

        return self.group_by_window(bucket, reduced, window_size_func=lambda key: sizes[int(key)])

    def get_single_element(self, name: str | None = None) -> Any:
        """The only element. Raises DataError where there is none or more than one."""
        found = list(itertools.islice(self, 2))
        if len(found) != 1:
            raise DataError(f"get_single_element: the dataset has {'more than one element' if found else 'no element'}")
        return found[0]

    def counted(self, expected: int) -> "Dataset":
        """The same elements, of which there are `expected`. Raises DataError at the end where there are not."""

        def begin() -> Iterator[Element]:
            count = 0
            for element in self._begin():
                count += 1
                yield element
            if count != expected:
                raise DataError(f"assert_cardinality: the dataset has {count} elements, not {expected}")

        return self._like(begin, expected)

    def _like(self, begin: Callable[[], Iterator[Element]], cardinality: int = UNKNOWN) -> "Dataset":
        return Dataset(lambda: self.element_spec, begin, cardinality)


def _batched(spec: Any, size: int | None) -> Any:
    return nest.map_structure(lambda s: TensorSpec(Shape((size, *s.shape)), s.dtype), spec)


def _of_rows(spec: Any, rows: Rows, cardinality: int) -> Dataset:
    return Dataset(spec, rows.elements, cardinality, rows)


def _listed(spec: TensorSpec, leaves: Sequence[np.ndarray]) -> Dataset:
    """A window of one component."""
    return Dataset(spec, lambda: ((leaf,) for leaf in leaves), len(leaves))


def _result(function: ElementFunction, dataset: Dataset, what: str) -> Any:
    """The spec of what a function returns, found from the first element where it could not be traced."""
    if function.result is None:
        function(_first(dataset, what))
    return function.result


def _first(dataset: Dataset, what: str) -> Element:
    element = next(dataset._begin(), None)
    if element is None:
        raise DataError(f"{what}: the dataset is empty, so nothing tells what the function's elements look like")
    return element


def _passes(seed: int | None, anew: bool) -> Callable[[], np.random.Generator]:
    """A generator for each pass: another one each time, or always the same."""
    key = next_key(seed)
    count = itertools.count()
    return lambda: np.random.Generator(np.random.Philox(key=key, counter=[0, 0, next(count) if anew else 0, 0]))


def _product(count: int, times: int) -> int:
    if count == 0 or times == 0:
        return 0
    if times < 0:
        return INFINITE
    return count if count < 0 else count * times


def _batches(count: int, size: int, drop_remainder: bool) -> int:
    return count if count < 0 else count // size if drop_remainder else -(-count // size)


def _positive(what: str, value: Any) -> int:
    number = int(value)
    if number < 1:
        raise DataError(f"{what}: expected a size of 1 or more, got {number}")
    return number


def _key(key: int) -> Tensor:
    return convert_to_tensor(np.int64(key))


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


def _common_spec(datasets: Sequence[Dataset], what: str) -> Any:
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


def _shapes(padded_shapes: Any, count: int) -> list[tuple[int | None, ...]]:
    """One shape for each leaf, from a structure whose leaves are lists or tuples of sizes."""
    listed: list[tuple[int | None, ...]] = []

    def gather(part: Any) -> None:
        if isinstance(part, dict):
            for value in part.values():
                gather(value)
        elif isinstance(part, Sequence) and part and not all(d is None or isinstance(d, int) for d in part):
            for value in part:
                gather(value)
        else:
            listed.append(tuple(None if d is None else int(d) for d in part))

    gather(padded_shapes)
    if len(listed) != count:
        raise DataError(f"padded_batch: {len(listed)} padded_shapes for elements of {count} components")
    return listed


def _padding_values(values: Any, specs: Sequence[TensorSpec]) -> list[Any]:
    listed = [values] * len(specs) if values is None or len(nest.flatten(values)) == 1 else nest.flatten(values)
    if len(listed) != len(specs):
        raise DataError(f"padded_batch: {len(listed)} padding_values for elements of {len(specs)} components")
    return [
        (b"" if s.dtype == "string" else 0) if v is None else as_array(v, s.dtype)[()]
        for v, s in zip(listed, specs, strict=True)
    ]
