"""Stages that make several examples one element, or one several: batches, windows, and batches taken apart."""

from collections.abc import Iterator

import numpy as np

from tfcli.data.blocks import Batches, Begin, Block, joined_blocks, regrouped
from tfcli.data.stage import Arranging, Batch, Context, Elements, Function, Measured, Sizes, Transform
from tfcli.data.stages.map import answers
from tfcli.data.uneven import filled_up, is_uneven, lengths
from tfcli.declare import FieldError, FunctionName, PositiveInt, nearest
from tfcli.errors import DataError

DEFAULT_BATCH_SIZE = 32


class Batching(Arranging, abstract=True):
    """Makes batches of examples."""

    @property
    def without_dropping(self) -> "Batching":
        """The stage that makes the same of examples, all of them and in their order."""
        raise AssertionError(f"{type(self).__name__} must define without_dropping")


class BatchStage(Batching, name="batch"):
    """Groups consecutive examples. A pipeline without this stage has batches of 32."""

    batch_size: PositiveInt
    drop_remainder: bool = False
    """Leave out the last batch where it is not full."""

    @property
    def without_dropping(self) -> "BatchStage":
        return BatchStage(self.batch_size)

    def arrange(self, elements: Elements, context: Context, epoch: int, measured: Measured) -> Elements:
        return self.cut(np.asarray(elements), self.drop_remainder)

    def cut(self, items: np.ndarray, drop_remainder: bool = False) -> list[np.ndarray]:
        end = len(items) - len(items) % self.batch_size if drop_remainder else len(items)
        return [items[start : start + self.batch_size] for start in range(0, end, self.batch_size)]

    def stream(self, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
        for group in regrouped(begin(), self.batch_size):
            if len(group) == self.batch_size or not self.drop_remainder:
                yield Batches([group])

    def sizes(self, sizes: Sizes, context: Context) -> Sizes:
        assert isinstance(sizes, int), "batches are made of examples"
        whole, rest = divmod(sizes, self.batch_size)
        last = [rest] if rest and not self.drop_remainder else []
        return np.array([self.batch_size] * whole + last, np.int64)


class Filling(Transform, Batching, abstract=True):
    """Makes batches whose examples are filled up to one length."""

    padded_shapes: dict[str, list[PositiveInt | None]] = {}
    """The shape of an example, by the input's or label's name; null, as without this, is as large as the batch's
    largest."""
    padding_values: float | dict[str, float] = 0
    """What stands behind an example's end; by name for some, 0 for the others."""

    def open_axes(self, batch: Batch) -> dict[str, list[int]]:
        """Which axes of an example differ in size from batch to batch, by name, for what comes in."""
        columns = {name: array for name, array in (batch.inputs | batch.targets).items() if is_uneven(array)}
        return {name: [i for i, size in enumerate(self._sizes(name, a)) if size is None] for name, a in columns.items()}

    def _sizes(self, name: str, column: np.ndarray) -> list[int | None]:
        rank = column[0].ndim if is_uneven(column) else column.ndim - 1
        return list(self.padded_shapes.get(name, [None] * rank))

    def bind(self, learned: dict, context: Context) -> Function:
        def run(batch: Batch) -> Batch:
            self._refuse_unknown(batch, context)
            inputs = {name: self._filled(name, array, context) for name, array in batch.inputs.items()}
            targets = {name: self._filled(name, array, context) for name, array in batch.targets.items()}
            return Batch(inputs, targets, batch.weights)

        return run

    def _filled(self, name: str, column: np.ndarray, context: Context) -> np.ndarray:
        if not is_uneven(column) and name not in self.padded_shapes:
            return column
        sizes = self._sizes(name, column)
        rank = column[0].ndim if is_uneven(column) else column.ndim - 1
        if len(sizes) != rank:
            raise DataError(f"{context.where}: padded_shapes of {name!r} has {len(sizes)} sizes, an example has {rank}")
        try:
            return filled_up(column, sizes, self._value(name))
        except ValueError as error:
            raise DataError(f"{context.where}: {name!r}: {error}") from error

    def _value(self, name: str) -> float:
        values = self.padding_values
        return values.get(name, 0) if isinstance(values, dict) else values

    def _refuse_unknown(self, batch: Batch, context: Context) -> None:
        values = self.padding_values
        for name in [*self.padded_shapes, *(values if isinstance(values, dict) else ())]:
            if name not in batch.inputs and name not in batch.targets and (batch.targets or not context.labelled):
                hint = nearest(name, [*batch.inputs, *batch.targets]) or f"there are: {', '.join(batch.inputs)}"
                raise DataError(f"{context.where}: there is no input or label {name!r}; {hint}")


class PaddedBatch(Filling, BatchStage):
    """Groups consecutive examples whose lists have different lengths, and fills them up."""

    @property
    def without_dropping(self) -> "PaddedBatch":
        return PaddedBatch(self.batch_size, padded_shapes=self.padded_shapes, padding_values=self.padding_values)


class BucketBySequenceLength(Filling):
    """Batches of examples of like length: those shorter than the first boundary, from it to below the next, and so
    on. A batch goes on when its bucket is full; at the end come the rests. Predictions keep the order of the examples.
    """

    bucket_boundaries: list[PositiveInt]
    """Lengths, rising."""
    bucket_batch_sizes: list[PositiveInt]
    """One more than there are boundaries."""
    element_length_func: FunctionName | None = None
    """`module:function` of (x) or (x, y). Default: the entries of a list, the words of a text, or the entries of a row
    without the zeros at its end."""
    features: str | None = None
    """The input whose length counts. Default: the only one, or the only one of different lengths."""
    pad_to_bucket_boundary: bool = False
    """Fill up to one less than the bucket's upper boundary, so that there are as many shapes as buckets. No example
    may then be as long as the last boundary."""
    drop_remainder: bool = False
    """Leave out batches that are not full."""

    measures = True

    def check(self) -> None:
        if len(self.bucket_batch_sizes) != len(self.bucket_boundaries) + 1:
            expected = f"expected {len(self.bucket_boundaries) + 1} sizes, one more than there are boundaries"
            raise FieldError("bucket_batch_sizes", f"{expected}, got {len(self.bucket_batch_sizes)}")
        if not self.bucket_boundaries or list(np.unique(self.bucket_boundaries)) != self.bucket_boundaries:
            raise FieldError("bucket_boundaries", f"expected lengths that rise, got {self.bucket_boundaries}")

    @property
    def without_dropping(self) -> "PaddedBatch":
        size = min(self.bucket_batch_sizes)
        return PaddedBatch(size, padded_shapes=self.padded_shapes, padding_values=self.padding_values)

    def measure(self, batch: Batch, context: Context) -> np.ndarray:
        """The bucket of each example."""
        if self.element_length_func is not None:
            found = answers(self.element_length_func, int, batch, context)
        else:
            found = lengths(batch.inputs[self._measured_input(batch, context)])
        buckets = np.searchsorted(self.bucket_boundaries, found, side="right")
        if self.pad_to_bucket_boundary and (buckets == len(self.bucket_boundaries)).any():
            raise DataError(
                f"{context.where}: an example has the length {found.max()}, and pad_to_bucket_boundary takes lengths "
                f"below the last boundary, {self.bucket_boundaries[-1]}; add a boundary"
            )
        return buckets

    def _measured_input(self, batch: Batch, context: Context) -> str:
        if self.features is not None and self.features not in batch.inputs:
            hint = nearest(self.features, batch.inputs) or f"there are: {', '.join(batch.inputs)}"
            raise DataError(f"{context.where}: there is no input {self.features!r}; {hint}")
        names = [self.features] if self.features else [n for n, a in batch.inputs.items() if is_uneven(a)]
        names = names or list(batch.inputs)
        if len(names) > 1:
            raise DataError(f"{context.where}: which input's length counts? name it by `features`: {', '.join(names)}")
        return names[0]

    def arrange(self, elements: Elements, context: Context, epoch: int, measured: Measured) -> Elements:
        rows = np.asarray(elements)
        buckets = measured()[rows]
        groups: list[tuple[int, np.ndarray]] = []
        for bucket, size in enumerate(self.bucket_batch_sizes):
            places = np.flatnonzero(buckets == bucket)
            for start in range(0, len(places), size):
                group = places[start : start + size]
                if len(group) == size:
                    groups.append((int(group[-1]), rows[group]))
                elif not self.drop_remainder:
                    groups.append((len(rows) + bucket, rows[group]))
        return [group for _, group in sorted(groups, key=lambda item: item[0])]

    def bind(self, learned: dict, context: Context) -> Function:
        fill = super().bind(learned, context)

        def run(batch: Batch) -> Batch:
            if not self.pad_to_bucket_boundary:
                return fill(batch)
            name = self._measured_input(batch, context)
            boundary = self.bucket_boundaries[int(self.measure(batch, context).max())]
            column = batch.inputs[name]
            sizes: list[int | None] = [boundary - 1, *[None] * (len(self._sizes(name, column)) - 1)]
            return fill(batch.with_inputs({name: filled_up(column, sizes, self._value(name))}))

        return run


class Unbatch(Arranging):
    """The examples of batches one by one, to be grouped anew: what was shuffled in between are whole batches."""

    def arrange(self, elements: Elements, context: Context, epoch: int, measured: Measured) -> Elements:
        return np.concatenate(elements) if len(elements) else np.zeros(0, np.int64)

    def stream(self, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
        return (joined_blocks(list(block)) for block in begin())

    def sizes(self, sizes: Sizes, context: Context) -> Sizes:
        return int(np.sum(sizes))


class Window(Arranging):
    """Each `size` consecutive examples as one, with a new first axis: tf.data's `window`, its windows stacked."""

    size: PositiveInt
    shift: PositiveInt | None = None
    """How far apart windows begin. Default: `size`, so that each example is in one of them."""
    stride: PositiveInt = 1
    """How far apart the examples in a window are."""
    drop_remainder: bool = False
    """Must be true: windows at the end would be shorter, and examples have one shape."""

    def check(self) -> None:
        if not self.drop_remainder:
            raise FieldError(
                "drop_remainder", "windows at the end would be shorter than the others", "`drop_remainder: true`"
            )

    @property
    def _reach(self) -> int:
        return (self.size - 1) * self.stride + 1

    def arrange(self, elements: Elements, context: Context, epoch: int, measured: Measured) -> Elements:
        rows = np.asarray(elements)
        return rows[self._places(len(rows))]

    def _places(self, count: int) -> np.ndarray:
        """Which of `count` examples are in each window (M, size)."""
        begins = np.arange(0, max(count - self._reach + 1, 0), self.shift or self.size)
        return begins[:, None] + np.arange(0, self._reach, self.stride)

    def stream(self, begin: Begin, context: Context, epoch: int) -> Iterator[Block]:
        shift, held = self.shift or self.size, None
        behind = 0
        for block in begin():
            block = block if held is None else joined_blocks([held, block])
            left_out = min(behind, len(block))
            behind -= left_out
            places = left_out + self._places(len(block) - left_out)
            if len(places):
                yield block.take(places)
            end = left_out + len(places) * shift
            behind += max(end - len(block), 0)
            held = block.take(np.arange(min(end, len(block)), len(block)))

    def sizes(self, sizes: Sizes, context: Context) -> Sizes:
        assert isinstance(sizes, int), "windows are made of examples"
        return len(self._places(sizes))
