"""The methods that make several elements one, or one several."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfcli.data.dataset import streams
from tfcli.data.dataset.core import Core, first_of, made, positive
from tfcli.data.dataset.elements import DatasetSpec, Element, ElementFunction
from tfcli.data.ragged import RaggedTensorSpec, stack
from tfcli.engine import nest
from tfcli.engine.spec import Shape, TensorSpec
from tfcli.engine.tensor import Tensor, as_array, convert_to_tensor
from tfcli.errors import DataError

if TYPE_CHECKING:
    from tfcli.data.dataset.dataset import Dataset


class Groups(Core):
    """batch and its kin."""

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """`batch_size` elements stacked along a new first axis; the last batch may be smaller. Raises DataError."""
        size = positive("batch", batch_size)
        first = size if drop_remainder else None

        def begin_at(position: int) -> Iterator[Element]:
            if self._rows is not None:
                return self._rows.batches(size, drop_remainder, position)
            groups = streams.grouped(self.begin_at(position * size), size, drop_remainder)
            return map(streams.stacked, groups)

        return made(
            lambda: _batched(self.element_spec, first),
            lambda: begin_at(0),
            _batches(self._cardinality, size, drop_remainder),
            None,
            begin_at,
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
        size, specs = positive("padded_batch", batch_size), nest.flatten(self.element_spec)
        shapes = [(None,) * s.rank for s in specs] if padded_shapes is None else _shapes(padded_shapes, len(specs))
        values = _padding_values(padding_values, specs)
        first = size if drop_remainder else None
        result = [
            TensorSpec(Shape((first, *(None if d == -1 else d for d in shape))), s.dtype)
            for shape, s in zip([s.shape for s in specs] if padded_shapes is None else shapes, specs, strict=True)
        ]
        return made(
            nest.pack(self.element_spec, result),
            lambda: (
                streams.padded(group, shapes, values) for group in streams.grouped(self._begin(), size, drop_remainder)
            ),
            _batches(self._cardinality, size, drop_remainder),
        )

    def ragged_batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        row_splits_dtype: Any = np.int64,
        name: str | None = None,
    ) -> "Dataset":
        """`batch_size` elements of different lengths as a RaggedTensor; those of known size are stacked."""
        size, specs = positive("ragged_batch", batch_size), nest.flatten(self.element_spec)
        uneven = [s.rank > 0 and s.shape[0] is None for s in specs]
        first = size if drop_remainder else None
        result = [
            (RaggedTensorSpec if own else TensorSpec)(Shape((first, *s.shape)), s.dtype)
            for own, s in zip(uneven, specs, strict=True)
        ]

        def begin() -> Iterator[Element]:
            for group in streams.grouped(self._begin(), size, drop_remainder):
                columns = zip(uneven, zip(*group, strict=True), strict=True)
                yield tuple(stack(parts) if own else np.stack(parts) for own, parts in columns)

        return made(nest.pack(self.element_spec, result), begin, _batches(self._cardinality, size, drop_remainder))

    def unbatch(self, name: str | None = None) -> "Dataset":
        """The rows of the elements along their first axis."""
        specs = nest.map_structure(lambda s: TensorSpec(Shape(s.shape[1:]), s.dtype), self.element_spec)
        return made(specs, lambda: streams.unstacked(self._begin()))

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
            positive("window", size),
            positive("window", size if shift is None else shift),
            int(stride),
        )
        specs = nest.flatten(self.element_spec)
        have, reach = self._cardinality, (length - 1) * gap + 1
        total = have if have < 0 else max(-(-(have - reach + 1) // step), 0) if drop_remainder else -(-have // step)

        def begin() -> Iterator[Element]:
            for rows in streams.windows(self._begin(), length, step, gap, drop_remainder):
                yield tuple(_listed(spec, leaves) for spec, leaves in zip(specs, zip(*rows, strict=True), strict=True))

        return made(nest.map_structure(DatasetSpec, self.element_spec), begin, total)

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
            for key in sorted(held):  # the rests come by key, as in TensorFlow
                yield from reduced(key, held[key])

        def reduced(key: int, window: list[Element]) -> Iterator[Element]:
            return reduce_func(_key(key), self._like(lambda: iter(window), len(window)))._begin()

        def spec() -> Any:
            first = first_of(self, "group_by_window")
            return reduce_func(_key(0), self._like(lambda: iter([first]), 1)).element_spec

        return made(spec, begin)

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
        edges, sizes = np.asarray(bucket_boundaries), [int(s) for s in bucket_batch_sizes]

        def bucket(*components: Any) -> Any:
            return np.int64(np.searchsorted(edges, int(element_length_func(*components)), side="right"))

        def reduced(key: Any, window: "Dataset") -> "Dataset":
            size = sizes[int(key)]
            if no_padding:
                return window.batch(size, drop_remainder)
            shapes = padded_shapes
            if pad_to_bucket_boundary:
                shapes = self._up_to_boundary(int(key), edges, padded_shapes)
            return window.padded_batch(size, shapes, padding_values, drop_remainder)

        return self.group_by_window(bucket, reduced, window_size_func=lambda key: sizes[int(key)])

    def _up_to_boundary(self, bucket: int, edges: np.ndarray, padded_shapes: Any) -> Any:
        """The shapes with one less than the bucket's upper boundary in place of None, as in TensorFlow."""
        if bucket == len(edges):
            raise DataError(
                f"bucket_by_sequence_length: an element is not shorter than the last boundary, {edges[-1]}, and "
                "pad_to_bucket_boundary pads to boundaries"
            )
        specs = nest.flatten(self.element_spec)
        shapes = [s.shape for s in specs] if padded_shapes is None else _shapes(padded_shapes, len(specs))
        return [[int(edges[bucket]) - 1 if d in (None, -1) else d for d in shape] for shape in shapes]

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


def _batched(spec: Any, size: int | None) -> Any:
    return nest.map_structure(lambda s: TensorSpec(Shape((size, *s.shape)), s.dtype), spec)


def _listed(spec: TensorSpec, leaves: Sequence[np.ndarray]) -> "Dataset":
    """A window of one component."""
    return made(spec, lambda: ((leaf,) for leaf in leaves), len(leaves))


def _batches(count: int, size: int, drop_remainder: bool) -> int:
    return count if count < 0 else count // size if drop_remainder else -(-count // size)


def _key(key: int) -> Tensor:
    return convert_to_tensor(np.int64(key))


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
